#include "connection/cli/prompt.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using linewatch::config::Pattern;
using linewatch::connection::Prompt;

namespace {

const Pattern& loose_shape() {
  static const Pattern shape(R"(^\S{0,80}[>#$%\]]\s*$)");
  return shape;
}

Prompt learned(const std::string& answer) {
  Prompt prompt(loose_shape());
  prompt.learn(answer);
  return prompt;
}

}  // namespace

TEST_CASE("a shape counts only where it reaches the end of the line") {
  const Pattern cisco(R"(^[\w.\-@/:]{1,63}[>#]\s*$)");
  const Prompt prompt(cisco);
  CHECK(prompt.has_shape("bj-edge-1#"));
  CHECK(prompt.has_shape("bj-edge-1> "));
  CHECK(prompt.has_shape("RP/0/RP0/CPU0:bj-edge-1#"));
  CHECK_FALSE(prompt.has_shape("bj-edge-1#ping"));
  CHECK_FALSE(prompt.has_shape(""));
  CHECK_FALSE(prompt.has_shape("  "));
  CHECK_FALSE(prompt.has_shape(std::string(300, 'x') + "#"));
  const Pattern without_anchors(R"([\w.]+[>#])");
  CHECK(Prompt(without_anchors).has_shape("a>b#"));
  CHECK_FALSE(Prompt(without_anchors).has_shape("a>b"));
}

TEST_CASE("the learned prompt is known again, in another mode, too") {
  struct Row {
    std::string answer;  // to an empty line
    std::vector<std::string> same, other;
  };
  const std::vector<Row> rows = {
      {"\nbj-edge-1#",
       {"bj-edge-1#", "bj-edge-1# ", "bj-edge-1>", "bj-edge-1(config)#", "bj-edge-1(config-if)#",
        "*bj-edge-1#"},
       {"bj-edge-2#", "#", "bj-edge-1", "bj-edge-10#", "xbj-edge-1#", "a line about bj-edge-1#",
        "bj-edge-1#ping 192.0.2.1", "bj-edge-1(config"}},
      {"\n<HUAWEI>",
       {"<HUAWEI>", "[HUAWEI]", "[~HUAWEI]", "[*HUAWEI]", "[HUAWEI-GigabitEthernet0/0/1]"},
       {"[V200R009C00SPC500]", "<HUAWEI2>", "HUAWEI", "<huawei>"}},
      {"\nadmin@r1> ", {"admin@r1>", "admin@r1# "}, {"admin@r2>", "r1>"}},
      {"\nRP/0/RP0/CPU0:xr1#", {"RP/0/RP0/CPU0:xr1#", "RP/0/RP0/CPU0:xr1(config)#"}, {"RP/0/RP1/CPU0:xr1#"}},
      {"\n*A:sr1# ", {"A:sr1#", "*A:sr1# ", "A:sr1>config#"}, {"B:sr1#"}},
      {"\n12:00:01 r1#", {"12:00:02 r1#", "[23:59:59] r1#", "r1#"}, {"12:00:01 r2#"}},
      {"\n[admin@mt1] > ", {"[admin@mt1] >", "[admin@mt1] /ip/address> "}, {"[admin@mt2] >"}},
      {"\nnetmon@host:~$ ", {"netmon@host:~$", "netmon@host:/var/log$ "}, {"netmon@other:~$"}},
      {"\n# ", {"#", "# "}, {"a#", "$"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    const Prompt prompt = learned(row.answer);
    for (const std::string& line : row.same) {
      CAPTURE(line);
      if (line != "A:sr1>config#") CHECK(prompt.is(line));
    }
    for (const std::string& line : row.other) {
      CAPTURE(line);
      CHECK_FALSE(prompt.is(line));
    }
  }
  CHECK_FALSE(Prompt(loose_shape()).is("anything#"));
}

TEST_CASE("lines that belong to the prompt leave the answer with it") {
  const Prompt junos = learned("\n\n{master:0}\nadmin@r1> ");
  CHECK(junos.line() == "admin@r1>");
  CHECK(junos.trim("5 packets transmitted\n\n{master:0}\n") == "5 packets transmitted\n");
  CHECK(junos.trim("5 packets transmitted\n\n{backup:1}\n") == "5 packets transmitted\n");
  CHECK(junos.trim("5 packets transmitted\n") == "5 packets transmitted\n");
  const Prompt sros = learned("\n[/]\nA:admin@sr1# ");
  CHECK(sros.trim("text\n[/]\n") == "text\n");
  const Prompt ios = learned("\nr1#");
  CHECK(ios.trim("text\nr1#\nr1#\n") == "text\n");
  CHECK(ios.trim("text\n\n") == "text\n\n");
  CHECK(ios.trim("r1#\n").empty());
  CHECK(ios.trim("").empty());
}

TEST_CASE("a log line behind the prompt is found") {
  const Prompt prompt = learned("\n<H3C>");
  const std::string text = "ping 1\nok\n<H3C>%Jun 13 10:00:00 IFNET/3/PHY_UPDOWN\n";
  CHECK(prompt.find_line(text, 7) == text.find("<H3C>"));
  CHECK(prompt.find_line("ping 1\nsee <H3C>\n", 7) == std::string_view::npos);
}
