#include "connection/ssh/known_hosts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "connection/ssh/digest.hpp"

namespace linewatch::connection {

namespace {

constexpr std::array<std::string_view, 5> spoken_types = {
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"};

std::string_view next_field(std::string_view& line) {
  constexpr std::string_view blanks = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::size_t end = std::min(line.find_first_of(blanks), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end);
  return field;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

// With * and ?, by OpenSSH's rules: no character classes.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool hash_matches(std::string_view hosts, const std::string& name) {
  hosts.remove_prefix(3);  // "|1|"
  const std::size_t bar = hosts.find('|');
  if (bar == std::string_view::npos) return false;
  const auto salt = from_base64(hosts.substr(0, bar)), hash = from_base64(hosts.substr(bar + 1));
  return salt && hash && hmac_sha1(*salt, name) == *hash;
}

bool valid_hosts(std::string_view hosts) {
  if (!hosts.starts_with('|')) return true;
  if (!hosts.starts_with("|1|")) return false;
  const std::size_t bar = hosts.find('|', 3);
  return bar != std::string_view::npos && from_base64(hosts.substr(3, bar - 3)) &&
         from_base64(hosts.substr(bar + 1));
}

// A line's outcome: an entry, nothing (passed over), or what is wrong.
std::expected<std::optional<KnownHostsLine>, std::string> parse_line(std::string_view line) {
  std::string_view first = next_field(line);
  if (first.empty() || first.starts_with('#')) return std::nullopt;
  KnownHostsLine entry;
  if (first.starts_with('@')) {
    if (first == "@cert-authority") return std::nullopt;
    if (first != "@revoked") return std::unexpected("unknown marker " + std::string(first));
    entry.revoked = true;
    first = next_field(line);
  }
  const std::string_view type = next_field(line), key = next_field(line);
  if (type.empty() || key.empty()) return std::unexpected("expected hosts, key type and key");
  if (!valid_hosts(first)) return std::unexpected("the hashed host name is not |1|salt|hash");
  if (std::ranges::find(spoken_types, type) == spoken_types.end()) return std::nullopt;
  const auto blob = from_base64(key);
  if (!blob) return std::unexpected("the key is no base64");
  if (blob_type(*blob) != type) return std::unexpected("the key is no " + std::string(type) + " key");
  entry.hosts = first;
  entry.key = HostKey{std::string(type), std::string(key)};
  return entry;
}

}  // namespace

std::expected<std::vector<KnownHostsLine>, std::string> parse_known_hosts(std::string_view text) {
  std::vector<KnownHostsLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto entry = parse_line(line);
    if (!entry) return std::unexpected(std::to_string(number) + ": " + entry.error());
    if (!*entry) continue;
    (*entry)->line = number;
    lines.push_back(std::move(**entry));
  }
  return lines;
}

std::string known_hosts_name(const std::string& host, std::uint16_t port) {
  return port == 22 ? host : "[" + host + "]:" + std::to_string(port);
}

bool hosts_match(std::string_view hosts, const std::string& host, std::uint16_t port) {
  const std::string name = lower(known_hosts_name(host, port));
  if (hosts.starts_with("|1|")) return hash_matches(hosts, name);
  bool matched = false;
  while (!hosts.empty()) {
    const std::size_t comma = std::min(hosts.find(','), hosts.size());
    std::string_view pattern = hosts.substr(0, comma);
    hosts.remove_prefix(std::min(comma + 1, hosts.size()));
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (!glob(lower(pattern), name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

std::string blob_type(std::string_view blob) {
  if (blob.size() < 4) return {};
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(blob[i]);
  return size > blob.size() - 4 ? std::string() : std::string(blob.substr(4, size));
}

}  // namespace linewatch::connection
