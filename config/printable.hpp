#pragma once
// Text that may hold what a router or a file says, made fit for a terminal or a log: control characters are
// shown as
// \x1b, never sent.

#include <string>
#include <string_view>

namespace linewatch::config {

std::string printable(std::string_view text);

}  // namespace linewatch::config
