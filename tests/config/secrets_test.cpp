#include <doctest/doctest.h>
#include <stdlib.h>

#include "loading.hpp"

using namespace linewatch;

namespace {

std::string with_credential(std::string_view keys) {
  return "zabbix: {servers: [10.0.0.5]}\ncredentials:\n  c: {" + std::string(keys) +
         "}\nrouters: [{name: r, address: 192.0.2.1, platform: linux, credentials: c}]\n"
         "lines: [{id: 1, router: r, target: 192.0.2.9}]\n";
}

// Sets an environment variable for one test.
struct Variable {
  Variable(const char* variable, const char* value) : name(variable) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name); }
  const char* name;
};

}  // namespace

TEST_CASE("a password comes from a file, the environment, the service manager or the text") {
  const tests::Folder folder;
  folder.write("secrets/a", "file secret\r\n");
  folder.write("unit/b", "unit secret");
  const Variable environment("LINEWATCH_TEST_PASSWORD", "env secret");
  const Variable credentials("CREDENTIALS_DIRECTORY", (folder.path() / "unit").c_str());
  const std::pair<const char*, const char*> table[] = {
      {"password_file: secrets/a", "file secret"},
      {"password_env: LINEWATCH_TEST_PASSWORD", "env secret"},
      {"password_credential: b", "unit secret"},
      {"password: 'text # secret'", "text # secret"}};
  for (const auto& [keys, want] : table) {
    INFO(keys);
    CHECK(folder.problems_of(with_credential(std::string("username: u, ") + keys)) == "");
    CHECK(folder.load().settings.credentials.at("c").password->reveal() == want);
  }
}

TEST_CASE("a secret's file is relative to the file it is written in") {
  const tests::Folder folder;
  folder.write("conf.d/pw", "x");
  folder.write("conf.d/c.yml", "credentials: {c: {username: u, password_file: pw}}\n");
  CHECK(folder.problems_of("include: conf.d/*.yml\nzabbix: {servers: [10.0.0.5]}\n"
                           "routers: [{name: r, address: 192.0.2.1, platform: linux, credentials: c}]\n"
                           "lines: [{id: 1, router: r, target: 192.0.2.9}]\n") == "");
}

TEST_CASE("a secret that can't be had is said with the cause") {
  const tests::Folder folder;
  folder.write("empty", "\n");
  folder.write("two", "a\nb\n");
  std::filesystem::create_directory(folder.path() / "folder");
  const std::pair<const char*, const char*> table[] = {
      {"password_file: none", "password_file: cannot read none: No such file or directory"},
      {"password_file: folder", "password_file: cannot read folder: Is a directory"},
      {"password_file: empty", "password_file: empty is empty"},
      {"password_file: two", "password_file: two must hold one line of text"},
      {"password: ''", "password: the secret is empty"},
      {"password_env: LINEWATCH_NOT_SET", "the environment variable LINEWATCH_NOT_SET is not set"},
      {"password_credential: x", "CREDENTIALS_DIRECTORY is not set"},
      {"password: p, password_file: empty",
       "password_file: only one of password and password_file may be written"},
      {"password: null", "no way to log in"},
      {"private_key_file: two", "two is no private key"},
      {"password: p, private_key_passphrase: q", "there is no private_key_file that it could open"}};
  for (const auto& [keys, want] : table) {
    INFO(keys);
    const std::string said = folder.problems_of(with_credential(std::string("username: u, ") + keys));
    INFO(said);
    CHECK(said.find(want) != std::string::npos);
    CHECK(said.find("linewatch.yml:3:") == 0);
    CHECK(said.find('\n') == said.size() - 1);
  }
}

TEST_CASE("a private key is read with its passphrase") {
  const tests::Folder folder;
  folder.write("key", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n");
  folder.write("phrase", "open sesame\n");
  CHECK(folder.problems_of(with_credential(
            "username: u, private_key_file: key, private_key_passphrase_file: phrase")) == "");
  const config::Credential credential = folder.load().settings.credentials.at("c");
  CHECK(credential.private_key.reveal().starts_with("-----BEGIN OPENSSH"));
  CHECK(credential.private_key_passphrase->reveal() == "open sesame");
  CHECK_FALSE(credential.password);
}

TEST_CASE("files that others may read are warned of") {
  const tests::Folder folder;
  folder.write("pw", "x", 0644);
  folder.write("key", "-----BEGIN X-----\n", 0644);
  CHECK(folder.problems_of(with_credential("username: u, password_file: pw, private_key_file: key")) ==
        "linewatch.yml:3:35: warning: credentials.c.password_file: pw is readable by others (chmod 600 pw)\n"
        "linewatch.yml:3:57: warning: credentials.c.private_key_file: key is readable by others (chmod 600 "
        "key)\n");
  CHECK(folder.problems_of(with_credential("username: u, password: p"), 0644) ==
        "linewatch.yml:3:30: warning: credentials.c.password: a secret in a file that others may read (chmod "
        "600 "
        "linewatch.yml, or write password_file)\n");
}

TEST_CASE("a secret never shows in a problem") {
  const tests::Folder folder;
  folder.write("psk", "SEKRETSEKRETSEKRETSEKRETSEKRETSEKRET\n");
  const char* table[] = {
      "username: u, password: [SEKRET]",     "username: u, password: {SEKRET: SEKRET}",
      "username: u, password: ab,SEKRET",    "username: u, password: SEKRET, password: SEKRET2",
      "username: u, password: *SEKRET",      "username: u, password: !SEKRET",
      "username: u, password: \"SEKRET",     "username: u, password: 'a\n\n  SEKRET'",
      "username: u, password_env: SEKRETpw", "username: u, password: x: SEKRET",
      "username: u, passwrd: SEKRET"};
  for (const char* keys : table) {
    const std::string said = folder.problems_of(with_credential(keys), 0644);
    INFO(keys);
    INFO(said);
    CHECK(said != "");
    CHECK(said.find("SEKRET") == std::string::npos);
  }
  const std::string said = folder.problems_of(
      "zabbix: {servers: [10.0.0.5], tls: {connect: psk, psk_identity: i, psk_file: psk}}\n");
  CHECK(said.find("psk must hold 32 to 512 hexadecimal digits, an even number of them") != std::string::npos);
  CHECK(said.find("SEKRET") == std::string::npos);
}
