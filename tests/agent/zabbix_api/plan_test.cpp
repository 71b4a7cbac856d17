#include "agent/zabbix_api/plan.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "agent/zabbix_api/asking.hpp"
#include "tests/agent/zabbix_api/hosts.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using linewatch::test::line_host;
using linewatch::test::line_hosts;
using linewatch::test::StateDir;

namespace {

config::ApiSettings settings() {
  config::ApiSettings out;
  out.proxy = "p";
  out.tag = {{"TempType", "LINE"}};
  return out;
}

using Hosts = std::vector<config::ApiHost>;
using Outcome = Asked::Outcome;

}  // namespace

TEST_CASE("a plan comes back from the disk as it was, for its owner's eyes only") {
  const StateDir dir;
  ApiPlan plan{question_of(settings()), line_hosts(3)};
  plan.hosts[1].secret = {"{$LINE_VRF}"};
  plan.hosts[2].maintenance = true;
  plan.hosts[2].name = "Zürich \"1\"";
  REQUIRE(write_api_plan(dir.path(), plan));
  struct stat file{};
  REQUIRE(::stat(api_plan_file(dir.path()).c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  const auto read = read_api_plan(dir.path(), plan.question);
  REQUIRE(read);
  REQUIRE(*read);
  CHECK(**read == plan);
}

TEST_CASE("no file, and the answer to another question, are no plan") {
  const StateDir dir;
  CHECK_FALSE(*read_api_plan(dir.path(), "q"));
  REQUIRE(write_api_plan(dir.path(), {"another", line_hosts(1)}));
  CHECK_FALSE(*read_api_plan(dir.path(), "q"));
  config::ApiSettings moved = settings();
  moved.url = "https://new.example.net/";
  CHECK(question_of(moved) == question_of(settings()));
  moved.proxy = "q";
  CHECK(question_of(moved) != question_of(settings()));
}

TEST_CASE("a file that is no plan is an error that names it") {
  const StateDir dir;
  for (const char* text :
       {"", "null", "[", "[]", "{\"format\": 1}", "{\"format\": \"linewatch-api-plan\"}",
        "{\"format\": \"linewatch-api-plan\", \"version\": 2}",
        "{\"format\": \"linewatch-api-plan\", \"version\": 1, \"question\": \"q\"}",
        "{\"format\": \"linewatch-api-plan\", \"version\": 1, \"question\": \"q\", \"hosts\": [1]}",
        "{\"format\": \"linewatch-api-plan\", \"version\": 1, \"question\": \"q\", \"hosts\": [{\"id\": "
        "1}]}"}) {
    CAPTURE(text);
    std::ofstream(api_plan_file(dir.path())) << text;
    const auto read = read_api_plan(dir.path(), "q");
    REQUIRE_FALSE(read);
    CHECK(read.error().text.find("api-plan.json") != std::string::npos);
  }
  CHECK_FALSE(write_api_plan(dir.path() / "none", {"q", {}}));
}

TEST_CASE("a plan may lose max_removal percent of its hosts, and no more") {
  const auto lost = [](std::size_t before, std::size_t after, double percent) {
    return !too_many_lost(line_hosts(before), line_hosts(after), percent).empty();
  };
  CHECK_FALSE(lost(10, 10, 30));
  CHECK_FALSE(lost(10, 7, 30));
  CHECK(lost(10, 6, 30));
  CHECK(lost(2, 1, 30));
  CHECK(lost(1, 0, 30));
  CHECK_FALSE(lost(1, 0, 100));
  CHECK(lost(10, 9, 0));
  CHECK_FALSE(lost(0, 0, 0));
  CHECK_FALSE(lost(0, 5, 30));
  CHECK(too_many_lost(line_hosts(10), line_hosts(2), 30).starts_with("8 of the 10 hosts of the last plan"));
}

TEST_CASE(
    "others in place of those lost, hosts without macros and disabled ones count as lost; renaming does "
    "not") {
  const Hosts last = line_hosts(4);
  CHECK(too_many_lost(last, Hosts{line_host(11), line_host(12), line_host(13), line_host(14)}, 30) != "");
  Hosts next = last;
  for (auto& host : next) host.host += "-renamed";
  CHECK(too_many_lost(last, next, 30).empty());
  next[0].enabled = next[1].enabled = false;
  CHECK(too_many_lost(last, next, 30) != "");
  next = last;
  for (auto& host : next) host.macros.erase("{$LINE_ROUTER_IP}");
  CHECK(too_many_lost(last, next, 30) != "");
  CHECK(too_many_lost(next, {}, 30).empty());  // none of these gave a line before
}

TEST_CASE("what a fetch comes to") {
  const StateDir dir;
  const ApiPlan empty{question_of(settings()), {}};
  const Asked first = judge(settings(), dir.path(), empty, true, line_hosts(10));
  CHECK(first.outcome == Outcome::taken);
  CHECK(first.changed);
  CHECK((*read_api_plan(dir.path(), empty.question))->hosts == line_hosts(10));

  const Asked same = judge(settings(), dir.path(), first.plan, true, line_hosts(10));
  CHECK(same.outcome == Outcome::taken);
  CHECK_FALSE(same.changed);

  const Asked poor = judge(settings(), dir.path(), first.plan, true, line_hosts(2));
  CHECK(poor.outcome == Outcome::refused);
  CHECK_FALSE(poor.changed);
  CHECK(poor.error.find("--accept") != std::string::npos);
  CHECK((*read_api_plan(dir.path(), empty.question))->hosts.size() == 10);

  const Asked failed =
      judge(settings(), dir.path(), first.plan, true,
            connection::fail(connection::ErrorCode::unreachable, connection::Phase::tcp_connect, "no way"));
  CHECK(failed.outcome == Outcome::failed);
  CHECK(failed.error == "no way");
  CHECK_FALSE(failed.changed);
}

TEST_CASE("a plan that was accepted on the disk is taken by the running agent") {
  const StateDir dir;
  const ApiPlan last{question_of(settings()), line_hosts(10)};
  REQUIRE(write_api_plan(dir.path(), {last.question, line_hosts(2)}));
  const Asked asked = judge(settings(), dir.path(), last, true, line_hosts(2));
  CHECK(asked.outcome == Outcome::taken);
  CHECK(asked.changed);
  CHECK(asked.plan.hosts.size() == 2);
}

TEST_CASE("a disk that takes nothing keeps no plan from being taken") {
  const StateDir dir;
  const Asked asked = judge(settings(), dir.path() / "none", {}, true, line_hosts(1));
  CHECK(asked.outcome == Outcome::taken);
  CHECK(asked.changed);
  CHECK(asked.disk_trouble.find("api-plan.json") != std::string::npos);
  const Asked later = judge(settings(), dir.path(), asked.plan, false, line_hosts(1));
  CHECK(later.outcome == Outcome::taken);
  CHECK_FALSE(later.changed);
  CHECK((*read_api_plan(dir.path(), later.plan.question))->hosts.size() == 1);
}

TEST_CASE("an account that is not let in is not tried again soon") {
  const StateDir dir;
  const auto refused = connection::fail(connection::ErrorCode::authentication, connection::Phase::read, "no");
  CHECK(judge(settings(), dir.path(), {}, true, refused).rejected);
}
