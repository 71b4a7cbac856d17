#include "agent/suggest.hpp"

#include "config/reader.hpp"

namespace linewatch::agent {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return config::suggestion(name, views);
}

}  // namespace linewatch::agent
