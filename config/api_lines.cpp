#include "config/api_lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/api_routers.hpp"

namespace linewatch::config {

namespace {

// What the readers look at, without the files' routers and lines: those may be many.
Settings shell_of(const Settings& settings) {
  Settings shell;
  shell.agent.shard = settings.agent.shard;
  shell.zabbix.layout = Layout::per_line;
  shell.connection = settings.connection;
  shell.credentials = settings.credentials;
  shell.tasks = settings.tasks;
  shell.platforms = settings.platforms;
  shell.defaults = settings.defaults;
  return shell;
}

class Converter {
 public:
  explicit Converter(const Settings& files)
      : files_(files),
        shell_(shell_of(files)),
        loading_{.settings = shell_, .problems = problems_, .kept = kept_} {
    for (const Task& task : files.tasks) loading_.task_names.push_back(task.name);
    if (files.zabbix.layout != Layout::per_line) return;
    for (std::size_t i = files.lines.size(); i-- > 0;) {
      if (files.lines[i].enabled) line_hosts_[files.lines[i].zabbix_host] = i;
    }
  }

  ApiLines convert(const std::vector<ApiHost>& hosts) {
    for (const ApiHost& host : hosts) {
      ApiWish& wish = wishes_.emplace_back(ApiWish{.host = &host});
      if (host.enabled) {
        wish.fields = api_fields(host);
      } else {
        wish.fields.problems.emplace_back("the host is disabled in Zabbix");
      }
    }
    std::ranges::sort(wishes_, {}, [](const ApiWish& wish) -> const std::string& { return wish.host->host; });
    settle_api_routers(loading_, files_, wishes_, out_);
    for (ApiWish& wish : wishes_) {
      if (wish.fields.problems.empty()) add_line(wish);
      if (wish.fields.problems.empty()) continue;
      out_.left_out.push_back({wish.host->host, fmt::format("{}", fmt::join(wish.fields.problems, "; "))});
    }
    forget_unused_routers();
    return std::move(out_);
  }

 private:
  void add_line(ApiWish& wish) {
    ApiFieldList& fields = wish.fields.line;
    const Document document("", document_fields(fields));
    Reader reader(document.root(), problems_);
    problems_.clear();
    Line line = read_line(reader, loading_, wish.router, wish.router->name);
    wish.fields.problems = api_problems(problems_, fields, Problem::Severity::error);
    check_clash(wish, line);
    if (!wish.fields.problems.empty()) return;
    for (std::string& text : api_problems(problems_, fields, Problem::Severity::warning))
      out_.warnings.push_back({wish.host->host, std::move(text)});
    line.name = wish.host->name;
    line.zabbix_host = wish.host->host;
    line.own_host = true;
    const bool pause = files_.zabbix.api && files_.zabbix.api->maintenance == ApiSettings::Maintenance::pause;
    if (pause && wish.host->maintenance) line.enabled = false;
    taken_.emplace(line.id, wish.host);
    out_.lines.push_back(std::move(line));
  }

  void check_clash(ApiWish& wish, const Line& line) const {
    const auto clash = [&](const std::string& with) {
      const ApiField* id = find_field(wish.fields.line, "id");
      wish.fields.problems.push_back(
          fmt::format("{}: {} is the id of a line of {} too", id->origin, in_quotes(line.id), with));
    };
    const auto place = [&](std::size_t index) { return files_.origins.text(files_.origins.lines.at(index)); };
    if (const Line* same = files_.line(line.id))
      clash(place(static_cast<std::size_t>(same - files_.lines.data())));
    if (const auto taken = taken_.find(line.id); taken != taken_.end())
      clash(fmt::format("Zabbix host {}", in_quotes(taken->second->host)));
    if (const auto found = line_hosts_.find(wish.host->host);
        found != line_hosts_.end() && files_.lines[found->second].id != line.id) {
      wish.fields.problems.push_back(
          fmt::format("line {} of {} reports to this host too (layout per_line needs one for each)",
                      in_quotes(files_.lines[found->second].id), place(found->second)));
    }
  }

  // All its hosts may have turned out to give no line.
  void forget_unused_routers() {
    std::set<std::string_view> used;
    for (const Line& line : out_.lines) used.insert(line.router);
    std::set<std::string> accounts;
    std::erase_if(out_.routers, [&](const Router& router) { return !used.contains(router.name); });
    for (const Router& router : out_.routers)
      accounts.insert(router.credentials.begin(), router.credentials.end());
    std::erase_if(out_.credentials, [&](const auto& entry) { return !accounts.contains(entry.first); });
  }

  const Settings& files_;
  Settings shell_;
  Problems problems_;
  Kept kept_;  // nothing: there is no second load
  Loading loading_;
  std::vector<ApiWish> wishes_;
  std::unordered_map<std::string_view, std::size_t> line_hosts_;  // in layout per_line: the files' lines
  std::unordered_map<std::string, const ApiHost*> taken_;         // by line id
  ApiLines out_;
};

}  // namespace

ApiLines api_lines(const Settings& settings, const std::vector<ApiHost>& hosts) {
  return Converter(settings).convert(hosts);
}

bool says_a_line(const ApiHost& host) {
  return host.enabled && api_fields(host).problems.empty();
}

void add(Settings& settings, ApiLines lines) {
  std::ranges::move(lines.routers, std::back_inserter(settings.routers));
  std::ranges::move(lines.lines, std::back_inserter(settings.lines));
  settings.credentials.merge(lines.credentials);
  settings.index();
}

}  // namespace linewatch::config
