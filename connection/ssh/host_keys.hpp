#pragma once
// Host keys pinned in memory: read once (OpenSSH's format: plain, hashed, [host]:port, @revoked), compared
// after each key exchange and before any credential is sent. libssh itself never reads a known_hosts file.
// One for the whole agent, shared by all loops.

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "connection/error.hpp"

namespace linewatch::connection {

struct HostKey {
  std::string type;                 // "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"
  std::string base64;               // the public key's blob
  std::string fingerprint() const;  // "SHA256:..." as ssh-keygen -l prints it
  bool operator==(const HostKey&) const = default;
};

class HostKeys {
 public:
  // changed: other keys of that address are known, but not this one.
  enum class Verdict { known, unknown, changed, revoked };

  HostKeys(config::HostKeySettings settings, std::filesystem::path learned_file);

  // Reads both files; a missing one is empty. The error names file, line and what is wrong.
  Result<void> load();
  // Reads them again if a file has changed since, by whomever; true if so. After an error the keys are as
  // they were.
  Result<bool> refresh();

  // Other settings from now on; to be followed by load().
  void reconfigure(config::HostKeySettings settings);

  config::HostKeySettings::Policy policy() const;
  Verdict verdict(const std::string& host, std::uint16_t port, const HostKey& key) const;
  std::vector<HostKey> known(const std::string& host, std::uint16_t port) const;

  // Adds to the learned file (mode 0600, replaced atomically). Used by accept_new and `hostkey accept`.
  Result<void> learn(const std::string& host, std::uint16_t port, const HostKey& key);
  // Removes all keys of that address from the learned file; how many went. Keys in known_hosts_file are the
  // operator's and stay: the error says so.
  Result<int> forget(const std::string& host, std::uint16_t port);

 private:
  struct Entry {
    std::string hosts;  // first field: comma list, hashed |1|salt|hash, [host]:port
    HostKey key;
    bool revoked = false;
    bool learned = false;
    int line = 0;  // in its file, from 1
  };
  struct Stamp {  // of a file: another one is another file, or another state of it
    std::uint64_t inode = 0, size = 0;
    std::int64_t changed_s = 0, changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::filesystem::path& path);
  Result<void> read_entries(bool learned, std::vector<Entry>& into) const;
  Result<void> reload_learned();
  const std::vector<std::size_t>& entries_of(const std::string& host, std::uint16_t port) const;

  config::HostKeySettings settings() const;

  std::filesystem::path learned_file_;
  mutable std::mutex mutex_;  // over what follows
  config::HostKeySettings settings_;
  std::vector<Entry> entries_;
  Stamp read_stamps_[2];  // of known_hosts_file and the learned file, when they were read
  // The entries of each address asked for: with thousands of hashed lines a search costs milliseconds.
  mutable std::map<std::string, std::vector<std::size_t>> found_;
};

}  // namespace linewatch::connection
