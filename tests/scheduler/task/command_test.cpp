#include "scheduler/task/command.hpp"

#include <doctest/doctest.h>

#include <string>

#include "config/loader.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using config::TaskValue;

namespace {

// `show bgp summary json` of a route server, shortened.
constexpr std::string_view json_answer =
    "{\n"
    "  \"ipv4Unicast\":{\n"
    "    \"as\":64500,\n"
    "    \"ribCount\":11,\n"
    "    \"ribMemory\":2112,\n"
    "    \"peerCount\":3,\n"
    "    \"peers\":{\n"
    "      \"192.0.2.5\":{ \"state\":\"Established\", \"pfxRcd\":5 },\n"
    "      \"192.0.2.9\":{ \"state\":\"Active\", \"pfxRcd\":0 },\n"
    "      \"192.0.2.13\":{ \"state\":\"Established\", \"pfxRcd\":6 }\n"
    "    }\n"
    "  }\n"
    "}\n";

constexpr std::string_view optics_answer =
    "GigabitEthernet0/1 current values:\r\n"
    "  Temperature : 31.5 C\r\n"
    "  Tx Power    : +0.25 dBm\r\n"
    "  Rx Power    : -7.31 dBm\r\n"
    "  Input errors: 18446744073709551615, CRC 12\r\n";

TaskValue value(const char* pattern, TaskValue::Type type = TaskValue::Type::number, double factor = 1) {
  TaskValue out;
  out.name = "x";
  out.item = "task.x";
  out.type = type;
  out.factor = factor;
  out.pattern.everywhere = config::Pattern(pattern);
  return out;
}

TaskValue count(const char* pattern, double factor = 1) {
  TaskValue out = value(pattern, TaskValue::Type::integer, factor);
  out.counts = true;
  return out;
}

struct Reading {
  explicit Reading(TaskValue wanted, std::string_view answer, const char* expect = "") {
    config::Task task;
    task.expect.everywhere = config::Pattern(expect);
    task.values.push_back(std::move(wanted));
    read_task_answer(task, *config::builtin_platforms().find("frr"), answer, result);
  }
  // What is sent, or why it is not.
  std::string text() const {
    CHECK(result.values.size() + result.missing.size() + (result.error.empty() ? 0U : 1U) <= 1);
    if (!result.error.empty()) return "error: " + result.error;
    if (!result.missing.empty()) return "missing: " + result.missing[0];
    return result.values.empty() ? "nothing" : result.values[0].text;
  }
  aggregator::TaskResult result;
};

constexpr auto integer = TaskValue::Type::integer;
constexpr auto text = TaskValue::Type::text;

}  // namespace

TEST_CASE("lines are counted, each once") {
  CHECK(Reading(count("\"state\":\"Established\""), json_answer).text() == "2");
  CHECK(Reading(count("^ +\"\\d+\\.\\d+\\.\\d+\\.\\d+\":"), json_answer).text() == "3");
  CHECK(Reading(count("\"peer"), json_answer).text() == "2");
  CHECK(Reading(count("[a-z]"), "a a\nb\n\nc").text() == "3");
  CHECK(Reading(count("nowhere"), json_answer).text() == "0");
  CHECK(Reading(count("x", 100), "x\nx\n").text() == "200");
}

TEST_CASE("figures are what the router printed, times the factor") {
  CHECK(Reading(value("\"peerCount\":(?P<x>\\d+)", integer), json_answer).text() == "3");
  CHECK(Reading(value("Rx Power *: *(?P<x>\\S+) dBm"), optics_answer).text() == "-7.31");
  CHECK(Reading(value("Tx Power *: *(?P<x>\\S+) dBm"), optics_answer).text() == "0.25");
  CHECK(Reading(value("\"ribMemory\":(?P<x>\\d+)", integer, 1024), json_answer).text() == "2162688");
  CHECK(Reading(value("Temperature *: *(?P<x>\\S+) C", TaskValue::Type::number, 0.1), optics_answer).text() ==
        "3.15");
  CHECK(Reading(value("(?P<x>\\S+)", TaskValue::Type::number, 1e-9), "5").text() == "0.000000005");
  CHECK(Reading(value("(?P<x>\\S+)", TaskValue::Type::number, 1e9), "1.5").text() == "1500000000");
  CHECK(Reading(value("(?P<x>\\S+)"), "1e3").text() == "1000");
  CHECK(Reading(value("(?P<x>\\S+)"), "0.30000000000000004").text() == "0.3");
  CHECK(Reading(value("(?P<x>\\S+)"), "-0").text() == "0");
}

TEST_CASE("a counter of 64 bits loses no digit") {
  CHECK(Reading(value("Input errors: (?P<x>\\d+)", integer), optics_answer).text() == "18446744073709551615");
  CHECK(Reading(value("(?P<x>\\S+)", integer), "-9223372036854775808").text() == "-9223372036854775808");
  CHECK(Reading(value("(?P<x>\\S+)", integer), "007").text() == "7");
}

TEST_CASE("never a wrong figure") {
  CHECK(Reading(value("(?P<x>\\S+)"), "1,234").text() == "missing: x: '1,234' is no number");
  CHECK(Reading(value("(?P<x>\\S+)"), "-Inf").text() == "missing: x: '-Inf' is no number");
  CHECK(Reading(value("(?P<x>\\S+)"), "nan").text() == "missing: x: 'nan' is no number");
  CHECK(Reading(value("(?P<x>\\S+)"), "0x1f").text() == "missing: x: '0x1f' is no number");
  CHECK(Reading(value("(?P<x>\\S+)"), "1e999").text() == "missing: x: '1e999' is no number");
  CHECK(Reading(value("(?P<x>\\S+)", integer), "1.5").text() == "missing: x: '1.5' is no integer");
  CHECK(Reading(value("(?P<x>\\S+)", integer), "18446744073709551616").text() ==
        "missing: x: '18446744073709551616' is no integer");
  CHECK(Reading(value("(?P<x>\\S+)", integer, 0.5), "3").text() == "missing: x: '3' times 0.5 is no integer");
  CHECK(Reading(value("(?P<x>\\S+)", integer, 1000), "99999999999999999").text() ==
        "missing: x: '99999999999999999' times 1000 is no integer");
  CHECK(Reading(value("power (?P<x>\\S+)"), optics_answer).text() == "missing: x: not found in the answer");
  CHECK(Reading(value("a(?P<x>\\d)?"), "a b").text() == "missing: x: not found in the answer");
}

TEST_CASE("what is printed twice is one figure only if it is the same") {
  CHECK(Reading(value("\"pfxRcd\":(?P<x>\\d+)", integer), json_answer).text() ==
        "missing: x: more than one is printed: '5' and '0'");
  CHECK(Reading(value("up (?P<x>\\d+)"), "up 7\nup 7\n").text() == "7");
  CHECK(Reading(value("a(?P<x>\\d)|b"), "b a4 b").text() == "4");
  CHECK(Reading(value("(?P<x>q*)", text), "aaaa").text().empty());  // an empty match ends the search
}

TEST_CASE("texts are kept as they are, without what only a terminal wants") {
  CHECK(Reading(value("^(?P<x>Gigabit\\S+)", text), optics_answer).text() == "GigabitEthernet0/1");
  CHECK(Reading(value("(?s)(?P<x>Tx.*Rx)", text), optics_answer).text() == "Tx Power    : +0.25 dBm\n  Rx");
}

TEST_CASE("an answer that is not the expected one gives nothing, not zero") {
  const char* expected = "\"peerCount\"";
  CHECK(Reading(count("Established"), "% BGP instance not found\n", expected).text() ==
        "error: the answer is not what was expected: % BGP instance not found");
  CHECK(Reading(count("Established"), "", expected).text() == "error: the answer is empty");
  CHECK(Reading(count("Established"), json_answer, expected).text() == "2");
}

TEST_CASE("a platform that does not print a value has none, and that is no failure") {
  TaskValue silent = value("x");
  silent.pattern.by_platform["frr"] = config::Pattern();
  const Reading reading(silent, "x");
  CHECK(reading.text() == "nothing");
}

TEST_CASE("the commands of a line's task carry its data") {
  config::Task task;
  task.commands["frr"] = {"show version", "show bgp neighbor {target}"};
  config::Line line;
  line.target = "192.0.2.5";
  const auto& frr = *config::builtin_platforms().find("frr");
  CHECK(task_commands(task, frr, &line) ==
        std::vector<std::string>{"show version", "show bgp neighbor 192.0.2.5"});
  line.target = "192.0.2.5\nreload";
  CHECK_FALSE(task_commands(task, frr, &line));
  const auto& other = *config::builtin_platforms().find("linux");
  CHECK(task_commands(task, other, &line).error() == "it has no commands for linux");
}
