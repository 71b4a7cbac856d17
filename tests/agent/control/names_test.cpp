#include "agent/control/names.hpp"

#include <doctest/doctest.h>

#include "agent/control/fields.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;

namespace {

config::Settings some_settings() {
  config::Settings settings;
  for (const char* name : {"bj-edge-1", "both"}) settings.routers.emplace_back().name = name;
  for (const char* id : {"L-1001", "both"}) {
    settings.lines.emplace_back().id = id;
    settings.lines.back().router = "bj-edge-1";
  }
  settings.index();
  return settings;
}

}  // namespace

TEST_CASE("a name is a router's or a line's") {
  const config::Settings settings = some_settings();
  const auto router = find_name(settings, "bj-edge-1", std::nullopt);
  REQUIRE(router);
  CHECK(router->kind == NameKind::router);
  CHECK_FALSE(router->line);
  const auto line = find_name(settings, "L-1001", std::nullopt);
  REQUIRE(line);
  CHECK(line->line->id == "L-1001");
  CHECK(line->router->name == "bj-edge-1");
}

TEST_CASE("a name of both is refused unless the kind is said; a name of neither comes with the nearest") {
  const config::Settings settings = some_settings();
  const auto both = find_name(settings, "both", std::nullopt);
  REQUIRE_FALSE(both);
  CHECK(both.error()["code"] == "ambiguous_name");
  CHECK(find_name(settings, "both", NameKind::line)->line);
  CHECK_FALSE(find_name(settings, "both", NameKind::router)->line);
  const auto none = find_name(settings, "bj-edge-2", std::nullopt);
  REQUIRE_FALSE(none);
  CHECK(none.error()["code"] == "unknown_name");
  CHECK(none.error()["error"] ==
        "the running agent knows no router or line 'bj-edge-2' (did you mean 'bj-edge-1'?)");
  CHECK_FALSE(find_name(settings, "L-1001", NameKind::router));
  CHECK_FALSE(find_name(settings, "", std::nullopt));
}

TEST_CASE("fields of a request that are missing or of another kind are empty, a wrong length is refused") {
  const Json request =
      Json::parse(R"({"a":"x","b":3,"c":["p",4,"q"],"d":true,"ms":90000,"neg":-1,"big":1e18})");
  CHECK(text_field(request, "a") == "x");
  CHECK(text_field(request, "b").empty());
  CHECK(text_field(request, "z").empty());
  CHECK(texts_field(request, "c") == std::vector<std::string>{"p", "q"});
  CHECK(texts_field(request, "a").empty());
  CHECK(flag_field(request, "d"));
  CHECK_FALSE(flag_field(request, "a"));
  CHECK(*length_field(request, "ms") == 90s);
  CHECK_FALSE(*length_field(request, "z"));
  for (const char* wrong : {"a", "neg", "big", "d"}) CHECK_FALSE(length_field(request, wrong));
}
