#include "config/reader.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace linewatch::config;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  explicit Fixture(std::string_view text)
      : document("f.yml", text, problems), root(document.root(), problems) {}
  std::string said() const {
    std::string out;
    for (const Problem& problem : problems) out += problem.format() + "\n";
    return out;
  }
  Problems problems;
  Document document;
  Reader root;
};

}  // namespace

TEST_CASE("text is taken exactly as written") {
  Fixture f("a: 100\nb: 0012\nc: on\nd: 1e3\ne: 'x: y'\nf: 2024-01-01\ng: yes\nh: 0x1F\ni: 1_000\nj: .5\n");
  const std::pair<const char*, const char*> want[] = {
      {"a", "100"},        {"b", "0012"}, {"c", "on"},   {"d", "1e3"},   {"e", "x: y"},
      {"f", "2024-01-01"}, {"g", "yes"},  {"h", "0x1F"}, {"i", "1_000"}, {"j", ".5"}};
  for (const auto& [key, text] : want) {
    std::string out;
    CHECK(f.root.text(key, out));
    CHECK(out == text);
  }
  CHECK(f.said() == "");
}

TEST_CASE("an absent or null key leaves the default") {
  Fixture f("a:\nb: null\nc: ~\n");
  int number = 7;
  std::string text = "x";
  Duration duration = 3s;
  CHECK_FALSE(f.root.integer("a", number, 0, 9));
  CHECK_FALSE(f.root.text("b", text));
  CHECK_FALSE(f.root.duration("c", duration));
  CHECK_FALSE(f.root.text("d", text));
  CHECK(text == "x");
  CHECK_FALSE(f.root.text_or_none("b", text));
  CHECK(text.empty());
  f.root.finish();
  CHECK(f.said() == "");
}

TEST_CASE("numbers are plain and in range") {
  Fixture f("a: 5\nb: '5'\nc: 010\nd: 1e3\ne: 99\nf: 5.0\ng: -1\nh: 99999999999999999999\ni: [1]\nj: +5\n");
  int out = 0;
  CHECK(f.root.integer("a", out, 1, 10));
  CHECK(out == 5);
  for (const char* key : {"b", "c", "d", "e", "f", "g", "h", "i", "j"})
    CHECK_FALSE(f.root.integer(key, out, 1, 10));
  CHECK(f.said() ==
        "f.yml:2:4: error: b: '5' is a text, not a number (write it without quotes)\n"
        "f.yml:3:4: error: c: '010' is no whole number (write one from 1 to 10)\n"
        "f.yml:4:4: error: d: '1e3' is no whole number (write one from 1 to 10)\n"
        "f.yml:5:4: error: e: '99' is out of range (write a whole number from 1 to 10)\n"
        "f.yml:6:4: error: f: '5.0' is no whole number (write one from 1 to 10)\n"
        "f.yml:7:4: error: g: '-1' is out of range (write a whole number from 1 to 10)\n"
        "f.yml:8:4: error: h: '99999999999999999999' is out of range (write a whole number from 1 to 10)\n"
        "f.yml:9:4: error: i: must be a whole number, not a list\n"
        "f.yml:10:4: error: j: '+5' is no whole number (write one from 1 to 10)\n");
}

TEST_CASE("booleans are true and false, not the many of YAML 1.1") {
  Fixture f("a: true\nb: yes\nc: 'true'\nd: false\n");
  bool out = false;
  CHECK(f.root.boolean("a", out));
  CHECK(out);
  CHECK_FALSE(f.root.boolean("b", out));
  CHECK_FALSE(f.root.boolean("c", out));
  CHECK(f.root.boolean("d", out));
  CHECK_FALSE(out);
  CHECK(f.said() ==
        "f.yml:2:4: error: b: 'yes' is neither true nor false (write one of these, without quotes)\n"
        "f.yml:3:4: error: c: 'true' is neither true nor false (write one of these, without quotes)\n");
}

TEST_CASE("paths lead through maps and lists; unknown keys name the nearest") {
  Fixture f("routers:\n  - connection: {max_conections: 1, max_connections: x}\n    colour: red\n");
  int index = 0;
  for (const YamlNode node : f.root.list("routers")) {
    Reader router(f.root, "routers", index++, node);
    Reader connection(router, "connection", router.find("connection"));
    int out = 0;
    connection.integer("max_connections", out, 1, 64);
    connection.finish();
    router.finish();
  }
  f.root.finish();
  CHECK(f.said() ==
        "f.yml:2:54: error: routers[0].connection.max_connections: 'x' is no whole number (write one from 1 "
        "to 64)\n"
        "f.yml:2:18: error: routers[0].connection.max_conections: unknown key 'max_conections' "
        "(did you mean 'max_connections'?)\n"
        "f.yml:3:5: error: routers[0].colour: unknown key 'colour' (known: connection)\n");
}

TEST_CASE("words, percentages, sizes, lists of texts") {
  Fixture f(
      "a: loud\nb: 30%\nc: 30\nd: 120%\ne: 64KiB\nf: x\ng: [x, 1]\nh: [x, [y]]\ni: {}\nj: 2.5\nk: nan\n");
  int word = 0;
  double percent = 0, number = 0;
  std::uint64_t octets = 0;
  std::vector<std::string> texts;
  CHECK_FALSE(f.root.word("a", word, {{"text", 1}, {"json", 2}}));
  CHECK(f.root.percent("b", percent));
  CHECK(percent == 30);
  CHECK_FALSE(f.root.percent("c", percent));
  CHECK_FALSE(f.root.percent("d", percent));
  CHECK(f.root.octets("e", octets, 0, 1 << 20));
  CHECK(octets == 65536);
  CHECK(f.root.texts("f", texts));
  CHECK(texts == std::vector<std::string>{"x"});
  CHECK(f.root.texts("g", texts));
  CHECK(texts == std::vector<std::string>{"x", "1"});
  CHECK_FALSE(f.root.texts("h", texts));
  CHECK_FALSE(f.root.texts("i", texts));
  CHECK(f.root.number("j", number, 0, 10));
  CHECK(number == 2.5);
  CHECK_FALSE(f.root.number("k", number, 0, 10));
  CHECK(f.said() ==
        "f.yml:1:4: error: a: unknown word 'loud' (write text or json)\n"
        "f.yml:3:4: error: c: a number without a unit (write 30%)\n"
        "f.yml:4:4: error: d: '120%' is no percentage (write one from 0% to 100%)\n"
        "f.yml:8:8: error: h[1]: must be a text, not a list\n"
        "f.yml:9:4: error: i: must be a text or a list of texts, not a map\n"
        "f.yml:11:4: error: k: 'nan' is not a number from 0 to 10\n");
}

TEST_CASE("an unknown key among secrets is not repeated") {
  Fixture f("{username: u, password: abc,SEKRET, usernam: x}\n");
  std::string out;
  f.root.holds_secrets();
  f.root.text("username", out);
  f.root.text("password", out);
  f.root.finish();
  CHECK(f.said() ==
        "f.yml:1:29: error: unknown key, not shown since it may be part of a secret "
        "(quote a text that holds , : or #)\n"
        "f.yml:1:37: error: unknown key (did you mean 'username'?)\n");
}
