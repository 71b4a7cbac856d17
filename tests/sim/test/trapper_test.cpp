#include <doctest/doctest.h>

#include <array>
#include <boost/asio.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/sim/trapper/frame.hpp"
#include "tests/sim/trapper/server.hpp"

using namespace linewatch::trapper;
using boost::asio::ip::tcp;

TEST_CASE("frames: every flag, in one piece and octet by octet") {
  const std::string text = R"({"request":"sender data","data":[]})" + std::string(5000, ' ');
  for (const std::uint8_t flags : std::array<std::uint8_t, 4>{1, 3, 5, 7}) {
    CAPTURE(flags);
    const std::string frame = make_frame(text, flags);
    CHECK(frame.starts_with("ZBXD"));
    CHECK((frame.size() < text.size()) == ((flags & flag_compressed) != 0));
    FrameReader whole;
    CHECK((whole.feed(frame) == FrameReader::State::complete));
    CHECK(whole.payload() == text);
    CHECK(whole.flags() == flags);
    FrameReader slow;
    for (std::size_t i = 0; i + 1 < frame.size(); ++i)
      REQUIRE((slow.feed(frame.substr(i, 1)) == FrameReader::State::more));
    CHECK((slow.feed(frame.substr(frame.size() - 1)) == FrameReader::State::complete));
    CHECK(slow.payload() == text);
  }
  using namespace std::string_literals;
  CHECK(make_frame("ab", flag_protocol) == "ZBXD\x01\x02\0\0\0\0\0\0\0ab"s);
  CHECK(make_frame("ab", flag_protocol | flag_large) == "ZBXD\x05\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ab"s);
}

TEST_CASE("frames: bad ones are refused, early and without taking memory") {
  using namespace std::string_literals;
  const auto bad = [](const std::string& octets) {
    FrameReader reader;
    return reader.feed(octets) == FrameReader::State::bad;
  };
  CHECK(bad("{"));
  CHECK(bad("ZBXE"));
  CHECK(bad("ZBXD\x08"));
  CHECK(bad("ZBXD\x02"));
  CHECK(bad("ZBXD\x01\xff\xff\xff\xff\0\0\0\0"s));
  CHECK(bad("ZBXD\x03\x04\0\0\0\xff\xff\xff\x7f"s));  // small, but promises 2 GiB
  std::string wrong_size = make_frame(std::string(100, 'a'), 3);
  wrong_size[9] = 99;
  CHECK(bad(wrong_size));
  wrong_size[9] = 101;
  CHECK(bad(wrong_size));
  std::string torn = make_frame(std::string(100, 'a'), 3);
  torn[15] = static_cast<char>(torn[15] ^ 0x55);
  torn[16] = static_cast<char>(torn[16] ^ 0x55);
  CHECK(bad(torn));
}

TEST_CASE("requests: values, counts and answers as the server has them") {
  const Rules rules{.deny = {"bad", "h*:secret*"}, .failed = 0};
  const auto info = [](const Outcome& outcome) {
    return nlohmann::json::parse(outcome.answer.value())["info"].get<std::string>();
  };
  const auto outcome = handle_request(
      R"({"request":"sender data","data":[
        {"host":"h1","key":"k[a]","value":"1.5","clock":1700000000,"ns":7},
        {"host":"h1","key":"k[b]","value":3,"clock":"1700000001"},
        {"host":"bad","key":"k","value":"1"},
        {"host":"h2","key":"secret.x","value":"1"},
        {"host":"h2","key":"k","value":"1","clock":-5},
        {"key":"k","value":"1"}]})",
      rules, 1234);
  REQUIRE(outcome.processed.size() == 2);
  CHECK(outcome.processed[0].value == "1.5");
  CHECK(outcome.processed[0].ns == 7);
  CHECK(outcome.processed[1].value == "3");
  CHECK(outcome.processed[1].clock == 1700000001);
  CHECK(outcome.processed[1].ns == 1);  // numbered within the request
  CHECK(outcome.failed == 3);
  CHECK(info(outcome).starts_with("processed: 2; failed: 3; total: 5; seconds spent: 0.0"));
  CHECK(to_json_line(outcome.processed[0]) ==
        R"({"host":"h1","key":"k[a]","value":"1.5","clock":1700000000,"ns":7})");

  const auto unseen = handle_request(
      R"({"data":[{"host":"h","key":"a{","value":"\"{"},{"value":""}],"ns":0})", {.unseen = true}, 0);
  CHECK(unseen.unseen == 2);
  CHECK(info(unseen).starts_with("processed: 2; failed: 0; total: 2;"));

  CHECK(info(handle_request("{", {}, 0)).starts_with("cannot parse as a valid JSON object"));
  CHECK(info(handle_request(R"({"request":"sender data"})", {}, 0)) == "cannot find pair with name \"data\"");
  CHECK(info(handle_request(R"({"request":"sender data","data":[]})", {}, 0))
            .starts_with("processed: 0; failed: 0; total: 0;"));
  CHECK_FALSE(handle_request(R"({"request":"history push"})", {}, 0).answer.has_value());
}

namespace {

constexpr const char* one_value = R"({"request":"sender data","data":[{"host":"h","key":"k","value":"1"}]})";

// A trapper in a thread of its own; send() is a client that waits for the end.
struct Bench {
  explicit Bench(TrapperOptions options = {})
      : trapper(loop, std::move(options),
                [this](const std::vector<Value>& values, std::size_t) { taken += values.size(); }) {
    port = trapper.start().value();
    thread = std::thread([this] { loop.run(); });
  }
  ~Bench() { stop(); }
  void stop() {
    if (!thread.joinable()) return;
    boost::asio::post(loop, [this] { trapper.stop(); });
    thread.join();
  }
  // All that came until the end of the connection; nothing if it was reset.
  std::optional<std::string> send(const std::string& octets) const {
    boost::asio::io_context own;
    tcp::socket socket(own);
    boost::system::error_code error;
    socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
    if (!error) boost::asio::write(socket, boost::asio::buffer(octets), error);
    std::string answer;
    if (!error) boost::asio::read(socket, boost::asio::dynamic_buffer(answer), error);
    if (error != boost::asio::error::eof) return std::nullopt;
    return answer;
  }
  static bool sound(const std::string& answer, std::uint8_t flags) {
    FrameReader reader;
    return reader.feed(answer) == FrameReader::State::complete && reader.flags() == flags &&
           reader.payload().find("processed: 1; failed: 0; total: 1") != std::string::npos;
  }

  boost::asio::io_context loop;
  std::size_t taken = 0;
  Trapper trapper;
  std::uint16_t port = 0;
  std::thread thread;
};

}  // namespace

TEST_CASE("trapper: answers with the same flags and closes") {
  Bench bench;
  for (const std::uint8_t flags : std::array<std::uint8_t, 4>{1, 3, 5, 7}) {
    CAPTURE(flags);
    const auto answer = bench.send(make_frame(one_value, flags));
    REQUIRE(answer.has_value());
    CHECK(Bench::sound(*answer, flags));
  }
  CHECK(bench.send("nonsense").value_or("").empty());
  CHECK(bench.send(make_frame(R"({"request":"active checks"})", 1)) == "");
  bench.stop();
  CHECK(bench.taken == 4);
  CHECK(bench.trapper.totals().packets == 4);
  CHECK(bench.trapper.totals().bad_frames == 2);
}

TEST_CASE("trapper: faults for the connections they are meant for") {
  struct Case {
    const char* fault;
    std::size_t taken;  // of three packets
  };
  for (const Case& each : {Case{"refuse", 2}, Case{"cut", 2}, Case{"lose-answer", 3}, Case{"half-answer", 3},
                           Case{"wrong-flags", 3}, Case{"failed=1", 2}}) {
    CAPTURE(each.fault);
    TrapperOptions options;
    options.fault = parse_fault(each.fault).value();
    options.fault.after = 1;
    options.fault.count = 1;
    Bench bench(options);
    const std::string frame = make_frame(one_value, 1);
    CHECK(Bench::sound(bench.send(frame).value_or(""), 1));
    CHECK_FALSE(Bench::sound(bench.send(frame).value_or(""), 1));
    CHECK(Bench::sound(bench.send(frame).value_or(""), 1));
    bench.stop();
    CHECK(bench.taken == each.taken);
    CHECK(bench.trapper.totals().faults == 1);
  }
  CHECK(parse_fault("explode").error().starts_with("fault explode is not one of"));
  CHECK_FALSE(parse_fault("failed=x").has_value());
  CHECK_FALSE(parse_fault("stall=3").has_value());
}

TEST_CASE("trapper: a stalled answer never comes") {
  TrapperOptions options;
  options.fault = parse_fault("stall").value();
  options.timeout = std::chrono::seconds(1);
  Bench bench(options);
  CHECK(bench.send(make_frame(one_value, 1)).value_or("").empty());
  bench.stop();
  CHECK(bench.taken == 0);
}
