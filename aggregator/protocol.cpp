#include "aggregator/protocol.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "aggregator/text.hpp"

namespace linewatch::aggregator {
namespace {

constexpr std::string_view magic = "ZBXD";
constexpr unsigned flag_protocol = 1, flag_compressed = 2, flag_large = 4;

void append_length(std::string& out, std::uint64_t length, std::size_t octets) {
  for (std::size_t i = 0; i < octets; ++i) out += static_cast<char>(length >> (8 * i) & 0xFF);
}

std::uint64_t read_length(std::string_view octets) {
  std::uint64_t length = 0;
  for (std::size_t i = octets.size(); i-- > 0;) length = length << 8 | static_cast<unsigned char>(octets[i]);
  return length;
}

// Of one thread each: they keep what they need from packet to packet.
libdeflate_compressor& compressor() {
  constexpr int fastest = 1;  // the next levels cost twice the time and save a tenth of the octets
  struct Free {
    void operator()(libdeflate_compressor* made) const { libdeflate_free_compressor(made); }
  };
  thread_local const std::unique_ptr<libdeflate_compressor, Free> made(libdeflate_alloc_compressor(fastest));
  if (!made) throw std::bad_alloc();
  return *made;
}

libdeflate_decompressor& decompressor() {
  struct Free {
    void operator()(libdeflate_decompressor* made) const { libdeflate_free_decompressor(made); }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> made(libdeflate_alloc_decompressor());
  if (!made) throw std::bad_alloc();
  return *made;
}

std::string compress(std::string_view plain) {
  libdeflate_compressor& used = compressor();
  std::string out;
  out.resize_and_overwrite(libdeflate_zlib_compress_bound(&used, plain.size()),
                           [&](char* at, std::size_t room) {
                             return libdeflate_zlib_compress(&used, plain.data(), plain.size(), at, room);
                           });
  return out;
}

constexpr auto plain_octets = [] {
  std::array<bool, 256> out{};
  for (std::size_t octet = 0x20; octet < 0x80; ++octet) out[octet] = octet != '"' && octet != '\\';
  return out;
}();

bool stands_for_itself(char c) {
  return plain_octets[static_cast<unsigned char>(c)];
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto plain = std::ranges::find_if_not(text.substr(at), stands_for_itself);
    const auto run = static_cast<std::size_t>(plain - text.begin()) - at;
    out += text.substr(at, run);
    at += run;
    if (at == text.size()) break;
    const auto octet = static_cast<unsigned char>(text[at]);
    const std::size_t length = character_at(text, at);
    if (length == 0) {
      out += replacement;
    } else if (octet == '"' || octet == '\\') {
      out += '\\';
      out += text[at];
    } else if (octet < 0x20) {
      out += "\\u00";
      out += hex[octet >> 4];
      out += hex[octet & 15];
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  out += '"';
}

void append_number(std::string& out, auto number) {
  std::array<char, 24> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

// What an operator may see of octets that came from outside: short, printable.
std::string excerpt(std::string_view octets, std::size_t limit) {
  std::string out = "\"";
  for (const char c : octets.substr(0, limit)) out += c >= 0x20 && c < 0x7F ? c : '.';
  return out += octets.size() > limit ? "...\"" : "\"";
}

std::optional<std::uint64_t> count_after(std::string_view info, std::string_view word) {
  const auto at = info.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = info.substr(at + word.size());
  std::uint64_t count = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return read.ec == std::errc{} ? std::optional(count) : std::nullopt;
}

std::string text_member(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<Redirect> redirect_of(const nlohmann::json& answer) {
  const auto found = answer.find("redirect");
  if (found == answer.end() || !found->is_object()) return std::nullopt;
  Redirect redirect;
  redirect.address = text_member(*found, "address");
  const auto reset = found->find("reset");
  redirect.reset = reset != found->end() && reset->is_boolean() && reset->get<bool>();
  const auto revision = found->find("revision");
  if (revision != found->end() && revision->is_number_unsigned())
    redirect.revision = revision->get<std::uint64_t>();
  if (redirect.address.empty() && !redirect.reset) return std::nullopt;
  return redirect;
}

}  // namespace

std::string make_frame(std::string_view payload, FrameFlags flags) {
  const std::string deflated = flags.compressed ? compress(payload) : std::string();
  const std::string_view body = flags.compressed ? std::string_view(deflated) : payload;
  const std::uint64_t reserved = flags.compressed ? payload.size() : 0;
  const bool large = flags.large || payload.size() > std::numeric_limits<std::uint32_t>::max();
  const std::size_t octets = large ? 8 : 4;
  std::string frame(magic);
  frame.reserve(5 + 2 * octets + body.size());
  frame +=
      static_cast<char>(flag_protocol | (flags.compressed ? flag_compressed : 0) | (large ? flag_large : 0));
  append_length(frame, body.size(), octets);
  append_length(frame, reserved, octets);
  return frame += body;
}

RequestWriter::RequestWriter(std::string_view session)
    : json_(R"({"request":"sender data",)"), ids_(!session.empty()) {
  if (ids_) json_ += R"("session":")" + std::string(session) + R"(",)";
  json_ += R"("data":[)";
}

void RequestWriter::begin(const Record& record) {
  before_key_ = R"({"host":)";
  append_quoted(before_key_, record.host);
  before_key_ += R"(,"key":)";
  after_value_ = R"(,"clock":)";
  append_number(after_value_, record.clock);
  after_value_ += R"(,"ns":)";
  append_number(after_value_, record.ns);
}

void RequestWriter::add(const Item& item, std::uint64_t id) {
  if (!std::exchange(first_, false)) json_ += ',';
  json_ += before_key_;
  append_quoted(json_, item.key);
  json_ += R"(,"value":)";
  append_quoted(json_, item.text);
  json_ += after_value_;
  if (ids_) {
    json_ += R"(,"id":)";
    append_number(json_, id);
  }
  json_ += '}';
}

std::string RequestWriter::finish(std::chrono::system_clock::time_point now) && {
  const auto since = std::max(now.time_since_epoch(), std::chrono::system_clock::duration::zero());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole);
  json_ += R"(],"clock":)" + std::to_string(whole.count()) + R"(,"ns":)" + std::to_string(rest.count()) + '}';
  return std::move(json_);
}

std::size_t AnswerReader::header_size() const {
  const bool large =
      received_.size() > magic.size() && (static_cast<unsigned char>(received_[4]) & flag_large) != 0;
  return large ? 21 : 13;
}

std::expected<void, std::string> AnswerReader::check_header(std::string_view following) {
  const std::size_t seen = std::min(received_.size(), magic.size());
  if (std::string_view(received_).substr(0, seen) != magic.substr(0, seen))
    return std::unexpected("the answer does not speak the Zabbix protocol: it begins with " +
                           excerpt(received_ + std::string(following.substr(0, 40)), 40));
  if (received_.size() > magic.size()) {
    const auto flags = static_cast<unsigned char>(received_[4]);
    if ((flags & flag_protocol) == 0 || flags > (flag_protocol | flag_compressed | flag_large))
      return std::unexpected("the answer's header has flags that no Zabbix server sets: " +
                             std::to_string(flags));
  }
  if (received_.size() < header_size()) return {};
  const std::size_t octets = (header_size() - 5) / 2;
  const bool compressed = (static_cast<unsigned char>(received_[4]) & flag_compressed) != 0;
  body_ = read_length(std::string_view(received_).substr(5, octets));
  inflated_ = compressed ? read_length(std::string_view(received_).substr(5 + octets, octets)) : body_;
  if (std::max(body_, inflated_) > max_answer)
    return std::unexpected("the answer claims to be " + std::to_string(std::max(body_, inflated_)) +
                           " octets long, more than any Zabbix server sends");
  header_known_ = true;
  return {};
}

std::expected<bool, std::string> AnswerReader::feed(std::string_view octets) {
  // The header first, octet by octet wanted, so that nothing is kept that its lengths do not allow.
  while (!header_known_ && !octets.empty()) {
    const std::size_t wanted = received_.size() < 5 ? 5 : header_size();
    const std::size_t step = std::min(octets.size(), wanted - received_.size());
    received_ += octets.substr(0, step);
    octets.remove_prefix(step);
    if (auto good = check_header(octets); !good) return std::unexpected(std::move(good.error()));
  }
  if (!header_known_) return false;
  const std::uint64_t missing = header_size() + body_ - received_.size();
  received_ += octets.substr(0, std::min<std::uint64_t>(missing, octets.size()));
  return received_.size() == header_size() + body_;
}

std::expected<std::string, std::string> AnswerReader::payload() const {
  const std::string_view body = std::string_view(received_).substr(header_size());
  if ((static_cast<unsigned char>(received_[4]) & flag_compressed) == 0) return std::string(body);
  std::string plain(inflated_, '\0');
  std::size_t used = 0;
  const auto result =
      libdeflate_zlib_decompress_ex(&decompressor(), body.data(), body.size(), plain.data(), plain.size(),
                                    &used, nullptr);  // without a size: just so many octets
  if (result != LIBDEFLATE_SUCCESS || used != body.size())
    return std::unexpected("the compressed answer does not inflate to the " + std::to_string(inflated_) +
                           " octets it announces");
  return plain;
}

std::string AnswerReader::progress() const {
  if (!header_known_)
    return std::to_string(received_.size()) + " of " + std::to_string(header_size()) +
           " octets of its header";
  return std::to_string(received_.size() - header_size()) + " of " + std::to_string(body_) + " octets";
}

std::expected<Answer, std::string> parse_answer(std::string_view payload) {
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return std::unexpected("the answer is no JSON object: " + excerpt(payload, 80));
  Answer answer;
  const std::string response = text_member(json, "response");
  answer.info = text_member(json, "info");
  answer.redirect = redirect_of(json);
  if (answer.redirect) return answer;
  if (response == "failed")
    return std::unexpected("the server answered \"failed\"" +
                           (answer.info.empty() ? std::string() : ": " + excerpt(answer.info, 200)));
  if (response != "success")
    return std::unexpected("the answer is neither \"success\" nor \"failed\": " + excerpt(payload, 80));
  const auto processed = count_after(answer.info, "processed: ");
  const auto failed = count_after(answer.info, "failed: ");
  const auto total = count_after(answer.info, "total: ");
  if (!processed || !failed || !total)
    return std::unexpected("the answer does not say what was processed: " + excerpt(payload, 200));
  answer.processed = *processed;
  answer.failed = *failed;
  answer.total = *total;
  return answer;
}

}  // namespace linewatch::aggregator
