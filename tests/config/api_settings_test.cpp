#include <doctest/doctest.h>

#include <fmt/format.h>

#include "loading.hpp"

using namespace linewatch;

namespace {

// What is wrong with zabbix.api, which stands on line 2.
std::string problems_of(const tests::Folder& folder, std::string_view keys) {
  folder.write("token", "t0ken\n");
  return folder.problems_of(fmt::format("zabbix: {{servers: [10.0.0.5],\n  api: {{{}}}}}\n", keys));
}

}  // namespace

TEST_CASE("zabbix.api: the address of the front end") {
  const tests::Folder folder;
  CHECK(problems_of(folder, "url: 'https://z.example.net/api_jsonrpc.php', token_file: token").empty());
  CHECK(problems_of(folder, "url: 'http://127.0.0.1:8080/api_jsonrpc.php', token_file: token").empty());
  CHECK(
      problems_of(folder, "url: 'http://z.example.net/', token_file: token") ==
      "linewatch.yml:2:14: warning: zabbix.api.url: the token or password goes over the network in the clear "
      "(write https://)\n");
  CHECK(problems_of(folder, "url: z.example.net, token_file: token") ==
        "linewatch.yml:2:14: error: zabbix.api.url: must begin with https:// or http://\n");
  CHECK(
      problems_of(folder, "url: 'https://admin:s3cret@z.example.net/', token_file: token") ==
      "linewatch.yml:2:14: error: zabbix.api.url: holds a name or a password before '@' (write username and "
      "password_file)\n");
}

TEST_CASE("zabbix.api: authorities of the site's own") {
  const tests::Folder folder;
  CHECK(problems_of(folder, "url: 'https://z.example.net/', token_file: token, ca_file: none.pem") ==
        "linewatch.yml:2:68: error: zabbix.api.ca_file: cannot read none.pem: No such file or directory\n");
  folder.write("ca.pem", "x");
  CHECK(problems_of(folder, "url: 'https://z.example.net/', token_file: token, ca_file: ca.pem").empty());
  CHECK(folder.load().settings.zabbix.api->ca_file == folder.path() / "ca.pem");
}
