#pragma once
// The control socket of a running agent: one request a connection, one JSON object on one line; the answer is
// lines of JSON objects, the last of which holds "done" or "error"; then the agent closes. Owned by the
// agent, lives on its loop; stop() before what the handler uses goes.
//
// Nothing here waits for a client for long or keeps much for it: requests are at most 256 KiB and come within
// 10 s, each answer line is taken within 10 s, 16 clients at a time. Who breaks that is cut off.

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include <spdlog/logger.h>

#include "agent/control/socket_file.hpp"
#include "connection/session.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

struct ControlLimits {
  std::size_t request_size = 256UL * 1024;
  connection::Clock::duration patience =
      std::chrono::seconds(10);  // for a request, and for a line to be taken
  std::size_t clients = 16;
};

// One client, as the handler of its request sees it.
class ControlClientLink {
 public:
  virtual ~ControlClientLink() = default;
  // One line of the answer. False: the client is gone or was too slow, and will never get any more.
  virtual connection::Awaitable<bool> send(Json line) = 0;
  // Stopped when the client hangs up, and when the agent stops.
  virtual std::stop_token gone() const = 0;
};

// Answers one request; ends soon after the link is gone. The link and the request live until it ends.
using ControlHandler = std::function<connection::Awaitable<void>(ControlClientLink&, const Json& request)>;

// {"error": sentence, "code": word}
Json control_error(std::string_view code, std::string sentence);

class ControlServer {
 public:
  ControlServer(boost::asio::any_io_executor loop, SocketFile file, ControlHandler handler,
                std::shared_ptr<spdlog::logger> log, ControlLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  void start();
  // Takes no more clients, hangs up on those that are there and waits until their handlers have ended, at
  // most until the context ends.
  connection::Awaitable<void> stop(connection::Context ctx);

 private:
  class Link;
  struct Impl;
  SocketFile file_;
  std::shared_ptr<Impl> impl_;  // shared with the connections
};

}  // namespace linewatch::agent
