#pragma once
// A Zabbix host's macros as the keys that a router and a line have in a file. Internal to config.

#include <string>
#include <string_view>
#include <vector>

#include "config/api_lines.hpp"
#include "config/document.hpp"
#include "config/secret.hpp"

namespace linewatch::config {

struct ApiField {
  std::string key, value;
  std::string origin;  // where the value comes from, as it reads in a sentence: "{$LINE_TARGET}"
};
using ApiFieldList = std::vector<ApiField>;

struct ApiFields {
  std::string router_name;            // {$LINE_ROUTER}; then nothing else is said of the router
  ApiFieldList router;                // address, port, platform, protocol, credentials: those that are set
  std::string username;               // {$LINE_ROUTER_USERNAME}, where no credentials are named
  Secret password;                    // empty only if there is no username
  ApiFieldList line;                  // id, target, ...: those that are set
  std::vector<std::string> problems;  // one clause each; none quotes a password
};

// The names of all macros that are looked at.
const std::vector<std::string_view>& api_macros();

ApiFields api_fields(const ApiHost& host);

const ApiField* find_field(const ApiFieldList& fields, std::string_view key);
Document::Fields document_fields(const ApiFieldList& fields);

// What readers said of a document of such fields: one clause for each error, in the words of the macros.
std::vector<std::string> api_problems(const Problems& problems, const ApiFieldList& fields,
                                      Problem::Severity severity);

}  // namespace linewatch::config
