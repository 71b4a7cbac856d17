#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "agent/commands.hpp"
#include "agent/suggest.hpp"
#include "scheduler/task/ping.hpp"
#include "scheduler/task/ping_json.hpp"

namespace linewatch::agent {

namespace {

constexpr std::size_t transcript_limit = 16 * 1024 * 1024;

bool read_bounded(std::istream& in, std::string& text) {
  text.resize(transcript_limit + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text.size() <= transcript_limit;
}

}  // namespace

int run_parse(const Options& options) {
  const auto known = known_platforms(options);
  if (!known) return exit_bad_configuration;
  const config::Platforms& platforms = *known;
  const auto platform = platforms.find(options.platform);
  if (!platform) {
    std::fprintf(stderr, "linewatch: unknown platform '%s'%s\n", options.platform.c_str(),
                 did_you_mean(options.platform, platforms.names_and_aliases()).c_str());
    return exit_bad_configuration;
  }
  std::string transcript;
  const bool from_stdin = options.transcript_file.empty() || options.transcript_file == "-";
  std::ifstream file;
  if (!from_stdin) {
    file.open(options.transcript_file, std::ios::binary);
    if (!file || std::filesystem::is_directory(options.transcript_file)) {
      std::fprintf(stderr, "linewatch: cannot read %s\n", options.transcript_file.c_str());
      return exit_bad_configuration;
    }
  }
  if (!read_bounded(from_stdin ? std::cin : file, transcript)) {
    std::fprintf(stderr, "linewatch: the transcript is longer than 16 MiB\n");
    return exit_not_done;
  }
  const aggregator::PingFigures figures = scheduler::parse_ping(*platform, transcript);
  std::puts(scheduler::to_json(platform->name, figures).dump().c_str());
  return figures.status == aggregator::PingStatus::error ? exit_not_done : exit_ok;
}

}  // namespace linewatch::agent
