#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "tests/sim/router/config_file.hpp"

namespace linewatch::sim {
namespace {

std::optional<double> split_number(const std::string& text, std::string& unit) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0) || value > 1e9) return std::nullopt;
  unit.assign(end, text.data() + text.size());
  return value;
}

std::expected<void, std::string> set_field(Target& target, const std::string& key, const std::string& value) {
  if (key == "delay" || key == "jitter") {
    auto time = parse_micros(value);
    if (!time) return std::unexpected(time.error());
    (key == "delay" ? target.delay : target.jitter) = *time;
  } else if (key == "loss") {
    auto share = parse_share(value);
    if (!share) return std::unexpected(share.error());
    target.loss = *share;
  } else if (key == "pattern") {
    target.pattern = value;
  } else if (key == "address") {
    target.address = value;
  } else if (key == "mtu") {
    std::string unit;
    const auto number = split_number(value, unit);
    if (!number || !unit.empty() || *number > 65535)
      return std::unexpected("mtu " + value + " is no number of octets");
    target.mtu = static_cast<int>(*number);
  } else if (key == "unreachable") {
    target.unreachable = true;
  } else if (key == "no_route") {
    target.no_route = true;
  } else {
    return std::unexpected("a target has no " + key);
  }
  return {};
}

}  // namespace

std::expected<Micros, std::string> parse_micros(const std::string& text) {
  std::string unit;
  const auto value = split_number(text, unit);
  double scale = 0;
  if (unit == "us") scale = 1;
  if (unit == "ms") scale = 1e3;
  if (unit == "s") scale = 1e6;
  if (unit == "m") scale = 60e6;
  if (!value || scale == 0) return std::unexpected("'" + text + "' is no time; write 12ms, 400us or 1.5s");
  return Micros(static_cast<Micros::rep>(*value * scale + 0.5));
}

std::expected<double, std::string> parse_share(const std::string& text) {
  std::string unit;
  const auto value = split_number(text, unit);
  if (!value || unit != "%" || *value > 100) return std::unexpected("'" + text + "' is no share; write 20%");
  return *value / 100;
}

std::expected<void, std::string> add_target(RouterConfig& router, const std::string& text) {
  std::istringstream in(text);
  std::string name, field;
  std::getline(in, name, ',');
  if (name.empty()) return std::unexpected("target '" + text + "' begins with no address");
  Target target;
  while (std::getline(in, field, ',')) {
    const auto equals = field.find('=');
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (auto set = set_field(target, field.substr(0, equals), value); !set) {
      return std::unexpected("target '" + name + "': " + set.error());
    }
  }
  router.targets[name] = target;
  return {};
}

std::expected<std::vector<std::string>, std::string> read_lines(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return std::unexpected("cannot read " + file.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace linewatch::sim
