#pragma once
// The simulator's YAML file and its short form on the command line, read into plain values. Every error is
// one sentence with its line.

#include <expected>
#include <filesystem>
#include <string>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

// Paths in it are relative to `folder`.
std::expected<SimulatorConfig, std::string> parse_config(const std::string& yaml,
                                                         const std::filesystem::path& folder);
std::expected<SimulatorConfig, std::string> load_config(const std::filesystem::path& file);

// "198.51.100.2,delay=12ms,jitter=1ms,loss=20%,pattern=!!.!!,mtu=1400,unreachable,no_route"
std::expected<void, std::string> add_target(RouterConfig& router, const std::string& text);

// 12ms, 0.4ms, 400us, 1.5s, 2m
std::expected<Micros, std::string> parse_micros(const std::string& text);
std::expected<double, std::string> parse_share(const std::string& text);  // "20%" is 0.2

std::expected<std::vector<std::string>, std::string> read_lines(const std::filesystem::path& file);

}  // namespace linewatch::sim
