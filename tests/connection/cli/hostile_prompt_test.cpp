// Hostile ground, through SSH: logins that are hard to see the end of, and prompts that are hard to
// recognise.

#include "tests/connection/cli/hostile_ground.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_pings;
using test::comware;
using test::Ground;
using test::ios;
using test::plain_answer;
using test::Tongue;
using test::unix_shell;
using test::vrp;

sim::Quirks quirks(void (*set)(sim::Quirks&)) {
  sim::Quirks made;
  set(made);
  return made;
}

}  // namespace

TEST_CASE("through SSH: a banner's lines like prompts are none, though nothing follows for a while") {
  for (const Tongue* tongue : {&ios, &vrp, &unix_shell}) {
    Ground ground(*tongue, quirks([](auto& odd) { odd.motd_pause = 150ms; }), [&](auto& router) {
      std::string older = tongue->other_prompt;
      older.replace(older.find("old"), 3, "older");
      router.motd = "#### for staff only #\n" + older + '\n' + tongue->other_prompt;
    });
    const auto setup = ground.lab.access.platform->cli.setup;
    CHECK(ground.counts().commands == setup.size());
    CHECK(std::ranges::count(ground.sent, '\n') == static_cast<long>(setup.size()) + 1);  // one empty line
    check_pings(ground);
  }
}

TEST_CASE("through SSH: a question in the place of the first prompt is answered as the profile says") {
  const std::pair<const Tongue*, const char*> questions[] = {
      {&ios, "Press RETURN to get started."},
      {&vrp, "Warning: The initial password poses security risks.\nChange now? [Y/N]:"},
      {&comware, "The password has not been changed for 90 days. Change now? [Y/N]:"}};
  for (const auto& [tongue, question] : questions) {
    sim::Quirks odd;
    odd.login_question = question;
    Ground ground(*tongue, odd);
    check_pings(ground);
  }
}

TEST_CASE("through SSH: a cause that quotes the router shows no secret") {
  sim::RouterConfig router = router_that_speaks(ios);
  router.quirks.login_question = "your secret is secret. Password: ";
  linewatch::test::SimulatorThread routers({router});
  test::Lab lab(routers.simulator.routers().at(0).port);
  lab.with_password("netmon", "secret");
  const auto made = lab.login();
  REQUIRE_FALSE(made);
  CHECK(made.error().text.find("your ******** is ********.") != std::string::npos);
  CHECK(made.error().text.find("secret") == std::string::npos);
}

TEST_CASE("through SSH: a router is given another name while one is logged in") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    Ground ground(*tongue, quirks([](auto& odd) { odd.new_name = "sh-edge-7"; }));
    check_pings(ground);
  }
}

TEST_CASE("through SSH: another view of the same router is the same prompt") {
  for (const Tongue* tongue : {&vrp, &comware}) {
    Ground ground(*tongue);
    ground.answer("system-view");
    CHECK(ground.answer(tongue->clock) == plain_answer(*tongue, tongue->clock));
    ground.answer("quit");
    check_pings(ground);
  }
}

TEST_CASE("through SSH: a name in UTF-8 or Latin-1") {
  for (const Tongue* tongue : {&vrp, &comware}) {
    for (const char* name : {"M\xc3\xbcnchen-\xe5\x8c\x97", "M\xfcnchen"}) {
      CAPTURE(std::string(name));
      sim::Quirks odd;
      odd.shown_name = name;
      Ground ground(*tongue, odd);
      ground.answer("system-view");
      ground.answer("quit");
      check_pings(ground);
    }
  }
}

TEST_CASE("through SSH: lines that belong to the prompt belong to no answer") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    for (const char* lead : {"\n{master:0}\n", "\n[edit]\n{master:0}\n"}) {
      sim::Quirks odd;
      odd.prompt_lead = lead;
      Ground ground(*tongue, odd);
      check_pings(ground);
    }
  }
}

TEST_CASE("through SSH: a time in front of the prompt changes from prompt to prompt") {
  Ground ground(unix_shell, quirks([](auto& odd) { odd.prompt_lead = "[12:00:{n}] "; }));
  ground.sent.clear();
  check_pings(ground);
  CHECK(std::ranges::count(ground.sent, '\n') == 2);  // known at once, without an empty line to find out
}

TEST_CASE("through SSH: a time in front of each output is a line of it") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    Ground ground(*tongue, quirks([](auto& odd) { odd.output_lead = "Fri Nov 21 12:00:{n}.123 UTC\n"; }));
    for (int i = 0; i < 2; ++i) {
      const std::string answer = ground.answer(tongue->ping);
      CHECK(answer.starts_with("Fri Nov 21 12:00:0"));
      CHECK(answer.substr(answer.find('\n') + 1) == plain_answer(*tongue, tongue->ping));
    }
  }
}

TEST_CASE("through SSH: a log line behind the prompt does not hide it") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    Ground ground(*tongue, quirks([](auto& odd) {
      odd.behind_prompt = "\n%LINK-3-UPDOWN: Interface Gi0/1, changed state to down\n";
    }));
    check_pings(ground);
  }
}

}  // namespace linewatch::connection
