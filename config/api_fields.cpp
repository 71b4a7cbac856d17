#include "config/api_fields.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// {$MACRO}, {$MACRO:context}, {HOST.IP}, {#LLD}
bool holds_macro(const std::string& value) {
  static const RE2 macro(R"(\{(\$[A-Z0-9_.]+(:[^}]*)?|[A-Z]+\.[A-Z0-9._]+|#[A-Z0-9_.]+)\})", RE2::Latin1);
  return RE2::PartialMatch(value, macro);
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

// A number without a unit means seconds in Zabbix.
std::string with_unit(std::string text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return plain ? text + "s" : text;
}

class FieldsReader {
 public:
  FieldsReader(const ApiHost& host, ApiFields& out) : host_(host), out_(out) {}

  void read() {
    out_.router_name = macro("{$LINE_ROUTER}");
    if (out_.router_name.empty()) read_router();
    read_id();
    read_target();
    add(out_.line, "interval", "{$LINE_CHECK_INTERVAL}", with_unit);
    add(out_.line, "vrf", "{$LINE_VRF}");
    add(out_.line, "source", "{$LINE_SOURCE}");
    add(out_.line, "count", "{$LINE_COUNT}");
    add(out_.line, "timeout", "{$LINE_TIMEOUT}", with_unit);
    add(out_.line, "size", "{$LINE_SIZE}");
  }

 private:
  // Empty: not set, or it cannot be used, which was said.
  std::string raw(const std::string& name, std::string_view hint = "") {
    if (host_.secret.contains(name)) {
      out_.problems.push_back(
          fmt::format("the value of {} is secret, which the API does not show{}", name, hint));
      return {};
    }
    const auto found = host_.macros.find(name);
    if (found == host_.macros.end() || !holds_macro(found->second))
      return found == host_.macros.end() ? "" : found->second;
    out_.problems.push_back(fmt::format(
        "{} still holds a macro in its value, which is not resolved here (write the value itself)", name));
    return {};
  }
  std::string macro(const std::string& name) { return trimmed(raw(name)); }

  void add(ApiFieldList& fields, const char* key, const std::string& name,
           std::string (*change)(std::string) = nullptr) {
    std::string value = macro(name);
    if (value.empty()) return;
    fields.push_back({key, change ? change(std::move(value)) : std::move(value), name});
  }

  void read_router() {
    const std::size_t problems = out_.problems.size();
    add(out_.router, "address", "{$LINE_ROUTER_IP}");
    if (out_.router.empty() && out_.problems.size() == problems)
      out_.problems.push_back(
          "neither {$LINE_ROUTER} nor {$LINE_ROUTER_IP} is set on the host, on a template of it that this "
          "account may read, or globally");
    add(out_.router, "port", "{$LINE_ROUTER_PORT}");
    add(out_.router, "platform", "{$LINE_ROUTER_PLATFORM}");
    read_protocol();
    add(out_.router, "credentials", "{$LINE_ROUTER_CREDENTIALS}");
    if (!find_field(out_.router, "credentials")) read_account();
  }

  void read_protocol() {
    const std::string name = "{$LINE_ROUTER_PROTOCOL}", written = macro(name);
    if (written.empty()) return;
    const bool shell =
        written == "scrapli" || written == "scrapli-channel" || written == "ssh" || written == "cli";
    if (shell || written == "exec") {
      out_.router.push_back({"protocol", shell ? "cli" : "exec", name});
    } else {
      out_.problems.push_back(
          fmt::format("{}: {} is not served (write ssh, cli or exec)", name, in_quotes(written)));
    }
  }

  void read_account() {
    const std::size_t problems = out_.problems.size();
    const std::string username = macro("{$LINE_ROUTER_USERNAME}");
    Secret password(
        raw("{$LINE_ROUTER_PASSWORD}", " (name an entry of `credentials` in {$LINE_ROUTER_CREDENTIALS})"));
    if (out_.problems.size() > problems || (username.empty() && password.empty())) return;
    const auto wrong = [&](const char* text) { out_.problems.emplace_back(text); };
    if (username.empty()) return wrong("{$LINE_ROUTER_PASSWORD} is set and {$LINE_ROUTER_USERNAME} is not");
    if (password.empty()) return wrong("{$LINE_ROUTER_USERNAME} is set and {$LINE_ROUTER_PASSWORD} is not");
    if (!is_one_line(username, 255) || !is_one_line(password.reveal(), 2048))
      return wrong("{$LINE_ROUTER_USERNAME} or {$LINE_ROUTER_PASSWORD} holds a control character");
    out_.username = username;
    out_.password = std::move(password);
  }

  void read_id() {
    add(out_.line, "id", "{$LINE_ID}");
    if (!find_field(out_.line, "id") && !host_.secret.contains("{$LINE_ID}"))
      out_.line.push_back({"id", host_.host, "{$LINE_ID} is not set, and the host's name"});
  }

  void read_target() {
    add(out_.line, "target", "{$LINE_TARGET}");
    if (find_field(out_.line, "target") || host_.secret.contains("{$LINE_TARGET}")) return;
    if (is_ip(host_.host)) {
      out_.line.push_back({"target", host_.host, "the host's name"});
    } else if (!host_.interface_address.empty()) {
      out_.line.push_back({"target", host_.interface_address, "its interface"});
    } else {
      out_.problems.push_back(
          "no target: {$LINE_TARGET} is not set, its name is no address and it has no interface");
    }
  }

  const ApiHost& host_;
  ApiFields& out_;
};

}  // namespace

const std::vector<std::string_view>& api_macros() {
  static const std::vector<std::string_view> names{"{$LINE_ID}",
                                                   "{$LINE_CHECK_INTERVAL}",
                                                   "{$LINE_TARGET}",
                                                   "{$LINE_ROUTER}",
                                                   "{$LINE_ROUTER_IP}",
                                                   "{$LINE_ROUTER_PORT}",
                                                   "{$LINE_ROUTER_USERNAME}",
                                                   "{$LINE_ROUTER_PASSWORD}",
                                                   "{$LINE_ROUTER_CREDENTIALS}",
                                                   "{$LINE_ROUTER_PLATFORM}",
                                                   "{$LINE_ROUTER_PROTOCOL}",
                                                   "{$LINE_VRF}",
                                                   "{$LINE_SOURCE}",
                                                   "{$LINE_COUNT}",
                                                   "{$LINE_TIMEOUT}",
                                                   "{$LINE_SIZE}"};
  return names;
}

ApiFields api_fields(const ApiHost& host) {
  ApiFields out;
  FieldsReader(host, out).read();
  return out;
}

const ApiField* find_field(const ApiFieldList& fields, std::string_view key) {
  const auto found = std::ranges::find(fields, key, &ApiField::key);
  return found == fields.end() ? nullptr : &*found;
}

Document::Fields document_fields(const ApiFieldList& fields) {
  Document::Fields out;
  for (const ApiField& field : fields) out.emplace_back(field.key, field.value);
  return out;
}

std::vector<std::string> api_problems(const Problems& problems, const ApiFieldList& fields,
                                      Problem::Severity severity) {
  std::vector<std::string> out;
  for (const Problem& problem : problems) {
    if (problem.severity != severity) continue;
    const ApiField* field = find_field(fields, problem.path);
    out.push_back(fmt::format("{}: {}", field ? field->origin : problem.path, problem.text));
  }
  return out;
}

}  // namespace linewatch::config
