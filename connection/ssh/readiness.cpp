#include "connection/ssh/readiness.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/query.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <span>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP, writing = EPOLLOUT, closing = EPOLLRDHUP;
constexpr std::uint32_t over = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

std::uint32_t events_for(Readiness::For what) {
  if (what == Readiness::For::writing) return writing;
  return what == Readiness::For::both ? reading | writing : reading;
}

}  // namespace

asio::execution_context::id Readiness::id;

// Meanwhile nothing is armed: what is to be waited for is known when all have had their turn.
class Readiness::Serving {
 public:
  explicit Serving(Readiness& readiness) : readiness_(readiness) { readiness_.serving_ = true; }
  ~Serving() {
    readiness_.serving_ = false;
    readiness_.batch_count_ = 0;
    readiness_.settle();
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  Readiness& readiness_;
};

Readiness::Readiness(asio::io_context& loop)
    : asio::execution_context::service(loop),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      ready_(loop),
      timer_(loop) {
  if (epoll_ < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  ready_.assign(epoll_);
}

Readiness& Readiness::of(const asio::any_io_executor& loop) {
  return asio::use_service<Readiness>(
      static_cast<asio::io_context&>(asio::query(loop, asio::execution::context)));
}

// What still waits belongs to coroutines that will not run again: they go with their handlers, and their
// sockets leave meanwhile.
void Readiness::shutdown() {
  serving_ = true;  // nothing is armed any more
  while (!interested_.empty()) {
    Entry& entry = interested_.front();
    const auto waiting = std::exchange(entry.waiting_, nullptr);
    const auto watching = std::exchange(entry.watching_, nullptr);
    end_interest(entry);
  }
  boost::system::error_code ignored;
  timer_.cancel();
  ready_.close(ignored);
}

void Readiness::wait(Entry& entry, For what, TimePoint deadline,
                     std::move_only_function<void(Outcome)> done) {
  begin_interest(entry);
  entry.waiting_ = std::move(done);
  entry.stirred_ = false;
  const std::uint32_t events = events_for(what);
  entry.refused_ = entry.entered_ != events && !enter(entry, events);
  entry.deadline_ = entry.refused_ ? TimePoint() : deadline;  // long past
  if (entry.deadline_ < entry.due_) look_by(entry, entry.deadline_);
  settle();
}

void Readiness::end(Entry& entry, Outcome outcome) {
  auto done = std::exchange(entry.waiting_, nullptr);
  if (!done) return;
  end_interest(entry);
  done(outcome);
}

void Readiness::watch(Entry& entry, std::move_only_function<void()> closed) {
  if (closed) begin_interest(entry);
  entry.watching_ = std::move(closed);
  if (!entry.watching_) return end_interest(entry);
  // Refused: the close is noticed when the socket is used next.
  if (entry.entered_ == 0 && !entry.closed_) static_cast<void>(enter(entry, reading));
  settle();
}

void Readiness::leave(Entry& entry) {
  for (epoll_event& event : std::span(batch_, static_cast<std::size_t>(batch_count_))) {
    if (event.data.ptr == &entry) event.data.ptr = nullptr;
  }
  withdraw(entry);
  if (entry.due_ != TimePoint::max()) due_.erase(due_.iterator_to(entry));
  entry.due_ = TimePoint::max();
  // Taken out first: a coroutine that ends with its handler may come here again.
  const auto waiting = std::exchange(entry.waiting_, nullptr);
  const auto watching = std::exchange(entry.watching_, nullptr);
  end_interest(entry);
}

bool Readiness::enter(Entry& entry, std::uint32_t events) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.ptr = &entry;
  const int failed =
      ::epoll_ctl(epoll_, entry.entered_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, entry.fd, &wanted);
  if (failed == 0) entry.entered_ = events;
  return failed == 0;
}

void Readiness::withdraw(Entry& entry) {
  if (std::exchange(entry.entered_, 0) != 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, entry.fd, nullptr);
}

// Deadlines mostly move to later ones, of the next wait: the entry is then left where it is, looked at too
// early, and put where it belongs by then.
void Readiness::look_by(Entry& entry, TimePoint due) {
  if (entry.due_ != TimePoint::max()) due_.erase(due_.iterator_to(entry));
  entry.due_ = due;
  if (due != TimePoint::max()) due_.insert(entry);
}

void Readiness::begin_interest(Entry& entry) {
  if (!entry.waiting_ && !entry.watching_) interested_.push_back(entry);
}

void Readiness::end_interest(Entry& entry) {
  if (entry.waiting_ || entry.watching_ || !entry.list_base_hook<>::is_linked()) return;
  interested_.erase(interested_.iterator_to(entry));
  settle();
}

// Has Asio wait for what there is to wait for.
void Readiness::settle() {
  if (serving_) return;
  if (interested_.empty()) {
    if (timer_at_ != TimePoint::max()) timer_.cancel();
    timer_at_ = TimePoint::max();
    if (armed_) {
      boost::system::error_code ignored;
      ready_.cancel(ignored);
    }
    return;
  }
  if (!armed_) {
    armed_ = true;
    ready_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code) {
      armed_ = false;
      serve();
    });
  }
  if (due_.empty() || due_.begin()->due_ >= timer_at_) return;
  timer_at_ = due_.begin()->due_;
  timer_.expires_at(timer_at_);
  timer_.async_wait([this](boost::system::error_code aborted) {
    if (!aborted) serve_due();
  });
}

void Readiness::serve() {
  const Serving serving(*this);
  batch_count_ = std::max(0, ::epoll_wait(epoll_, batch_, batch_size, 0));
  const auto batch = std::span(batch_, static_cast<std::size_t>(batch_count_));
  // First what nobody waits for, so that those who run next find it said. It would be reported for ever: from
  // now on only the close is of interest, and after that nothing.
  for (epoll_event& event : batch) {
    Entry& entry = *static_cast<Entry*>(event.data.ptr);
    if (entry.waiting_) continue;
    entry.stirred_ = true;
    entry.closed_ = (event.events & over) != 0;
    if (entry.closed_ || !enter(entry, closing)) withdraw(entry);
  }
  for (epoll_event& event : batch) {
    if (event.data.ptr == nullptr) continue;  // it left meanwhile
    Entry& entry = *static_cast<Entry*>(event.data.ptr);
    if (entry.waiting_) {
      entry.closed_ = (event.events & over) != 0;  // perhaps behind what is left to read
      end(entry, Outcome::ready);
    } else if (entry.closed_ && entry.watching_) {
      auto watching = std::exchange(entry.watching_, nullptr);
      end_interest(entry);
      watching();
    }
  }
}

void Readiness::serve_due() {
  timer_at_ = TimePoint::max();
  const Serving serving(*this);
  const TimePoint now = Clock::now();
  while (!due_.empty() && due_.begin()->due_ <= now) {
    Entry& entry = *due_.begin();
    const TimePoint deadline = entry.waiting_ ? entry.deadline_ : TimePoint::max();
    look_by(entry, deadline <= now ? TimePoint::max() : deadline);
    if (deadline <= now) end(entry, entry.refused_ ? Outcome::failed : Outcome::expired);
  }
}

}  // namespace linewatch::connection
