#include "agent/yaml_text.hpp"

#include <re2/re2.h>

namespace linewatch::agent {
namespace {

// A capital first and no sign that means something: the words of an export that are safe without quotes.
bool plain(const std::string& text) {
  static const RE2 safe("[A-Z][A-Za-z_]+( [A-Za-z]+)*");
  return text != "YES" && text != "NO" && text != "ON" && text != "OFF" && RE2::FullMatch(text, safe);
}

std::string scalar(const std::string& text) {
  if (plain(text)) return text;
  std::string quoted = text;
  RE2::GlobalReplace(&quoted, "'", "''");
  return "'" + quoted + "'";
}

bool empty(const YAML::Node& node) {
  return node.IsNull() || (!node.IsScalar() && node.size() == 0);
}

void print(const YAML::Node& node, const std::string& indent, std::string& out);

// After "key:" or "- ": a scalar on the same line; a map or sequence below.
void print_entries(const YAML::Node& map, const std::string& indent, std::string& out, bool first_in_place) {
  bool in_place = first_in_place;
  for (const auto& entry : map) {
    if (empty(entry.second)) continue;
    out += (in_place ? "" : indent) + entry.first.Scalar() + ":";
    in_place = false;
    if (entry.second.IsScalar()) {
      out += " " + scalar(entry.second.Scalar()) + "\n";
    } else {
      out += "\n";
      print(entry.second, indent + "  ", out);
    }
  }
}

void print(const YAML::Node& node, const std::string& indent, std::string& out) {
  if (node.IsMap()) return print_entries(node, indent, out, false);
  for (const auto& entry : node) {
    out += indent + "- ";
    if (entry.IsMap()) {
      print_entries(entry, indent + "  ", out, true);
    } else {
      out += scalar(entry.Scalar()) + "\n";
    }
  }
}

}  // namespace

std::string yaml_text(const YAML::Node& node) {
  std::string out;
  print(node, "", out);
  return out;
}

}  // namespace linewatch::agent
