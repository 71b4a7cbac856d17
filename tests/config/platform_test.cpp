#include <doctest/doctest.h>

#include "config/loader.hpp"

using namespace linewatch::config;

TEST_CASE("the built-in platforms are complete") {
  const Platforms platforms = builtin_platforms();
  const std::vector<std::string> expected = {"alcatel_aos",
                                             "arista_eos",
                                             "aruba_aoscx",
                                             "aruba_procurve",
                                             "brocade_ironware",
                                             "bsd",
                                             "checkpoint_gaia",
                                             "cisco_aireos",
                                             "cisco_asa",
                                             "cisco_ftd",
                                             "cisco_iosxe",
                                             "cisco_iosxr",
                                             "cisco_nxos",
                                             "cumulus_linux",
                                             "dell_os10",
                                             "dell_os6",
                                             "dell_os9_ftos",
                                             "extreme_exos",
                                             "fortinet_fortios",
                                             "freertr",
                                             "frr",
                                             "h3c_comware",
                                             "huawei_vrp",
                                             "juniper_junos",
                                             "linux",
                                             "mikrotik_routeros",
                                             "nokia_srlinux",
                                             "nokia_sros",
                                             "nokia_sros_classic",
                                             "paloalto_panos",
                                             "raisecom_ros",
                                             "ruckus_fastiron",
                                             "ruijie_rgos",
                                             "vpp",
                                             "vyos",
                                             "zte_zxros"};
  CHECK(platforms.names() == expected);
  std::size_t aliases = 0;
  for (const std::string& name : platforms.names()) {
    const auto platform = platforms.find(name);
    INFO(name);
    CHECK(platform->origin == "built in");
    CHECK(platform->name == name);  // what stands in the index is what the profile says
    for (const std::string& alias : platform->aliases) CHECK(platforms.find(alias) == platform);
    aliases += platform->aliases.size();
    CHECK_FALSE(platform->description.empty());
    CHECK(platform->ping.ipv4);
    CHECK(platform->ping.ipv6);
    CHECK_FALSE(platform->cli.rejections.empty());
    CHECK_FALSE(platform->cli.logout.empty());
    CHECK(platform->cli.interrupt == "\x03");
    CHECK(platform->ping.endless == (name == "frr"));
  }
  CHECK(platforms.names_and_aliases().size() == platforms.names().size() + aliases);
}

TEST_CASE("platforms are found by their other names") {
  const Platforms platforms = builtin_platforms();
  CHECK(platforms.find("cisco_ios")->name == "cisco_iosxe");
  CHECK(platforms.find("hp_comware")->name == "h3c_comware");
  CHECK(platforms.find("linux_busybox")->name == "linux");
  CHECK(platforms.find("timos")->name == "nokia_sros");
  CHECK(platforms.find("cisco") == nullptr);
  const auto all = platforms.names_and_aliases();
  CHECK(std::ranges::is_sorted(all));
  CHECK(std::ranges::find(all, "hp_comware") != all.end());
}

TEST_CASE("prompts have the shapes that devices show, and outputs do not") {
  const Platforms platforms = builtin_platforms();
  const auto is = [&](const char* name, const std::string& line) {
    return RE2::FullMatch(line, platforms.find(name)->cli.prompt.re());
  };
  for (const char* line : {"R1#", "R1>", "bj-edge-1.example# ", "R1(config-if)#", "sw:1/2#"})
    CHECK(is("cisco_iosxe", line));
  for (const char* line : {"!!!!!", "Password:", "a b#", "#", "Success rate is 100 percent (5/5)"}) {
    CHECK_FALSE(is("cisco_iosxe", line));
  }
  for (const char* line : {"<HUAWEI>", "HRP_M<USG-1>", "<\xe5\x8c\x97\xe4\xba\xac-1>"})
    CHECK(is("huawei_vrp", line));
  for (const char* line : {"[V200R009C00SPC500]", "<>", "<a", "HUAWEI>"}) CHECK_FALSE(is("huawei_vrp", line));
  for (const char* line : {"<H3C>", "RBM_P<H3C-2>"}) CHECK(is("h3c_comware", line));
  for (const char* line : {"netmon@probe:~$ ", "[root@probe ~]# ", "bash-5.0# ", "~ # ", "# "})
    CHECK(is("linux", line));
  for (const char* line : {"Last login: Mon, from 192.0.2.1", "100%!"}) CHECK_FALSE(is("linux", line));
  for (const char* line : {"edge-frr# ", "edge-frr> ", "edge-frr(config)# "}) CHECK(is("frr", line));
}

TEST_CASE("a greeting is no session limit, and a limit is") {
  const auto limited = [](const char* name, const std::string& text) {
    bool found = false;
    const auto platform = builtin_platforms().find(name);
    for (const Pattern& pattern : platform->cli.session_limits) {
      found = found || RE2::PartialMatch(text, pattern.re());
    }
    return found;
  };
  CHECK_FALSE(limited("huawei_vrp",
                      "Info: The max number of VTY users is 5, and the number\n"
                      "      of current VTY users on line is 1.\n"));
  CHECK(limited("huawei_vrp", "Error: All user interfaces are used, please try later!\n"));
  CHECK(limited("huawei_vrp", "The number of online users has reached the upper limit.\n"));
  CHECK(limited("h3c_comware", "All user lines are used, please try later!\n"));
  CHECK(limited("cisco_iosxe", "% Session limit reached\n"));
  CHECK_FALSE(limited("cisco_iosxe", "Unauthorized sessions are logged\n"));
}

TEST_CASE("vtysh's complaint about a long ping is noise, and its answers are not") {
  const auto& noise = builtin_platforms().find("frr")->cli.noise;
  REQUIRE(noise.size() == 1);
  std::string text =
      "edge-frr# 2026/07/01 03:12:44 [PHJDC-499N2][EC 100663314] STARVATION: task vtysh_rl_read "
      "(55ae45b6cd80) ran for 5065ms (cpu time 0ms)\n";
  CHECK(RE2::GlobalReplace(&text, noise[0].re(), "") == 1);
  CHECK(text == "edge-frr# ");
  CHECK_FALSE(RE2::PartialMatch("2026/07/01 03:12:44 BGP: neighbor 192.0.2.1 Down\n", noise[0].re()));
}

TEST_CASE("patterns take any octets, and lines have ends") {
  const Pattern pattern("^x(?P<rest>.+)$");
  REQUIRE(pattern.ok());
  CHECK(pattern.group("rest") == 1);
  CHECK(pattern.group("other") == -1);
  CHECK(RE2::PartialMatch("a\nx\xff\xfe\nb", pattern.re()));
  CHECK_FALSE(Pattern("(").ok());
  CHECK_FALSE(Pattern("").ok());
  CHECK_FALSE(static_cast<bool>(Pattern()));
}

TEST_CASE("a pattern's plain text is found, and whether a match stays in its line") {
  const auto text = [](const char* pattern) { return required_text(pattern).text; };
  CHECK(text("^[ \\t]*(?P<sent>\\d+) packets transmitted, ") == " packets transmitted, ");
  CHECK(text("Success rate is \\d+ percent \\((?P<r>\\d+)/(?P<s>\\d+)\\)(?:, round-trip)?") ==
        "Success rate is ");
  CHECK(text("colou?r of the day") == "colo");  // what all begin with, although other text is longer
  CHECK(required_text("colou?r of the day").first);
  CHECK(text("the?r of the day") == "r of the day");
  CHECK_FALSE(required_text("the?r of the day").first);
  CHECK(text("ab*cd{2}efg+hi") == "efg");
  CHECK(text("a\\.b\\(c") == "a.b(c");
  for (const char* none :
       {"one|other", "(?i)words", "\\d+", "[a-z]+", "(?:all in here)", "x", "\\x41bc", "a(?s:.)bcd"})
    CHECK_MESSAGE(text(none).empty(), none);
  for (const char* line : {"^ab[^\\n]*", "ab[ \\t]+\\d", "ab(?:c|d)$", "ab."})
    CHECK_MESSAGE(required_text(line).one_line, line);
  for (const char* lines : {"ab\\s+c", "ab[^c]d", "ab\\n", "ab(?:\\s)", "ab[\\s]", "ab\\D", "ab\\W"})
    CHECK_FALSE_MESSAGE(required_text(lines).one_line, lines);
}

TEST_CASE("totals and replies are found by a plain text of theirs") {
  for (const std::string& name : builtin_platforms().names()) {
    const auto platform = builtin_platforms().find(name);
    for (const TotalsPattern& totals : platform->ping.answer.totals) {
      INFO(name << ": " << totals.pattern.text());
      CHECK_FALSE(totals.pattern.literal().empty());
    }
    for (const ReplyPattern& reply : platform->ping.answer.replies) {
      INFO(name << ": " << reply.pattern.text());
      CHECK((name == "mikrotik_routeros" || !reply.pattern.literal().empty()));
    }
  }
}
