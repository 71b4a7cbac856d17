#pragma once
// Secrets in a text that a router sent are shown as stars.

#include <string>
#include <vector>

#include "config/secret.hpp"

namespace linewatch::config {

// False if none was found. Empty secrets are none.
bool mask(std::string& text, const std::vector<Secret>& secrets);

}  // namespace linewatch::config
