#include "aggregator/sender.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "aggregator/protocol.hpp"

namespace linewatch::aggregator {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;
using connection::TimePoint;

namespace {

std::string joined(const std::vector<config::Node>& nodes) {
  std::string name;
  for (const config::Node& node : nodes) name += (name.empty() ? "" : ",") + to_string(node);
  return name;
}

}  // namespace

Sender::Sender(asio::any_io_executor loop, const config::ZabbixSettings& settings,
               config::ZabbixServer server, std::size_t index, std::shared_ptr<Store> store,
               connection::Resolver& resolver, std::shared_ptr<spdlog::logger> log, DeliveryOptions options)
    : loop_(loop),
      resolver_(resolver),
      server_(std::move(server)),
      source_address_(settings.source_address),
      index_(index),
      batch_size_(static_cast<std::size_t>(std::max(1, settings.batch_size))),
      flush_interval_(settings.flush_interval),
      compression_(settings.compression),
      store_(std::move(store)),
      options_(options),
      name_(joined(server_.nodes)),
      log_(name_, std::move(log)),
      exchange_(std::make_shared<Exchange>(loop, resolver, settings.source_address, Tls::make(server_.tls),
                                           options.exchange)),
      wake_(loop),
      random_(std::random_device{}()),
      backoff_(options.backoff_first) {}

Awaitable<void> Sender::run() {
  while (!stopped_) {
    settle_in();
    store_->expire(Clock::now());
    note_drops();
    const TimePoint when = due();
    if (when > Clock::now()) {
      if (draining_) co_return;  // draining makes due whatever there is
      idle_ = true;
      co_await wait_until(when);
      idle_ = false;
      continue;
    }
    const bool settled = co_await round();
    if (settled) {
      backoff_ = options_.backoff_first;
      continue;
    }
    if (stopped_) co_return;
    const TimePoint again = Clock::now() + next_backoff();
    co_await wait_until(again);
  }
}

void Sender::reconfigure(const config::ZabbixSettings& settings, const config::ZabbixServer& server) {
  next_settings_ = settings;
  next_server_ = server;
  wake_.cancel();
}

void Sender::settle_in() {
  if (!next_settings_) return;
  batch_size_ = static_cast<std::size_t>(std::max(1, next_settings_->batch_size));
  flush_interval_ = next_settings_->flush_interval;
  compression_ = next_settings_->compression;
  const bool other_source =
      std::exchange(source_address_, next_settings_->source_address) != next_settings_->source_address;
  if (other_source || server_.tls != next_server_.tls)
    exchange_ = std::make_shared<Exchange>(loop_, resolver_, source_address_, Tls::make(next_server_.tls),
                                           options_.exchange);
  next_settings_.reset();
  if (server_ == next_server_) return;
  server_ = next_server_;
  name_ = joined(server_.nodes);
  node_ = 0;
}

Awaitable<bool> Sender::round() {
  const auto send = guard_.next();
  Batch batch;
  if (send != SilentCloseGuard::Send::empty_packet) {
    const std::size_t records = send == SilentCloseGuard::Send::one_record ? 1 : batch_size_;
    batch = store_->take(index_, batch_size_, records);
  }
  const std::string packet = build(batch);
  const Result<Answer> answer = co_await try_nodes(packet);
  if (!answer) {
    keep(answer.error());
    co_return false;
  }
  if (send != SilentCloseGuard::Send::empty_packet) {
    settle(batch, *answer);
  } else if (guard_.empty_answered()) {
    store_->take(index_, batch_size_, 1);
    store_->drop_flight(index_, DropReason::refused);
    note_drops();
  }
  co_return true;
}

Awaitable<Result<Answer>> Sender::try_nodes(const std::string& packet) {
  Result<Answer> told = connection::fail(ErrorCode::unreachable, Phase::waiting, "stopped");
  for (std::size_t i = 0; i < server_.nodes.size() && !stopped_; ++i) {
    const Context ctx = Context().stopped_by(stop_.get_token());
    const config::Node& node = server_.nodes[node_];
    Result<Answer> answer = co_await exchange_->run(ctx, node, packet);
    if (answer) co_return answer;
    // A standby node refuses connections all its life: what the active one did is the better cause.
    if (told.error().code == ErrorCode::unreachable) told = std::move(answer);
    node_ = (node_ + 1) % server_.nodes.size();
  }
  co_return told;
}

std::string Sender::build(const Batch& batch) const {
  RequestWriter request;
  std::size_t left = batch.values;
  std::size_t item = batch.offset;
  for (const auto& record : batch.records) {
    for (; item < record->items.size() && left > 0; ++item, --left) request.add(*record, item);
    item = 0;
  }
  return make_frame(std::move(request).finish(std::chrono::system_clock::now()),
                    {.compressed = compression_});
}

void Sender::settle(const Batch& batch, const Answer& answer) {
  guard_.answered();
  log_.working(to_string(server_.nodes[node_]), store_->queued(index_));
  store_->delivered(index_);
  // A value with an impossible clock is not even counted as failed: whatever was not processed was refused.
  const std::uint64_t processed = std::min<std::uint64_t>(answer.processed, batch.values);
  const std::uint64_t refused = batch.values - processed;
  processed_ += processed;
  failed_ += refused;
  if (refused > 0) log_.refused(refused, batch.values, Clock::now());
}

void Sender::keep(const connection::Error& error) {
  store_->returned(index_);
  if (stopped_) return;
  if (error.code == ErrorCode::closed && guard_.next() != SilentCloseGuard::Send::empty_packet)
    guard_.closed();
  else
    guard_.other_failure();
  log_.failing(error.text, store_->queued(index_));
}

TimePoint Sender::due() const {
  const auto oldest = store_->oldest(index_);
  if (!oldest) return TimePoint::max();
  if (draining_ || store_->queued(index_) >= batch_size_) return TimePoint::min();
  return *oldest + flush_interval_;
}

Clock::duration Sender::next_backoff() {
  std::uniform_int_distribution<int> percent(80, 120);
  const auto wait = backoff_ * percent(random_) / 100;
  // While draining time is short and the first step is enough.
  backoff_ = draining_ ? options_.backoff_first : std::min(backoff_ * 2, options_.backoff_max);
  return wait;
}

Awaitable<void> Sender::wait_until(TimePoint when) {
  boost::system::error_code woken;
  wake_.expires_at(when);
  co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

void Sender::notify() {
  note_drops();
  if (idle_ && due() < wake_.expiry()) wake_.cancel();
}

void Sender::drain() {
  draining_ = true;
  backoff_ = options_.backoff_first;
  wake_.cancel();
}

void Sender::stop() {
  stopped_ = true;
  stop_.request_stop();
  exchange_->cancel();
  wake_.cancel();
}

void Sender::give_up(DropReason reason) {
  store_->returned(index_);
  log_.unsent(store_->queued(index_), reason);
  store_->drop_all(index_, reason);
}

void Sender::note_drops() {
  log_.dropping(store_->drops(index_), store_->queued(index_), store_->limit());
}

DestinationStatistics Sender::statistics() const {
  DestinationStatistics figures;
  figures.name = name_;
  figures.queued = store_->queued(index_);
  figures.processed = processed_;
  figures.failed = failed_;
  figures.drops = store_->drops(index_);
  figures.dropped = total(figures.drops);
  figures.last_error = log_.last_error();
  return figures;
}

}  // namespace linewatch::aggregator
