#pragma once
// Which router or line of the running agent a name on the command line means. Pure.

#include <expected>
#include <optional>
#include <string>

#include "agent/control/server.hpp"
#include "config/settings.hpp"

namespace linewatch::agent {

enum class NameKind { router, line };
std::string_view to_string(NameKind kind);
std::optional<NameKind> name_kind(std::string_view word);  // "router", "line"

struct Named {
  NameKind kind = NameKind::router;
  const config::Router* router = nullptr;  // of the line, too
  const config::Line* line = nullptr;      // null: the router as a whole
};

// The error is an answer: the name is nobody's, or both a router's and a line's while `kind` does not say
// which.
std::expected<Named, Json> find_name(const config::Settings& settings, const std::string& name,
                                     std::optional<NameKind> kind);

}  // namespace linewatch::agent
