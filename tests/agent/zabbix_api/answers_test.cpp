#include "agent/zabbix_api/answers.hpp"

#include <doctest/doctest.h>

#include "agent/zabbix_api/api_client.hpp"

using namespace linewatch;
using namespace linewatch::agent;

TEST_CASE("macros as the API lists them") {
  const Macros macros = api_macro_values(Json::parse(R"([
    {"macro": "{$A}", "value": "1", "type": "0"}, {"macro": "{$A:ctx}", "value": "2", "type": "0"},
    {"macro": "{$SECRET}", "type": "1"}, {"macro": "{$VAULT}", "value": "path:key", "type": "2"},
    {"macro": "{$OLD}", "value": "3"}, {"macro": "{$GONE}"}, {"macro": "odd", "value": "4"}, {"value": "5"}, 6, null])"));
  CHECK(macros.size() == 5);
  CHECK(macros.at("{$A}").text == "1");
  CHECK(macros.at("{$OLD}").text == "3");
  for (const char* name : {"{$SECRET}", "{$VAULT}", "{$GONE}"}) {
    CHECK(macros.at(name).secret);
    CHECK(macros.at(name).text.empty());
  }
  CHECK(api_macro_values(Json::parse(R"({"a": 1})")).empty());
}

TEST_CASE("the interface that counts") {
  const auto address = [](const char* interfaces) {
    return api_interface_address(Json::parse(R"({"interfaces": )" + std::string(interfaces) + "}"));
  };
  CHECK(address(R"([{"type": "1", "main": "1", "useip": "1", "ip": "192.0.2.1", "dns": "a.example"}])") ==
        "192.0.2.1");
  CHECK(address(R"([{"type": "1", "main": "1", "useip": "0", "ip": "192.0.2.1", "dns": "a.example"}])") ==
        "a.example");
  CHECK(address(R"([{"type": "2", "main": "1", "useip": "1", "ip": "192.0.2.2"},
                    {"type": "1", "main": "0", "useip": "1", "ip": "192.0.2.3"},
                    {"type": "1", "main": "1", "useip": "1", "ip": "192.0.2.1"}])") == "192.0.2.1");
  CHECK(address(R"([{"type": "3", "main": "1", "useip": "1", "ip": "192.0.2.3"},
                    {"type": "4", "main": "1", "useip": "1", "ip": "192.0.2.4"}])") == "192.0.2.4");
  CHECK(address("[]").empty());
  CHECK(address("[1, {}]").empty());
  CHECK(address("7").empty());
}

TEST_CASE("ids and texts of any kind") {
  const Json object =
      Json::parse(R"({"a": "12", "b": 13, "c": "x", "d": [1], "e": "18446744073709551616", "f": -1})");
  CHECK(api_id(object, "a") == 12);
  CHECK(api_id(object, "b") == 13);
  for (const char* key : {"c", "d", "e", "f", "none"}) CHECK_FALSE(api_id(object, key));
  CHECK_FALSE(api_id(Json::array(), "a"));
  CHECK(api_text(object, "d").empty());
  CHECK(api_list(object, "d").size() == 1);
  CHECK(api_list(object, "a").empty());
}

TEST_CASE("versions") {
  CHECK(parse_api_version("6.0.14") == ApiVersion{6, 0});
  CHECK(parse_api_version("7.2.0rc1") == ApiVersion{7, 2});
  CHECK(parse_api_version("7.4") == ApiVersion{7, 4});
  CHECK(ApiVersion{6, 4} > ApiVersion{6, 2});
  CHECK(ApiVersion{10, 0} > ApiVersion{7, 4});
  for (const char* text : {"", "6", "6.", "six", "6.x", "-6.0", "6.0x"}) CHECK_FALSE(parse_api_version(text));
}
