// `linewatch hostkey scan|accept|forget`: the routers' host keys. Only the key exchange is run; no credential
// is sent, but to a jump host on the way.

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>

#include "agent/commands.hpp"
#include "agent/gather.hpp"
#include "agent/log.hpp"
#include "agent/routers.hpp"
#include "agent/suggest.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::HostKey;
using connection::HostKeys;
using connection::Result;

namespace {

std::vector<const config::Router*> chosen_routers(const Options& options, const config::Settings& settings) {
  std::vector<const config::Router*> routers;
  std::vector<std::string> known;
  for (const config::Router& router : settings.routers) {
    known.push_back(router.name);
    if (options.all && router.enabled) routers.push_back(&router);
  }
  for (const std::string& name : options.names) {
    const config::Router* router = settings.router(name);
    if (!router) {
      std::fprintf(stderr, "linewatch: no router '%s' in %s%s\n", name.c_str(), options.config_file.c_str(),
                   did_you_mean(name, known).c_str());
      return {};
    }
    routers.push_back(router);
  }
  return routers;
}

std::string_view word(HostKeys::Verdict verdict) {
  switch (verdict) {
    case HostKeys::Verdict::known:
      return "known";
    case HostKeys::Verdict::unknown:
      return "not known yet";
    case HostKeys::Verdict::changed:
      return "CHANGED: another key is known";
    case HostKeys::Verdict::revoked:
      return "REVOKED";
  }
  return "not known yet";
}

struct Job {
  const Options& options;
  const config::Settings& settings;
  Routers& routers;
  HostKeys& keys;
  int exit_code = exit_ok;

  void fail(const config::Router& router, const std::string& why) {
    std::fprintf(stderr, "linewatch: %s: %s\n", router.name.c_str(), why.c_str());
    exit_code = exit_not_done;
  }
};

void accept(Job& job, const config::Router& router, const HostKey& key) {
  const HostKeys::Verdict before = job.keys.verdict(router.address, router.port, key);
  if (before == HostKeys::Verdict::revoked)
    return job.fail(router, "the host key it offers is revoked in known_hosts");
  if (before != HostKeys::Verdict::known) {
    const Result<int> forgotten = job.keys.forget(router.address, router.port);
    if (!forgotten) return job.fail(router, forgotten.error().text);
    const Result<void> learned = job.keys.learn(router.address, router.port, key);
    if (!learned) return job.fail(router, learned.error().text);
  }
  fmt::print("{} {}:{} {} {} {}\n", router.name, router.address, router.port, key.type, key.fingerprint(),
             before == HostKeys::Verdict::known ? "was known already" : "learned");
}

Awaitable<void> scan(Job& job, const config::Router& router) {
  const connection::Context ctx = connection::Context().within(router.connection.connect_timeout);
  connection::Peer peer;
  peer.address = router.address;
  peer.port = router.port;
  peer.legacy_ssh = router.legacy_ssh;
  peer.source_address = router.connection.source_address;
  peer.via = job.routers.way_to(router);
  Result<HostKey> key = co_await connection::scan_host_key(ctx, job.routers.resolver(), std::move(peer));
  if (!key) {
    job.fail(router, key.error().text);
  } else if (job.options.command == CommandName::hostkey_accept) {
    accept(job, router, *key);
  } else {
    fmt::print("{} {}:{} {} {} {}\n", router.name, router.address, router.port, key->type, key->fingerprint(),
               word(job.keys.verdict(router.address, router.port, *key)));
  }
}

// How many jump hosts are on the way.
std::size_t distance(const config::Settings& settings, const config::Router& router) {
  return router.jump.empty() ? 0 : 1 + distance(settings, *settings.router(router.jump));
}

// The nearest first: the key of a jump host must be known before the way goes through it.
Awaitable<void> scan_all(Job& job, std::vector<const config::Router*> routers) {
  const auto loop = co_await asio::this_coro::executor;
  for (std::size_t now = 0; !routers.empty(); ++now) {
    std::vector<Awaitable<void>> scans;
    std::erase_if(routers, [&](const config::Router* router) {
      const bool due = distance(job.settings, *router) == now;
      if (due) scans.push_back(scan(job, *router));
      return due;
    });
    co_await gather(loop, std::move(scans));
  }
  const connection::Context ctx = connection::Context().within(std::chrono::seconds(3));
  co_await job.routers.close(ctx);
}

void forget(Job& job, const config::Router& router) {
  const Result<int> gone = job.keys.forget(router.address, router.port);
  if (!gone) return job.fail(router, gone.error().text);
  fmt::print("{} {}:{} {}\n", router.name, router.address, router.port,
             *gone > 0 ? "forgotten" : "nothing was learned for it");
}

}  // namespace

int run_hostkey(const Options& options) {
  const auto settings = load_or_complain(options);
  if (!settings) return exit_bad_configuration;
  const auto routers = chosen_routers(options, *settings);
  if (routers.empty()) return exit_bad_configuration;

  asio::io_context loop(1);
  auto opened = Routers::open(loop.get_executor(), settings, make_silent_logger(), Routers::Owner::command);
  if (!opened) {
    std::fprintf(stderr, "linewatch: %s\n", opened.error().text.c_str());
    return exit_not_done;
  }
  Job job{options, *settings, **opened, (*opened)->host_keys()};
  if (options.command == CommandName::hostkey_forget) {
    for (const config::Router* router : routers) forget(job, *router);
    return job.exit_code;
  }
  asio::co_spawn(loop, scan_all(job, routers), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
  loop.run();
  return job.exit_code;
}

}  // namespace linewatch::agent
