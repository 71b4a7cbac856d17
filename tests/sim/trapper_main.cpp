// linewatch-trapper: takes what a Zabbix sender sends. Prints one line of JSON when it listens, the values if
// asked for, and its totals on SIGTERM.

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/sim/trapper/server.hpp"

namespace {

using namespace linewatch::trapper;

struct Output {
  bool print = false;
  bool count = false;
  bool json = false;
};

int fail(const std::string& what) {
  std::cerr << "linewatch-trapper: " << what << "\n";
  return 3;
}

void show(const Output& output, const std::vector<Value>& values, std::size_t failed, std::uint64_t total) {
  std::string text;
  for (const Value& value : values) {
    if (output.json) text += to_json_line(value) + "\n";
    if (output.print) {
      std::string ns = std::to_string(value.ns);
      ns.insert(0, 9 - std::min<std::size_t>(9, ns.size()), '0');
      text += std::to_string(value.clock) + "." + ns + " " + value.host + " " + value.key + " " +
              value.value + "\n";
    }
  }
  if (output.count) {
    text += "packet: " + std::to_string(values.size()) + " processed, " + std::to_string(failed) +
            " failed; total " + std::to_string(total) + "\n";
  }
  std::cout << text << std::flush;
}

std::string totals_line(const Totals& totals) {
  return nlohmann::ordered_json({{"totals",
                                  {{"connections", totals.connections},
                                   {"packets", totals.packets},
                                   {"processed", totals.processed},
                                   {"failed", totals.failed},
                                   {"bad", totals.bad_frames},
                                   {"faults", totals.faults},
                                   {"octets", totals.octets}}}})
      .dump();
}

int serve(TrapperOptions options, Output output) {
  boost::asio::io_context loop(1);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  Trapper* self = nullptr;
  Trapper trapper(
      loop, std::move(options),
      [&](const std::vector<Value>& values, std::size_t failed) {
        show(output, values, failed, self->totals().processed);
      },
      [](const std::string& problem) { std::cerr << "linewatch-trapper: " << problem << "\n"; });
  self = &trapper;
  const auto port = trapper.start();
  if (!port) return fail(port.error());
  signals.async_wait([&](boost::system::error_code, int) { trapper.stop(); });
  std::cout << nlohmann::ordered_json({{"ready", true}, {"port", *port}}).dump() << std::endl;
  loop.run();
  std::cout << totals_line(trapper.totals()) << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::string listen = "127.0.0.1:0", fault;
  int after = 0, count = 0;
  TrapperOptions options;
  Output output;
  CLI::App app("A Zabbix trapper on loopback that shows, counts or mistreats what it gets.",
               "linewatch-trapper");
  app.add_option("--listen", listen, "address and port; port 0 takes a free one");
  app.add_flag("--print", output.print, "a line of text per value");
  app.add_flag("--count", output.count, "a line of text per packet");
  app.add_flag("--json", output.json, "a JSON object per value and line");
  app.add_flag("--unseen", options.unseen, "take all values and only count them: for measurements");
  app.add_option("--deny", options.deny, "HOST or HOST:KEY whose values fail; * is any text");
  app.add_option("--fault", fault, "stall, refuse, cut, lose-answer, half-answer, wrong-flags or failed=N");
  app.add_option("--fault-after", after, "connections that go well first")->check(CLI::NonNegativeNumber);
  app.add_option("--fault-count", count, "connections that then go wrong; 0 = all")
      ->check(CLI::NonNegativeNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 3;
  }
  if (!fault.empty()) {
    const auto parsed = parse_fault(fault);
    if (!parsed) return fail(parsed.error());
    options.fault = *parsed;
    options.fault.after = after;
    options.fault.count = count;
  }
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || !CLI::detail::lexical_cast(listen.substr(colon + 1), options.port)) {
    return fail("--listen " + listen + " has no valid port; write 127.0.0.1:0");
  }
  options.address = listen.substr(0, colon);
  return serve(std::move(options), output);
}
