#pragma once
// User macros as Zabbix resolves them: a host's own before its templates', those before their templates', by
// depth, then the global ones. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/api_lines.hpp"

namespace linewatch::agent {

struct MacroValue {
  std::string text;
  bool secret = false;  // the API does not show it (or it is the path of a vault)
};
using Macros = std::map<std::string, MacroValue, std::less<>>;  // by name with braces, none with a context

struct ApiTemplate {
  Macros macros;
  std::vector<std::uint64_t> parents;  // templates linked to it
};
using ApiTemplates = std::unordered_map<std::uint64_t, ApiTemplate>;

class MacroResolver {
 public:
  MacroResolver(Macros global, ApiTemplates templates);

  // Fills out.macros and out.secret with the {$LINE_...} macros that have a value for a host with these
  // macros of its own and these templates. A user macro within such a value is resolved, once; what is left
  // in it then stays as it is.
  void resolve(const Macros& own, std::vector<std::uint64_t> linked, config::ApiHost& out);

 private:
  const Macros& inherited(std::vector<std::uint64_t> linked);

  Macros global_;
  ApiTemplates templates_;
  std::map<std::vector<std::uint64_t>, Macros> inherited_;  // hosts share few sets of templates
};

}  // namespace linewatch::agent
