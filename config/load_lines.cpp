#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/label.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

bool is_line_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  });
}

bool is_label_name(std::string_view text) {
  return is_line_id(text) && text.find(':') == std::string_view::npos;
}

// The other label whose macro has the same name; null: there is none.
const std::string* same_macro(const std::map<std::string, std::string>& labels, const std::string& name) {
  for (const auto& [other, value] : labels)
    if (other.size() == name.size() && other != name && label_macro(other) == label_macro(name))
      return &other;
  return nullptr;
}

// `out` holds the labels of the defaults.
void read_labels(Reader& around, std::map<std::string, std::string>& out) {
  Reader labels(around, "labels", around.find("labels"));
  for (const YamlNode node : labels.map()) {
    if (!is_label_name(node.key())) {
      labels.error(node.key(),
                   fmt::format("{} is no label name (letters, digits . _ - and at most 64 of them)",
                               in_quotes(node.key())));
      continue;
    }
    const std::string name(node.key());
    labels.text_or_none(name, out[name]);
    if (const std::string* other = same_macro(out, name)) {
      labels.error(name, fmt::format("{} and {} are both {} in Zabbix (rename one)", in_quotes(name),
                                     in_quotes(*other), label_macro(name)));
    }
  }
}

void read_source(Reader& reader, Line& out) {
  std::string text = out.source;
  reader.text_or_none("source", text);
  if (!text.empty() && text != out.source && !is_ip(text) && !is_interface_name(text)) {
    reader.error("source", fmt::format("{} is not an address or an interface name", in_quotes(text)));
    return;
  }
  out.source = std::move(text);
}

void read_vrf(Reader& reader, Line& out) {
  std::string text = out.vrf;
  reader.text_or_none("vrf", text);
  if (!text.empty() && text != out.vrf && !is_vrf_name(text)) {
    reader.error("vrf", fmt::format("{} is no VRF name (letters, digits . : - _ and at most 64 of them)",
                                    in_quotes(text)));
    return;
  }
  out.vrf = std::move(text);
}

void read_packet(Reader& reader, Line& out) {
  int size = 0;
  if (const YamlNode node = reader.find("size"); node && node.is_null()) out.size.reset();
  if (reader.integer("size", size, 28, 65535)) out.size = size;
  reader.boolean("df", out.df);
  reader.integer("dscp", out.dscp, 0, 63);
  read_source(reader, out);
  read_vrf(reader, out);
}

void read_trace(Reader& around, TraceSettings& out) {
  Reader trace(around, "trace", around.find("trace"));
  trace.boolean("on_loss", out.on_loss);
  trace.duration("at_most_every", out.at_most_every, 1min, std::chrono::days{7});
  trace.finish();
}

void read_task(Reader& reader, Loading& loading, Line& out) {
  read_task_names(reader, loading, out.tasks);
  std::string task;
  if (!reader.text("task", task)) return;
  std::vector<std::string_view> known = loading.task_names;
  known.push_back("ping");
  if (std::ranges::find(known, task) == known.end()) {
    reader.error("task",
                 fmt::format("there is no task {}{}", in_quotes(task), loading.suggest("task", task, known)));
    return;
  }
  out.task = std::move(task);
}

void read_names(Reader& reader, Line& out) {
  if (reader.required("id", "write a short name that never changes") && reader.text("id", out.id) &&
      !is_line_id(out.id)) {
    reader.error("id", fmt::format("{} is no line id (letters, digits . _ : - and at most 64 of them)",
                                   in_quotes(out.id)));
  }
  if (reader.required("target", "write the far end's address or host name") &&
      reader.text("target", out.target) && !is_ip(out.target) && !is_host_name(out.target)) {
    reader.error("target", fmt::format("{} is not an address or a host name", in_quotes(out.target)));
    out.target.clear();
  }
  read_line_of_text(reader, "name", out.name, 255);
}

// For names the family is a choice, for an address it is a fact.
void settle_family(Reader& reader, Line& line) {
  if (!is_ip(line.target)) return;
  const int actual = is_ipv6(line.target) ? 6 : 4;
  if (reader.written("family") && line.family != actual) {
    reader.error("family",
                 fmt::format("{} does not fit the IPv{} address {}", line.family, actual, line.target));
  }
  line.family = actual;
}

// Every run takes this long when all is lost; the next turn would be skipped.
void warn_of_overlong_run(Reader& reader, const Line& line, const Router& router) {
  const Duration pace = router.platform ? router.platform->ping.probe_interval : Duration(0);
  const bool waits = line.timeout >= pace;
  const Duration each = waits ? line.timeout : pace;
  const int times = line.confirm.times;
  const Duration once = each * (line.count + line.warmup);
  const Duration run = once * (1 + times) + (times > 1 ? line.confirm.after * (times - 1) : Duration(0));
  if (run < line.interval) return;
  const std::string counted = line.warmup ? fmt::format("count {} and warmup {}", line.count, line.warmup)
                                          : fmt::format("count {}", line.count);
  const std::string confirmed = times > 0 ? fmt::format(", confirmed {} times,", times) : "";
  reader.warning("interval", fmt::format("{} x {} {}{} may take {}, interval is {}", counted,
                                         waits ? "timeout" : "probe interval", format_duration(each),
                                         confirmed, format_duration(run), format_duration(line.interval)));
}

const Router* read_router_name(Reader& reader, Loading& loading, std::string& out) {
  if (!reader.required("router", "write the name of the router that pings") || !reader.text("router", out)) {
    return nullptr;
  }
  const Router* router = loading.router(out);
  if (!router && loading.complete) {
    reader.error("router", fmt::format("there is no router {}{}", in_quotes(out),
                                       loading.suggest("router", out, loading.router_names)));
  }
  return router;
}

}  // namespace

Line read_line(Reader& reader, Loading& loading, const Router* router, std::string router_name) {
  const Defaults& defaults = loading.settings.defaults;
  const auto own_defaults = defaults.router_line.find(router_name);
  Line out = own_defaults == defaults.router_line.end() ? defaults.line : own_defaults->second;
  out.router = std::move(router_name);
  const std::size_t before = loading.problems.size();
  read_names(reader, out);
  read_line_settings(reader, loading, out);
  settle_family(reader, out);
  reader.finish();
  const bool clean =
      std::none_of(loading.problems.begin() + static_cast<std::ptrdiff_t>(before), loading.problems.end(),
                   [](const Problem& p) { return p.severity == Problem::Severity::error; });
  if (router && clean && out.pinged()) {
    warn_of_overlong_run(reader, out, *router);
    if (router->platform) check_ping(reader, out, *router);
    if (router->platform) check_trace(reader, out, *router->platform);
  }
  if (router && clean) check_line_tasks(reader, loading, out, *router);
  if (out.zabbix_host.empty()) {
    const bool on_router = loading.settings.zabbix.layout == Layout::discovery;
    out.zabbix_host = !on_router ? out.id : router ? router->zabbix_host : "";
  }
  return out;
}

namespace {

Line read_anew(Reader& reader, Loading& loading) {
  std::string router_name;
  const Router* router = read_router_name(reader, loading, router_name);
  return read_line(reader, loading, router, std::move(router_name));
}

// A line that is read now, to be kept for the next load. What was said about it is to be said again then:
// some of it depends on what was said before.
Line read_to_keep(Reader& reader, Loading& loading, std::optional<Line>& kept) {
  const std::size_t before = loading.problems.size();
  Line line = read_anew(reader, loading);
  const bool good = loading.problems.size() == before && loading.router(line.router);
  kept = good ? std::optional(line) : std::nullopt;
  return line;
}

// As it was at the last load, if nothing that it was read from has changed.
void add_line(Reader& reader, Loading& loading, const Place& place) {
  auto& lines = loading.settings.lines;
  if (!loading.kept.lines) return lines.push_back(read_anew(reader, loading));
  auto& of_file = place.source->kept.lines;
  const auto index = static_cast<std::size_t>(place.index);
  if (of_file.size() <= index) of_file.resize(index + 1);
  std::optional<Line>& kept = of_file[index];
  const Router* router = kept ? loading.router(kept->router) : nullptr;
  if (router &&
      loading.kept.context.same_for(static_cast<std::size_t>(router - loading.settings.routers.data()))) {
    lines.push_back(*kept);
  } else {
    lines.push_back(read_to_keep(reader, loading, kept));
  }
}

}  // namespace

void read_line_settings(Reader& reader, Loading& loading, Line& out) {
  reader.integer("family", out.family, 4, 6);
  if (out.family == 5) {
    reader.error("family", "5 is neither 4 nor 6");
    out.family = 4;
  }
  reader.word("resolve", out.resolve, {{"router", Resolve::router}, {"agent", Resolve::agent}});
  reader.duration("interval", out.interval, 1s, std::chrono::days{1});
  reader.integer("count", out.count, 1, 1000);
  reader.integer("warmup", out.warmup, 0, 100);
  reader.duration("timeout", out.timeout, 10ms, 60s);
  read_packet(reader, out);
  Reader confirm(reader, "confirm", reader.find("confirm"));
  confirm.integer("times", out.confirm.times, 0, 10);
  confirm.duration("after", out.confirm.after, 0s, 1h);
  confirm.finish();
  read_trace(reader, out.trace);
  read_task(reader, loading, out);
  read_line_of_text(reader, "zabbix_host", out.zabbix_host, 128);
  if (reader.text_or_none("group", out.group) && !out.group.empty()) {
    read_line_of_text(reader, "group", out.group, 128);
  }
  if (const YamlNode node = reader.find("role"); node && node.is_null()) out.role.clear();
  reader.word("role", out.role, {{"primary", std::string("primary")}, {"backup", std::string("backup")}});
  read_labels(reader, out.labels);
  reader.boolean("enabled", out.enabled);
}

void load_lines(Loading& loading) {
  auto& lines = loading.settings.lines;
  for (const Router& router : loading.settings.routers) loading.router_names.push_back(router.name);
  std::size_t count = 0;
  for (Source& source : loading.sources) count += source.root.list("lines").size();
  lines.reserve(count);
  loading.line_places.reserve(count);
  loading.settings.line_index.reserve(count);
  if (loading.kept.lines) loading.kept.context.update(loading);
  for (Source& source : loading.sources) {
    int index = 0;
    for (const YamlNode node : source.root.list("lines")) {
      const Place place{&source, "lines", index++, node};
      Reader reader(source.root, "lines", place.index, node);
      if (!reader.ok()) continue;
      add_line(reader, loading, place);
      const auto [found, added] = loading.settings.line_index.try_emplace(lines.back().id, lines.size() - 1);
      if (!added && !found->first.empty())
        reader.error("id", fmt::format("duplicate id {} (first at {})", in_quotes(found->first),
                                       loading.line_places[found->second].text()));
      loading.line_places.push_back(place);
    }
  }
  check_zabbix_hosts(loading);
  check_traces(loading);
}

}  // namespace linewatch::config
