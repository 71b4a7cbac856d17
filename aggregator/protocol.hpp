#pragma once
// The Zabbix trapper protocol, without I/O: "ZBXD" frames, the "sender data" request, and its answer read as
// it comes. The server answers with the flags of the request, so a client that compresses must be able to
// inflate.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "aggregator/record.hpp"

namespace linewatch::aggregator {

struct FrameFlags {
  bool compressed = false;
  bool large = false;  // lengths of 8 octets; set by itself where 4 are too few
};

std::string make_frame(std::string_view payload, FrameFlags flags);

// Builds one request. Every value carries clock and ns: without ns the server numbers the values of each
// packet anew, and a resend would then be stored twice or collide with others.
//
// `session`, 32 characters, and an id with every value let a 6.x server tell what it has already: of each
// host it drops ids that are not greater than the last one it took (and counts them as failed). 7.x ignores
// both.
class RequestWriter {
 public:
  explicit RequestWriter(std::string_view session = {});  // empty: without ids
  void reserve(std::size_t octets) { json_.reserve(octets); }
  void begin(const Record& record);  // the items that follow are this one's
  void add(const Item& item, std::uint64_t id = 0);
  std::string finish(std::chrono::system_clock::time_point now) &&;

 private:
  std::string json_;
  std::string before_key_, after_value_;  // the same for all items of a record
  bool ids_ = false, first_ = true;
};

// A proxy of a group (7.0 and later) is not the one for the packet's first host.
struct Redirect {
  bool reset = false;   // it knows no better: back to the configured nodes
  std::string address;  // as the server wrote it, "host:port" or "host"; empty with reset
  std::uint64_t revision = 0;
};

struct Answer {
  std::uint64_t processed = 0, failed = 0, total = 0;
  std::string info;
  std::optional<Redirect> redirect;  // then nothing was taken
};

// An answer is some hundred octets; whoever sends more is no Zabbix server.
inline constexpr std::uint64_t max_answer = 1024UL * 1024;

// Takes an answer's octets in pieces of any size. Errors are one clause; after one the reader is of no more
// use.
class AnswerReader {
 public:
  std::expected<bool, std::string> feed(std::string_view octets);  // true: complete; what follows is ignored
  std::expected<std::string, std::string> payload() const;         // of a complete answer, inflated
  std::size_t received() const { return received_.size(); }
  std::string progress() const;  // "7 of 13 octets of its header", for an answer that stays incomplete

 private:
  std::size_t header_size() const;
  std::expected<void, std::string> check_header(std::string_view following);

  std::string received_;
  std::uint64_t body_ = 0, inflated_ = 0;
  bool header_known_ = false;
};

// "response":"success" with its counts, or a redirect; anything else is an error that quotes the server.
std::expected<Answer, std::string> parse_answer(std::string_view payload);

}  // namespace linewatch::aggregator
