#include "connection/pool/lockout_memory.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "connection/ssh/digest.hpp"

namespace linewatch::connection {

namespace {

using std::chrono::system_clock;

constexpr std::size_t key_size = 32;
constexpr std::size_t most_remembered = 10'000;  // of a file that somebody else wrote, too
constexpr auto largest_file = std::size_t{8} << 20;
constexpr std::int64_t latest_time = 9'000'000'000;  // seconds since 1970 that a nanosecond clock can hold

std::unexpected<Error> trouble(const std::filesystem::path& file, const std::string& what) {
  return fail(ErrorCode::internal, Phase::authentication, fmt::format("{}: {}", file.string(), what));
}

std::optional<std::string> contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text;
  char piece[4096];  // most are small, and read at each start
  while (text.size() <= largest_file && (stream.read(piece, sizeof piece) || stream.gcount() > 0))
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
  return text;
}

Result<std::string> key_of(const std::filesystem::path& file) {
  if (auto key = contents(file)) {
    if (key->size() == key_size) return std::move(*key);
    return trouble(file, "is not the key that was written there; remove it, and lockout.json with it");
  }
  if (errno != ENOENT) return trouble(file, std::string("cannot be read: ") + std::strerror(errno));
  std::string key(key_size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), key_size) != 1)
    return trouble(file, "no random numbers for a key");
  if (auto written = write_whole(file, key); !written) return std::unexpected(std::move(written.error()));
  return key;
}

// Each part with its length before it, so that no two lists of parts look the same.
void append(std::string& all, std::string_view part) {
  all += std::to_string(part.size()) + ':';
  all += part;
}

}  // namespace

Result<LockoutMemory> LockoutMemory::open(const std::filesystem::path& folder) {
  LockoutMemory memory;
  memory.file_ = std::make_unique<LockoutFile>(folder / "lockout.json");
  auto key = key_of(folder / "lockout.key");
  if (!key) return std::unexpected(std::move(key.error()));
  memory.key_ = std::move(*key);
  if (auto loaded = memory.load(folder / "lockout.json"); !loaded)
    return std::unexpected(std::move(loaded.error()));
  return memory;
}

LockoutMemory LockoutMemory::look(const std::filesystem::path& folder) {
  LockoutMemory memory;
  auto key = contents(folder / "lockout.key");
  if (!key) return memory;
  memory.key_ = std::move(*key);
  static_cast<void>(memory.load(folder / "lockout.json"));
  return memory;
}

Result<void> LockoutMemory::load(const std::filesystem::path& file) {
  const auto text = contents(file);
  if (!text) {
    if (errno == ENOENT) return {};
    return trouble(file, std::string("cannot be read: ") + std::strerror(errno));
  }
  const auto damaged = [&] {
    return trouble(file, "is damaged; remove it, and rejected credentials are tried anew");
  };
  const auto root = nlohmann::json::parse(*text, nullptr, false);
  if (!root.is_object() || !root.contains("rejected") || !root["rejected"].is_object()) return damaged();
  if (root["rejected"].size() > most_remembered) return damaged();
  std::map<std::string, Rejections> all;
  for (const auto& [identity, entry] : root["rejected"].items()) {
    const bool sound = entry.is_object() && entry.contains("count") && entry["count"].is_number_unsigned() &&
                       entry["count"] <= 1'000'000 && entry.contains("rests_until") &&
                       entry["rests_until"].is_number_unsigned() && entry["rests_until"] <= latest_time &&
                       entry.contains("cause") && entry["cause"].is_string();
    if (!sound) return damaged();
    const std::chrono::seconds until(entry["rests_until"].get<std::int64_t>());
    all[identity] = {entry["count"].get<int>(), system_clock::time_point(until),
                     entry["cause"].get<std::string>()};
  }
  all_ = std::move(all);
  return {};
}

std::string LockoutMemory::identity(const config::Credential& credential, const std::string& router) const {
  const bool per_router = credential.lockout.scope == config::Lockout::Scope::router;
  std::string all;
  append(all, key_);
  append(all, credential.name);
  append(all, per_router ? router : std::string());
  append(all, credential.username);
  append(all, credential.password ? credential.password->reveal() : std::string());
  append(all, credential.private_key.reveal());
  append(all, credential.agent ? "agent" : "");
  std::string digest = hmac_sha256(key_, all);
  std::ranges::fill(all, '\0');
  return to_base64(digest);
}

void LockoutMemory::remember(const std::string& identity, Rejections rejections) {
  const bool full = all_.size() >= most_remembered && !all_.contains(identity);
  if (full)
    all_.erase(all_.begin());  // a bound against a world of changing credentials; each rests in memory
  all_[identity] = std::move(rejections);
  save();
}

void LockoutMemory::forget(const std::string& identity) {
  if (all_.erase(identity) > 0) save();
}

void LockoutMemory::save() const {
  if (!file_) return;
  nlohmann::json rejected = nlohmann::json::object();
  for (const auto& [identity, entry] : all_) {
    const auto until = std::chrono::duration_cast<std::chrono::seconds>(entry.rests_until.time_since_epoch());
    rejected[identity] = {{"count", entry.count}, {"rests_until", until.count()}, {"cause", entry.cause}};
  }
  const nlohmann::json root = {{"version", 1}, {"rejected", std::move(rejected)}};
  const auto replace = nlohmann::json::error_handler_t::replace;
  file_->write(root.dump(1, ' ', false, replace) + '\n', log_);
}

}  // namespace linewatch::connection
