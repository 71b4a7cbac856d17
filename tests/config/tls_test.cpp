// What the loader says of zabbix.tls and the files that it names.

#include <doctest/doctest.h>

#include "loading.hpp"
#include "tests/support/certificates.hpp"

using namespace linewatch;

namespace {

constexpr std::string_view cert = "connect: cert, ca_file: ca, cert_file: cert, key_file: key";

// An authority, a certificate of it with its key, and a list that revokes nothing.
struct Files {
  test::Authority authority{"Root"};
  test::Identity agent = authority.issue("agent");
  tests::Folder folder;

  Files() {
    folder.write("ca", authority.certificate());
    folder.write("cert", agent.certificate);
    folder.write("key", agent.key);
    folder.write("crl", authority.revoke({}));
  }
  // Without the path of the file and the warning that there are no lines.
  std::string problems(std::string_view keys) const {
    std::string said =
        folder.problems_of("zabbix: {servers: [a], tls: {" + std::string(keys) + "}}\nlines: []\n");
    const std::string nothing = "linewatch.yml:2:8: warning: lines: there is no line to measure\n";
    const std::string other = "linewatch.yml:1:1: warning: lines: there is no line to measure\n";
    for (const std::string& usual : {nothing, other}) {
      if (const auto at = said.find(usual); at != std::string::npos) said.erase(at, usual.size());
    }
    return said;
  }
  bool says(std::string_view keys, std::string_view text) const {
    const std::string said = problems(keys);
    INFO(said);
    const bool found = said.find(text) != std::string::npos;
    CHECK(found);
    return found;
  }
};

}  // namespace

TEST_CASE("certificates, their key and a revocation list are read and in order") {
  const Files files;
  CHECK(files.problems(std::string(cert) + ", crl_file: crl, server_cert_subject: CN=zabbix") == "");
  const config::TlsSettings tls = files.folder.load().settings.zabbix.servers.at(0).tls;
  CHECK(tls.connect == config::TlsSettings::Connect::cert);
  CHECK(tls.ca == files.authority.certificate());
  CHECK(tls.key.reveal() == files.agent.key);
  CHECK(tls.crl.starts_with("-----BEGIN X509 CRL-----"));
  CHECK(tls.crl_file == files.folder.path() / "crl");
}

TEST_CASE("a changed file of zabbix.tls gives other settings, the same text does not") {
  const Files files;
  const std::string keys = std::string(cert) + ", crl_file: crl";
  CHECK(files.problems(keys) == "");
  const auto before = files.folder.load().settings.zabbix;
  CHECK(files.folder.load().settings.zabbix == before);
  files.folder.write("crl", files.authority.revoke({files.agent}));
  CHECK(files.folder.load().settings.zabbix != before);
  files.folder.write("psk", "00112233445566778899aabbccddeeff\n");
  const std::string_view psk = "connect: psk, psk_identity: i, psk_file: psk";
  CHECK(files.problems(psk) == "");
  const auto with_psk = files.folder.load().settings.zabbix;
  files.folder.write("psk", "00112233445566778899aabbccddeefe\n");
  CHECK(files.folder.load().settings.zabbix != with_psk);
}

TEST_CASE("files of zabbix.tls that hold something else are named, with what is wrong") {
  Files files;
  const tests::Folder& folder = files.folder;
  folder.write("other", files.authority.issue("other").key);
  folder.write("locked", test::under_passphrase(files.agent));
  folder.write("open", files.agent.key, 0644);
  folder.write("broken",
               files.agent.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const std::pair<const char*, const char*> table[] = {
      {"connect: cert, ca_file: key, cert_file: cert, key_file: key",
       "error: zabbix.tls.ca_file: key holds no certificate (PEM, -----BEGIN CERTIFICATE-----)\n"},
      {"connect: cert, ca_file: broken, cert_file: cert, key_file: key",
       "error: zabbix.tls.ca_file: broken holds something broken in place of its certificate number 2\n"},
      {"connect: cert, ca_file: ca, cert_file: none, key_file: key",
       "error: zabbix.tls.cert_file: cannot read none: No such file or directory\n"},
      {"connect: cert, ca_file: ca, cert_file: cert, key_file: cert",
       "error: zabbix.tls.key_file: cert holds no private key"},
      {"connect: cert, ca_file: ca, cert_file: cert, key_file: other",
       "error: zabbix.tls.key_file: other is not the key of the first certificate in cert\n"},
      {"connect: cert, ca_file: ca, cert_file: cert, key_file: locked",
       "error: zabbix.tls.key_file: locked holds a key under a passphrase"},
      {"connect: cert, ca_file: ca, cert_file: cert, key_file: open",
       "warning: zabbix.tls.key_file: open is readable by others (chmod 600 open)\n"},
      {"connect: cert, ca_file: ca, cert_file: cert, key_file: key, crl_file: ca",
       "error: zabbix.tls.crl_file: ca holds no revocation list (PEM, -----BEGIN X509 CRL-----)\n"},
      {"connect: cert, ca_file: ca",
       "error: zabbix.tls.cert_file: missing (connect: cert needs ca_file, cert_file and key_file)\n"},
      {"connect: psk, psk_identity: i",
       "error: zabbix.tls.psk_file: missing (connect: psk needs psk_identity and psk_file)\n"},
  };
  for (const auto& [keys, text] : table) {
    INFO(keys);
    files.says(keys, text);
  }
}

TEST_CASE("certificates and lists that do not hold today are warned of") {
  Files files;
  files.folder.write("old", files.authority.issue("old", {.from = -20, .until = -10}).certificate);
  files.folder.write("young", files.authority.issue("young", {.from = 10, .until = 20}).certificate);
  files.folder.write("stale", files.authority.revoke({}, {.from = -20, .until = -10}));
  files.says("ca_file: old", "warning: zabbix.tls.ca_file: a certificate in old has expired on 20");
  files.says("ca_file: young", "warning: zabbix.tls.ca_file: a certificate in young is not valid before 20");
  files.says("crl_file: stale", "warning: zabbix.tls.crl_file: a revocation list in stale has expired on 20");
}

TEST_CASE("a forgotten connect does not mean in the clear") {
  const Files files;
  files.says(
      "ca_file: ca, cert_file: cert, key_file: key",
      "error: zabbix.tls.ca_file: means nothing without connect (write connect: psk or connect: cert)\n");
  CHECK(files.problems("connect: unencrypted, ca_file: ca") == "");
}

TEST_CASE("a private key never shows in a problem") {
  const Files files;
  files.folder.write("key", "-----BEGIN PRIVATE KEY-----\nSEKRETSEKRET\n-----END PRIVATE KEY-----\n", 0644);
  const std::string said = files.problems(cert);
  CHECK(said.find("key holds no private key") != std::string::npos);
  CHECK(said.find("SEKRET") == std::string::npos);
}
