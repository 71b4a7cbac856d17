#include "config/url.hpp"

#include <doctest/doctest.h>

using namespace linewatch;

TEST_CASE("the parts of an address") {
  const auto plain = config::parse_http_url("https://zabbix.example.net/api_jsonrpc.php");
  REQUIRE(plain);
  CHECK(plain->tls);
  CHECK(plain->host == "zabbix.example.net");
  CHECK(plain->port == 443);
  CHECK(plain->path == "/api_jsonrpc.php");
  CHECK(plain->host_header() == "zabbix.example.net");

  const auto full = config::parse_http_url("http://[2001:db8::1]:8080/z/api_jsonrpc.php?a=b");
  REQUIRE(full);
  CHECK_FALSE(full->tls);
  CHECK(full->host == "2001:db8::1");
  CHECK(full->path == "/z/api_jsonrpc.php?a=b");
  CHECK(full->host_header() == "[2001:db8::1]:8080");

  CHECK(config::parse_http_url("http://192.0.2.1")->path == "/");
  CHECK(config::parse_http_url("http://192.0.2.1:80/")->host_header() == "192.0.2.1");
}

TEST_CASE("what is no address of a front end is refused, and nothing of it is quoted") {
  for (const char* text :
       {"", "zabbix.example.net", "ftp://a/", "https://", "https:///x", "https://u:s3cret@a/", "https://a:0/",
        "https://a:70000/", "https://a b/", "https://a/x y", "https://a/#x", "https://a/\r\nX: y",
        "https://a/\xC3\xA4", "https://[::1/"}) {
    CAPTURE(text);
    const auto url = config::parse_http_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().find("s3cret") == std::string::npos);
  }
}
