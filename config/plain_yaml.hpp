#pragma once
// The plainest YAML, read at the speed of memory: block lists and maps of one-line values, as nearly all of a
// large plan is. The parser's own scanner takes some 400 ns for each octet, which is five seconds for a plan
// of 100,000 lines. Holds no state.

#include <yaml-cpp/eventhandler.h>

#include <string_view>

namespace linewatch::config {

// Gives the parser's own events for the text, with the same places. False as soon as anything stands there
// that is not plain (an anchor, a tag, an escape, a tab, a text over several lines, an error ...): the parser
// is then to read the whole of it, and the events given until then are worth nothing.
bool read_plain_yaml(std::string_view text, YAML::EventHandler& events);

}  // namespace linewatch::config
