#include "aggregator/sender.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "aggregator/protocol.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::aggregator {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::fail;
using connection::Phase;
using connection::Result;
using connection::TimePoint;

namespace {

// Rows that were sent in vain and then dropped stay in the set; forgotten, what the server has already of a
// resend counts as refused.
constexpr std::size_t most_uncertain = 100'000;

// Whose newest value is remembered; beyond it a new session begins.
constexpr std::size_t most_remembered = 200'000;

constexpr std::size_t shown_refusals = 100;

// Values wait meanwhile; what was found out stays, and another time the rest is asked about.
constexpr std::chrono::seconds longest_inquiry{10};

// A lane that is through with its packets waits for the others: with a few each, not for long.
constexpr std::size_t packets_of_a_round = 4 * lane_count;

std::string joined(const std::vector<config::Node>& nodes) {
  std::string name;
  for (const config::Node& node : nodes) name += (name.empty() ? "" : ",") + to_string(node);
  return name;
}

}  // namespace

Sender::Sender(asio::any_io_executor loop, const config::ZabbixSettings& settings,
               config::ZabbixServer server, std::shared_ptr<Store> store, connection::Resolver& resolver,
               std::shared_ptr<spdlog::logger> log, DeliveryOptions options)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      server_(std::move(server)),
      index_(store->add_destination(joined(server_.nodes))),
      store_(std::move(store)),
      options_(options),
      name_(joined(server_.nodes)),
      log_(name_, std::move(log)),
      lane_ended_(loop),
      wake_(loop),
      random_(std::random_device{}()),
      backoff_(options.backoff_first),
      drops_before_(store_->drops(index_)) {
  make_exchanges();
}

void Sender::make_exchanges() {
  const auto tls = Tls::make(server_.tls);
  for (auto& exchange : exchanges_)
    exchange = std::make_shared<Exchange>(loop_, resolver_, settings_.source_address, tls, options_.exchange);
}

Awaitable<void> Sender::run() {
  while (!stopped_) {
    settle_in();
    store_->expire(Clock::now());
    note_drops();
    const TimePoint enough = Clock::now() + longest_inquiry;
    while (refusals_.asking() && !draining_ && !stopped_ && Clock::now() < enough) co_await inquire();
    refusals_.give_up();  // what is not found out yet: from now on newer values are sent
    const TimePoint when = due();
    if (when > Clock::now()) {
      if (draining_ && when == TimePoint::max() && !store_->settling())
        co_return;  // draining makes due whatever there is
      idle_ = true;
      co_await wait_until(when);
      idle_ = false;
      continue;
    }
    Round done;
    if (guard_.next() == SilentCloseGuard::Send::empty_packet)
      done = co_await probe();
    else
      done = co_await round();
    if (done.failed && !stopped_) co_await failed(done);
    if (!done.anything && !stopped_ && due() <= Clock::now()) {  // it is being read from the disk
      idle_ = true;
      co_await wait_until(TimePoint::max());
      idle_ = false;
    }
  }
}

// The next node at once; when all have failed, a wait.
Awaitable<void> Sender::failed(const Round& done) {
  // A standby node refuses connections all its life: what the active one did is the better cause.
  if (!cause_ || cause_->code == ErrorCode::unreachable) cause_ = done.failed;
  if (done.answered) {
    nodes_failed_ = 0;  // this node works, and is asked again soon
  } else {
    node_ = (node_ + 1) % server_.nodes.size();
    if (++nodes_failed_ < server_.nodes.size()) co_return;
    nodes_failed_ = 0;
  }
  if (cause_->code == ErrorCode::closed && guard_.next() != SilentCloseGuard::Send::empty_packet)
    guard_.closed();
  else
    guard_.other_failure();
  log_.failing(cause_->text, store_->queued(index_));
  cause_.reset();
  const TimePoint again = Clock::now() + next_backoff();
  co_await wait_until(again);
}

void Sender::reconfigure(const config::ZabbixSettings& settings, const config::ZabbixServer& server) {
  next_settings_ = settings;
  next_server_ = server;
  name_ = joined(server.nodes);
  log_.rename(name_);
  store_->rename_destination(index_, name_);
  wake_.cancel();
}

void Sender::settle_in() {
  if (!next_settings_) return;
  const bool other_source = settings_.source_address != next_settings_->source_address;
  const bool other_tls = server_.tls != next_server_.tls;
  settings_ = *std::exchange(next_settings_, std::nullopt);
  if (server_ != next_server_) {
    server_ = next_server_;
    owners_ = {};
    node_ = nodes_failed_ = 0;
  }
  if (other_source || other_tls) make_exchanges();
}

std::size_t Sender::wanted() const {
  const auto batch = static_cast<std::size_t>(std::max(1, settings_.batch_size));
  if (guard_.next() == SilentCloseGuard::Send::one_record) return 1;
  if (!log_.last_error().empty()) return batch;  // one packet finds out whether it works again
  const auto oldest = store_->oldest(index_);
  const bool in_time = !draining_ && oldest && *oldest != TimePoint::min() &&
                       *oldest + settings_.flush_interval > Clock::now();
  // What does not fill a packet waits until it has to go.
  const std::size_t full = static_cast<std::size_t>(store_->waiting(index_)) / batch;
  return batch * (in_time ? std::clamp<std::size_t>(full, 1, packets_of_a_round) : packets_of_a_round);
}

Awaitable<Sender::Round> Sender::round() {
  Batch batch = store_->take(index_, wanted());
  round_ = {};
  round_.anything = !batch.rows.empty();
  if (round_.anything) renew_session(batch.rows);
  lanes_ =
      packets_of(std::move(batch.rows), static_cast<std::size_t>(std::max(1, settings_.batch_size)), owners_);
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    if (!lanes_[lane].empty()) start_lane(lane);
  }
  const Context forever;
  while (running_ > 0) co_await lane_ended_.wait(forever);
  const Round done = std::exchange(round_, {});
  if (done.answered && !done.failed) {
    backoff_ = options_.backoff_first;
    nodes_failed_ = 0;
    cause_.reset();
  }
  co_return done;
}

void Sender::start_lane(std::size_t lane) {
  ++running_;
  asio::co_spawn(loop_, send_lane(shared_from_this(), lane),
                 [self = shared_from_this()](const std::exception_ptr& bug) {
                   --self->running_;
                   self->lane_ended_.ring();
                   if (bug) std::rethrow_exception(bug);
                 });
}

// After a failure the lane's other packets go back unsent: they would overtake.
Awaitable<void> Sender::send_lane(std::shared_ptr<Sender> self, std::size_t lane) {
  Lane packets = std::exchange(self->lanes_[lane], {});
  bool go_on = true;
  for (Packet& packet : packets) {
    if (!go_on || self->stopped_ || self->round_.failed) {
      self->store_->returned(self->index_, packet.rows);
      continue;
    }
    go_on = co_await self->send(lane, std::move(packet));
  }
}

Awaitable<bool> Sender::send(std::size_t lane, Packet packet) {
  // With fresh_first values are not sent in the order of their ids.
  const bool in_order = settings_.buffer.replay == config::BufferSettings::Replay::in_order;
  const std::string session = in_order ? session_ : std::string();
  const std::string frame = frame_of(packet, session, settings_.compression);
  const Result<Answer> answer = co_await exchange(lane, packet, frame);
  if (!answer)
    keep(packet, answer.error());
  else if (answer->redirect)
    store_->returned(index_, packet.rows);  // other packets will be made of it
  else
    settle(packet, *answer);
  co_return answer && !answer->redirect;
}

// What comes after newer values of its host, since the disk could not be read, would count as there already.
void Sender::renew_session(const std::vector<Row>& rows) {
  const bool late = std::ranges::any_of(rows, [&](const Row& row) {
    const auto sent = newest_sent_.find(config::stable_hash(row.record->host));
    return sent != newest_sent_.end() && row.sequence <= sent->second && !uncertain_.contains(row.sequence);
  });
  if (!late && (newest_sent_.size() <= most_remembered || !uncertain_.empty())) return;
  session_ = new_session();
  newest_sent_.clear();
}

// The server may have them.
void Sender::note_sent(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Sequence& newest = newest_sent_[config::stable_hash(row.record->host)];
    newest = std::max(newest, row.sequence);
  }
}

Awaitable<Result<Answer>> Sender::exchange(std::size_t lane, const Packet& packet, const std::string& frame) {
  const Context ctx = Context().stopped_by(stop_.get_token());
  config::Node node = packet.owner ? *packet.owner : server_.nodes[node_];
  Result<Answer> answer = co_await exchanges_[lane]->run(ctx, node, frame);
  if (!answer && packet.owner) owners_.forget_node(node);
  if (!answer || !answer->redirect) co_return answer;
  const Redirect redirect = *answer->redirect;
  answer = redirected(packet, redirect);
  if (!answer || answer->redirect) co_return answer;
  const auto owner = owners_.of(packet.rows.front().record->host);
  node = owner ? *owner : server_.nodes[node_];
  answer = co_await exchanges_[lane]->run(ctx, node, frame);
  if (answer && answer->redirect) {
    Error twice{ErrorCode::protocol, Phase::read,
                to_string(node) + " redirects a packet that was redirected to it"};
    answer = std::unexpected(std::move(twice));
  }
  if (!answer && owner) owners_.forget_node(node);
  co_return answer;
}

// An answer without a redirect: the packet is to be sent once more, to the owner of its first host. One with
// it: the packet's hosts may have several owners.
Result<Answer> Sender::redirected(const Packet& packet, const Redirect& redirect) {
  const std::string from = to_string(packet.owner ? *packet.owner : server_.nodes[node_]);
  const std::string& first = packet.rows.front().record->host;
  bool several = false;
  for (const Row& row : packet.rows) {
    several = several || row.record->host != first;
    owners_.forget(row.record->host);
  }
  if (redirect.reset) {
    owners_.reset();
    if (!packet.owner)
      return fail(ErrorCode::protocol, Phase::read,
                  from +
                      " takes this host's values nowhere: its proxy group has "
                      "no member for it now");
    return Answer{};
  }
  const auto owner = owners_.learn(first, redirect);
  if (!owner) return fail(ErrorCode::protocol, Phase::read, from + ": " + owner.error());
  Answer again;
  if (several) again.redirect = redirect;
  return again;
}

Awaitable<Sender::Round> Sender::probe() {
  const Packet empty;
  const std::string frame = frame_of(empty, {}, settings_.compression);
  const Context ctx = Context().stopped_by(stop_.get_token());
  const config::Node node = server_.nodes[node_];
  const Result<Answer> answer = co_await exchanges_[0]->run(ctx, node, frame);
  Round done;
  done.anything = true;
  if (!answer) {
    done.failed = answer.error();
  } else if (guard_.empty_answered()) {
    const Batch batch = store_->take(index_, 1);
    store_->drop(index_, batch.rows, DropReason::refused);
    note_drops();
  }
  co_return done;
}

Awaitable<void> Sender::inquire() {
  RequestWriter request;
  for (const Refusals::Value& value : refusals_.probe()) {
    request.begin(*value.record);
    request.add(value.record->items[value.item]);
  }
  const std::string frame = make_frame(std::move(request).finish(std::chrono::system_clock::now()),
                                       {.compressed = settings_.compression});
  const auto owner = owners_.of(refusals_.probe().front().record->host);
  const config::Node node = owner ? *owner : server_.nodes[node_];
  const Context ctx = Context().stopped_by(stop_.get_token());
  const Result<Answer> answer = co_await exchanges_[0]->run(ctx, node, frame);
  if (!answer || answer->redirect)
    refusals_.give_up();  // another packet will lead here again
  else
    refusals_.probed(answer->processed);
  log_.items(refusals_.take_findings());
}

void Sender::settle(const Packet& packet, const Answer& answer) {
  round_.answered = true;
  guard_.answered();
  log_.working(to_string(packet.owner ? *packet.owner : server_.nodes[node_]), store_->queued(index_));
  note_sent(packet.rows);
  std::uint64_t maybe_there = 0;
  for (const Row& row : packet.rows) {
    if (uncertain_.erase(row.sequence) > 0) maybe_there += row.record->items.size();
  }
  store_->delivered(index_, packet.rows);
  // A value with an impossible clock is not even counted as failed: whatever was not processed was refused,
  // or had arrived before.
  const std::uint64_t processed = std::min<std::uint64_t>(answer.processed, packet.values);
  const std::uint64_t there = std::min(maybe_there, packet.values - processed);
  const std::uint64_t refused = packet.values - processed - there;
  processed_ += processed + there;
  failed_ += refused;
  if (refused > 0) log_.refused(refused, packet.values, Clock::now());
  // What is asked about is sent once more, before the next round: nothing newer may have been sent. And where
  // values may have been there already, what is refused among them looks well.
  if (maybe_there == 0 || refused > 0)
    refusals_.answered(packet.rows, refused, {packet.newest, owners_.grouped()}, Clock::now());
  log_.items(refusals_.take_findings());
}

void Sender::keep(const Packet& packet, const Error& error) {
  store_->returned(index_, packet.rows);
  if (stopped_) return;
  // Without a connection nothing of it can have arrived.
  if (error.phase == Phase::write || error.phase == Phase::read) {
    if (uncertain_.size() > most_uncertain) uncertain_.clear();
    for (const Row& row : packet.rows) uncertain_.insert(row.sequence);
    note_sent(packet.rows);
  }
  if (!round_.failed) round_.failed = error;
}

TimePoint Sender::due() const {
  const auto oldest = store_->oldest(index_);
  if (!oldest) return TimePoint::max();
  if (draining_ || store_->waiting(index_) >= static_cast<std::uint64_t>(settings_.batch_size))
    return TimePoint::min();
  if (*oldest == TimePoint::min()) return *oldest;
  return *oldest + settings_.flush_interval;
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
  if (idle_ && (draining_ || due() < wake_.expiry())) wake_.cancel();
}

void Sender::drain() {
  draining_ = true;
  backoff_ = options_.backoff_first;
  wake_.cancel();
}

void Sender::stop() {
  stopped_ = true;
  stop_.request_stop();
  for (const auto& exchange : exchanges_) exchange->cancel();
  wake_.cancel();
}

void Sender::say_unsent(DropReason reason) {
  const std::uint64_t lost = reason == DropReason::removed ? store_->queued(index_) : store_->unsaved(index_);
  const std::uint64_t all = store_->queued(index_);
  log_.unsent(lost, reason);
  log_.kept(all - std::min(all, lost));
}

// Since the agent began; the buffer counts over all its runs.
Drops Sender::drops() const {
  Drops since = store_->drops(index_);
  for (std::size_t i = 0; i < drop_reasons; ++i) since[i] -= std::min(since[i], drops_before_[i]);
  return since;
}

void Sender::note_drops() {
  log_.dropping(drops(), store_->queued(index_), store_->nearly_empty());
}

RefusedItems Sender::unexplained(std::size_t most_hosts, std::size_t most_items) const {
  return {name_, server_.tls.connect, refusals_.unexplained(most_hosts, most_items, Clock::now())};
}

void Sender::explain(const std::vector<RefusedItem>& items) {
  std::vector<RefusedItem> news;
  for (const RefusedItem& item : items) {
    if (refusals_.explain(item, Clock::now())) news.push_back(item);
  }
  log_.reasons(news);
}

DestinationStatistics Sender::statistics() const {
  DestinationStatistics figures;
  figures.name = name_;
  figures.queued = store_->queued(index_);
  figures.processed = processed_;
  figures.failed = failed_;
  figures.drops = drops();
  figures.dropped = total(figures.drops);
  figures.last_error = log_.last_error();
  figures.refused_items = refusals_.count();
  figures.refused = refusals_.some(shown_refusals);
  return figures;
}

}  // namespace linewatch::aggregator
