#pragma once
// The few digests and encodings of SSH's files: pure functions over OpenSSL.

#include <optional>
#include <string>
#include <string_view>

namespace linewatch::connection {

std::string sha256(std::string_view octets);
std::string hmac_sha1(std::string_view key, std::string_view octets);
std::string hmac_sha256(std::string_view key, std::string_view octets);

std::string to_base64(std::string_view octets);                 // padded
std::optional<std::string> from_base64(std::string_view text);  // strict: empty on anything else, or on ""

}  // namespace linewatch::connection
