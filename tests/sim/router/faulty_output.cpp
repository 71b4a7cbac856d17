#include "tests/sim/router/faulty_output.hpp"

#include <algorithm>
#include <limits>

namespace linewatch::sim {
namespace {

class Lines : public Program {
 public:
  Lines(Micros pause, std::uint64_t octets) : pause_(pause), left_(octets) {}
  std::optional<Step> next() override {
    if (left_ == 0) return std::nullopt;
    const auto n = ++count_;
    const std::string line = "line " + std::to_string(n) + " " + std::string(1000, '.') + "\n";
    left_ -= std::min<std::uint64_t>(left_, line.size());
    return Step{pause_ * n, line};
  }
  std::string interrupt(Micros) override { return "\n"; }

 private:
  Micros pause_;
  std::uint64_t left_;
  long count_ = 0;
};

}  // namespace

std::unique_ptr<Program> make_endless_output() {
  return std::make_unique<Lines>(Micros(100), std::numeric_limits<std::uint64_t>::max());
}

std::unique_ptr<Program> make_flood(std::uint64_t octets) {
  return std::make_unique<Lines>(Micros(0), octets);
}

std::string garbage() {
  std::string text;
  std::uint32_t state = 12345;
  for (int i = 0; i < 2000; ++i) {
    state = state * 1664525U + 1013904223U;
    const char c = static_cast<char>(state >> 24U);
    // Not what a terminal would act upon for ever: an unfinished title sequence would swallow the prompt.
    text += c == '\x1b' || c == '\x03' || static_cast<unsigned char>(c) == 0x9d ? '#' : c;
  }
  return text + "\n";
}

}  // namespace linewatch::sim
