#include "agent/zabbix_template.hpp"

#include <fmt/format.h>
#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "agent/yaml_text.hpp"

namespace linewatch::agent {
namespace {

struct Source {
  std::string_view name, text;
};

constexpr Source sources[] = {
#include "agent/zabbix_template_sources.inc"
};

YAML::Node source(std::string_view name) {
  for (const Source& each : sources) {
    if (each.name == name) return YAML::Load(std::string(each.text));
  }
  throw std::logic_error("no template source " + std::string(name));
}

// Where entities are put: a template, and whether its line items are prototypes of discovery.
struct Place {
  std::string name;       // of the template
  std::string component;  // tag of its triggers
  bool prototypes = false;
};

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

// How a name speaks of the line.
void fill_in(std::string& text, bool prototypes) {
  replace_all(text, "%OF%", prototypes ? " {#TITLE}" : "");
  replace_all(text, "%NAME%", prototypes ? "{#NAME}" : "{HOST.NAME}");
  replace_all(text, "%LINE%", prototypes ? "{#LINE}" : "{HOST.HOST}");
  replace_all(text, "%WHERE%", prototypes ? " ({#PATH})" : "");
}

// %RUN(item,value,macro,most)%: the last so many values of the item are that value; unknown, which is no
// problem, while there are not yet so many.
void expand_runs(std::string& text) {
  static const RE2 run(R"(%RUN\(([a-z.]+),(\d+),(\{\$[A-Z.]+\}),(\d)\)%)");
  std::string item, value, macro;
  int most = 0;
  while (RE2::PartialMatch(text, run, &item, &value, &macro, &most)) {
    std::string all = fmt::format("(last(//{})={}", item, value);
    for (int n = 2; n <= most; ++n)
      all += fmt::format(" and ({}<{} or last(//{},#{})={})", macro, n, item, n, value);
    all += ")";
    const std::size_t at = text.find("%RUN(");
    text.replace(at, text.find(")%", at) + 2 - at, all);
  }
}

// One text of a source, as the template has it. An event's name keeps the short form: there it is the host
// of the trigger, and a template's name would stay that.
std::string adapted(const std::string& field, std::string text, const Place& place) {
  static const RE2 line_item("//(line[a-z.]*)"), own("//([a-z])"), macro(R"((\{\$LINE\.[A-Z.]+)\})");
  fill_in(text, place.prototypes);
  expand_runs(text);
  const bool expression = field == "expression" || field == "recovery_expression";
  if (place.prototypes) {
    RE2::GlobalReplace(&text, macro, R"x(\1:"{#LINE}"})x");
    if (expression || field == "event_name") RE2::GlobalReplace(&text, line_item, R"(//\1[{#LINE}])");
    if (field == "key" && text.starts_with("line.")) text += "[{#LINE}]";
  }
  if (expression) RE2::GlobalReplace(&text, own, "/" + place.name + R"(/\1)");
  // "b" in place of "a": the uuids that line.yaml's entities have in "Linewatch line".
  if (field == "uuid" && place.name == "Linewatch line" && text.starts_with('a')) text.front() = 'b';
  return text;
}

YAML::Node adapted(const YAML::Node& node, const Place& place, const std::string& field = {}) {
  if (node.IsScalar()) return YAML::Node(adapted(field, node.Scalar(), place));
  YAML::Node result(node.Type());
  if (node.IsSequence()) {
    for (const auto& entry : node) result.push_back(adapted(entry, place, field));
  } else {
    for (const auto& entry : node) {
      const std::string& name = entry.first.Scalar();
      result[name] = adapted(entry.second, place, name);
    }
  }
  return result;
}

YAML::Node tag(const std::string& name, const std::string& value) {
  YAML::Node node;
  node["tag"] = name;
  node["value"] = value;
  return node;
}

// Which one it is: on items where that is a discovered line (events inherit it), else on triggers.
void add_identity(YAML::Node tags, const Place& place) {
  if (place.prototypes) {
    tags.push_back(tag("line", "{#LINE}"));
    tags.push_back(tag("router", "{#ROUTER}"));
  } else {
    tags.push_back(tag(place.component, "{HOST.HOST}"));
  }
}

YAML::Node finished_item(const YAML::Node& item, const Place& place) {
  YAML::Node result = adapted(item, place);
  if (place.prototypes) add_identity(result["tags"], place);
  return result;
}

YAML::Node finished_trigger(const YAML::Node& trigger, const Place& place) {
  YAML::Node result = adapted(trigger, place);
  if (result["recovery_expression"]) result["recovery_mode"] = "RECOVERY_EXPRESSION";
  result["manual_close"] = "YES";
  result["tags"].push_back(
      tag("component", trigger["component"] ? trigger["component"].Scalar() : place.component));
  result["tags"].push_back(tag("scope", trigger["scope"].Scalar()));
  if (!place.prototypes) add_identity(result["tags"], place);
  for (const char* own : {"component", "scope"}) result.remove(own);
  return result;
}

// Priorities are fixed in Zabbix: one trigger for each that the macro can choose, of which one is at work.
void push_by_severity(const YAML::Node& trigger, const Place& place, YAML::Node& all) {
  static constexpr std::array<std::array<const char*, 2>, 3> choices = {
      {{"AVERAGE", "<=3"}, {"HIGH", "=4"}, {"DISASTER", ">=5"}}};
  const std::string macro = place.prototypes ? R"({$LINE.DOWN.SEVERITY:"{#LINE}"})" : "{$LINE.DOWN.SEVERITY}";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    YAML::Node one = finished_trigger(trigger, place);
    one["uuid"] = std::string(one["uuid"][i].Scalar());
    one["priority"] = choices[i][0];
    for (const char* field : {"expression", "recovery_expression"}) {
      std::string text = one[field].Scalar();
      replace_all(text, "%SEVERITY%", macro + choices[i][1]);
      one[field] = text;
    }
    all.push_back(one);
  }
}

YAML::Node named(const YAML::Node& triggers, const std::string& name) {
  for (const auto& trigger : triggers) {
    if (trigger["name"].Scalar() == name) return trigger;
  }
  throw std::logic_error("no trigger " + name);
}

// A dependency is written as the other trigger's name; an export names it by its expressions, too.
void resolve_dependencies(YAML::Node triggers) {
  for (auto trigger : triggers) {
    YAML::Node resolved;
    for (const auto& name : trigger["dependencies"]) {
      const YAML::Node other = named(triggers, name.Scalar());
      YAML::Node dependency;
      for (const char* field : {"name", "expression", "recovery_expression"}) {
        if (other[field]) dependency[field] = other[field].Scalar();
      }
      resolved.push_back(dependency);
    }
    trigger["dependencies"] = resolved;
  }
}

YAML::Node finished_items(const YAML::Node& items, const Place& place) {
  YAML::Node all(YAML::NodeType::Sequence);
  for (const auto& item : items) all.push_back(finished_item(item, place));
  return all;
}

YAML::Node finished_triggers(const YAML::Node& triggers, const Place& place) {
  YAML::Node all(YAML::NodeType::Sequence);
  for (const auto& trigger : triggers) {
    if (trigger["uuid"].IsSequence()) {
      push_by_severity(trigger, place, all);
    } else {
      all.push_back(finished_trigger(trigger, place));
    }
  }
  resolve_dependencies(all);
  return all;
}

// Graphs and widgets name the items and graphs they show with their template.
void name_hosts(YAML::Node node, const Place& place) {
  if (!node.IsMap() && !node.IsSequence()) return;
  for (auto entry : node) {
    if (node.IsMap()) {
      const bool reference =
          entry.first.Scalar() == "item" || (entry.first.Scalar() == "value" && entry.second.IsMap());
      if (reference) entry.second["host"] = place.name;
      name_hosts(entry.second, place);
    } else {
      name_hosts(entry, place);
    }
  }
}

YAML::Node finished_graphs(const YAML::Node& graphs, const Place& place) {
  YAML::Node all = adapted(graphs, place);
  for (auto graph : all) {
    int order = 0;
    for (auto item : graph["graph_items"]) item["sortorder"] = std::to_string(order++);
  }
  name_hosts(all, place);
  return all;
}

void append(YAML::Node to, const YAML::Node& from) {
  for (const auto& entry : from) to.push_back(entry);
}

// A tag for each label that a line has: an override adds it only to lines where it is not empty.
YAML::Node label_override(const std::string& label, std::size_t step) {
  std::string macro = label;
  for (char& c : macro) c = static_cast<char>(c - 'a' + 'A');
  macro = "{#" + macro + "}";
  YAML::Node condition;
  condition["macro"] = macro;
  condition["value"] = ".";
  condition["formulaid"] = "A";
  YAML::Node operation;
  operation["operationobject"] = "ITEM_PROTOTYPE";
  operation["operator"] = "REGEXP";
  operation["value"] = ".";
  operation["tags"].push_back(tag(label, macro));
  YAML::Node result;
  result["name"] = label;
  result["step"] = std::to_string(step);
  result["filter"]["conditions"].push_back(condition);
  result["operations"].push_back(operation);
  return result;
}

void finish_rule(YAML::Node rule, const YAML::Node& line, const Place& router) {
  Place place = router;
  place.prototypes = true;
  place.component = "line";
  const YAML::Node own_items = finished_items(rule["item_prototypes"], place);
  const YAML::Node own_triggers = finished_triggers(rule["trigger_prototypes"], place);
  rule["item_prototypes"] = finished_items(line["items"], place);
  rule["trigger_prototypes"] = finished_triggers(line["triggers"], place);
  append(rule["item_prototypes"], own_items);
  append(rule["trigger_prototypes"], own_triggers);
  rule["graph_prototypes"] = finished_graphs(line["graphs"], place);
  std::size_t step = 0;
  for (auto each : rule["overrides"]) each["step"] = std::to_string(++step);
  for (const auto& label : rule["tag_overrides"])
    rule["overrides"].push_back(label_override(label.Scalar(), ++step));
  rule.remove("tag_overrides");
}

// What line.yaml has for every template that watches lines.
void add_line_parts(YAML::Node result, const YAML::Node& line, const Place& place) {
  append(result["macros"], line["macros"]);
  append(result["valuemaps"], adapted(line["valuemaps"], {place.name, place.component, false}));
}

// The template goes into an export, its triggers and graphs beside it.
void add_template(const std::string& file, const Place& place, YAML::Node exported) {
  YAML::Node result = source(file);
  for (const char* field : {"items", "triggers", "graphs"}) {
    if (!result[field]) result[field] = YAML::Node(YAML::NodeType::Sequence);
  }
  const YAML::Node line = source("line");
  const bool discovers = static_cast<bool>(result["discovery_rules"]);
  if (discovers) finish_rule(result["discovery_rules"][0], line, place);
  if (discovers || place.component == "line") add_line_parts(result, line, place);
  if (place.component == "line") {
    for (const char* field : {"items", "triggers", "graphs"}) append(result[field], line[field]);
  }
  result["items"] = finished_items(result["items"], place);
  append(exported["triggers"], finished_triggers(result["triggers"], place));
  append(exported["graphs"], finished_graphs(result["graphs"], place));
  for (const char* field : {"triggers", "graphs"}) result.remove(field);
  result["dashboards"] = adapted(result["dashboards"], {place.name, place.component, discovers});
  name_hosts(result["dashboards"], place);
  exported["templates"].push_back(result);
}

// Where 7.0 writes it otherwise: a root of their own for template groups, widget types in small letters on a
// grid of 72 columns instead of 24, numbered references.
void turn_into_7_0(YAML::Node exported) {
  exported["template_groups"] = exported["groups"];
  exported.remove("groups");
  int references = 0;
  for (auto each : exported["templates"]) {
    for (auto widget : each["dashboards"][0]["pages"][0]["widgets"]) {
      const std::string type = widget["type"].Scalar();
      widget["type"] = type == "ITEM" ? "item" : type == "GRAPH_CLASSIC" ? "graph" : "graphprototype";
      for (const char* across : {"x", "width"}) widget[across] = std::to_string(3 * widget[across].as<int>());
      for (auto field : widget["fields"]) {
        const std::string name = field["name"].Scalar();
        if (name.ends_with("id")) field["name"] = name + ".0";
      }
      if (type == "ITEM") continue;
      YAML::Node reference;
      reference["type"] = "STRING";
      reference["name"] = "reference";
      reference["value"] = std::string("AAAA") + static_cast<char>('A' + references++);
      widget["fields"].push_back(reference);
    }
  }
}

}  // namespace

std::string zabbix_templates(ZabbixVersion version) {
  YAML::Node exported;
  exported["version"] = version == ZabbixVersion::v6_0 ? "6.0" : "7.0";
  YAML::Node group;
  group["uuid"] = "7df96b18c230490a9a0a9e2307226338";  // Zabbix's own group of that name
  group["name"] = "Templates";
  exported["groups"].push_back(group);
  for (const char* field : {"templates", "triggers", "graphs"})
    exported[field] = YAML::Node(YAML::NodeType::Sequence);
  add_template("template-router", {"Linewatch router", "router"}, exported);
  add_template("template-line", {"Linewatch line", "line"}, exported);
  add_template("template-agent", {"Linewatch agent", "agent"}, exported);
  if (version == ZabbixVersion::v7_0) turn_into_7_0(exported);
  YAML::Node file;
  file["zabbix_export"] = exported;
  return yaml_text(file);
}

}  // namespace linewatch::agent
