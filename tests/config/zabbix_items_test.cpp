#include <doctest/doctest.h>

#include "config/label.hpp"
#include "loading.hpp"

using namespace linewatch;

namespace {

std::string with_keys(std::string_view keys) {
  std::string text = tests::with_line("");
  const std::string_view servers = "zabbix: {servers: [10.0.0.5]";
  return text.insert(servers.size(), ", keys: {" + std::string(keys) + "}");
}

}  // namespace

TEST_CASE("a label's macro is its name in capitals, of characters that Zabbix takes") {
  const std::pair<const char*, const char*> table[] = {
      {"customer", "{#CUSTOMER}"}, {"Provider", "{#PROVIDER}"}, {"CIRCUIT", "{#CIRCUIT}"},
      {"site", "{#SITE}"},         {"sites", "{#LABEL.SITES}"}, {"cost-centre", "{#LABEL.COST_CENTRE}"},
      {"a.b_9", "{#LABEL.A.B_9}"},
  };
  for (const auto& [label, macro] : table) CHECK(config::label_macro(label) == macro);
}

TEST_CASE("labels that are one macro in Zabbix are an error, also when one comes from the defaults") {
  const tests::Folder folder;
  CHECK(folder.problems_of(tests::with_line("labels: {a-b: x, a_b: y}")) ==
        "linewatch.yml:5:76: error: lines[0].labels.a_b: 'a_b' and 'a-b' are both {#LABEL.A_B} in Zabbix "
        "(rename one)\n");
  CHECK(
      folder.problems_of("defaults: {line: {labels: {site: x}}}\n" + tests::with_line("labels: {Site: y}")) ==
      "linewatch.yml:6:69: error: lines[0].labels.Site: 'Site' and 'site' are both {#SITE} in Zabbix "
      "(rename one)\n");
  CHECK(folder.problems_of("defaults: {line: {labels: {site: x}}}\n" +
                           tests::with_line("labels: {site: y}")) == "");
}

TEST_CASE("keys name other items, or none") {
  const tests::Folder folder;
  CHECK(folder.problems_of(with_keys("loss: {key: dedicatedLinePing, type: integer}, up: {key: null},"
                                     " error: {key: dedicatedLineErrorDetail, words: ddl}")) == "");
  const auto keys = folder.load().settings.zabbix.keys;
  CHECK(keys.at("loss") == config::KeyMapping{"dedicatedLinePing", true, false});
  CHECK(keys.at("error") == config::KeyMapping{"dedicatedLineErrorDetail", false, true});
  CHECK(keys.at("up") == config::KeyMapping{});
  CHECK(
      folder.problems_of(with_keys("loss: {}, error: {key: e, type: integer}, status: {key: s, words: ddl},"
                                   " rtt: {key: x}")) ==
      "linewatch.yml:1:44: error: zabbix.keys.loss.key: missing (write the item's key, or null for a figure "
      "that is not to be sent)\n"
      "linewatch.yml:1:70: error: zabbix.keys.error.type: error is a text\n"
      "linewatch.yml:1:104: error: zabbix.keys.status.words: only error has words\n"
      "linewatch.yml:1:110: error: zabbix.keys.rtt: unknown key 'rtt' (known: status, up, loss, rtt.min, "
      "rtt.avg, rtt.max, rtt.stddev, jitter, error, check.time, trace)\n");
}

TEST_CASE("each figure has an item of its own, with a key that Zabbix takes") {
  const tests::Folder folder;
  CHECK(
      folder.problems_of(with_keys("loss: {key: x}, up: {key: x}")) ==
      "linewatch.yml:1:44: error: zabbix.keys.loss: 'x' is the key of up already (each figure needs an item "
      "of its own)\n");
  CHECK(
      folder.problems_of(with_keys("loss: {key: line.up}")) ==
      "linewatch.yml:1:44: error: zabbix.keys.loss: 'line.up' is the key of up already (each figure needs an "
      "item of its own)\n");
  CHECK(folder.problems_of(with_keys("loss: {key: line.up}, up: {key: line.loss}")) == "");
  CHECK(folder.problems_of(with_keys("loss: {key: line.up}, up: {key: null}")) == "");
  CHECK(
      folder.problems_of(with_keys("loss: {key: 'my loss'}")) ==
      "linewatch.yml:1:50: error: zabbix.keys.loss.key: 'my loss' can be no item key in Zabbix (as line.loss "
      "or dedicatedLinePing)\n");
  CHECK(folder.problems_of(with_keys("loss: {key: linewatch.up}"))
            .contains("'linewatch.up' is one of the agent's own item keys (these begin with lines., router., "
                      "linewatch.)"));
  for (const char* good : {"'a[b]'", "'a[]'", "'a[b,c]'", "A-b_c.9"})
    CHECK(folder.problems_of(with_keys("loss: {key: " + std::string(good) + "}")) == "");
  for (const char* bad : {"'[b]'", "'a[b'", "'a]b'", "'a,b'", "'a[b]c'", "'ä'"})
    CHECK(folder.problems_of(with_keys("loss: {key: " + std::string(bad) + "}"))
              .contains("can be no item key"));
}

TEST_CASE("a router's own items need a host that is written, or the layout discovery") {
  const tests::Folder folder;
  const auto own_items = [&](const std::string& layout, const std::string& router,
                             const std::string& defaults) {
    REQUIRE(folder.problems_of(
                "zabbix: {servers: [10.0.0.5], layout: " + layout +
                "}\ncredentials: {c: {username: u, password: p}}\ndefaults: {router: {" + defaults +
                "}}\nrouters: [{name: r1, address: 192.0.2.1, platform: linux, credentials: c" + router +
                "}]\nlines: [{id: 1, router: r1, target: 192.0.2.9}]\n") == "");
    return folder.load().settings.routers.at(0).own_items;
  };
  CHECK(own_items("discovery", "", ""));
  CHECK_FALSE(own_items("per_line", "", ""));
  CHECK(own_items("per_line", ", zabbix_host: h", ""));
  CHECK(own_items("per_line", "", "zabbix_host: h"));
}
