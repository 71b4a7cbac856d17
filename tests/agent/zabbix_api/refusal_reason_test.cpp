#include "agent/zabbix_api/refusal_reason.hpp"

#include <doctest/doctest.h>

using namespace linewatch;
using namespace linewatch::agent;
using Connect = config::TlsSettings::Connect;

namespace {

struct Case {
  const char* what;
  const char* host;  // JSON; what it leaves out is as on a host, or an item, that takes everything
  const char* item;
  const char* reason;  // words of it
  Connect connect = Connect::unencrypted;
  const char* monitor = "";
};

Json over(const char* usual, const char* own) {
  Json out = Json::parse(own);
  if (out.is_object()) {
    const Json base = Json::parse(usual);
    for (const auto& [key, value] : base.items())
      if (!out.contains(key)) out[key] = value;
  }
  return out;
}

std::string reason_of(const Case& each) {
  const Json host = over(R"({"hostid": "1", "host": "h", "status": "0", "tls_accept": "1"})", each.host);
  const Json item = over(R"({"key_": "k", "type": "2", "status": "0", "state": "0", "error": "",
                             "trapper_hosts": "", "allow_traps": "0"})",
                         each.item);
  return refusal_reason({host, item, each.monitor, each.connect});
}

}  // namespace

TEST_CASE("why an item is refused") {
  const Case cases[] = {
      {"no host", "null", "null",
       "there is no host of this name, or the account of zabbix.api may not read it"},
      {"a host disabled", R"({"status": "1"})", "{}", "the host is disabled"},
      {"disabled comes before all else", R"({"status": 1, "tls_accept": 2})", "null", "the host is disabled"},
      {"no item", "{}", "null", "the host has no item with this key"},
      {"an item disabled", "{}", R"({"status": "1", "type": "7"})", "the item is disabled"},
      {"another type", "{}", R"({"type": "7"})",
       "the item is of type Zabbix agent (active), not Zabbix trapper"},
      {"a type of later", "{}", R"({"type": "22"})", "the item is of type Browser, not Zabbix trapper"},
      {"a type nobody knows", "{}", R"({"type": "99"})",
       "the item is of type number '99', not Zabbix trapper"},
      {"no type", "{}", R"({"type": [2]})", "the item is of type number '', not Zabbix trapper"},
      {"HTTP", "{}", R"({"type": "19"})", "the item is of type HTTP agent, not Zabbix trapper"},
      {"HTTP that takes values", "{}", R"({"type": 19, "allow_traps": 1})", "the API shows nothing wrong"},
      {"allowed hosts", "{}", R"({"trapper_hosts": "192.0.2.7\u001b"})",
       "the item takes values from its allowed hosts only: '192.0.2.7\\x1b'"},
      {"a proxy", "{}", "{}", "the host is monitored by proxy 'p-1': its values must be sent there",
       Connect::unencrypted, "proxy 'p-1'"},
      {"a proxy, and no item", "{}", "null", "the host has no item", Connect::unencrypted, "proxy 'p-1'"},
      {"two that may be", "{}", R"({"trapper_hosts": "h"})",
       "its allowed hosts only: 'h'; the host is monitored", Connect::unencrypted, "proxy 'p-1'"},
      {"a PSK wanted", R"({"tls_accept": "2"})", "{}",
       "the host takes values with a PSK only, and they come without encryption (its encryption, "
       "zabbix.tls)"},
      {"either wanted", R"({"tls_accept": "6"})", "{}", "with a PSK or with a certificate only, and"},
      {"no PSK wanted", R"({"tls_accept": "1"})", "{}", "without encryption only, and they come with a PSK",
       Connect::psk},
      {"a certificate wanted", R"({"tls_accept": "3"})", "{}", "and they come with a certificate",
       Connect::cert},
      {"another identity", R"({"tls_accept": "3"})", "{}", "or the host has another PSK identity",
       Connect::psk},
      {"another subject", R"({"tls_accept": "4"})", "{}", "another issuer or subject", Connect::cert},
      {"nothing wrong", "{}", "{}",
       "the API shows nothing wrong: the server may not have read its configuration yet "
       "(CacheUpdateFrequency)"},
      {"what an account may not see", R"({"tls_accept": null})", "{}", "the API shows nothing wrong"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.what);
    const std::string reason = reason_of(each);
    CAPTURE(reason);
    CHECK(reason.find(each.reason) != std::string::npos);
    CHECK(reason.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("who monitors a host, in each version's words") {
  using Kind = HostMonitor::Kind;
  const auto monitor = [](const char* host) { return monitor_of(Json::parse(host)); };
  CHECK(monitor(R"({"proxy_hostid": "0"})") == HostMonitor{});
  CHECK(monitor(R"({"proxy_hostid": "12"})") == HostMonitor{Kind::proxy, "12"});
  CHECK(monitor(R"({"monitored_by": "0", "proxyid": "0", "proxy_groupid": "0"})") == HostMonitor{});
  CHECK(monitor(R"({"monitored_by": "1", "proxyid": "12", "proxy_groupid": "0"})") ==
        HostMonitor{Kind::proxy, "12"});
  CHECK(monitor(R"({"monitored_by": 2, "proxyid": "0", "proxy_groupid": 5})") ==
        HostMonitor{Kind::group, "5"});
  CHECK(monitor("{}") == HostMonitor{});
  CHECK(monitor("null") == HostMonitor{});
}

TEST_CASE("hosts that store nothing") {
  const auto why = [](const char* host) { return why_nothing_stored(Json::parse(host)); };
  CHECK(why(R"({"status": "0", "maintenance_status": "0", "maintenance_type": "0"})").empty());
  CHECK(why(R"({"status": "0", "maintenance_status": "1", "maintenance_type": "0"})").empty());
  CHECK(why(R"({"status": "0", "maintenance_status": "0", "maintenance_type": "1"})").empty());
  CHECK(why(R"({"status": "0", "maintenance_status": "1", "maintenance_type": "1"})") ==
        "is in maintenance without data collection: Zabbix answers \"processed\" and stores nothing");
  CHECK(why(R"({"status": 1})") == "is disabled: Zabbix refuses its values");
  CHECK(why("null").empty());
}
