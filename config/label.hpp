#pragma once
// What a line's label is called where Zabbix knows it. Pure.

#include <string>
#include <string_view>

namespace linewatch::config {

// The macro of low-level discovery: "{#CUSTOMER}", "{#PROVIDER}", "{#CIRCUIT}" and "{#SITE}" for those four
// in any case, "{#LABEL.X}" for all others, where X is the name in capitals with '_' for what no macro may
// hold.
std::string label_macro(std::string_view label);

}  // namespace linewatch::config
