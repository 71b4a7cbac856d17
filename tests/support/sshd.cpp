#include "tests/support/sshd.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace linewatch::test {

namespace {

constexpr const char* program = "/usr/sbin/sshd";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Started in a process group of its own, its output in `log`.
pid_t start(const std::vector<std::string>& words, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed cleans up nothing
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int in = ::open("/dev/null", O_RDONLY);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::closefrom(3);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void run(const std::vector<std::string>& words, const std::filesystem::path& log) {
  const pid_t pid = start(words, log);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(words[0] + " failed: " + read_text(log));
}

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "linewatch-test.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count_words(std::string_view text, std::string_view words) {
  std::size_t found = 0;
  for (std::size_t at = text.find(words); at != std::string_view::npos; at = text.find(words, at + 1))
    ++found;
  return found;
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::string Sshd::missing() {
  if (::access(program, X_OK) != 0) return "sshd is not installed";
  if (::geteuid() != 0) return "sshd needs root";
  return {};
}

Sshd::Sshd(Options options) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::filesystem::path& folder = folder_.path();
  const auto key = [&](const std::string& name, const std::string& type, const std::string& passphrase) {
    run({"/usr/bin/ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", (folder / name).string()},
        folder / "log");
  };
  key("host_key", options.host_key_type, "");
  key("client_key", options.client_key_type, options.passphrase);
  std::filesystem::create_directories("/run/sshd");  // sshd insists on it
  for (int attempt = 0; attempt < 5; ++attempt) {    // somebody else may take the port first
    port_ = free_port();
    write_config(options);
    pid_ = start({program, "-D", "-e", "-f", (folder / "config").string()}, folder / "log");
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < limit) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      if (listens(port_)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop();
  }
  throw std::runtime_error("sshd does not start: " + log());
}

Sshd::~Sshd() {
  stop();
}

void Sshd::stop() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(-pid_, nullptr, 0) > 0) {  // sshd, and its connections that came to us when it went
  }
  pid_ = -1;
}

std::vector<pid_t> Sshd::connections() const {
  const std::string pid = std::to_string(pid_);
  std::istringstream children(read_text("/proc/" + pid + "/task/" + pid + "/children"));
  std::vector<pid_t> pids;
  for (pid_t child = 0; children >> child;) pids.push_back(child);
  return pids;
}

void Sshd::write_config(const Options& options) const {
  const std::string folder = folder_.path().string();
  std::ostringstream config;
  config << "ListenAddress 127.0.0.1\nPort " << port_ << "\nHostKey " << folder
         << "/host_key\nAuthorizedKeysFile " << folder
         << "/client_key.pub\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
         << "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 200\nPrintMotd no\n"
         << "PrintLastLog no\nForceCommand " << options.command << '\n'
         << options.extra << '\n';
  write_text(folder_.path() / "config", config.str());
}

std::string Sshd::known_hosts_line() const {
  std::istringstream key(read_text(folder_.path() / "host_key.pub"));
  std::string type, base64;
  key >> type >> base64;
  return "[127.0.0.1]:" + std::to_string(port_) + ' ' + type + ' ' + base64;
}

std::string Sshd::host_fingerprint() const {
  const auto file = folder_.path() / "fingerprint";
  run({"/usr/bin/ssh-keygen", "-l", "-f", (folder_.path() / "host_key.pub").string()}, file);
  std::istringstream line(read_text(file));
  std::string bits, fingerprint;
  line >> bits >> fingerprint;
  return fingerprint;
}

}  // namespace linewatch::test
