#include "config/document.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace linewatch::config;

namespace {

std::string problems_of(std::string_view text) {
  Problems problems;
  const Document document("f.yml", text, problems);
  std::string out;
  for (const Problem& problem : problems) out += problem.format() + "\n";
  return out;
}

}  // namespace

TEST_CASE("values know their text and place") {
  Problems problems;
  const Document document("f.yml", "a: 1\nb:\n  - x\n  - 'on'\nc: {d: ~, e: \"q\\\"\"}\n", problems);
  CHECK(problems.empty());
  const YamlNode root = document.root();
  REQUIRE(root.is_map());
  CHECK(root.size() == 3);
  CHECK(root.find("a").text() == "1");
  CHECK_FALSE(root.find("a").quoted());
  CHECK(root.find("a").line() == 1);
  CHECK(root.find("a").column() == 4);
  const YamlNode list = root.find("b");
  REQUIRE(list.is_list());
  CHECK(list.key_line() == 2);
  CHECK((*list.begin()).line() == 3);
  CHECK((*list.begin()).column() == 5);
  CHECK((*++list.begin()).quoted());
  CHECK(root.find("c").find("d").is_null());
  CHECK(root.find("c").find("e").text() == "q\"");
  CHECK(root.find("c").find("e").key_column() == 11);
  CHECK_FALSE(root.find("z"));
  CHECK_FALSE(root.find("a").find("z"));
}

TEST_CASE("CRLF, a byte order mark and an empty file are fine") {
  Problems problems;
  const Document document("f.yml",
                          "\xef\xbb\xbf"
                          "a: x\r\nb: y\r\n",
                          problems);
  CHECK(problems.empty());
  CHECK(document.root().find("a").text() == "x");
  CHECK(document.root().find("b").text() == "y");
  for (const char* text : {"", "# nothing\n", "\n\n", "---\n"}) {
    CHECK(problems_of(text) == "");
  }
}

TEST_CASE("aliases share what they name") {
  Problems problems;
  const Document document("f.yml", "a: &a {x: 1, y: [2, 3]}\nb: *a\nc: [*a, *a]\n", problems);
  CHECK(problems.empty());
  CHECK(document.root().find("b").find("x").text() == "1");
  CHECK(document.root().find("b").find("y").size() == 2);
  CHECK(document.root().find("b").line() == 2);
  CHECK(document.root().find("b").key() == "b");
  CHECK(document.root().find("c").size() == 2);
  CHECK(document.root().find("a").size() == 2);
}

TEST_CASE("a billion laughs are not laughed") {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'n'; ++c) {
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) text += std::string(i ? ", *" : "*") + static_cast<char>(c - 1);
    text += "]\n";
  }
  CHECK(problems_of(text) == "f.yml:6:36: error: aliases repeat more than 1000000 values (write them out)\n");
  CHECK(problems_of("a: &a [*a]\n") == "f.yml:1:8: error: an alias stands inside what it names\n");
}

TEST_CASE("nesting has an end") {
  for (const std::string piece : {"[", "- ", "{a: "}) {
    std::string text = "a:\n ";
    for (int i = 0; i < 100000; ++i) text += piece;
    if (piece == "[") text.append(100000, ']');
    if (piece == "{a: ") text.append(100000, '}');
    const std::string problems = problems_of(text);
    INFO(piece);
    CHECK(problems.find("nested more than 64 levels deep\n") != std::string::npos);
  }
}

TEST_CASE("duplicate keys are named with both places, in nested maps too") {
  CHECK(problems_of("a: 1\nb: {x: 1, y: {x: 2}, x: 3}\na: 2\n") ==
        "f.yml:2:22: error: duplicate key 'x' (first at line 2)\n"
        "f.yml:3:1: error: duplicate key 'a' (first at line 1)\n");
}

TEST_CASE("what is no YAML is one problem with its place") {
  CHECK(problems_of("a: [1, 2\nb: 3\n").starts_with("f.yml:2:2: error: not valid YAML: "));
  CHECK(problems_of("a: 1\n\tb: 2\n").starts_with("f.yml:2:"));
  for (const char* text :
       {"a: 'x", "a: 'x\nb: 1\n", "a: \"x\nb: 1\n", "a: \"x\\\"\nb: 1", "a: &y 'x\nb: 1\n"}) {
    INFO(text);
    CHECK(problems_of(text) == "f.yml:1:4: error: a quote is opened here and never closed\n");
  }
  CHECK(problems_of("a: |\n  x\n  # y\nb: 'z'") == "");
  CHECK(problems_of("a: 1\n---\nb: 2\n") ==
        "f.yml:2:1: error: a second document begins here (one file holds one, without ---)\n");
  CHECK(problems_of("? [a]\n: b\n") == "f.yml:1:3: error: a key must be plain text, not a list or a map\n");
  CHECK(problems_of("~: b\n") ==
        "f.yml:1:1: error: a key is missing before ':' (quote it if null or ~ is meant)\n");
  CHECK(problems_of("b: &b {x: 1}\na:\n  <<: *b\n") ==
        "f.yml:3:3: error: merge keys (<<) are not supported (write common values under 'defaults')\n");
}

TEST_CASE("binary garbage is refused, and a terminal is not at its mercy") {
  CHECK(problems_of(std::string_view("a: 1\nb: \0x\n", 11)) ==
        "f.yml:2:4: error: a NUL octet: this is no text file (write YAML in UTF-8)\n");
  CHECK(problems_of(std::string_view("\x7f"
                                     "ELF\x02\x01\x01\0\0\0",
                                     10))
            .find("NUL octet") != std::string::npos);
  CHECK(problems_of("\"\\e[2Ja\": 1\n\"\\e[2Ja\": 2\n") ==
        "f.yml:2:1: error: duplicate key '\\x1b[2Ja' (first at line 1)\n");
}

TEST_CASE("a syntax error does not quote the file, since a secret may stand there") {
  for (const char* text :
       {"password: *SEKRET\n", "password: !SEKRET\n", "password: !SEKRET x\n", "password: &SEKRET\nx: y: z\n",
        "password: @SEKRET\n", "password: `SEKRET\n", "password: %SEKRET: x\n", "password: \"\\SEKRET\"\n"}) {
    const std::string problems = problems_of(text);
    INFO(text);
    INFO(problems);
    CHECK(problems.find("SEKRET") == std::string::npos);
  }
}
