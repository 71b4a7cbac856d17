#include "config/label.hpp"

namespace linewatch::config {

std::string label_macro(std::string_view label) {
  std::string name;
  for (const char c : label) {
    const bool small = c >= 'a' && c <= 'z';
    const bool fits = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    name += small ? static_cast<char>(c - 'a' + 'A') : fits ? c : '_';
  }
  const bool known = name == "CUSTOMER" || name == "PROVIDER" || name == "CIRCUIT" || name == "SITE";
  return (known ? "{#" : "{#LABEL.") + name + "}";
}

}  // namespace linewatch::config
