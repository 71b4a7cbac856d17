#include "connection/ssh/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace linewatch::connection {

namespace {

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const unsigned char* octets, std::size_t size) {
  return {reinterpret_cast<const char*>(octets), size};
}

}  // namespace

std::string sha256(std::string_view octets) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(octets.data(), octets.size(), digest, &size, EVP_sha256(), nullptr) != 1) return {};
  return text_of(digest, size);
}

namespace {

std::string hmac(const EVP_MD* hash, std::string_view key, std::string_view octets) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(hash, key.data(), static_cast<int>(key.size()), octets_of(octets), octets.size(), digest, &size);
  return text_of(digest, size);
}

}  // namespace

std::string hmac_sha1(std::string_view key, std::string_view octets) {
  return hmac(EVP_sha1(), key, octets);
}

std::string hmac_sha256(std::string_view key, std::string_view octets) {
  return hmac(EVP_sha256(), key, octets);
}

std::string to_base64(std::string_view octets) {
  std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets_of(octets),
                                   static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 64 * 1024) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.substr(0, text.size() - padding).find_first_not_of(alphabet) != std::string_view::npos)
    return std::nullopt;
  std::string octets(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(octets.data()), octets_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  octets.resize(static_cast<std::size_t>(size) - padding);
  return octets;
}

}  // namespace linewatch::connection
