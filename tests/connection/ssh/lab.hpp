#pragma once
// What tests of SSH log in with and to: everything a login needs, and a listener that never answers.

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "connection/ssh/session_factory.hpp"
#include "tests/connection/cli/scripted_channel.hpp"
#include "tests/support/sshd.hpp"

namespace linewatch::connection::test {

using Policy = config::HostKeySettings::Policy;

inline std::shared_ptr<config::Platform> shell_platform() {
  auto platform = std::make_shared<config::Platform>();
  platform->name = "shell";
  platform->cli.prompt = config::Pattern(R"(^[\w.\-]{1,63}# ?$)");
  platform->cli.setup = {"stty -echoctl"};
  platform->cli.logout = {"exit"};
  return platform;
}

// Everything a login needs; the router is at 127.0.0.1.
struct Lab {
  explicit Lab(std::uint16_t port, Policy policy = Policy::off)
      : host_keys({policy, folder.path() / "known_hosts"}, folder.path() / "learned") {
    access.name = "lab-1";
    access.address = "127.0.0.1";
    access.port = port;
    access.platform = shell_platform();
  }
  explicit Lab(const linewatch::test::Sshd& sshd, Policy policy = Policy::strict) : Lab(sshd.port(), policy) {
    linewatch::test::write_text(folder.path() / "known_hosts", sshd.known_hosts_line() + '\n');
    REQUIRE(host_keys.load());
    config::Credential credential;
    credential.name = "lab";
    credential.username = "root";
    credential.private_key = config::Secret(sshd.client_key());
    access.credentials = {credential};
  }
  void with_password(const std::string& user, const std::string& password) {
    config::Credential credential;
    credential.name = user;
    credential.username = user;
    credential.password = config::Secret(password);
    access.credentials.push_back(credential);
  }
  Result<std::unique_ptr<Session>> login(Context ctx = Context().within(std::chrono::seconds(30))) {
    const auto factory =
        make_ssh_session_factory(loop.get_executor(), resolver, host_keys, access, nullptr, trace);
    return run_on(loop, factory->login(std::move(ctx)));
  }
  Result<CommandOutput> command(Session& session, std::string text,
                                Clock::duration limit = std::chrono::seconds(30)) {
    Command what;
    what.text = std::move(text);
    return run_on(loop, session.run(Context().within(limit), std::move(what)));
  }

  linewatch::test::TemporaryFolder folder;
  boost::asio::io_context loop;
  Resolver resolver;
  HostKeys host_keys;
  RouterAccess access;
  Trace trace;
};

inline bool no_sshd() {
  const std::string missing = linewatch::test::Sshd::missing();
  if (!missing.empty()) MESSAGE("skipped: " << missing);
  return !missing.empty();
}

inline int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// Accepts (or, with a full backlog, does not) and never says a word.
struct SilentListener {
  explicit SilentListener(bool full = false) {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(fd, full ? 0 : 512);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    for (int& filler : fillers) {
      if (!full) break;
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
  }
  ~SilentListener() {
    for (const int filler : fillers) {
      if (filler >= 0) ::close(filler);
    }
    ::close(fd);
  }
  int fd = -1;
  int fillers[4] = {-1, -1, -1, -1};
  std::uint16_t port = 0;
};

}  // namespace linewatch::connection::test
