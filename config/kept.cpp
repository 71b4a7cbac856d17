#include "config/kept.hpp"

#include <string.h>

#include <algorithm>
#include <utility>

#include "config/loading.hpp"

namespace linewatch::config {

KeptFile::~KeptFile() {
  explicit_bzero(text_.data(), text_.size());  // a password may be in it
}

void KeptFile::take(const std::filesystem::path& path, std::string text) {
  const bool same = document_ && text == text_;
  if (!same) {
    problems_.clear();
    lines.clear();
    document_ = std::make_unique<const Document>(path.string(), text, problems_);
    std::swap(text_, text);
  }
  explicit_bzero(text.data(), text.size());
}

void LineContext::update(const Loading& loading) {
  const Settings& settings = loading.settings;
  std::vector<std::string> task_names(loading.task_names.begin(), loading.task_names.end());
  same_ = settings.defaults.line == defaults_ && task_names == task_names_ && settings.tasks == tasks_ &&
          settings.zabbix.layout == layout_;
  defaults_ = settings.defaults.line;
  task_names_ = std::move(task_names);
  tasks_ = settings.tasks;
  layout_ = settings.zabbix.layout;

  std::unordered_map<std::string, Known> now;
  same_routers_.assign(settings.routers.size(), false);
  for (std::size_t i = 0; i < settings.routers.size(); ++i) {
    const Router& router = settings.routers[i];
    const auto [place, added] = now.try_emplace(router.name);
    if (!added) continue;  // lines mean the first of a name
    const auto defaults = settings.defaults.router_line.find(router.name);
    const auto before = routers_.find(router.name);
    place->second.router = router;
    if (defaults != settings.defaults.router_line.end()) place->second.defaults = defaults->second;
    same_routers_[i] = before != routers_.end() && before->second.router == router &&
                       before->second.defaults == place->second.defaults;
  }
  routers_ = std::move(now);
}

}  // namespace linewatch::config
