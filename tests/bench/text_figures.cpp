// What reading an answer costs: its text stripped, its figures found. The rivals (rival_text.py) do the same
// job on the same texts, which print_answers() hands them.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "config/loader.hpp"
#include "connection/cli/terminal.hpp"
#include "scheduler/task/ping.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

namespace {

constexpr int rounds = 5;

// About 600 octets each, as the driver hands them over.
std::map<std::string, std::string> answers() {
  std::string vrp = "  PING 198.51.100.2: 56  data bytes, press CTRL_C to break\n";
  for (int i = 1; i <= 5; ++i)
    vrp += fmt::format("    Reply from 198.51.100.2: bytes=56 Sequence={} ttl=253 time={} ms\n", i, 10 + i);
  vrp +=
      "\n  --- 198.51.100.2 ping statistics ---\n    5 packet(s) transmitted\n    5 packet(s) received\n"
      "    0.00% packet loss\n    round-trip min/avg/max = 11/13/15 ms\n\n";
  std::string ios =
      "Type escape sequence to abort.\nSending 300, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 "
      "seconds:\n";
  for (int i = 0; i < 300; i += 70)
    ios += std::string(static_cast<std::size_t>(std::min(70, 300 - i)), '!') + "\n";
  ios += "Success rate is 100 percent (300/300), round-trip min/avg/max = 11/13/15 ms\n";
  std::string iputils = "PING 198.51.100.2 (198.51.100.2) 56(84) bytes of data.\n";
  for (int i = 1; i <= 5; ++i)
    iputils += fmt::format("64 bytes from 198.51.100.2: icmp_seq={} ttl=61 time=1{}.4 ms\n", i, i);
  iputils +=
      "\n--- 198.51.100.2 ping statistics ---\n5 packets transmitted, 5 received, 0% packet loss, time "
      "4006ms\n"
      "rtt min/avg/max/mdev = 11.400/13.400/15.400/1.414 ms\n";
  return {{"huawei_vrp", vrp}, {"cisco_iosxe", ios}, {"linux", iputils}};
}

void measure_parse(const std::string& name, const std::string& text) {
  constexpr int turns = 100'000;
  const auto platform = config::builtin_platforms().find(name);
  if (scheduler::parse_ping(*platform, text).avg_ms != (name == "linux" ? 13.4 : 13.0))
    give_up("not read: " + name);
  for (int round = 0; round < rounds; ++round) {
    const double cpu = cpu_seconds();
    for (int i = 0; i < turns; ++i) {
      if (!scheduler::parse_ping(*platform, text).sent) give_up("not read: " + name);
    }
    print_row("text." + name, (cpu_seconds() - cpu) / turns * 1e6);
  }
}

// Lines as a router sends them, one in fifty redrawn with backspaces and a colour.
void measure_strip() {
  std::string raw;
  for (int i = 0; i < 100'000; ++i) {
    raw +=
        "GigabitEthernet0/0/" + std::to_string(i % 48) + " is up, line protocol is up, 0 input errors, 0 CRC";
    if (i % 50 == 0) raw += "\x1b[7m --More-- \x1b[m\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\b";
    raw += "\r\n";
  }
  for (int round = 0; round < rounds; ++round) {
    const double cpu = cpu_seconds();
    const std::string plain = connection::strip_terminal(raw);
    print_row("text.strip", (cpu_seconds() - cpu) / static_cast<double>(raw.size()) * 1e9);
    if (plain.size() < 7'000'000 || plain.find('\r') != std::string::npos) give_up("not stripped");
  }
}

}  // namespace

void measure_text() {
  for (const auto& [name, text] : answers()) measure_parse(name, text);
  measure_strip();
}

void print_answers() {
  fmt::print("{}\n", nlohmann::json(answers()).dump());
}

}  // namespace linewatch::bench
