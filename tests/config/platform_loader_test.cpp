#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/loader.hpp"
#include "config/platform_loader.hpp"

using namespace linewatch::config;

namespace {

const std::string minimal = R"(name: acme
cli: {prompt: '^acme> $'}
ping:
  ipv4: 'ping {target}{count}'
  options: {count: {text: ' count {value}'}}
  answer: {totals: ['(?P<sent>\d+) sent (?P<received>\d+) back']}
)";

struct Result {
  Platforms platforms;
  Problems problems;
};

Result read_all(const std::vector<std::string>& texts, Platforms platforms = {}) {
  Result result{std::move(platforms), {}};
  std::vector<ProfileText> profiles;
  for (const std::string& text : texts) {
    const std::string file = "p" + std::to_string(profiles.size()) + ".yaml";
    profiles.push_back({file, text, file});
  }
  load_profiles(profiles, result.platforms, result.problems);
  return result;
}

// The only problem of a profile.
std::string problem(const std::string& text) {
  const Result result = read_all({text}, builtin_platforms());
  CHECK(result.problems.size() == 1);
  return result.problems.empty() ? "" : result.problems.front().format();
}

std::string with(const std::string& change, std::string text = minimal) {
  return text + change;
}

std::string replaced(const std::string& old_text, const std::string& new_text) {
  std::string text = minimal;
  const auto at = text.find(old_text);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old_text.size(), new_text);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "linewatch-platforms-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

}  // namespace

TEST_CASE("a small profile is enough") {
  const Result result = read_all({minimal});
  CHECK(result.problems.empty());
  const auto acme = result.platforms.find("acme");
  REQUIRE(acme);
  CHECK(acme->origin == "p0.yaml");
  CHECK(acme->ping.ipv4->count->text == " count {value}");
  CHECK_FALSE(acme->ping.ipv6);
  CHECK_FALSE(acme->ping.ipv4->timeout);
}

TEST_CASE("every mistake is said with its place") {
  CHECK(has(problem(replaced("'^acme> $'", "'^acme(> $'")),
            "p0.yaml:2:15: error: cli.prompt: is no regular expression"));
  CHECK(has(problem(replaced("(?P<sent>", "(?P<snet>")),
            "p0.yaml:6:21: error: ping.answer.totals[0]: no group 'snet'"));
  CHECK(has(problem(replaced("(?P<sent>", "(?P<snet>")), "did you mean 'sent'?"));
  CHECK(has(problem(replaced("{target}", "{tagret}")), "p0.yaml:4:9: error: ping.ipv4: no place {tagret}"));
  CHECK(has(problem(replaced("{target}", "192.0.2.1")), "ping.ipv4: must hold {target}"));
  CHECK(has(problem(replaced(" {value}", "")), "ping.options.count.text: must hold {value}"));
  CHECK(has(problem(replaced("name: acme", "name: Acme!")), "name: must be lower-case"));
  CHECK(has(problem(with("colour: red\n")), "p0.yaml:7:1: error: colour: unknown key 'colour'"));
  CHECK(has(problem(replaced("{prompt: '^acme> $'}", "{}")), "cli.prompt: missing"));
}

TEST_CASE("all mistakes are found in one pass") {
  const Result result = read_all(
      {"name: acme\ncli: {prompt: '(', rejections: ['ok', '[']}\nping: {ipv4: 'x', endless: maybe}\n"});
  CHECK(result.problems.size() >= 5);
  CHECK_FALSE(result.platforms.find("acme"));
  CHECK(has(result.problems[1].format(), "cli.rejections[1]"));
}

TEST_CASE("an empty pattern would match everywhere") {
  CHECK(has(problem(replaced("'^acme> $'", "''")), "cli.prompt: is empty"));
}

TEST_CASE("a profile extends another and says only what differs") {
  const Result result =
      read_all({"extends: cisco_iosxe\nname: acme\nping:\n  options: {size: {max: 9000}, dscp: null}\n"
                "  answer: {unreachable: ['^gone$']}\n"},
               builtin_platforms());
  CHECK(result.problems.empty());
  const auto acme = result.platforms.find("acme");
  const auto ios = result.platforms.find("cisco_iosxe");
  REQUIRE(acme);
  CHECK(acme->cli.prompt.text() == ios->cli.prompt.text());
  CHECK(acme->ping.ipv4->size->max == 9000);
  CHECK(acme->ping.ipv4->size->text == ios->ping.ipv4->size->text);
  CHECK_FALSE(acme->ping.ipv4->dscp);
  CHECK(acme->ping.answer.unreachable.size() == 1);
  CHECK(acme->aliases.empty());  // cisco_ios still means the other one
  CHECK(result.platforms.find("cisco_ios") == ios);
}

TEST_CASE("profiles may stand in any order") {
  const Result result =
      read_all({"extends: base\nname: derived\ndescription: mine\n", "extends: acme\nname: base\n", minimal});
  CHECK(result.problems.empty());
  CHECK(result.platforms.find("derived")->ping.ipv4->count);
}

TEST_CASE("a profile of the site's own replaces the built-in one of that name") {
  const Result result =
      read_all({"extends: linux\nname: linux\ncli: {setup: [stty cols 200]}\n"}, builtin_platforms());
  CHECK(result.problems.empty());
  CHECK(result.platforms.find("linux")->cli.setup == std::vector<std::string>{"stty cols 200"});
  CHECK(result.platforms.find("linux")->origin == "p0.yaml");
}

TEST_CASE("the name of a profile that cannot be used is known as such") {
  for (const char* broken : {"name: acme\nextends: linux\nping: {packets: 5}\n",
                             "name: acme\nextends: none\n", "name: acme\nextends: acme\n"}) {
    const Result result = read_all({broken}, builtin_platforms());
    CHECK_FALSE(result.platforms.find("acme"));
    CHECK(result.platforms.refused("acme"));
    CHECK_FALSE(result.platforms.refused("linux"));
  }
}

TEST_CASE("unknown bases, circles and twins are said") {
  CHECK(has(problem("extends: cisco_iosex\nname: acme\n"),
            "p0.yaml:1:10: error: extends: no platform 'cisco_iosex'"));
  CHECK(has(problem("extends: cisco_iosex\nname: acme\n"), "did you mean 'cisco_iosxe'?"));
  CHECK(has(problem("extends: acme\nname: acme\n"), "'acme' is this profile itself"));
  const Result circle = read_all({"extends: b\nname: a\n", "extends: a\nname: b\n"});
  CHECK(circle.problems.size() == 2);
  CHECK(has(circle.problems[0].format(), "circle"));
  const Result twins = read_all({minimal, minimal});
  REQUIRE(twins.problems.size() == 1);
  CHECK(has(twins.problems[0].format(), "p1.yaml:1:7: error: name: 'acme' is defined by p0.yaml already"));
  CHECK(has(problem(with("aliases: [cisco_ios]\n")), "'cisco_ios' already means cisco_iosxe"));
}

TEST_CASE("a directory's profiles are read, other files are not") {
  const Folder folder;
  folder.write("acme.yaml", minimal);
  folder.write("more.yml", "extends: acme\nname: acme2\n");
  folder.write("notes.txt", "name: [");
  folder.write(".hidden.yaml", "name: [");
  Profiles profiles;
  Problems problems;
  const Platforms platforms = profiles.read(folder.path, problems);
  CHECK(problems.empty());
  CHECK(platforms.find("acme")->origin == folder.path / "acme.yaml");
  CHECK(platforms.find("acme2"));
  CHECK(platforms.names().size() == builtin_platforms().names().size() + 2);
  folder.write("bad.yaml", "name: [");
  profiles.read(folder.path, problems);
  REQUIRE_FALSE(problems.empty());
  CHECK(has(problems.front().format(), "bad.yaml:"));
  problems.clear();
  profiles.read(folder.path / "none", problems);
  CHECK(problems.size() == 1);
}

TEST_CASE("the text of a built-in profile can be shown") {
  CHECK(has(std::string(builtin_profile_text("huawei_vrp")), "MILLISECONDS"));
  CHECK(builtin_profile_text("acme").empty());
}
