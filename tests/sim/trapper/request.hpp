#pragma once
// What a trapper makes of a request: the values it takes and the answer it gives, as the real server does.
// Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linewatch::trapper {

struct Value {
  std::string host;
  std::string key;
  std::string value;
  std::int64_t clock = 0;
  std::int32_t ns = 0;
};

std::string to_json_line(const Value& value);  // one object, without line end

struct Rules {
  std::vector<std::string>
      deny;             // "host" or "host:key"; '*' stands for any text. Such values count as failed.
  int failed = 0;       // so many values of each packet fail whatever they are
  bool unseen = false;  // all values are taken without being looked at, and only counted: for measurements
};

struct Outcome {
  std::optional<std::string> answer;  // JSON; nothing: the connection is closed without one
  std::vector<Value> processed;
  std::size_t unseen = 0;  // values that were taken but are not in `processed`
  std::size_t failed = 0;
  std::string problem;  // why there is no plain success
};

Outcome handle_request(std::string_view payload, const Rules& rules, std::int64_t now);

bool matches(std::string_view pattern, std::string_view text);

}  // namespace linewatch::trapper
