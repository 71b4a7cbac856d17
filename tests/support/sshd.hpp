#pragma once
// OpenSSH's sshd on a free loopback port, with keys, configuration and everything else in a folder of its
// own. It logs root in by key and runs what the test says instead of a shell. Stopped, and its folder
// removed, at the end of scope.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace linewatch::test {

// A folder that goes with its scope.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::uint16_t free_port();  // on 127.0.0.1, free a moment ago
std::string read_text(const std::filesystem::path& file);
std::size_t count_words(std::string_view text, std::string_view words);  // how often they stand there
void write_text(const std::filesystem::path& file, const std::string& text);

class Sshd {
 public:
  struct Options {
    std::string command = "exec env PS1='lab-edge-1# ' /bin/bash --norc --noprofile -i";  // ForceCommand
    std::string host_key_type = "ed25519";
    std::string client_key_type = "ed25519";
    std::string passphrase;  // of the client's key
    std::string extra;       // lines of sshd_config
  };

  // Why it cannot run here; empty if it can.
  static std::string missing();

  Sshd() : Sshd(Options{}) {}
  explicit Sshd(Options options);  // returns when it listens
  ~Sshd();
  Sshd(const Sshd&) = delete;
  Sshd& operator=(const Sshd&) = delete;

  std::uint16_t port() const { return port_; }
  std::string client_key() const { return read_text(folder_.path() / "client_key"); }
  std::string known_hosts_line() const;  // "[127.0.0.1]:port type key"
  std::string host_fingerprint() const;  // as ssh-keygen -l prints it
  std::string log() const { return read_text(folder_.path() / "log"); }
  std::vector<pid_t> connections() const;  // the processes that serve one each
  void stop();

 private:
  void write_config(const Options& options) const;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace linewatch::test
