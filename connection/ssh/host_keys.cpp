#include "connection/ssh/host_keys.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

#include "connection/ssh/digest.hpp"
#include "connection/ssh/known_hosts.hpp"

namespace linewatch::connection {

namespace {

std::string system_message() {
  return std::generic_category().message(errno);
}

std::unexpected<Error> file_error(std::string text) {
  return fail(ErrorCode::host_key, Phase::host_key, std::move(text));
}

struct File {  // a descriptor that closes itself
  explicit File(int descriptor) : fd(descriptor) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd;
};

// A missing file is empty.
Result<std::string> read_file(const std::filesystem::path& path) {
  constexpr std::size_t most = 64 * 1024 * 1024, block = 64 * 1024;
  if (path.empty()) return std::string();
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0 && errno == ENOENT) return std::string();
  if (file.fd < 0)
    return file_error("cannot read the host key file " + path.string() + ": " + system_message());
  std::string text;
  for (;;) {
    const std::size_t had = text.size();
    text.resize(had + block);
    const ssize_t count = ::read(file.fd, text.data() + had, block);
    if (count < 0)
      return file_error("cannot read the host key file " + path.string() + ": " + system_message());
    text.resize(had + static_cast<std::size_t>(count));
    if (count == 0) return text;
    if (text.size() > most)
      return file_error("the host key file " + path.string() + " is larger than 64 MiB");
  }
}

// Written beside it and moved over it: a reader sees the old or the new file, never half of one.
Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
  std::string beside = path.string() + ".XXXXXX";
  const File file(::mkostemp(beside.data(), O_CLOEXEC));  // mode 0600
  const auto failed = [&](int fd) {
    const std::string cause = system_message();
    if (fd >= 0) ::unlink(beside.c_str());
    return file_error("cannot write the host key file " + path.string() + ": " + cause);
  };
  if (file.fd < 0) return failed(-1);
  while (!text.empty()) {
    const ssize_t count = ::write(file.fd, text.data(), text.size());
    if (count < 0) return failed(file.fd);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file.fd) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) return failed(file.fd);
  return {};
}

// Held while the learned file is read, changed and replaced, so that two processes lose nothing. It locks the
// folder, since the file itself is replaced, and goes with the process that holds it.
File lock_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::error_code ignored;  // if it cannot be made, writing says why
  std::filesystem::create_directories(folder, ignored);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) ::flock(fd, LOCK_EX);
  return File(fd);
}

Result<std::vector<KnownHostsLine>> parse(const std::filesystem::path& path, std::string_view text) {
  auto lines = parse_known_hosts(text);
  if (!lines) return file_error(path.string() + ":" + lines.error());
  return std::move(*lines);
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::string HostKey::fingerprint() const {
  const auto blob = from_base64(base64);
  std::string text = to_base64(sha256(blob.value_or(std::string())));
  text.resize(text.find_last_not_of('=') + 1);
  return "SHA256:" + text;
}

HostKeys::HostKeys(config::HostKeySettings settings, std::filesystem::path learned_file)
    : learned_file_(std::move(learned_file)), settings_(std::move(settings)) {}

void HostKeys::reconfigure(config::HostKeySettings settings) {
  const std::scoped_lock lock(mutex_);
  settings_ = std::move(settings);
}

config::HostKeySettings HostKeys::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

config::HostKeySettings::Policy HostKeys::policy() const {
  return settings().policy;
}

HostKeys::Stamp HostKeys::stamp_of(const std::filesystem::path& path) {
  struct stat state{};
  if (path.empty() || ::stat(path.c_str(), &state) != 0) return {};
  return {state.st_ino, static_cast<std::uint64_t>(state.st_size), state.st_mtim.tv_sec,
          state.st_mtim.tv_nsec};
}

Result<bool> HostKeys::refresh() {
  const Stamp now[2] = {stamp_of(settings().known_hosts_file), stamp_of(learned_file_)};
  {
    const std::scoped_lock lock(mutex_);
    if (std::ranges::equal(now, read_stamps_)) return false;
  }
  auto loaded = load();
  if (!loaded) return std::unexpected<Error>(std::move(loaded.error()));
  return true;
}

Result<void> HostKeys::load() {
  // Before they are read: what changes meanwhile is read again.
  const Stamp now[2] = {stamp_of(settings().known_hosts_file), stamp_of(learned_file_)};
  std::vector<Entry> entries;
  for (const bool learned : {false, true}) {
    auto added = read_entries(learned, entries);
    if (!added) return added;
  }
  const std::scoped_lock lock(mutex_);
  found_.clear();
  entries_ = std::move(entries);
  std::ranges::copy(now, read_stamps_);
  return {};
}

Result<void> HostKeys::read_entries(bool learned, std::vector<Entry>& into) const {
  const std::filesystem::path path = learned ? learned_file_ : settings().known_hosts_file;
  auto text = read_file(path);
  if (!text) return std::unexpected<Error>(std::move(text.error()));
  auto lines = parse(path, *text);
  if (!lines) return std::unexpected<Error>(std::move(lines.error()));
  for (KnownHostsLine& line : *lines)
    into.push_back(Entry{std::move(line.hosts), std::move(line.key), line.revoked, learned, line.line});
  return {};
}

HostKeys::Verdict HostKeys::verdict(const std::string& host, std::uint16_t port, const HostKey& key) const {
  const std::scoped_lock lock(mutex_);
  bool known = false, other = false;
  for (const std::size_t i : entries_of(host, port)) {
    const bool same_key = entries_[i].key == key;
    if (entries_[i].revoked && same_key) return Verdict::revoked;
    if (entries_[i].revoked) continue;
    known |= same_key;
    other |= !same_key;
  }
  if (known) return Verdict::known;
  return other ? Verdict::changed : Verdict::unknown;
}

std::vector<HostKey> HostKeys::known(const std::string& host, std::uint16_t port) const {
  const std::scoped_lock lock(mutex_);
  std::vector<HostKey> keys;
  for (const std::size_t i : entries_of(host, port)) {
    const Entry& entry = entries_[i];
    if (!entry.revoked && std::ranges::find(keys, entry.key) == keys.end()) keys.push_back(entry.key);
  }
  return keys;
}

// Under the mutex.
const std::vector<std::size_t>& HostKeys::entries_of(const std::string& host, std::uint16_t port) const {
  const auto [found, is_new] = found_.try_emplace(known_hosts_name(host, port));
  for (std::size_t i = 0; is_new && i < entries_.size(); ++i) {
    if (hosts_match(entries_[i].hosts, host, port)) found->second.push_back(i);
  }
  return found->second;
}

Result<void> HostKeys::learn(const std::string& host, std::uint16_t port, const HostKey& key) {
  const auto blob = from_base64(key.base64);
  if (!blob || blob_type(*blob) != key.type)
    return file_error("cannot learn the host key of " + host + ": it is no " + key.type + " key");
  const File lock = lock_folder(learned_file_);
  auto text = read_file(learned_file_);  // again: another process may have learned in the meantime
  if (!text) return std::unexpected<Error>(std::move(text.error()));
  auto lines = parse(learned_file_, *text);
  if (!lines) return std::unexpected<Error>(std::move(lines.error()));
  const bool there = std::ranges::any_of(*lines, [&](const KnownHostsLine& line) {
    return !line.revoked && line.key == key && hosts_match(line.hosts, host, port);
  });
  if (!there) {
    if (!text->empty() && !text->ends_with('\n')) *text += '\n';
    *text += known_hosts_name(host, port) + ' ' + key.type + ' ' + key.base64 + '\n';
    if (auto replaced = replace_file(learned_file_, *text); !replaced) return replaced;
  }
  return reload_learned();
}

Result<int> HostKeys::forget(const std::string& host, std::uint16_t port) {
  int gone = 0;
  {
    const File lock = lock_folder(learned_file_);
    auto text = read_file(learned_file_);
    if (!text) return std::unexpected<Error>(std::move(text.error()));
    auto lines = parse(learned_file_, *text);
    if (!lines) return std::unexpected<Error>(std::move(lines.error()));
    std::string kept;
    std::string_view rest = *text;
    auto entry = lines->begin();
    for (int number = 1; !rest.empty(); ++number) {
      const std::string_view line = next_line(rest);
      const bool parsed = entry != lines->end() && entry->line == number;
      const bool goes = parsed && !entry->revoked && hosts_match(entry->hosts, host, port);
      if (parsed) ++entry;
      if (goes) {
        ++gone;
      } else {
        kept.append(line).push_back('\n');
      }
    }
    if (gone > 0) {
      if (auto replaced = replace_file(learned_file_, kept); !replaced)
        return std::unexpected<Error>(std::move(replaced.error()));
    }
  }
  if (auto reloaded = reload_learned(); !reloaded) return std::unexpected<Error>(std::move(reloaded.error()));
  const std::scoped_lock lock(mutex_);
  for (const std::size_t i : entries_of(host, port)) {
    const Entry& entry = entries_[i];
    if (entry.learned || entry.revoked) continue;
    return file_error("a host key of " + known_hosts_name(host, port) + " stands in " +
                      settings_.known_hosts_file.string() + ":" + std::to_string(entry.line) +
                      ", which is yours to edit: remove it there");
  }
  return gone;
}

Result<void> HostKeys::reload_learned() {
  std::vector<Entry> learned;
  auto read = read_entries(true, learned);
  if (!read) return read;
  const std::scoped_lock lock(mutex_);
  found_.clear();
  std::erase_if(entries_, [](const Entry& entry) { return entry.learned; });
  std::ranges::move(learned, std::back_inserter(entries_));
  return {};
}

}  // namespace linewatch::connection
