#include "agent/control/client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/control/address.hpp"
#include "config/duration.hpp"

namespace linewatch::agent {

namespace {

constexpr std::size_t longest_line = 64UL * 1024 * 1024;

int milliseconds_of(std::chrono::milliseconds limit) {
  return static_cast<int>(limit.count());
}

}  // namespace

std::expected<ControlClient, ControlClient::Failure> ControlClient::connect(
    const std::filesystem::path& path) {
  const auto failed = [&](bool nobody, std::string_view why) {
    return std::unexpected(Failure{nobody, fmt::format("{} (control socket {})", why, path.string())});
  };
  if (path.empty()) {
    return std::unexpected(
        Failure{true, "the configuration turns the control socket off (agent.control_socket: null)"});
  }
  const auto address = unix_address(path);
  if (!address) return failed(true, "no agent runs: the path is too long for a socket");
  ControlClient client(unix_socket());
  const int error = client.fd_ < 0 ? errno : connect_unix(client.fd_, *address);
  switch (error) {
    case 0:
      return client;
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR:
      return failed(true, "no agent runs with this configuration");
    case EAGAIN:
      return failed(false, "the running agent takes no more clients");
    default:
      return failed(false, fmt::format("the running agent cannot be asked: {}", std::strerror(error)));
  }
}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}

ControlClient::~ControlClient() {
  if (fd_ >= 0) ::close(fd_);
}

void ControlClient::send(const Json& request) {
  const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const auto now = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (now >= 0) {
      sent += static_cast<std::size_t>(now);
      continue;
    }
    pollfd ready{fd_, POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&ready, 1, milliseconds_of(agent_patience)) <= 0) return;
  }
}

std::expected<Json, std::string> ControlClient::next(std::chrono::milliseconds limit) {
  refusal_.clear();
  std::size_t end = input_.find('\n');
  while (end == std::string::npos) {
    pollfd ready{fd_, POLLIN, 0};
    const int polled = ::poll(&ready, 1, milliseconds_of(limit));
    if (polled < 0) return std::unexpected("interrupted");
    if (polled == 0)
      return std::unexpected(
          fmt::format("the running agent did not answer within {}", config::format_duration(limit)));
    char piece[65536];
    const auto got = ::recv(fd_, piece, sizeof piece, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0 || input_.size() > longest_line)
      return std::unexpected("the running agent went away before it had answered");
    const std::size_t before = input_.size();
    input_.append(piece, static_cast<std::size_t>(got));
    end = input_.find('\n', before);
  }
  Json line = Json::parse(input_.substr(0, end), nullptr, false);
  input_.erase(0, end + 1);
  if (!line.is_object()) return std::unexpected("the running agent's answer was not understood");
  if (line.contains("error")) {
    refusal_ = line.value("code", "refused");
    return std::unexpected(line.value("error", "the running agent refused"));
  }
  return line;
}

}  // namespace linewatch::agent
