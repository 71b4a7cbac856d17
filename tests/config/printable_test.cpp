#include "config/printable.hpp"

#include <doctest/doctest.h>

#include "config/mask.hpp"

using namespace linewatch::config;

TEST_CASE("what a terminal would obey, and what is no text, is shown by its octets") {
  CHECK(printable("plain, gr\xc3\xbc\xc3\x9f \xe4\xba\xac \xf0\x9f\x98\x80") ==
        "plain, gr\xc3\xbc\xc3\x9f \xe4\xba\xac \xf0\x9f\x98\x80");
  CHECK(printable("\x1b[31m\x7f\n") == "\\x1b[31m\\x7f\\x0a");
  CHECK(printable("r\xc2\x9b"
                  "31m") == "r\\xc2\\x9b31m");  // C1's CSI
  CHECK(printable("r\x9b"
                  "31m \xe9") == "r\\x9b31m \\xe9");
  CHECK(printable("\xe4\xba") == "\\xe4\\xba");
  CHECK(printable("\xc0\xaf\xff") == "\\xc0\\xaf\\xff");
}

TEST_CASE("secrets in a text are stars, each time") {
  std::string text = "said s3cret and s3cret, then other";
  CHECK(mask(text, {Secret("s3cret"), Secret(""), Secret("other")}));
  CHECK(text == "said ******** and ********, then ********");
  CHECK_FALSE(mask(text, {Secret("s3cret"), Secret()}));
}
