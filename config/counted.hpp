#pragma once
// Numbers of things in sentences for people.

#include <cstdint>
#include <string>
#include <string_view>

namespace linewatch::config {

// "1 line", "2 lines"
inline std::string counted(std::uint64_t count, std::string_view what) {
  std::string text = std::to_string(count) + ' ';
  text += what;
  if (count != 1) text += 's';
  return text;
}

}  // namespace linewatch::config
