#include "agent/reloader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "agent/routers.hpp"
#include "config/counted.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Context;

// Filled in the background, looked at on the loop once it is done.
struct Reloader::Reading {
  std::chrono::system_clock::time_point began = std::chrono::system_clock::now();
  config::Problems problems;
  config::Sources sources;
  SharedPlan after;  // null: there are errors
  PlanSteps steps;
  ApiRemarks remarks;
  std::string file;  // the main one
  bool done = false;

  void fill(config::Loader& loader, const ApiHosts& hosts, const Plan& before,
            const std::shared_ptr<Background::Queue>& background);
};

void Reloader::Reading::fill(config::Loader& loader, const ApiHosts& hosts, const Plan& before,
                             const std::shared_ptr<Background::Queue>& background) {
  config::Loaded loaded = loader.load();
  sources = std::move(loaded.sources);
  problems = std::move(loaded.problems);
  if (config::has_error(problems)) return;
  if (const auto keys = Routers::check_host_keys(loaded.settings); !keys) {
    problems.push_back({.file = file, .path = "host_keys", .text = keys.error().text});
    return;
  }
  remarks = add_api_lines(loaded.settings, hosts);
  after = make_plan(std::move(loaded.settings), background);
  steps = steps_between(before, *after);
}

namespace {

bool is_error(const config::Problem& problem) {
  return problem.severity == config::Problem::Severity::error;
}

config::Problems errors_of(const config::Problems& problems) {
  config::Problems errors;
  std::ranges::copy_if(problems, std::back_inserter(errors), is_error);
  return errors;
}

}  // namespace

Reloader::Reloader(asio::any_io_executor loop, const Background& background, First first, Apply apply,
                   std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      background_(background.queue()),
      loader_(std::make_shared<config::Loader>(std::move(first.loader))),
      file_(first.file.string()),
      plan_(std::move(first.plan)),
      sources_(std::move(first.sources)),
      apply_(std::move(apply)),
      log_(std::move(log)),
      files_(
          loop_, [this] { request(""); }, log_),
      changed_(loop_),
      hosts_(std::move(first.hosts)),
      first_remarks_(std::move(first.remarks)),
      said_(std::move(first.warnings)) {
  state_.loaded = std::chrono::system_clock::now();
  started_.agent = plan_->settings().agent;
  started_.log = plan_->settings().log;
}

void Reloader::start() {
  running_ = true;
  say_remarks(first_remarks_);
  watch(sources_);
  asio::co_spawn(loop_, run(), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

void Reloader::request(std::string why) {
  if (stopping_) return;
  if (!why.empty()) why_ = std::move(why);
  ++take_.asked;
  changed_.ring();
}

void Reloader::set_hosts(ApiPlan hosts) {
  hosts_ = std::make_shared<const ApiPlan>(std::move(hosts));
  request("the Zabbix API has other lines");
}

Reloader::Ticket Reloader::ask(bool take) {
  if (take) why_ = "linewatch reload";
  Wish& wish = take ? take_ : look_;
  const Ticket ticket{take, ++wish.asked};
  changed_.ring();
  return ticket;
}

Awaitable<std::optional<Reloader::Outcome>> Reloader::outcome(Context ctx, Ticket ticket) {
  const Wish& wish = ticket.take ? take_ : look_;
  while (wish.served < ticket.number && running_ && !ctx.stopped() && !ctx.expired())
    co_await changed_.wait(ctx);
  if (wish.served < ticket.number) co_return std::nullopt;
  co_return wish.outcome;
}

Awaitable<void> Reloader::stop() {
  stopping_ = true;
  files_.stop();
  changed_.ring();
  while (running_) co_await changed_.wait(Context());
}

Awaitable<void> Reloader::run() {
  while (!stopping_) {
    if (!wanted()) {
      co_await changed_.wait(Context());
      continue;
    }
    const std::uint64_t looks = look_.asked, takes = take_.asked;
    const bool taking = takes > take_.served;
    const std::shared_ptr<Reading> reading = co_await read();
    if (!reading) break;
    const Outcome outcome{errors_of(reading->problems), reading->steps.changes};
    if (taking) co_await take(reading);
    look_.served = looks;
    take_.served = takes;
    look_.outcome = take_.outcome = outcome;
    changed_.ring();
  }
  running_ = false;
  changed_.ring();
}

Awaitable<std::shared_ptr<Reloader::Reading>> Reloader::read() {
  auto reading = std::make_shared<Reading>();
  reading->file = file_;
  const auto done = [this, reading] {
    reading->done = true;
    changed_.ring();
  };
  Background::post(background_, [reading, done, before = plan_, loader = loader_, background = background_,
                                 hosts = hosts_, loop = loop_]() mutable {
    try {
      reading->fill(*loader, hosts, *before, background);
    } catch (const std::exception& trouble) {  // no memory, a folder that went while it was looked at
      reading->after.reset();
      reading->problems.push_back(
          {.file = reading->file, .text = std::string("cannot be read: ") + trouble.what()});
    }
    before.reset();
    asio::post(loop, done);
  });
  while (!reading->done && !stopping_) co_await changed_.wait(Context());
  co_return reading->done ? reading : nullptr;
}

Awaitable<void> Reloader::take(std::shared_ptr<Reading> reading) {
  if (!reading->sources.files.empty()) watch(reading->sources);
  const std::string why = std::exchange(why_, "");
  if (!reading->after) {
    const config::Problems errors = errors_of(reading->problems);
    if (!why.empty() || errors != said_) say_errors(errors);
    said_ = errors;
    if (!state_.failed) state_.failed = reading->began;
    state_.problem = errors.front().format();
    co_return;
  }
  if (std::exchange(state_.failed, std::nullopt)) log_->info("the configuration has no errors any more");
  state_.problem.clear();
  if (reading->problems != said_) say_warnings(reading->problems);
  said_ = reading->problems;
  say_remarks(reading->remarks);
  state_.loaded = reading->began;
  if (reading->steps.changes.empty()) {
    if (!why.empty()) log_->info("configuration read again cause=\"{}\": nothing has changed", why);
    co_return;
  }
  const SharedPlan before = std::exchange(plan_, reading->after);
  note_after_restart();
  say_changes(reading->steps.changes);
  co_await apply_(before, reading->after, reading->steps);
  log_->info("configuration reloaded cause=\"{}\": {}", why.empty() ? "a file has changed" : why,
             config::summary(reading->steps.changes));
}

// A change while it was read is not missed: what is newly watched is read once more.
void Reloader::watch(const config::Sources& sources) {
  std::vector<std::filesystem::path> paths = sources.files;
  for (const auto& folder : sources.folders) paths.push_back(folder / "");
  if (files_.watch(paths)) {
    ++take_.asked;
    changed_.ring();
  }
}

void Reloader::say_errors(const config::Problems& errors) {
  log_->error("the configuration has errors, the agent goes on with the one it has: {}{}",
              errors.front().format(),
              errors.size() > 1 ? fmt::format(" (and {}; linewatch check shows all)",
                                              config::counted(errors.size() - 1, "more problem"))
                                : "");
}

void Reloader::say_warnings(const config::Problems& problems) {
  for (const config::Problem& problem : problems) {
    if (std::ranges::find(said_, problem) == said_.end()) log_->warn("{}", problem.format());
  }
}

void Reloader::say_remarks(const ApiRemarks& remarks) {
  const ApiRemarks before = std::exchange(remarks_, remarks);
  state_.hosts_left_out = remarks.left_out;
  if (remarks == before) return;
  for (const std::string& warning : remarks.warnings) {
    if (std::ranges::find(before.warnings, warning) == before.warnings.end()) log_->warn("{}", warning);
  }
  if (remarks.left_out != before.left_out && remarks.left_out > 0) {
    log_->warn("lines from the Zabbix API: no line comes of {}; linewatch discover says why",
               config::counted(remarks.left_out, "host"));
  }
}

// Against the start: what was changed back needs no restart.
void Reloader::note_after_restart() {
  config::Settings now;
  now.agent = plan_->settings().agent;
  now.log = plan_->settings().log;
  state_.after_restart.clear();
  for (const config::Change& change : config::compare(started_, now)) {
    if (change.kind == config::Change::Kind::after_restart) state_.after_restart.push_back(change.what);
  }
}

void Reloader::say_changes(const std::vector<config::Change>& changes) {
  constexpr std::size_t most_said = 20;
  std::size_t said = 0;
  for (const config::Change& change : changes) {
    if (change.kind == config::Change::Kind::after_restart) {
      log_->warn("reload change=\"{}\"", change.text());
    } else if (said++ < most_said) {
      log_->info("reload change=\"{}\"", change.text());
    }
  }
  if (said > most_said) log_->info("reload: and {}", config::counted(said - most_said, "more change"));
}

}  // namespace linewatch::agent
