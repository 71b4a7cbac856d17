#include "agent/zabbix_api/http_client.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "agent/version.hpp"
#include "config/address.hpp"
#include "config/problem.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::fail;
using connection::Phase;
using connection::Result;

namespace {

using TlsStream = asio::ssl::stream<beast::tcp_stream>;
using Parser = http::response_parser<http::string_body>;

// A name is a host's or, where the URL has one, an address's in the certificate.
bool expect_host(SSL* tls, const std::string& host) {
  if (config::is_ip(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host.c_str()) == 1;
  return SSL_set1_host(tls, host.c_str()) == 1 && SSL_set_tlsext_host_name(tls, host.c_str()) == 1;
}

std::string refused(const http::response_header<>& header) {
  const unsigned status = header.result_int();
  const auto reason = config::in_quotes(std::string_view(header.reason()));
  if (status >= 300 && status < 400) {
    return fmt::format(
        "the answer is a redirect (HTTP {}) to {}; it is not followed: write the right address in "
        "zabbix.api.url",
        status, config::in_quotes(std::string_view(header[http::field::location])));
  }
  const char* hint = status == 404 || status == 405 ? " (does zabbix.api.url end with api_jsonrpc.php?)" : "";
  return fmt::format("the answer is HTTP {} {}{}", status, reason, hint);
}

}  // namespace

// What an operation that is under way may outlive the client with.
struct HttpClient::Io {
  Io(asio::any_io_executor on, bool tls, const std::filesystem::path& ca_file)
      : loop(std::move(on)), context(asio::ssl::context::tls_client) {
    if (!tls) return;  // reading the system's trust store takes its time
    error_code error;
    context.set_verify_mode(asio::ssl::verify_peer, error);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    if (ca_file.empty()) {
      context.set_default_verify_paths(error);
    } else {
      context.load_verify_file(ca_file.string(), error);
      if (error) trust_trouble = fmt::format("zabbix.api.ca_file {}: {}", ca_file.string(), error.message());
    }
  }

  beast::tcp_stream& tcp() const { return stream->next_layer(); }
  void close() {
    if (stream) tcp().close();
    open = false;
  }

  asio::any_io_executor loop;
  asio::ssl::context context;
  std::string trust_trouble;
  std::unique_ptr<TlsStream> stream;  // without TLS only its lowest layer is used
  bool open = false;
  bool cancelled = false;
};

namespace {

struct CancelOnStop {
  std::function<void()> cancel;  // called on the loop
  asio::any_io_executor loop;
  void operator()() const { asio::post(loop, cancel); }
};

}  // namespace

HttpClient::HttpClient(asio::any_io_executor loop, connection::Resolver& resolver, config::HttpUrl url,
                       std::filesystem::path ca_file, HttpLimits limits)
    : resolver_(resolver),
      url_(std::move(url)),
      limits_(limits),
      io_(std::make_shared<Io>(std::move(loop), url_.tls, ca_file)) {}

HttpClient::~HttpClient() {
  io_->close();
}

Awaitable<Result<std::string>> HttpClient::post(Context ctx, std::string body, config::Secret bearer) {
  if (!io_->trust_trouble.empty())
    co_return fail(ErrorCode::protocol, Phase::tcp_connect, io_->trust_trouble);
  io_->cancelled = ctx.stopped();
  const auto cancel = [io = io_] {
    io->cancelled = true;
    io->close();  // so that no later step of the exchange can begin to wait either
  };
  const std::stop_callback<CancelOnStop> on_stop(ctx.stop(), CancelOnStop{cancel, io_->loop});
  const bool reused = io_->open;
  Result<std::string> answer = co_await exchange(ctx, body, bearer);
  // A kept connection may have been closed by the other side while nobody looked.
  if (!answer && reused && answer.error().code == ErrorCode::closed && !io_->cancelled) {
    io_->close();
    answer = co_await exchange(ctx, body, bearer);
  }
  if (!answer) io_->close();
  co_return answer;
}

namespace {

Error broken(bool cancelled, Phase phase, const std::string& doing, const error_code& error) {
  if (cancelled) return {ErrorCode::cancelled, phase, doing + " was cancelled"};
  if (error == beast::error::timeout) return {ErrorCode::deadline, phase, doing + " took too long"};
  const auto code = phase == Phase::tcp_connect ? ErrorCode::unreachable : ErrorCode::protocol;
  return {code, phase, fmt::format("{} failed: {}", doing, error.message())};
}

// No octet of an answer came.
bool is_close(const error_code& error) {
  return error == http::error::end_of_stream || error == asio::error::eof ||
         error == asio::error::connection_reset || error == asio::error::broken_pipe ||
         error == asio::ssl::error::stream_truncated;
}

template <class Stream, class Request>
Awaitable<error_code> talk(Stream& stream, Request& request, beast::flat_buffer& buffer, Parser& parser) {
  error_code error;
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
  // A server that has answered "no" may close before it has read all; its answer still lies here to be read.
  if (error && !is_close(error)) co_return error;
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

}  // namespace

Awaitable<Result<std::string>> HttpClient::exchange(Context ctx, const std::string& body,
                                                    const config::Secret& bearer) {
  if (!io_->open) {
    const Result<void> connected = co_await connect(ctx);
    if (!connected) co_return std::unexpected(connected.error());
  }
  http::request<http::string_body> request(http::verb::post, url_.path, 11);
  request.set(http::field::host, url_.host_header());
  request.set(http::field::user_agent, "linewatch/" LINEWATCH_VERSION);
  request.set(http::field::content_type, "application/json-rpc");
  request.set(http::field::accept, "application/json");
  if (!bearer.empty()) request.set(http::field::authorization, "Bearer " + bearer.reveal());
  request.body() = body;
  request.prepare_payload();
  beast::flat_buffer buffer;
  Parser parser;
  parser.body_limit(limits_.answer);
  const auto io = io_;
  io->tcp().expires_at(ctx.deadline());
  error_code error;
  if (url_.tls) {
    error = co_await talk(*io->stream, request, buffer, parser);
  } else {
    error = co_await talk(io->tcp(), request, buffer, parser);
  }
  io->tcp().expires_never();
  if (error == http::error::body_limit)
    co_return fail(ErrorCode::output_limit, Phase::read,
                   fmt::format("the answer is larger than {} octets", limits_.answer));
  if (error && !io->cancelled && is_close(error) && !parser.got_some())
    co_return fail(ErrorCode::closed, Phase::read, "the connection was closed without an answer");
  if (error || io->cancelled)
    co_return std::unexpected(broken(io->cancelled, Phase::read, "reading the answer", error));
  if (!parser.keep_alive()) io->close();
  if (parser.get().result() != http::status::ok)
    co_return fail(ErrorCode::protocol, Phase::read, refused(parser.get().base()));
  co_return std::move(parser.get().body());
}

Awaitable<Result<void>> HttpClient::connect(Context ctx) {
  const auto addresses = co_await resolver_.resolve(ctx, url_.host);
  if (!addresses) co_return std::unexpected(addresses.error());
  Result<void> last = fail(ErrorCode::deadline, Phase::tcp_connect, "there was no time left to connect");
  for (const auto& address : *addresses) {
    if (io_->cancelled || ctx.expired()) break;
    const connection::TimePoint limit = ctx.within(limits_.connect).deadline();
    last = co_await connect_to(limit, address);
    if (last) co_return last;
    io_->close();
  }
  if (io_->cancelled) co_return fail(ErrorCode::cancelled, Phase::tcp_connect, "connecting was cancelled");
  co_return last;
}

Awaitable<Result<void>> HttpClient::connect_to(connection::TimePoint limit, asio::ip::address address) {
  const auto io = io_;
  io->stream = std::make_unique<TlsStream>(io->loop, io->context);
  io->tcp().expires_at(limit);
  const tcp::endpoint endpoint(address, url_.port);
  const std::string shown = config::HttpUrl{true, address.to_string(), url_.port, ""}.host_header();
  error_code error;
  co_await io->tcp().async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error || io->cancelled)
    co_return std::unexpected(broken(io->cancelled, Phase::tcp_connect, "connecting to " + shown, error));
  if (url_.tls) {
    SSL* const tls = io->stream->native_handle();
    if (!expect_host(tls, url_.host))
      co_return fail(ErrorCode::internal, Phase::key_exchange, "TLS does not take the host's name");
    const auto as_client = asio::ssl::stream_base::client;
    co_await io->stream->async_handshake(as_client, asio::redirect_error(asio::use_awaitable, error));
    const long verified = SSL_get_verify_result(tls);
    if (error && !io->cancelled && verified != X509_V_OK) {
      co_return fail(
          ErrorCode::host_key, Phase::key_exchange,
          fmt::format("the certificate of {} is not accepted for {}: {} (zabbix.api.ca_file names the "
                      "authorities trusted)",
                      shown, url_.host, X509_verify_cert_error_string(verified)));
    }
    if (error || io->cancelled)
      co_return std::unexpected(broken(io->cancelled, Phase::key_exchange, "TLS with " + shown, error));
  }
  io->open = true;
  co_return Result<void>();
}

}  // namespace linewatch::agent
