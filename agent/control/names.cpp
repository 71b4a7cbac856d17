#include "agent/control/names.hpp"

#include <fmt/format.h>

#include "agent/suggest.hpp"

namespace linewatch::agent {

std::string_view to_string(NameKind kind) {
  return kind == NameKind::router ? "router" : "line";
}

std::optional<NameKind> name_kind(std::string_view word) {
  if (word == "router") return NameKind::router;
  if (word == "line") return NameKind::line;
  return std::nullopt;
}

std::expected<Named, Json> find_name(const config::Settings& settings, const std::string& name,
                                     std::optional<NameKind> kind) {
  const config::Router* router = kind == NameKind::line ? nullptr : settings.router(name);
  const config::Line* line = kind == NameKind::router ? nullptr : settings.line(name);
  if (router && line) {
    return std::unexpected(control_error(
        "ambiguous_name", fmt::format("'{}' is both a router and a line; say --router or --line", name)));
  }
  if (router) return Named{NameKind::router, router, nullptr};
  if (line) return Named{NameKind::line, settings.router(line->router), line};

  std::vector<std::string> known;
  known.reserve(settings.routers.size() + settings.lines.size());
  if (kind != NameKind::line)
    for (const config::Router& each : settings.routers) known.push_back(each.name);
  if (kind != NameKind::router)
    for (const config::Line& each : settings.lines) known.push_back(each.id);
  const std::string wanted = kind ? std::string(to_string(*kind)) : "router or line";
  return std::unexpected(control_error("unknown_name", fmt::format("the running agent knows no {} '{}'{}",
                                                                   wanted, name, did_you_mean(name, known))));
}

}  // namespace linewatch::agent
