#include "tests/sim/server/router.hpp"

#include <fmt/format.h>

namespace linewatch::sim {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr const char* old_kex = "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1";
constexpr const char* old_ciphers = "aes128-cbc,3des-cbc";
constexpr const char* old_macs = "hmac-sha1";
constexpr const char* old_host_keys = "ssh-rsa";

bool set_legacy(ssh_bind bind) {
  return ssh_bind_options_set(bind, SSH_BIND_OPTIONS_KEY_EXCHANGE, old_kex) == SSH_OK &&
         ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, old_ciphers) == SSH_OK &&
         ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, old_ciphers) == SSH_OK &&
         ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_C_S, old_macs) == SSH_OK &&
         ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_S_C, old_macs) == SSH_OK &&
         ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, old_host_keys) == SSH_OK;
}

}  // namespace

Router::Router(boost::asio::io_context& loop, RouterConfig config, std::shared_ptr<Events> events)
    : state_(std::make_shared<RouterState>(std::move(config), std::move(events))),
      acceptor_(loop),
      pause_(loop) {}

std::expected<void, std::string> Router::start() {
  if (auto done = prepare_ssh(); !done) return std::unexpected(state_->config.name + ": " + done.error());
  if (auto done = listen(); !done) return std::unexpected(state_->config.name + ": " + done.error());
  accept();
  return {};
}

std::expected<void, std::string> Router::prepare_ssh() {
  const RouterConfig& config = state_->config;
  for (const std::string& line : config.authorized_keys) {
    auto key = parse_public_key(line);
    if (!key) return std::unexpected(key.error());
    if (*key) state_->authorized_keys.push_back(std::move(*key));
  }
  auto key = load_or_make_host_key(config);
  if (!key) return std::unexpected(key.error());
  info_ = {config.name, platform_name(config.platform), config.address, 0, describe(key->get())};
  state_->bind.reset(ssh_bind_new());
  ssh_bind bind = state_->bind.get();
  const bool read_files = false;
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &read_files);
  if (config.legacy_ssh && !set_legacy(bind))
    return std::unexpected("this libssh lacks the legacy algorithms");
  if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key->get()) != SSH_OK) {
    return std::unexpected(std::string("host key not usable: ") + ssh_get_error(bind));
  }
  (void)key->release();  // the bind's now
  return {};
}

std::expected<void, std::string> Router::listen() {
  error_code error;
  const auto address = boost::asio::ip::make_address(state_->config.address, error);
  if (error || !address.is_loopback()) {
    return std::unexpected("address " + state_->config.address +
                           " is not a loopback address (127.0.0.0/8 or ::1)");
  }
  const tcp::endpoint endpoint(address, state_->config.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    return std::unexpected(fmt::format("cannot listen on {} port {}: {}", state_->config.address,
                                       state_->config.port, error.message()));
  }
  info_.port = acceptor_.local_endpoint().port();
  return {};
}

void Router::accept() {
  const auto self = shared_from_this();
  acceptor_.async_accept([self](error_code error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted || !self->acceptor_.is_open()) return;
    if (error) {  // most likely out of descriptors
      self->pause_.expires_after(std::chrono::milliseconds(100));
      self->pause_.async_wait([self](error_code stopped) {
        if (!stopped) self->accept();
      });
      return;
    }
    if (self->sessions_.size() >= self->prune_at_) {
      std::erase_if(self->sessions_, [](const auto& session) { return session.expired(); });
      self->prune_at_ = std::max<std::size_t>(64, self->sessions_.size() * 2);
    }
    auto session = std::make_shared<Session>(self->state_, std::move(socket));
    self->sessions_.push_back(session);
    session->start();
    self->accept();
  });
}

void Router::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& weak : sessions_) {
    if (const auto session = weak.lock()) session->drop();
  }
}

}  // namespace linewatch::sim
