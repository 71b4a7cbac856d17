#pragma once
// One HTTP/1.1 connection to the front end of a Zabbix, kept between requests. TLS with the certificate and
// the name in it verified. A redirect is not followed: it would carry the token elsewhere. Lives on one loop;
// one request at a time.

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "config/secret.hpp"
#include "config/url.hpp"
#include "connection/context.hpp"
#include "connection/error.hpp"
#include "connection/resolver.hpp"

namespace linewatch::agent {

struct HttpLimits {
  connection::Clock::duration connect = std::chrono::seconds(10);  // each address: TCP and TLS
  std::uint64_t answer = 256ULL << 20;                             // octets of a body
};

class HttpClient {
 public:
  // `resolver` outlives the client. `ca_file`: the only authorities trusted; empty: the system's.
  HttpClient(boost::asio::any_io_executor loop, connection::Resolver& resolver, config::HttpUrl url,
             std::filesystem::path ca_file, HttpLimits limits = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // The body of an answer with status 200. `bearer`: sent as such; may be empty. Every error is one clause
  // without the URL's path, and holds nothing of what was sent.
  connection::Awaitable<connection::Result<std::string>> post(connection::Context ctx, std::string body,
                                                              config::Secret bearer);

 private:
  struct Io;
  connection::Awaitable<connection::Result<std::string>> exchange(connection::Context ctx,
                                                                  const std::string& body,
                                                                  const config::Secret& bearer);
  connection::Awaitable<connection::Result<void>> connect(connection::Context ctx);
  connection::Awaitable<connection::Result<void>> connect_to(connection::TimePoint limit,
                                                             boost::asio::ip::address address);

  connection::Resolver& resolver_;
  config::HttpUrl url_;
  HttpLimits limits_;
  std::shared_ptr<Io> io_;  // a stop's handler may come after the client is gone
};

}  // namespace linewatch::agent
