#pragma once
// Two configurations compared: what a reload changes, in words for people (`linewatch check --diff`, the log)
// and as the questions that the agent asks before it touches anything. Pure.

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::config {

struct Change {
  enum class Kind {
    added,
    removed,
    changed,
    after_restart,  // not taken by a running agent
  };
  Kind kind = Kind::changed;
  std::string what;    // "router bj-edge-1", "line L-1001", "agent.state_dir"
  std::string detail;  // "interval 60s -> 30s, target 192.0.2.1 -> 192.0.2.9"; empty where there is none

  // "+ router bj-edge-1", "~ line L-1001: interval 60s -> 30s", "! agent.threads: ... (after a restart)"
  std::string text() const;
};

// In the order: the agent as a whole, credentials, tasks, routers, lines; each in the order written, what was
// removed last. Secrets are said to have changed, never shown.
std::vector<Change> compare(const Settings& before, const Settings& after);

// "2 routers and 40 lines added, 1 line changed"; "nothing has changed".
std::string summary(const std::vector<Change>& changes);

// Whether a session that was logged in to `before` is as good for `after`: the same address, credentials,
// platform, protocol, time limits, and the same way there through jump hosts. The routers belong to the
// settings beside them.
bool same_way_in(const Settings& settings_before, const Router& before, const Settings& settings_after,
                 const Router& after);

// Whether connections through the jump host may go on: the way in to it and the rules of its connection.
bool same_jump_host(const Settings& settings_before, const Router& before, const Settings& settings_after,
                    const Router& after);

}  // namespace linewatch::config
