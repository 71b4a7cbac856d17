// `linewatch hostkey scan|accept|forget`: the routers' host keys. Only the key exchange is run; no credential
// is sent.

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>

#include "agent/commands.hpp"
#include "agent/gather.hpp"
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
  connection::Resolver resolver;
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
  Result<HostKey> key = co_await connection::scan_host_key(
      ctx, job.resolver, router.address, router.port, router.legacy_ssh, router.connection.source_address);
  if (!key) {
    job.fail(router, key.error().text);
  } else if (job.options.command == CommandName::hostkey_accept) {
    accept(job, router, *key);
  } else {
    fmt::print("{} {}:{} {} {} {}\n", router.name, router.address, router.port, key->type, key->fingerprint(),
               word(job.keys.verdict(router.address, router.port, *key)));
  }
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

  HostKeys keys(settings->host_keys, learned_host_keys_file(*settings));
  const Result<void> loaded = keys.load();
  if (!loaded) {
    std::fprintf(stderr, "linewatch: %s\n", loaded.error().text.c_str());
    return exit_not_done;
  }
  Job job{options, connection::Resolver(), keys};
  if (options.command == CommandName::hostkey_forget) {
    for (const config::Router* router : routers) forget(job, *router);
    return job.exit_code;
  }
  asio::io_context loop(1);
  std::vector<Awaitable<void>> scans;
  for (const config::Router* router : routers) scans.push_back(scan(job, *router));
  asio::co_spawn(loop, gather(loop.get_executor(), std::move(scans)), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
  loop.run();
  return job.exit_code;
}

}  // namespace linewatch::agent
