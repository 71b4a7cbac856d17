#pragma once
// Zabbix's frame: "ZBXD", flags, length, reserved, payload; little-endian. Flag 0x01 is always set, 0x02 says
// that the payload is compressed by zlib and `reserved` its length without, 0x04 that both lengths have 8
// octets. Pure; bounded.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linewatch::trapper {

inline constexpr std::uint8_t flag_protocol = 0x01;
inline constexpr std::uint8_t flag_compressed = 0x02;
inline constexpr std::uint8_t flag_large = 0x04;
inline constexpr std::size_t max_payload = 64 * 1024 * 1024;  // of a request, compressed and not

// Collects one frame from a stream.
class FrameReader {
 public:
  enum class State { more, complete, bad };

  State feed(std::string_view octets);
  const std::string& payload() const { return payload_; }  // inflated; when complete
  std::uint8_t flags() const { return flags_; }
  const std::string& error() const { return error_; }  // when bad

 private:
  State fail(std::string why);
  State read_header();
  State finish();

  std::string input_;
  std::string payload_;
  std::string error_;
  std::uint8_t flags_ = 0;
  std::size_t header_ = 0;  // its size, once read
  std::uint64_t length_ = 0;
  std::uint64_t reserved_ = 0;
};

std::string make_frame(std::string_view payload, std::uint8_t flags);

}  // namespace linewatch::trapper
