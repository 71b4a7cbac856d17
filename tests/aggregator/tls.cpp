// Delivery over TLS: what arrives, what is refused, and what the operator is told.

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <cstring>

#include "config/pem.hpp"
#include "tests/aggregator/world.hpp"
#include "tests/support/certificates.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;
using linewatch::test::Authority;
using linewatch::test::Identity;
using namespace std::chrono_literals;

namespace {

using Context = std::shared_ptr<asio::ssl::context>;

constexpr const char* right_key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr const char* wrong_key = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

config::TlsSettings psk(const char* key = right_key, const char* identity = "edge-mon-1") {
  config::TlsSettings tls;
  tls.connect = config::TlsSettings::Connect::psk;
  tls.psk_identity = identity;
  tls.psk = config::Secret(key);
  return tls;
}

config::TlsSettings cert(const Authority& trusted, const Identity& own) {
  config::TlsSettings tls;
  tls.connect = config::TlsSettings::Connect::cert;
  tls.ca = trusted.certificate();
  tls.cert = own.certificate;
  tls.key = config::Secret(own.key);
  tls.ca_file = "/etc/tls/ca.pem", tls.cert_file = "/etc/tls/agent.pem", tls.crl_file = "/etc/tls/crl.pem";
  return tls;
}

unsigned psk_of_client(SSL*, const char* identity, unsigned char* key, unsigned room) {
  std::size_t size = 0;
  if (std::strcmp(identity, "edge-mon-1") != 0) return 0;
  return OPENSSL_hexstr2buf_ex(key, room, &size, right_key, '\0') == 1 ? static_cast<unsigned>(size) : 0;
}

Context server(int version = 0) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), version);
  SSL_CTX_set_max_proto_version(context->native_handle(), version);
  return context;
}

Context psk_server(int version = 0) {
  Context context = server(version);
  SSL_CTX_set_cipher_list(context->native_handle(), "PSK:@SECLEVEL=1");
  SSL_CTX_set_psk_server_callback(context->native_handle(), psk_of_client);
  return context;
}

// Shows `own` and wants a certificate of `trusted`.
Context cert_server(const Identity& own, const Authority& trusted, int version = 0) {
  Context context = server(version);
  SSL_CTX* const raw = context->native_handle();
  REQUIRE(SSL_CTX_use_certificate(raw, config::pem_certificates(own.certificate)->front().get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(raw, config::pem_private_key(config::Secret(own.key))->get()) == 1);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(raw),
                      config::pem_certificates(trusted.certificate())->front().get());
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

// One world of one destination.
struct TlsWorld : World {
  StandIn& peer;
  TlsWorld(Context of_server, const config::TlsSettings& of_agent) : peer(serve()) {
    peer.tls = std::move(of_server);
    destination({peer.node()});
    settings.servers[0].tls = of_agent;
    start();
  }
};

connection::Awaitable<void> try_and_give_up(World& world) {
  world.submit();
  const Predicate failed = [&world] { return !world.figures().last_error.empty(); };
  co_await until(world, failed);
  co_await drain(world, 0s);
}

// What the operator is told; nothing of the values went to the server.
std::string failure(const Context& of_server, const config::TlsSettings& of_agent,
                    Behaviour behaviour = Behaviour::ok) {
  TlsWorld world(of_server, of_agent);
  world.peer.otherwise = behaviour;
  world.run(try_and_give_up);
  CHECK(world.peer.accepted.empty());
  CHECK(world.figures().processed == 0);
  CHECK(world.said(right_key) == 0);
  CHECK(world.said(wrong_key) == 0);
  std::string text = world.figures().last_error;
  const std::string node = to_string(world.peer.node());
  if (const auto at = text.find(node); at != std::string::npos) text.replace(at, node.size(), "NODE");
  return text;
}

void check_arrives(const Context& of_server, const config::TlsSettings& of_agent, const char* version) {
  TlsWorld world(of_server, of_agent);
  world.submit(2);
  world.run(deliver_and_drain);
  CHECK(keys(world.peer) == expected_keys(0, 2));
  CHECK(world.peer.last_tls.starts_with(version));
  CHECK(world.figures().last_error == "");
}

// An authority that both sides trust, and certificates of it.
struct Site {
  Authority root{"Root"};
  Identity zabbix = root.issue("zabbix"), agent = root.issue("agent");
  config::TlsSettings agent_settings() const { return cert(root, agent); }
};

}  // namespace

TEST_CASE("values arrive under a pre-shared key, by TLS 1.2 as of GnuTLS and by 1.3") {
  check_arrives(psk_server(TLS1_2_VERSION), psk(), "TLSv1.2 ECDHE-PSK");
  check_arrives(psk_server(TLS1_3_VERSION), psk(), "TLSv1.3");
  check_arrives(psk_server(), psk(), "TLSv1.3");
}

TEST_CASE("values arrive with certificates") {
  const Site site;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const char* name = version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3";
    check_arrives(cert_server(site.zabbix, site.root, version), site.agent_settings(), name);
  }
  config::TlsSettings exact = site.agent_settings();
  exact.server_cert_subject = "CN=zabbix,O=Linewatch test";
  exact.server_cert_issuer = "CN=Root,O=Linewatch test";
  exact.crl = site.root.revoke({site.agent});
  check_arrives(cert_server(site.zabbix, site.root), exact, "TLSv1.3");
}

TEST_CASE("a pre-shared key that is not the server's is said with its identity") {
  const std::string hint =
      "PSK identity 'edge-mon-1' is unknown there, its key is another, or no PSK is accepted)";
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    INFO(version);
    const std::string wrong = failure(psk_server(version), psk(wrong_key));
    INFO(wrong);
    CHECK(wrong.starts_with("NODE refused TLS: "));
    CHECK(wrong.ends_with(hint));
    const std::string unknown = failure(psk_server(version), psk(right_key, "nobody"));
    INFO(unknown);
    CHECK(unknown.starts_with("NODE refused TLS: "));
    CHECK(unknown.find("'nobody'") != std::string::npos);
  }
}

TEST_CASE("a certificate does not stand in for the pre-shared key") {
  const Site site;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Context context = cert_server(site.zabbix, site.root, version);
    const std::string text = failure(context, psk());
    INFO(text);
    CHECK(text.starts_with(version == TLS1_2_VERSION ? "NODE refused TLS: handshake failure"
                                                     : "NODE showed a certificate in place of the PSK"));
  }
}

TEST_CASE("a server's certificate that is not accepted is said with its reason") {
  Site site;
  const Authority other("Other");
  const auto server_with = [&](const Identity& own) { return cert_server(own, site.root); };

  config::TlsSettings tls = site.agent_settings();
  tls.ca = other.certificate();
  CHECK(failure(server_with(site.zabbix), tls) ==
        "the certificate of NODE is not accepted: self-signed certificate in certificate chain (by "
        "/etc/tls/ca.pem)");
  tls = site.agent_settings();
  CHECK(failure(server_with(site.root.issue("old", {.from = -20, .until = -10})), tls) ==
        "the certificate of NODE is not accepted: certificate has expired (by /etc/tls/ca.pem)");
  tls.crl = site.root.revoke({site.zabbix});
  CHECK(failure(server_with(site.zabbix), tls) ==
        "the certificate of NODE is not accepted: certificate revoked (by /etc/tls/crl.pem)");
  tls.crl = site.root.revoke({}, {.from = -20, .until = -10});
  CHECK(failure(server_with(site.zabbix), tls) ==
        "the certificate of NODE is not accepted: CRL has expired (by /etc/tls/crl.pem)");
}

TEST_CASE("a right certificate of another server is refused with both names") {
  const Site site;
  config::TlsSettings tls = site.agent_settings();
  tls.server_cert_subject = "O=Linewatch test,CN=zabbix";  // not the order in which Zabbix spells it
  CHECK(failure(cert_server(site.zabbix, site.root), tls) ==
        "the certificate of NODE has the subject 'CN=zabbix,O=Linewatch test', not 'O=Linewatch "
        "test,CN=zabbix' "
        "(tls.server_cert_subject)");
  tls.server_cert_issuer = "CN=Elsewhere";
  CHECK(failure(cert_server(site.zabbix, site.root), tls) ==
        "the certificate of NODE has the issuer 'CN=Root,O=Linewatch test', not 'CN=Elsewhere' "
        "(tls.server_cert_issuer)");
}

TEST_CASE("names are spelled as Zabbix spells them: escaped, and UTF-8 as it is") {
  Site site;
  config::TlsSettings tls = site.agent_settings();
  tls.server_cert_subject = "CN=\\\"Büro\\, Köln\\\" \\+1,O=Linewatch test";
  check_arrives(cert_server(site.root.issue("\"Büro, Köln\" +1"), site.root), tls, "TLSv1.3");
}

TEST_CASE(
    "a server that does not take the agent's certificate, which TLS 1.3 says only after the handshake") {
  const Site site;
  const Authority other("Other");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string text = failure(cert_server(site.zabbix, other, version), site.agent_settings());
    INFO(text);
    CHECK(text.starts_with("NODE refused TLS: unknown CA (the certificate in /etc/tls/agent.pem"));
  }
}

TEST_CASE("old versions of TLS are not spoken") {
  const Site site;
  const Context old = cert_server(site.zabbix, site.root, TLS1_1_VERSION);
  SSL_CTX_set_security_level(old->native_handle(), 0);
  CHECK(failure(old, site.agent_settings()) == "NODE speaks no TLS of version 1.2 or 1.3");
}

TEST_CASE("settings that OpenSSL cannot use are said, and nothing is sent in the clear") {
  const Site site;
  config::TlsSettings tls = site.agent_settings();
  tls.cert = "";
  CHECK(failure(nullptr, tls) ==
        "tls.cert_file /etc/tls/agent.pem holds no certificate (PEM, -----BEGIN CERTIFICATE-----)");
}

TEST_CASE("one side speaks TLS, the other does not") {
  CHECK(failure(nullptr, psk()).starts_with("NODE closed the connection in the TLS handshake (PSK identity"));
  CHECK(failure(nullptr, psk(), Behaviour::speaks_first) ==
        "NODE answers, but not in TLS (is it a Zabbix trapper?)");
  CHECK(failure(psk_server(), {}).find("TLS wanted") != std::string::npos);
}

TEST_CASE("a handshake that is cut is said as that") {
  CHECK(failure(psk_server(), psk(), Behaviour::close_at_once)
            .starts_with("NODE closed the connection in the TLS handshake"));
}

TEST_CASE("a handshake that does not end has the time limit of connecting") {
  TlsWorld world(psk_server(), psk());
  world.peer.otherwise = Behaviour::silent;
  world.options.exchange.connect = 30ms;
  world.aggregator.reset();
  world.start();
  world.run(try_and_give_up);
  CHECK(world.figures().last_error.ends_with("took too long"));
}

TEST_CASE("a handshake under way ends with a stop at once") {
  TlsWorld world(psk_server(), psk());
  world.peer.otherwise = Behaviour::silent;
  world.options.exchange = {.connect = 1h, .total = 1h};
  world.aggregator.reset();
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate connected = [&w] { return w.servers[0]->connections > 0; };
    co_await until(w, connected);
    co_await drain(w, 0s);
  });
  CHECK(world.figures().dropped == 2);
}

TEST_CASE("an answer that is cut off under TLS is no answer") {
  TlsWorld world(psk_server(), psk());
  world.peer.script = {Behaviour::half_answer, Behaviour::close_silently};
  world.submit();
  world.run(deliver_and_drain);
  CHECK(keys(world.peer) == expected_keys(0, 1));
  CHECK(world.peer.connections == 3);
  CHECK(world.said("closed the connection") == 1);
}

TEST_CASE("what waited for a wrong key arrives once the right one is there") {
  TlsWorld world(psk_server(), psk(wrong_key));
  world.submit(3);
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate failed = [&w] { return !w.figures().last_error.empty(); };
    co_await until(w, failed);
    w.settings.servers[0].tls = psk();
    w.aggregator->reconfigure(w.settings);
    co_await deliver_and_drain(w);
  });
  CHECK(keys(world.peer) == expected_keys(0, 3));
  CHECK(world.figures().dropped == 0);
}
