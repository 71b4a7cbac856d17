#include <doctest/doctest.h>

#include <fmt/format.h>

#include "scheduler/task/ping.hpp"
#include "tests/scheduler/task/transcripts.hpp"

using namespace linewatch;
using namespace std::chrono_literals;
using aggregator::PingStatus;
using scheduler::ImposedPing;

namespace {

const std::string header = "ping 192.0.2.1\nPING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n";

std::string reply(int sequence, double ms, const std::string& tail = "") {
  return fmt::format("64 bytes from 192.0.2.1: icmp_seq={} ttl=64 time={:.3f} ms{}\n", sequence, ms, tail);
}

std::string footer(int sent, int received) {
  return fmt::format(
      "^C\n--- 192.0.2.1 ping statistics ---\n{} packets transmitted, {} received, {}% packet loss, time "
      "4000ms\n"
      "rtt min/avg/max/mdev = 0.100/0.200/0.300/0.050 ms\n",
      sent, received, 100 * (sent - received) / sent);
}

connection::CommandOutput interrupted(std::string text) {
  connection::CommandOutput output;
  output.text = std::move(text);
  output.interrupted = true;
  return output;
}

struct Run {
  std::shared_ptr<const config::Platform> frr = test::platform("frr");
  connection::TimePoint start{};
};

}  // namespace

TEST_CASE("the interrupt is asked for as soon as every probe is answered") {
  Run run;
  ImposedPing ping(*run.frr, 2, 2s);
  CHECK_FALSE(ping.look("ping 192.0.2.1\n", run.start).interrupt);
  const auto advice = ping.look(header, run.start + 1s);
  CHECK_FALSE(advice.interrupt);
  CHECK(advice.look_again > run.start + 1s + 1s + 2s);  // the second probe a second later, then its timeout
  CHECK(advice.look_again < run.start + 1s + 1s + 2s + 1s);
  CHECK_FALSE(ping.look(header + reply(1, 0.5), run.start + 1s).interrupt);
  CHECK_FALSE(ping.look(header + reply(1, 0.5) + reply(1, 0.7, " (DUP!)"), run.start + 1s).interrupt);
  CHECK(ping.look(header + reply(1, 0.5) + reply(1, 0.7) + reply(2, 0.6), run.start + 2s).interrupt);
}

TEST_CASE("the interrupt comes when the last probe's time is over") {
  Run run;
  ImposedPing ping(*run.frr, 3, 1s);
  const auto first = ping.look(header, run.start);
  CHECK(first.look_again >= run.start + 3s);
  CHECK_FALSE(ping.look(header, run.start + 3s - 1ms).interrupt);
  CHECK(ping.look(header, first.look_again).interrupt);
}

TEST_CASE("nothing is timed before the answer begins") {
  Run run;
  ImposedPing ping(*run.frr, 3, 1s);
  const auto advice = ping.look("ping slow.example.net\n", run.start + 60s);
  CHECK_FALSE(advice.interrupt);
  CHECK(advice.look_again == connection::TimePoint::max());
}

TEST_CASE("reported losses are not waited for") {
  Run run;
  ImposedPing ping(*run.frr, 2, 2s);
  const std::string text = header + "From 192.0.2.254 icmp_seq=1 Destination Host Unreachable\n" +
                           "From 192.0.2.254 icmp_seq=2 Destination Host Unreachable\n";
  CHECK(ping.look(text, run.start).interrupt);
  const auto figures = ping.read(interrupted(text + footer(2, 0)));
  CHECK(figures.status == PingStatus::unreachable);
  CHECK(figures.sent == 2);
  CHECK(figures.received == 0);
  CHECK(figures.error == "From 192.0.2.254 icmp_seq=1 Destination Host Unreachable");
}

TEST_CASE("octet by octet the advice is the same") {
  Run run;
  const std::string text = header + reply(1, 0.5) + reply(2, 0.25) + reply(3, 0.75);
  ImposedPing ping(*run.frr, 3, 2s);
  for (std::size_t length = 0; length < text.size(); ++length) {
    INFO(length);
    CHECK_FALSE(ping.look(std::string_view(text).substr(0, length), run.start).interrupt);
  }
  CHECK(ping.look(text, run.start).interrupt);
}

TEST_CASE("figures are those of the first probes within the timeout") {
  Run run;
  ImposedPing ping(*run.frr, 4, 1s);
  const std::string text = header + reply(1, 1) + reply(3, 3) + reply(3, 3.5, " (DUP!)") + reply(4, 1500) +
                           reply(5, 0.1) + footer(5, 4);
  const auto figures = ping.read(interrupted(text));
  CHECK(figures.status == PingStatus::partial_loss);
  CHECK(figures.sent == 4);
  CHECK(figures.received == 2);  // 2 lost, 4 too late, 5 beyond the count
  CHECK(figures.loss_percent == 50.0);
  CHECK(figures.min_ms == 1.0);
  CHECK(figures.avg_ms == 2.0);
  CHECK(figures.max_ms == 3.0);
  CHECK(figures.stddev_ms == 1.0);  // of the population, as iputils' mdev
  const std::vector<std::optional<double>> probes = {1.0, std::nullopt, 3.0, std::nullopt};
  CHECK(figures.probes_ms == probes);
}

TEST_CASE("probes that never left are not lost") {
  Run run;
  ImposedPing ping(*run.frr, 5, 1s);
  const auto figures = ping.read(interrupted(header + reply(1, 1) + reply(2, 1) + footer(2, 2)));
  CHECK(figures.sent == 2);
  CHECK(figures.status == PingStatus::ok);
}

TEST_CASE("all lost, and no more than was asked for") {
  Run run;
  ImposedPing ping(*run.frr, 5, 1s);
  const auto figures =
      ping.read(interrupted(header + "^C\n--- 192.0.2.1 ping statistics ---\n"
                                     "7 packets transmitted, 0 received, 100% packet loss, time 6100ms\n\n"));
  CHECK(figures.status == PingStatus::total_loss);
  CHECK(figures.sent == 5);
  CHECK(figures.received == 0);
  CHECK(figures.loss_percent == 100.0);
}

TEST_CASE("where the device ended first its own words are the result") {
  Run run;
  ImposedPing ping(*run.frr, 5, 1s);
  connection::CommandOutput output;
  output.text = "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n" + reply(1, 0.1) + "\n" + footer(10, 7);
  CHECK(ping.read(output).sent == 10);
  CHECK(ping.read(output).received == 7);
  output.text = "ping: connect: Network is unreachable\n";
  CHECK(ping.read(output).status == PingStatus::unreachable);
  output.text = "% Unknown command: ping x\n";
  CHECK(ping.read(output).error == "% Unknown command: ping x");
}

TEST_CASE("an interrupted answer that never began is an error") {
  Run run;
  ImposedPing ping(*run.frr, 5, 1s);
  CHECK(ping.read(interrupted("^C\n")).status == PingStatus::error);
  CHECK(ping.read(interrupted("")).status == PingStatus::error);
}

TEST_CASE("where no timeout can be typed a reply that came later is a lost probe") {
  aggregator::PingFigures figures;
  figures.status = PingStatus::ok;
  figures.sent = figures.received = 3;
  figures.loss_percent = 0;
  figures.probes_ms = {1.0, 2500.0, 3.0};
  figures.min_ms = 1.0;
  figures.avg_ms = 834.667;
  figures.max_ms = 2500.0;
  const aggregator::PingFigures before = figures;
  scheduler::impose_timeout(figures, 3s);
  CHECK(figures.avg_ms == before.avg_ms);
  scheduler::impose_timeout(figures, 2s);
  CHECK(figures.status == PingStatus::partial_loss);
  CHECK(figures.received == 2);
  CHECK(figures.max_ms == 3.0);
  CHECK(figures.avg_ms == 2.0);
  CHECK(figures.probes_ms == std::vector<std::optional<double>>{1.0, std::nullopt, 3.0});
  scheduler::impose_timeout(figures, config::Duration(0));
  CHECK(figures.status == PingStatus::total_loss);
  CHECK_FALSE(figures.avg_ms);

  aggregator::PingFigures quiet = before;
  quiet.probes_ms.clear();  // not printed: nothing is known of each
  scheduler::impose_timeout(quiet, 1s);
  CHECK(quiet.received == 3);
}

TEST_CASE("a device that waits as long as it likes is given that time") {
  config::Line line;
  line.count = 1;
  line.timeout = 1s;
  CHECK(line.run_limit(*test::platform("cisco_iosxe")) == 6s);
  CHECK_FALSE(line.says_timeout(*test::platform("vyos")));
  CHECK(line.run_limit(*test::platform("vyos")) == 1s + 10s + 5s);
}
