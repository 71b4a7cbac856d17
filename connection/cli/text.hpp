#pragma once
// Small helpers for stripped text. Pure functions.

#include <string>
#include <string_view>

#include "config/platform.hpp"

namespace linewatch::connection {

// Blanks and tabs at the end taken away.
std::string_view trim_right(std::string_view line);

// Does the pattern match so that the match reaches the end of `text`, blanks and line ends there aside?
bool matches_at_end(const config::Pattern& pattern, std::string_view text);

// The last line that says something, short enough for an error's sentence and without control octets.
std::string last_words(std::string_view text);

}  // namespace linewatch::connection
