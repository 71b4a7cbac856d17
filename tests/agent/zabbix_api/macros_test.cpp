#include "agent/zabbix_api/macros.hpp"

#include <doctest/doctest.h>

using namespace linewatch;
using namespace linewatch::agent;

namespace {

Macros macros(std::initializer_list<std::pair<const char*, const char*>> values) {
  Macros out;
  for (const auto& [name, text] : values) out["{$" + std::string(name) + "}"] = {.text = text};
  return out;
}

std::string value(MacroResolver& resolver, const Macros& own, std::vector<std::uint64_t> linked,
                  const std::string& name = "LINE_VRF") {
  config::ApiHost host;
  resolver.resolve(own, std::move(linked), host);
  if (host.secret.contains("{$" + name + "}")) return "(secret)";
  const auto found = host.macros.find("{$" + name + "}");
  return found == host.macros.end() ? "(none)" : found->second;
}

}  // namespace

TEST_CASE("host before templates by depth before global") {
  // 10 -> 20 -> 30, and 5 beside 10
  MacroResolver resolver(macros({{"LINE_VRF", "global"}, {"LINE_ID", "global"}}),
                         {{10, {macros({{"LINE_VRF", "ten"}}), {20}}},
                          {20, {macros({{"LINE_VRF", "twenty"}, {"LINE_SIZE", "20"}}), {30}}},
                          {30, {macros({{"LINE_SIZE", "30"}, {"LINE_COUNT", "30"}}), {}}},
                          {40, {macros({}), {30}}},
                          {5, {macros({{"LINE_SIZE", "5"}}), {}}}});
  CHECK(value(resolver, macros({{"LINE_VRF", "own"}}), {10}) == "own");
  CHECK(value(resolver, macros({{"LINE_VRF", ""}}), {10}).empty());
  CHECK(value(resolver, {}, {10}) == "ten");
  CHECK(value(resolver, {}, {20}) == "twenty");
  CHECK(value(resolver, {}, {40}) == "global");
  CHECK(value(resolver, {}, {}) == "global");
  CHECK(value(resolver, {}, {10}, "LINE_SIZE") == "20");
  CHECK(value(resolver, {}, {10, 5}, "LINE_SIZE") == "5");  // not as deep
  CHECK(value(resolver, {}, {10}, "LINE_COUNT") == "30");
  CHECK(value(resolver, {}, {10}, "LINE_ID") == "global");
  CHECK(value(resolver, {}, {10}, "LINE_TARGET") == "(none)");
  CHECK(value(resolver, {}, {99}) == "global");  // a template that nobody knows
}

TEST_CASE("of templates of one depth the lowest id wins, in whichever order they are linked") {
  MacroResolver resolver(
      {}, {{9, {macros({{"LINE_VRF", "nine"}}), {}}}, {10, {macros({{"LINE_VRF", "ten"}}), {}}}});
  CHECK(value(resolver, {}, {10, 9}) == "nine");
  CHECK(value(resolver, {}, {9, 10}) == "nine");
}

TEST_CASE("templates in a circle end") {
  MacroResolver resolver(
      {}, {{1, {macros({{"LINE_VRF", "one"}}), {2}}}, {2, {macros({{"LINE_ID", "two"}}), {1, 2}}}});
  CHECK(value(resolver, {}, {2}) == "one");
  CHECK(value(resolver, {}, {1}, "LINE_ID") == "two");
}

TEST_CASE("a macro within a value is resolved once, and what is not known stays") {
  MacroResolver resolver(macros({{"SITE", "203.0.113"}, {"LOOP", "{$LOOP}"}, {"DEEP", "{$SITE}"}}), {});
  CHECK(value(resolver, macros({{"LINE_VRF", "a{$SITE}.9b"}}), {}) == "a203.0.113.9b");
  CHECK(value(resolver, macros({{"LINE_VRF", "{$SITE}{$SITE}"}, {"SITE", "own"}}), {}) == "ownown");
  CHECK(value(resolver, macros({{"LINE_VRF", "{$LOOP}"}}), {}) == "{$LOOP}");
  CHECK(value(resolver, macros({{"LINE_VRF", "{$DEEP}"}}), {}) == "{$SITE}");
  CHECK(value(resolver, macros({{"LINE_VRF", "{$NONE}x{$"}}), {}) == "{$NONE}x{$");
}

TEST_CASE("a secret macro, or one within a value, has no value here") {
  Macros global = macros({{"LINE_VRF", "x{$INNER}"}});
  global["{$INNER}"] = {.secret = true};
  global["{$LINE_ID}"] = {.secret = true};
  MacroResolver resolver(global, {});
  CHECK(value(resolver, {}, {}) == "(secret)");
  CHECK(value(resolver, {}, {}, "LINE_ID") == "(secret)");
  CHECK(value(resolver, macros({{"LINE_ID", "own"}}), {}, "LINE_ID") == "own");
}
