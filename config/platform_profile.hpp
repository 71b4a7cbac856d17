#pragma once
// One profile's map laid over a platform. Internal to the platform loader; on its stack.

#include "config/platform.hpp"
#include "config/reader.hpp"

namespace linewatch::config {

// What is written in `profile` (name, cli, ping ...) goes over what `platform` holds.
void read_profile(Reader& profile, Platform& platform);

// Its parts.
void read_cli(Reader& cli, CliProfile& profile);
void read_ping(Reader& ping, PingProfile& profile);
void read_answer(Reader& answer, PingAnswer& profile);

// A pattern, compiled; every group it names must be one of `groups`, and those in `needed` must be there.
bool read_pattern(Reader& reader, std::string_view key, Pattern& out,
                  std::span<const std::string_view> groups = {},
                  std::span<const std::string_view> needed = {});
// The same of an item of the list under a key.
void read_pattern(Reader& reader, std::string_view key, int index, YamlNode item, Pattern& out,
                  std::span<const std::string_view> groups = {});
// A list of patterns (or one); replaces the list as a whole.
void read_patterns(Reader& reader, std::string_view key, std::vector<Pattern>& out,
                   std::span<const std::string_view> groups = {});

}  // namespace linewatch::config
