#pragma once
// " (did you mean 'x'?)" for a name on the command line that nobody knows, as the configuration's own errors
// say it.

#include <string>
#include <string_view>
#include <vector>

namespace linewatch::agent {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace linewatch::agent
