#include "agent/zabbix_api/plan.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "config/counted.hpp"
#include "config/file.hpp"
#include "connection/pool/lockout_file.hpp"

namespace linewatch::agent {

using config::ApiHost;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* format_name = "linewatch-api-plan";
constexpr int format_version = 1;

Json json_of(const ApiHost& host) {
  Json out;
  out["id"] = host.id;
  out["host"] = host.host;
  out["name"] = host.name;
  out["interface"] = host.interface_address;
  out["enabled"] = host.enabled;
  out["maintenance"] = host.maintenance;
  out["macros"] = host.macros;
  out["secret"] = host.secret;
  return out;
}

// Throws if anything is missing or of another kind.
ApiHost host_of(const Json& json) {
  ApiHost out;
  json.at("id").get_to(out.id);
  json.at("host").get_to(out.host);
  json.at("name").get_to(out.name);
  json.at("interface").get_to(out.interface_address);
  json.at("enabled").get_to(out.enabled);
  json.at("maintenance").get_to(out.maintenance);
  json.at("macros").get_to(out.macros);
  json.at("secret").get_to(out.secret);
  return out;
}

std::unexpected<connection::Error> trouble(const std::filesystem::path& file, const std::string& what) {
  return connection::fail(ErrorCode::internal, Phase::read, fmt::format("{}: {}", file.string(), what));
}

}  // namespace

std::string question_of(const config::ApiSettings& settings) {
  Json question;
  question["proxy"] = settings.proxy;
  question["proxy_group"] = settings.proxy_group;
  question["tag"] = settings.tag;
  return question.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::filesystem::path api_plan_file(const std::filesystem::path& state_dir) {
  return state_dir / "api-plan.json";
}

Result<std::optional<ApiPlan>> read_api_plan(const std::filesystem::path& state_dir,
                                             const std::string& question) {
  const std::filesystem::path path = api_plan_file(state_dir);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const auto file = config::read_file(path, config::largest_configuration);
  if (!file) return trouble(path, "cannot be read: " + file.error());
  const Json json = Json::parse(file->text, nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != format_name)
    return trouble(path, "is no plan of Linewatch (remove it)");
  if (json.value("version", Json()) != format_version)
    return trouble(path, "was written by another version of Linewatch (remove it)");
  try {
    ApiPlan plan{.question = json.at("question").get<std::string>()};
    for (const Json& host : json.at("hosts")) plan.hosts.push_back(host_of(host));
    if (plan.question != question) return std::nullopt;
    return plan;
  } catch (const Json::exception&) {
    return trouble(path, "is damaged (remove it)");
  }
}

Result<void> write_api_plan(const std::filesystem::path& state_dir, const ApiPlan& plan) {
  Json json;
  json["format"] = format_name;
  json["version"] = format_version;
  json["question"] = plan.question;
  json["hosts"] = Json::array();
  for (const ApiHost& host : plan.hosts) json["hosts"].push_back(json_of(host));
  const std::filesystem::path path = api_plan_file(state_dir);
  if (auto written =
          connection::write_whole(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      !written)
    return std::unexpected(connection::Error{ErrorCode::internal, Phase::write, written.error().text});
  // An operator's `discover --accept` as root must not lock the agent's own user out.
  struct stat folder{};
  if (::geteuid() == 0 && ::stat(state_dir.c_str(), &folder) == 0 &&
      ::chown(path.c_str(), folder.st_uid, folder.st_gid) != 0)
    return trouble(path,
                   "cannot be given to the owner of its folder: " + std::generic_category().message(errno));
  return {};
}

std::string too_many_lost(const std::vector<ApiHost>& last, const std::vector<ApiHost>& next,
                          double max_removal) {
  std::set<std::string_view> there;
  for (const ApiHost& host : next)
    if (config::says_a_line(host)) there.insert(host.id);
  std::size_t before = 0, lost = 0;
  for (const ApiHost& host : last) {
    if (!config::says_a_line(host)) continue;
    ++before;
    lost += there.contains(host.id) ? 0 : 1;
  }
  if (static_cast<double>(lost) * 100 <= max_removal * static_cast<double>(before)) return {};
  return fmt::format(
      "{} of the {} of the last plan would be lost at once, more than zabbix.api.max_removal allows ({:g}%); "
      "{} would be left: if that is meant, say linewatch discover --accept",
      lost, config::counted(before, "host"), max_removal, there.size());
}

}  // namespace linewatch::agent
