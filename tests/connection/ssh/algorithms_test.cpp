#include "connection/ssh/algorithms.hpp"

#include <doctest/doctest.h>
#include <libssh/libssh.h>

using namespace linewatch::connection;

TEST_CASE("old algorithms are offered to old devices only") {
  const Algorithms now = algorithms(false, {}), old = algorithms(true, {});
  for (const char* weak : {"-sha1", "group1-"}) {
    CHECK(now.key_exchange.find(weak) == std::string::npos);
    CHECK(old.key_exchange.find(weak) != std::string::npos);
  }
  CHECK(now.ciphers.find("cbc") == std::string::npos);
  CHECK(old.ciphers.ends_with("3des-cbc"));
  CHECK(now.macs.find("sha1") == std::string::npos);
  CHECK(old.macs.ends_with("hmac-sha1"));
  CHECK(now.host_keys.find("ssh-rsa") == std::string::npos);
  CHECK(old.host_keys.ends_with("ssh-rsa"));
  CHECK(old.client_keys.ends_with("ssh-rsa"));
  CHECK(now.key_exchange.ends_with("diffie-hellman-group18-sha512"));  // the slow ones last
  CHECK(old.key_exchange.ends_with("diffie-hellman-group18-sha512"));
}

TEST_CASE("the types of known keys are asked for first") {
  const Algorithms rsa = algorithms(false, {HostKey{"ssh-rsa", ""}});
  CHECK(rsa.host_keys.starts_with("rsa-sha2-512,rsa-sha2-256,ssh-ed25519"));
  const Algorithms nist = algorithms(true, {HostKey{"ecdsa-sha2-nistp384", ""}});
  CHECK(nist.host_keys.starts_with("ecdsa-sha2-nistp384,ssh-ed25519"));
  CHECK(algorithms(false, {}).host_keys.starts_with("ssh-ed25519"));
}

TEST_CASE("the library takes every list whole") {
  for (const bool legacy : {false, true}) {
    const Algorithms offered = algorithms(legacy, {});
    ssh_session session = ssh_new();
    CHECK(ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, offered.key_exchange.c_str()) == 0);
    CHECK(ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, offered.host_keys.c_str()) == 0);
    CHECK(ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, offered.ciphers.c_str()) == 0);
    CHECK(ssh_options_set(session, SSH_OPTIONS_HMAC_C_S, offered.macs.c_str()) == 0);
    CHECK(ssh_options_set(session, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, offered.client_keys.c_str()) == 0);
    ssh_free(session);
  }
}
