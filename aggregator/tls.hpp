#pragma once
// How one destination is spoken to over TLS: OpenSSL's context made from zabbix.tls, the checks of the
// server's certificate that Zabbix makes itself, and failures in words. Unchangeable; shared by the exchanges
// with that destination.
//
// With a pre-shared key only cipher suites that prove it are offered, and no certificate is accepted in its
// place. With certificates the chain is verified up to ca_file, against crl_file if there is one, and the
// host's name is not compared, as Zabbix does not either: server_cert_subject and server_cert_issuer are what
// tells servers of one authority apart. TLS 1.2 and 1.3; GnuTLS servers speak only 1.2 with a pre-shared key.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "connection/error.hpp"

namespace linewatch::aggregator {

class Tls {
 public:
  // Null for Connect::unencrypted. What is wrong with the settings every use() then says.
  static std::shared_ptr<Tls> make(const config::TlsSettings& settings);
  explicit Tls(config::TlsSettings settings);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  connection::Result<boost::asio::ssl::context*> use();
  // After the handshake: whether it is the server that the settings name.
  connection::Result<void> check_server(SSL* session, const std::string& node) const;
  // Why a handshake, or what followed it, failed: `error` as Asio gave it.
  connection::Error failure(SSL* session, const std::string& node,
                            const boost::system::error_code& error) const;
  // What a server that closes without a word may mean by it.
  std::string silence_means() const;

 private:
  bool psk() const { return settings_.connect == config::TlsSettings::Connect::psk; }
  std::string prepare_psk();
  std::string prepare_certificates();
  std::string prepare_trust();
  static unsigned tell_psk(SSL* session, const char* hint, char* identity, unsigned identity_room,
                           unsigned char* key, unsigned key_room);

  config::TlsSettings settings_;
  boost::asio::ssl::context context_;
  std::string trouble_;
};

}  // namespace linewatch::aggregator
