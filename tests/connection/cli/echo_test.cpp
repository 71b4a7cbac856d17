#include "connection/cli/echo.hpp"

#include <doctest/doctest.h>

#include <string>

using linewatch::connection::find_echo_end;

namespace {

// What is left behind the echo; "-" if there is none.
std::string behind(std::string_view text, std::string_view command) {
  const auto end = find_echo_end(text, command);
  return end ? std::string(text.substr(*end)) : "-";
}

}  // namespace

TEST_CASE("the echo is found however the router draws it") {
  const std::string command = "ping vrf CUST-A 198.51.100.2 repeat 5";
  CHECK(behind(command + "\nrest", command) == "rest");
  CHECK(behind("r1#" + command + "\nrest", command) == "rest");
  CHECK(behind("r1#" + command + "  \nrest", command) == "rest");
  CHECK(behind("\nr1#" + command + "\nrest", command) == "rest");
  CHECK(behind("ping vrf CUST-A 198.51.\n100.2 repeat 5\nrest", command) == "rest");
  CHECK(behind("r1#ping vrf CUST-A\n 198.51.100.2 repeat 5\nrest", command) == "rest");
  CHECK(behind("r1#$51.100.2 repeat 5\nrest", command) == "rest");
  CHECK(behind("$51.100.2 repeat 5\nrest", command) == "rest");
  CHECK(behind("%LINK-3-UPDOWN: down\nr1#" + command + "\nrest", command) == "rest");
}

TEST_CASE("what is no echo, or not yet a whole one, is not taken for it") {
  const std::string command = "ping 198.51.100.2";
  CHECK(behind("", command) == "-");
  CHECK(behind("\nr1#", command) == "-");
  CHECK(behind(command, command) == "-");
  CHECK(behind("r1#ping 198.51", command) == "-");
  CHECK(behind("ping 198.51.100.20\nrest", command) == "-");
  CHECK(behind("5 packets\nr1#", command) == "-");
  CHECK(behind("$\nr1#", command) == "-");
  CHECK(behind("r1#$0.2\nrest", command) == "-");  // too little of it to be sure
}
