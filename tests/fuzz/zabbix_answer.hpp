#pragma once
// All that reads what Zabbix answers, and the octets of a record that the buffer's file gives back. For the
// fuzzer and for those who replay what it found.

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "aggregator/owners.hpp"
#include "aggregator/protocol.hpp"
#include "aggregator/record.hpp"

namespace linewatch::test {

// What a reader made of a stream: its payload, or an error; neither while it is incomplete.
struct ReadAnswer {
  std::string payload, error;
  bool complete = false;
  bool operator==(const ReadAnswer&) const = default;
};

inline ReadAnswer read_answer(std::string_view octets, std::size_t piece) {
  aggregator::AnswerReader reader;
  ReadAnswer out;
  for (std::size_t at = 0; at < octets.size() && !out.complete; at += piece) {
    const auto fed = reader.feed(octets.substr(at, piece));
    if (!fed) {
      out.error = fed.error();
      return out;
    }
    out.complete = *fed;
    if (reader.received() > octets.size()) out.error = "more was received than came";
  }
  if (!out.complete) {
    if (reader.progress().empty()) out.error = "an incomplete answer without a word";
    return out;
  }
  auto payload = reader.payload();
  if (payload)
    out.payload = *std::move(payload);
  else
    out.error = payload.error();
  return out;
}

inline bool printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return true;
}

inline std::string complaint_of_answer(std::string_view payload) {
  const auto answer = aggregator::parse_answer(payload);
  if (!answer) {
    if (answer.error().empty() || answer.error().size() > 400) return "an error of no or many words";
    return printable(answer.error()) ? "" : "an error that no terminal should see";
  }
  if (!answer->redirect) return {};
  if (answer->processed + answer->failed + answer->total > 0) return "a redirect that took values";
  aggregator::Owners owners;
  if (!answer->redirect->reset && answer->redirect->address.empty()) return "a redirect to nowhere";
  const auto owner = owners.learn("edge-1", *answer->redirect);
  if (!owner && (owner.error().empty() || !printable(owner.error()))) return "no owner, without a plain word";
  if (owner && owners.of("edge-1") != *owner) return "an owner that is forgotten at once";
  return {};
}

inline std::string complaint_of_record(std::string_view octets) {
  const auto record = aggregator::decode(octets);
  if (!record) return {};
  if (record->clock < 0 || record->ns < 0 || record->ns > 999'999'999) return "a record of no time";
  const auto again = aggregator::decode(aggregator::encode(*record));
  if (!again || again->host != record->host || again->clock != record->clock || again->ns != record->ns ||
      again->items.size() != record->items.size())
    return "written and read again it is another record";
  aggregator::RequestWriter request("0123456789abcdef0123456789abcdef");
  request.begin(*record);
  std::uint64_t id = 0;
  for (auto old = record->items.begin(), now = again->items.begin(); old != record->items.end();
       ++old, ++now) {
    if ((*now).key != (*old).key || (*now).text != (*old).text)
      return "written and read again it has other values";
    request.add(*old, ++id);
  }
  const std::string json = std::move(request).finish(std::chrono::system_clock::time_point());
  if (!nlohmann::json::accept(json)) return "a request that is no JSON: " + json;
  const ReadAnswer back = read_answer(aggregator::make_frame(json, {.compressed = true}), 1000);
  return json.size() > aggregator::max_answer || back.payload == json ? ""
                                                                      : "a frame that holds something else";
}

// What is wrong; empty if nothing. `piece` is at least 1.
inline std::string complaint_of_zabbix(std::string_view octets, std::size_t piece) {
  const ReadAnswer whole = read_answer(octets, octets.size() + 1), pieces = read_answer(octets, piece);
  if (whole.complete != pieces.complete || whole.payload != pieces.payload ||
      whole.error.empty() != pieces.error.empty())
    return "read in pieces it is another answer";
  if (whole.payload.size() > aggregator::max_answer) return "an answer without a bound";
  if (whole.complete && whole.error.empty()) {
    if (auto wrong = complaint_of_answer(whole.payload); !wrong.empty()) return wrong;
  }
  if (auto wrong = complaint_of_answer(octets); !wrong.empty()) return wrong;
  return complaint_of_record(octets);
}

}  // namespace linewatch::test
