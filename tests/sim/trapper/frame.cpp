#include "tests/sim/trapper/frame.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace linewatch::trapper {
namespace {

constexpr std::string_view magic = "ZBXD";

std::uint64_t little_endian(std::string_view octets) {
  std::uint64_t value = 0;
  for (std::size_t i = octets.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(octets[i]);
  return value;
}

void append_little_endian(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
}

// An answer is short: with zlib's usual 256 KiB most of the time would go into making them.
std::string deflate_all(std::string_view text) {
  constexpr int window_bits = 9, memory_level = 1;
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

FrameReader::State FrameReader::fail(std::string why) {
  error_ = std::move(why);
  input_.clear();
  return State::bad;
}

FrameReader::State FrameReader::feed(std::string_view octets) {
  if (!error_.empty()) return State::bad;
  input_.append(octets);
  if (header_ == 0) {
    const State state = read_header();
    if (state != State::complete) return state;
  }
  return input_.size() < header_ + length_ ? State::more : finish();
}

// `complete` here: the header was read and is sound.
FrameReader::State FrameReader::read_header() {
  const std::size_t seen = std::min(input_.size(), magic.size());
  if (std::string_view(input_).substr(0, seen) != magic.substr(0, seen))
    return fail("message is missing header");
  if (input_.size() < 5) return State::more;
  flags_ = static_cast<std::uint8_t>(input_[4]);
  if (flags_ > 7 || (flags_ & flag_protocol) == 0) {
    return fail(fmt::format("message is using unsupported protocol version \"{}\"", flags_));
  }
  const std::size_t field = (flags_ & flag_large) != 0 ? 8 : 4;
  if (input_.size() < 5 + 2 * field) return State::more;
  header_ = 5 + 2 * field;
  length_ = little_endian(std::string_view(input_).substr(5, field));
  reserved_ = little_endian(std::string_view(input_).substr(5 + field, field));
  const std::uint64_t inflated = (flags_ & flag_compressed) != 0 ? reserved_ : 0;
  if (length_ > max_payload || inflated > max_payload) {
    return fail(
        fmt::format("message size {} exceeds the maximum size {}", std::max(length_, inflated), max_payload));
  }
  return State::complete;
}

FrameReader::State FrameReader::finish() {
  const auto body = std::string_view(input_).substr(header_, length_);
  if ((flags_ & flag_compressed) == 0) {
    payload_ = body;
  } else {
    payload_.resize(reserved_ + 1);  // one more than promised, to notice a longer one
    uLongf size = payload_.size();
    const int result = uncompress(reinterpret_cast<Bytef*>(payload_.data()), &size,
                                  reinterpret_cast<const Bytef*>(body.data()), body.size());
    if (result != Z_OK || size != reserved_)
      return fail("cannot uncompress message, or its size is not the promised one");
    payload_.resize(size);
  }
  input_.clear();
  input_.shrink_to_fit();
  return State::complete;
}

std::string make_frame(std::string_view payload, std::uint8_t flags) {
  const bool compressed = (flags & flag_compressed) != 0;
  const std::string packed = compressed ? deflate_all(payload) : std::string();
  const std::string_view body = compressed ? std::string_view(packed) : payload;
  const std::size_t field = (flags & flag_large) != 0 ? 8 : 4;
  std::string frame(magic);
  frame += static_cast<char>(flags);
  append_little_endian(frame, body.size(), field);
  append_little_endian(frame, compressed ? payload.size() : 0, field);
  return frame.append(body);
}

}  // namespace linewatch::trapper
