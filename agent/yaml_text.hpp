#pragma once
// Prints a YAML tree in block style, each reference written out, as Zabbix exports look. A text stays a text:
// what another reader could take for a number, a boolean or an anchor is quoted.

#include <yaml-cpp/yaml.h>

#include <string>

namespace linewatch::agent {

// Scalars, non-empty sequences and maps; empty ones are left out with their key.
std::string yaml_text(const YAML::Node& node);

}  // namespace linewatch::agent
