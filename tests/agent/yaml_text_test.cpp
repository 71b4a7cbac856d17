#include "agent/yaml_text.hpp"

#include <doctest/doctest.h>

using linewatch::agent::yaml_text;

TEST_CASE("a tree in block style; what is empty is left out with its key") {
  const YAML::Node tree =
      YAML::Load("{Root: {name: Line, none: [], nil: ~, list: [{key: 1, value: {deep: Up}}, Down]}}");
  CHECK(yaml_text(tree) ==
        "Root:\n  name: Line\n  list:\n    - key: '1'\n      value:\n        deep: Up\n    - Down\n");
}

TEST_CASE("a text stays the text it was, whatever it looks like") {
  const char* const texts[] = {"YES",  "no",   "0",       "1e3",   "~",  "null", "it's",
                               "a: b", "- a",  "{#LINE}", "*x",    "&x", "",     " ",
                               "#no",  "0x10", "%LINE%",  "\"q\"", "Y",  "Word", "Two words"};
  for (const char* text : texts) {
    YAML::Node tree;
    tree["key"] = text;
    CAPTURE(text);
    const YAML::Node read = YAML::Load(yaml_text(tree));
    CHECK(read["key"].Scalar() == text);
    CHECK(read["key"].IsScalar());
  }
}

TEST_CASE("a node that stands in two places is written out twice, not as an anchor") {
  YAML::Node tree;
  YAML::Node shared;
  shared["tag"] = "Line";
  tree["one"] = shared;
  tree["two"] = shared;
  CHECK(yaml_text(tree) == "one:\n  tag: Line\ntwo:\n  tag: Line\n");
}
