#include <doctest/doctest.h>

#include "loading.hpp"

using namespace linewatch;

namespace {

// Servers in short: nodes by ';', servers by ' '.
std::string servers_of(const tests::Folder& folder, std::string_view written) {
  folder.write("linewatch.yml", "zabbix: {servers: " + std::string(written) + "}\n");
  const config::Loaded loaded = folder.load();
  std::string out;
  for (const config::ZabbixServer& server : loaded.settings.zabbix.servers) {
    if (!out.empty()) out += ' ';
    for (std::size_t i = 0; i < server.nodes.size(); ++i) {
      out += (i ? ";" : "") + server.nodes[i].host + "|" + std::to_string(server.nodes[i].port);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("servers are written as a map, as text, or as in ServerActive") {
  const tests::Folder folder;
  const std::pair<const char*, const char*> table[] = {
      {"[10.0.0.5]", "10.0.0.5|10051"},
      {"10.0.0.5", "10.0.0.5|10051"},
      {"['10.0.0.5;10.0.0.6:10052']", "10.0.0.5|10051;10.0.0.6|10052"},
      {"'a.example;b:1,c'", "a.example|10051;b|1 c|10051"},
      {"[{nodes: [10.0.0.5, '10.0.0.6:10052']}, zbx]", "10.0.0.5|10051;10.0.0.6|10052 zbx|10051"},
      {"[{nodes: 10.0.0.5}]", "10.0.0.5|10051"},
      {"['[2001:db8::5]:10052', '2001:db8::6', '[2001:db8::7]']",
       "2001:db8::5|10052 2001:db8::6|10051 2001:db8::7|10051"},
      {"['10.0.0.5 ; 10.0.0.6']", "10.0.0.5|10051;10.0.0.6|10051"},
  };
  for (const auto& [written, want] : table) {
    INFO(written);
    CHECK(servers_of(folder, written) == want);
    CHECK(folder.load().ok());
  }
}

TEST_CASE("a server that is none is refused") {
  const tests::Folder folder;
  for (const char* written :
       {"[]", "['']", "['10.0.0.5:']", "['10.0.0.5:0']", "['10.0.0.5:65536']", "['10.0.0.5:x']",
        "['[10.0.0.5]:1']", "['[::1']", "['a;;b']", "['a,']", "['http://a']", "[{}]", "[{nodes: []}]",
        "[[a]]", "[{nodes: [[a]]}]", "{}", "[{nodes: [a], tsl: {}}]", "null", "[a, a]"}) {
    INFO(written);
    servers_of(folder, written);
    CHECK_FALSE(folder.load().ok());
  }
}

TEST_CASE("TLS of all servers, and one server's own") {
  const tests::Folder folder;
  folder.write("psk", "00112233445566778899aabbccddeeff");
  CHECK(folder.problems_of("zabbix:\n"
                           "  servers: [a, {nodes: [b], tls: {connect: unencrypted}}]\n"
                           "  tls: {connect: psk, psk_identity: i, psk_file: psk}\n"
                           "lines: []\n") ==
        "linewatch.yml:1:1: warning: lines: there is no line to measure\n");
  const config::ZabbixSettings zabbix = folder.load().settings.zabbix;
  CHECK(zabbix.servers[0].tls.connect == config::TlsSettings::Connect::psk);
  CHECK(zabbix.servers[0].tls.psk.reveal() == "00112233445566778899aabbccddeeff");
  CHECK(zabbix.servers[1].tls.connect == config::TlsSettings::Connect::unencrypted);
  CHECK(folder.problems_of("zabbix: {servers: [{nodes: [a], tls: {connect: cert, ca_file: none}}]}\n")
            .find("zabbix.servers[0].tls.ca_file: cannot read none: No such file or directory") !=
        std::string::npos);
}

TEST_CASE("listen and paths") {
  const tests::Folder folder;
  folder.write("linewatch.yml", "agent: {listen: null, state_dir: state}\nzabbix: {servers: [a]}\n");
  config::Settings settings = folder.load().settings;
  CHECK_FALSE(settings.agent.listen);
  CHECK(settings.agent.state_dir == folder.path() / "state");
  folder.write("linewatch.yml", "agent: {listen: '[::1]:80'}\nzabbix: {servers: [a]}\n");
  settings = folder.load().settings;
  CHECK(settings.agent.listen->host == "::1");
  CHECK(settings.agent.listen->port == 80);
  CHECK(folder.problems_of("agent: {listen: 10055}\nplatforms_dir: none\nzabbix: {servers: [a]}\n") ==
        "linewatch.yml:1:17: error: agent.listen: '10055' is no address with a port (write 127.0.0.1:10055, "
        "or null for "
        "off)\n"
        "linewatch.yml:2:16: error: platforms_dir: there is no directory none\n");
}
