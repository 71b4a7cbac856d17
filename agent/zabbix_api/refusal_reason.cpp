#include "agent/zabbix_api/refusal_reason.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "config/problem.hpp"

namespace linewatch::agent {

using Connect = config::TlsSettings::Connect;

namespace {

// By number, as the front end names them; the gaps are types that Zabbix has given up.
constexpr std::array<std::string_view, 23> item_types{"Zabbix agent",
                                                      "",
                                                      "Zabbix trapper",
                                                      "Simple check",
                                                      "",
                                                      "Zabbix internal",
                                                      "",
                                                      "Zabbix agent (active)",
                                                      "",
                                                      "Web item",
                                                      "External check",
                                                      "Database monitor",
                                                      "IPMI agent",
                                                      "SSH agent",
                                                      "TELNET agent",
                                                      "Calculated",
                                                      "JMX agent",
                                                      "SNMP trap",
                                                      "Dependent item",
                                                      "HTTP agent",
                                                      "SNMP agent",
                                                      "Script",
                                                      "Browser"};

constexpr std::uint64_t without_encryption = 1, with_psk = 2, with_certificate = 4;  // bits of tls_accept

std::string type_name(const Json& item) {
  const auto number = api_id(item, "type");
  if (number && *number < item_types.size() && !item_types[*number].empty())
    return std::string(item_types[*number]);
  return "number " + config::in_quotes(api_text(item, "type"));
}

bool takes_sent_values(const Json& item) {
  const std::string type = api_text(item, "type");
  return type == "2" || (type == "19" && api_text(item, "allow_traps") == "1");
}

std::uint64_t bit_of(Connect connect) {
  switch (connect) {
    case Connect::psk:
      return with_psk;
    case Connect::cert:
      return with_certificate;
    default:
      return without_encryption;
  }
}

std::string way_of(std::uint64_t bit) {
  return bit == with_psk           ? "with a PSK"
         : bit == with_certificate ? "with a certificate"
                                   : "without encryption";
}

std::string other_encryption(const Json& host, Connect connect) {
  const auto accepted = api_id(host, "tls_accept");
  if (!accepted || *accepted == 0 || (*accepted & bit_of(connect)) != 0) return {};
  std::string ways;
  for (const std::uint64_t bit : {without_encryption, with_psk, with_certificate}) {
    if ((*accepted & bit) != 0) ways += (ways.empty() ? "" : " or ") + way_of(bit);
  }
  return fmt::format("the host takes values {} only, and they come {} (its encryption, zabbix.tls)", ways,
                     way_of(bit_of(connect)));
}

std::string certain_reason(const RefusedFacts& facts) {
  if (!facts.host.is_object())
    return "there is no host of this name, or the account of zabbix.api may not read it";
  if (api_text(facts.host, "status") == "1") return "the host is disabled";
  if (std::string encryption = other_encryption(facts.host, facts.connect); !encryption.empty())
    return encryption;
  if (!facts.item.is_object()) return "the host has no item with this key";
  if (api_text(facts.item, "status") == "1") return "the item is disabled";
  if (!takes_sent_values(facts.item))
    return fmt::format("the item is of type {}, not Zabbix trapper", type_name(facts.item));
  return {};
}

// Whether this agent is among the allowed hosts, and whether a destination is that proxy, the API can't know.
std::vector<std::string> possible_reasons(const RefusedFacts& facts) {
  std::vector<std::string> out;
  if (const std::string allowed = api_text(facts.item, "trapper_hosts"); !allowed.empty())
    out.push_back("the item takes values from its allowed hosts only: " + config::in_quotes(allowed));
  if (!facts.monitor.empty()) {
    out.push_back(
        fmt::format("the host is monitored by {}: its values must be sent there, and are taken "
                    "once it has the item's configuration",
                    facts.monitor));
  }
  return out;
}

std::string nothing_wrong(Connect connect) {
  std::string out =
      "the API shows nothing wrong: the server may not have read its configuration yet "
      "(CacheUpdateFrequency), or this destination is a proxy, while the server itself monitors the host";
  if (connect == Connect::psk) out += ", or the host has another PSK identity";
  if (connect == Connect::cert) out += ", or the host wants another issuer or subject of the certificate";
  return out;
}

}  // namespace

HostMonitor monitor_of(const Json& host) {
  const std::string by = api_text(host, "monitored_by");
  if (by == "2") return {HostMonitor::Kind::group, api_text(host, "proxy_groupid")};
  const std::string proxy = api_text(host, by.empty() ? "proxy_hostid" : "proxyid");
  if (by == "0" || proxy.empty() || proxy == "0") return {};
  return {HostMonitor::Kind::proxy, proxy};
}

std::string refusal_reason(const RefusedFacts& facts) {
  if (std::string certain = certain_reason(facts); !certain.empty()) return certain;
  std::string out;
  for (const std::string& each : possible_reasons(facts)) out += (out.empty() ? "" : "; ") + each;
  return out.empty() ? nothing_wrong(facts.connect) : out;
}

std::string why_nothing_stored(const Json& host) {
  if (api_text(host, "status") == "1") return "is disabled: Zabbix refuses its values";
  if (api_text(host, "maintenance_status") == "1" && api_text(host, "maintenance_type") == "1")
    return "is in maintenance without data collection: Zabbix answers \"processed\" and stores nothing";
  return {};
}

}  // namespace linewatch::agent
