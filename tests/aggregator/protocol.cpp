#include "aggregator/protocol.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <vector>

using namespace linewatch::aggregator;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::string good =
    R"({"response":"success","info":"processed: 3; failed: 1; total: 4; seconds spent: 0.000117"})";

struct Read {
  std::string payload, error;
};

// Reads a whole stream in pieces that end at `split` and at the end.
Read read_split(const std::string& stream, std::size_t split) {
  AnswerReader reader;
  std::expected<bool, std::string> done = false;
  for (const std::string& piece : {stream.substr(0, split), stream.substr(split)}) {
    done = reader.feed(piece);
    if (!done) return {"", done.error()};
  }
  if (!*done) return {"", "incomplete: " + reader.progress()};
  auto payload = reader.payload();
  return payload ? Read{*payload, ""} : Read{"", payload.error()};
}

std::string error_of(const std::string& stream) {
  return read_split(stream, 0).error;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("frames are what the protocol says, octet by octet") {
  CHECK(make_frame("{}", {}) == "ZBXD\x01\x02\0\0\0\0\0\0\0{}"s);
  CHECK(make_frame("{}", {.large = true}) == "ZBXD\x05\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{}"s);
  const std::string long_text(300, 'a');
  CHECK(make_frame(long_text, {}).substr(0, 13) == "ZBXD\x01\x2c\x01\0\0\0\0\0\0"s);
  const std::string packed = make_frame(long_text, {.compressed = true});
  CHECK(packed.substr(0, 5) == "ZBXD\x03"s);
  CHECK(static_cast<unsigned char>(packed[5]) == packed.size() - 13);
  CHECK(packed.substr(6, 7) == "\0\0\0\x2c\x01\0\0"s);
  CHECK(packed.size() < 60);
}

TEST_CASE("every value of a request carries its clock and ns") {
  const Record record{.host = "router \"1\"",
                      .clock = 1'700'000'000,
                      .ns = 7,
                      .items = {{"line.loss[L1]", "20"}, {"line.error[L1]", "a\tb\\c\n\x01"}}};
  RequestWriter request;
  request.begin(record);
  for (const Item& item : record.items) request.add(item);
  const auto now = std::chrono::system_clock::time_point(1'700'000'009s + 5ns);
  const std::string text = std::move(request).finish(now);
  CHECK(text ==
        R"({"request":"sender data","data":[{"host":"router \"1\"","key":"line.loss[L1]","value":"20",)"
        R"("clock":1700000000,"ns":7},{"host":"router \"1\"","key":"line.error[L1]",)"
        R"("value":"a\u0009b\\c\u000a\u0001","clock":1700000000,"ns":7}],"clock":1700000009,"ns":5})");
  CHECK(nlohmann::json::parse(text)["data"][1]["value"] == "a\tb\\c\n\x01");
}

TEST_CASE("a request stays valid JSON whatever its texts hold") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Record record{.host = "h", .clock = 1, .ns = 1};
    std::string text;
    for (auto i = random() % 20; i > 0; --i) text += static_cast<char>(random() % 256);
    RequestWriter request;
    request.begin(record);
    request.add({"k", text});
    const auto json = nlohmann::json::parse(std::move(request).finish({}), nullptr, false);
    REQUIRE(json.is_object());
    CHECK(json["data"][0]["value"].get<std::string>().find('\0') == std::string::npos);
  }
}

TEST_CASE("an empty request has an empty data array") {
  CHECK(RequestWriter().finish({}) == R"({"request":"sender data","data":[],"clock":0,"ns":0})");
}

TEST_CASE("answers are read at every split, in every framing") {
  for (const bool compressed : {false, true})
    for (const bool large : {false, true}) {
      const std::string stream = make_frame(good, {.compressed = compressed, .large = large});
      for (std::size_t split = 0; split <= stream.size(); ++split) {
        const Read read = read_split(stream, split);
        CHECK(read.error == "");
        CHECK(read.payload == good);
      }
      for (std::size_t end = 0; end < stream.size(); ++end)
        CHECK(error_of(stream.substr(0, end)).starts_with("incomplete: "));
      CHECK(read_split(stream + "more", 3).payload == good);
    }
}

TEST_CASE("octet by octet an answer is complete with its last one") {
  const std::string stream = make_frame(good, {.compressed = true});
  AnswerReader reader;
  for (std::size_t i = 0; i < stream.size(); ++i)
    CHECK(reader.feed(stream.substr(i, 1)).value() == (i + 1 == stream.size()));
}

TEST_CASE("an incomplete answer says how far it came") {
  AnswerReader reader;
  CHECK(reader.feed("ZBXD\x01\x08").value() == false);
  CHECK(reader.progress() == "6 of 13 octets of its header");
  CHECK(reader.feed("\0\0\0\0\0\0\0abc"s).value() == false);
  CHECK(reader.progress() == "3 of 8 octets");
}

TEST_CASE("broken frames are told apart") {
  CHECK(has(error_of("HTTP/1.1 400 Bad Request\r\n"),
            "does not speak the Zabbix protocol: it begins with \"HTTP/1.1 400 Bad Request..\""));
  CHECK(has(error_of("ZBX!"), "does not speak"));
  CHECK(has(error_of("\x15\x03\x01"), "begins with \"...\""));
  CHECK(has(error_of("ZBXD\x00"s), "flags that no Zabbix server sets: 0"));
  CHECK(has(error_of("ZBXD\x08"), "flags that no Zabbix server sets: 8"));
  CHECK(has(error_of("ZBXD\x02"), "flags"));
  CHECK(has(error_of("ZBXD\x01\xff\xff\xff\xff\0\0\0\0"s), "claims to be 4294967295 octets"));
  CHECK(has(error_of("ZBXD\x03\x01\0\0\0\xff\xff\xff\x7f"s), "claims to be 2147483647 octets"));
  CHECK(has(error_of("ZBXD\x05\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0"s), "claims to be"));
}

TEST_CASE("a compressed answer must inflate to exactly what it announces") {
  std::string stream = make_frame(good, {.compressed = true});
  const auto size = stream[9];
  stream[9] = static_cast<char>(size + 1);
  CHECK(has(error_of(stream), "does not inflate to the"));
  stream[9] = static_cast<char>(size - 1);
  CHECK(has(error_of(stream), "does not inflate to the"));
  stream[9] = size;
  stream[20] = static_cast<char>(stream[20] ^ 0x55);
  CHECK(has(error_of(stream), "does not inflate to the"));
  CHECK(has(error_of("ZBXD\x03\x02\0\0\0\x05\0\0\0ab"s), "does not inflate to the 5"));
  // A bomb: a megabyte and more in a kilobyte, announced as little.
  std::string bomb = make_frame(std::string(8'000'000, 'x'), {.compressed = true});
  CHECK(has(error_of(bomb), "claims to be 8000000"));
  bomb.replace(9, 4, "\x10\0\0\0"s);
  CHECK(has(error_of(bomb), "does not inflate to the 16"));
}

TEST_CASE("counts are read from the info") {
  const auto answer = parse_answer(good);
  REQUIRE(answer);
  CHECK(answer->processed == 3);
  CHECK(answer->failed == 1);
  CHECK(answer->total == 4);
}

TEST_CASE("answers that are none say why") {
  const auto why = [](const std::string& text) {
    const auto answer = parse_answer(text);
    return answer ? "taken" : answer.error();
  };
  CHECK(has(why(""), "no JSON object"));
  CHECK(has(why("[1]"), "no JSON object"));
  CHECK(has(why("{\"response\""), "no JSON object"));
  CHECK(has(why(std::string(100'000, '[')), "no JSON object"));
  CHECK(has(why("{}"), "neither"));
  CHECK(has(why(R"({"response":1})"), "neither"));
  CHECK(has(why(R"({"response":"success"})"), "does not say what was processed"));
  CHECK(has(why(R"({"response":"success","info":7})"), "does not say what was processed"));
  CHECK(has(why(R"({"response":"success","info":"processed: x; failed: 0; total: 1"})"), "does not say"));
  CHECK(has(why(R"({"response":"success","info":"processed: 99999999999999999999; failed: 0; total: 1"})"),
            "does not say"));
  CHECK(why(R"({"response":"failed","info":"cannot find pair"})") ==
        "the server answered \"failed\": \"cannot find pair\"");
  CHECK(why(R"({"response":"failed"})") == "the server answered \"failed\"");
}

TEST_CASE("random octets never take the reader down") {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string stream = make_frame(good, {.compressed = random() % 2 == 0, .large = random() % 2 == 0});
    for (auto i = random() % 4; i > 0; --i)
      stream[random() % stream.size()] = static_cast<char>(random() % 256);
    const Read read = read_split(stream, random() % stream.size());
    if (read.error.empty()) (void)parse_answer(read.payload);
  }
}
