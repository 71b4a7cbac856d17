// Whatever the plain reader takes, the parser's own scanner reads in the same way.

#include "config/plain_yaml.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

using linewatch::config::read_plain_yaml;

namespace {

// Events as text, one a line. The place of an empty value in a map says nothing: the key's is taken.
class Recorder : public YAML::EventHandler {
 public:
  std::string said;

  void OnDocumentStart(const YAML::Mark&) override { said += "document\n"; }
  void OnDocumentEnd() override { said += "end of document\n"; }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const bool value = !maps_.empty() && maps_.back() && value_next_.back();
    say(value ? YAML::Mark() : mark, "null", "", anchor, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { say(mark, "alias", "", anchor, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    say(mark, "scalar", tag, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    say(mark, "list", tag, anchor, "");
    open(false);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    say(mark, "map", tag, anchor, "");
    open(true);
  }
  void OnMapEnd() override { close(); }

 private:
  void say(const YAML::Mark& mark, const char* what, const std::string& tag, YAML::anchor_t anchor,
           const std::string& value) {
    said += std::to_string(mark.line) + ":" + std::to_string(mark.column) + " " + what + " " + tag + " " +
            std::to_string(anchor) + " [" + value + "]\n";
    if (!maps_.empty()) value_next_.back() = !value_next_.back();
  }
  void open(bool map) {
    maps_.push_back(map);
    value_next_.push_back(false);
  }
  void close() {
    said += "close\n";
    maps_.pop_back();
    value_next_.pop_back();
  }
  std::vector<bool> maps_, value_next_;
};

std::string by_parser(const std::string& text) {
  Recorder recorder;
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(recorder)) {
    }
  } catch (const YAML::Exception& error) {
    recorder.said += std::string("error: ") + error.what();
  }
  return recorder.said;
}

// Nothing if the text is not plain.
std::string by_plain_reader(const std::string& text) {
  Recorder recorder;
  return read_plain_yaml(text, recorder) ? recorder.said : "";
}

constexpr std::string_view plan = R"(# a plan
routers:
  - {name: edge-1, address: 192.0.2.1}   # a remark
  - { name: edge-2,address: 2001:db8::1 , tasks: [a, 'b c',"d"],
      defaults: {line: {}} }

lines:
- id: L-1
  name: HQ - Shanghai 100M (50:50) #1
  router: edge-1
  labels: {customer: acme, site: "s#0"}
  trace:
    on_loss: true

  source:
- id: L-2
  target: 'a: b'
  tasks:
  - one
  -   two
empty:
none: ~
)";

const std::vector<std::string> pieces = {"a",
                                         "b",
                                         "a",
                                         "key",
                                         ": ",
                                         ": ",
                                         ": ",
                                         ":",
                                         "\n",
                                         "\n",
                                         "\n",
                                         "\n  ",
                                         "\n  ",
                                         "\n    ",
                                         "\n ",
                                         "- ",
                                         "- ",
                                         "\n- ",
                                         "\n  - ",
                                         "-",
                                         " ",
                                         " ",
                                         "  ",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ", ",
                                         ",",
                                         "'",
                                         "'x'",
                                         "\"",
                                         "\"y\"",
                                         "\"z\": ",
                                         "#",
                                         " # c",
                                         "null",
                                         "~",
                                         "?",
                                         "? ",
                                         "!",
                                         "&a ",
                                         "*a",
                                         "|",
                                         ">",
                                         "%",
                                         "@",
                                         "`",
                                         "\\",
                                         "\t",
                                         "\r\n",
                                         "<<",
                                         "---",
                                         "\n---\n",
                                         "...",
                                         "\xc3\xa9",
                                         "\xe4\xba\xac",
                                         "=",
                                         "1.5",
                                         "-1",
                                         "2001:db8::1",
                                         "=~",
                                         "x y",
                                         "$(",
                                         ".",
                                         "{a: b}",
                                         "[c, d]",
                                         "{a: {b: [c]}}",
                                         "k: v\n",
                                         "k:\n",
                                         "  l: w\n",
                                         "- m: n\n",
                                         "  o: p\n",
                                         "\x7f",
                                         "\xff",
                                         "\xc2\x85",
                                         "\xe2\x80\xa8",
                                         "\xef\xbb\xbf",
                                         "\x01"};

}  // namespace

TEST_CASE("a plan is plain, and read as the parser reads it") {
  const std::string text(plan);
  CHECK_FALSE(by_plain_reader(text).empty());
  CHECK(by_plain_reader(text) == by_parser(text));
  for (std::size_t size = 0; size <= text.size(); ++size) {  // also where it is cut off
    const std::string cut = text.substr(0, size), events = by_plain_reader(cut);
    if (!events.empty()) CHECK(events == by_parser(cut));
  }
}

TEST_CASE("what is not plain is left to the parser") {
  for (const char* text : {"",
                           "# nothing\n",
                           "a",
                           "- a\n",
                           "a: b\n  c\n",
                           "a: &x b\n",
                           "a: *x\n",
                           "a: |\n  b\n",
                           "a: 'b''c'\n",
                           "a: \"b\\n\"\n",
                           "a:\tb\n",
                           "a: b\r\n",
                           "a: [b\n",
                           "a: [b,]\n",
                           "a: {b}\n",
                           "---\na: b\n",
                           "a: b\n...\n",
                           "? a\n: b\n",
                           "a: !t b\n",
                           "a: b: c\n",
                           "a: [b: c]\n",
                           "a:\n-\n",
                           "- - a\n",
                           "a: b\n c: d\n",
                           "a: 'b\n",
                           "\xef\xbb\xbf"
                           "a: b\n"}) {
    INFO(text);
    CHECK(by_plain_reader(text).empty());
  }
  std::string deep = "a: ";
  for (int i = 0; i < 100000; ++i) deep += "[";
  CHECK(by_plain_reader(deep).empty());
}

TEST_CASE("random texts that are plain are read as the parser reads them") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  int plain = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = below(2) ? "a: " : below(2) ? "a:\n" : "";
    if (below(3) == 0) {  // a plan with a few slips
      text = plan;
      for (std::size_t slips = 1 + below(3); slips > 0; --slips)
        text.replace(below(text.size()), below(3), pieces[below(pieces.size())]);
    } else {
      for (std::size_t count = below(12); count > 0; --count) text += pieces[below(pieces.size())];
    }
    const std::string events = by_plain_reader(text);
    if (events.empty()) continue;
    ++plain;
    INFO(text);
    REQUIRE(events == by_parser(text));
  }
  CHECK(plain > 2000);
}
