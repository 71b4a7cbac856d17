#include "config/mask.hpp"

#include <string_view>

namespace linewatch::config {

bool mask(std::string& text, const std::vector<Secret>& secrets) {
  constexpr std::string_view stars = "********";
  bool found = false;
  for (const Secret& secret : secrets) {
    for (std::size_t at = 0; !secret.empty() && (at = text.find(secret.reveal(), at)) != std::string::npos;
         at += stars.size()) {
      text.replace(at, secret.reveal().size(), stars);
      found = true;
    }
  }
  return found;
}

}  // namespace linewatch::config
