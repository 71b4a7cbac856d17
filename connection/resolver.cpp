#include "connection/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

using Answer = std::expected<Resolver::Addresses, std::string>;
using Question = std::pair<std::string, int>;

constexpr std::size_t most_waiting_names = 1024;
constexpr std::size_t most_kept_answers = 16384;
constexpr auto answer_kept = std::chrono::minutes(1);
constexpr auto failure_kept = std::chrono::seconds(5);

Answer system_lookup(const std::string& host, int family) {
  addrinfo hints{};
  hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0)
    return std::unexpected(std::string(::gai_strerror(code)));
  Resolver::Addresses addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(endpoint.data()));
    endpoint.resize(entry->ai_addrlen);
    if (std::ranges::find(addresses, endpoint.address()) == addresses.end())
      addresses.push_back(endpoint.address());
  }
  ::freeaddrinfo(found);
  return addresses;
}

// One coroutine that waits for a name. All but `executor` belongs to its loop.
struct Waiting {
  explicit Waiting(const asio::any_io_executor& loop) : executor(loop), alarm(loop) {}
  asio::any_io_executor executor;
  asio::steady_timer alarm;  // the deadline; cancelled by whatever comes first
  std::optional<Answer> answer;
};

}  // namespace

// Shared with the threads, which may hang in a lookup longer than the resolver lives.
struct Resolver::Impl {
  struct Entry {
    std::optional<Answer> answer;  // empty: being looked up
    TimePoint stale{};
    std::vector<std::shared_ptr<Waiting>> waiting;
  };

  enum class Asked { answered, waits, refused };

  Impl(int most_threads, Lookup asked) : lookup(std::move(asked)), threads_wanted(most_threads) {}

  Asked ask(const Question& question, const std::shared_ptr<Waiting>& waiting);
  void leave(const Question& question, const std::shared_ptr<Waiting>& waiting);
  void forget_stale(TimePoint now);
  void finish(const Question& question, Answer answer);
  static void work(std::shared_ptr<Impl> impl);

  const Lookup lookup;
  const int threads_wanted;
  std::mutex mutex;
  std::condition_variable more;
  int threads = 0, idle = 0;
  bool stopping = false;
  std::deque<Question> queue;
  std::map<Question, Entry> entries;
  std::weak_ptr<Impl> self;
};

Resolver::Impl::Asked Resolver::Impl::ask(const Question& question, const std::shared_ptr<Waiting>& waiting) {
  const std::scoped_lock lock(mutex);
  const TimePoint now = Clock::now();
  if (const auto known = entries.find(question); known != entries.end()) {
    Entry& entry = known->second;
    if (entry.answer && now < entry.stale) {
      waiting->answer = entry.answer;
      return Asked::answered;
    }
    if (!entry.answer) {
      entry.waiting.push_back(waiting);
      return Asked::waits;
    }
  }
  if (stopping || queue.size() >= most_waiting_names) return Asked::refused;
  if (entries.size() >= most_kept_answers) forget_stale(now);
  Entry& entry = entries[question];
  entry.answer.reset();
  entry.waiting.push_back(waiting);
  queue.push_back(question);
  if (idle == 0 && threads < threads_wanted) {
    ++threads;
    std::thread(work, self.lock()).detach();
  }
  more.notify_one();
  return Asked::waits;
}

// After this no thread touches the waiting one's loop any more.
void Resolver::Impl::leave(const Question& question, const std::shared_ptr<Waiting>& waiting) {
  const std::scoped_lock lock(mutex);
  if (const auto known = entries.find(question); known != entries.end())
    std::erase(known->second.waiting, waiting);
}

void Resolver::Impl::forget_stale(TimePoint now) {
  std::erase_if(entries, [&](const auto& entry) { return entry.second.answer && now >= entry.second.stale; });
}

void Resolver::Impl::finish(const Question& question, Answer answer) {
  const std::scoped_lock lock(mutex);
  Entry& entry = entries[question];
  entry.stale = Clock::now() + (answer ? Clock::duration(answer_kept) : Clock::duration(failure_kept));
  // Under the mutex: whoever leaves at this moment does so before or after, never in between.
  for (const auto& waiting : std::exchange(entry.waiting, {})) {
    asio::post(waiting->executor, [waiting, answer] {
      waiting->answer = answer;
      waiting->alarm.cancel();
    });
  }
  entry.answer = std::move(answer);
}

void Resolver::Impl::work(std::shared_ptr<Impl> impl) {
  std::unique_lock lock(impl->mutex);
  for (;;) {
    ++impl->idle;
    impl->more.wait(lock, [&] { return impl->stopping || !impl->queue.empty(); });
    --impl->idle;
    if (impl->stopping) return;
    const Question question = std::move(impl->queue.front());
    impl->queue.pop_front();
    lock.unlock();
    impl->finish(question, impl->lookup(question.first, question.second));
    lock.lock();
  }
}

namespace {

std::unexpected<Error> resolve_error(const std::string& host, std::string_view cause) {
  return fail(ErrorCode::resolve, Phase::resolve,
              "the name " + host + " cannot be resolved: " + std::string(cause));
}

std::optional<Result<Resolver::Addresses>> literal(const std::string& host, int family) {
  boost::system::error_code not_literal;
  const auto address = asio::ip::make_address(host, not_literal);
  if (not_literal) return std::nullopt;
  if ((family == 4 && !address.is_v4()) || (family == 6 && !address.is_v6()))
    return resolve_error(host, "it is no IPv" + std::to_string(family) + " address");
  return Resolver::Addresses{address};
}

struct WakeUp {  // runs on whichever thread asks for the stop
  std::shared_ptr<Waiting> waiting;
  void operator()() const {
    asio::post(waiting->executor, [waiting = waiting] { waiting->alarm.cancel(); });
  }
};

}  // namespace

Resolver::Resolver(int threads) : Resolver(threads, system_lookup) {}

Resolver::Resolver(int threads, Lookup lookup)
    : impl_(std::make_shared<Impl>(std::max(threads, 1), std::move(lookup))) {
  impl_->self = impl_;
}

Resolver::~Resolver() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->stopping = true;
  impl_->more.notify_all();
}

Awaitable<Result<Resolver::Addresses>> Resolver::resolve(Context ctx, std::string host, int family) {
  if (auto known = literal(host, family)) co_return std::move(*known);
  if (ctx.stopped())
    co_return fail(ErrorCode::cancelled, Phase::resolve, "cancelled while resolving " + host);
  const auto impl = impl_;
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(loop);
  const Question question(host, family);

  struct Leave {
    Leave(std::shared_ptr<Impl> of, const Question& asked, std::shared_ptr<Waiting> one)
        : impl(std::move(of)), question(asked), waiting(std::move(one)) {}
    ~Leave() { impl->leave(question, waiting); }
    std::shared_ptr<Impl> impl;
    const Question& question;
    std::shared_ptr<Waiting> waiting;
  };
  const Leave leave(impl, question, waiting);
  const Impl::Asked asked = impl->ask(question, waiting);
  if (asked == Impl::Asked::refused) {
    co_return fail(ErrorCode::too_many_waiters, Phase::resolve,
                   "cannot resolve " + host + ": too many names are waiting already");
  }
  if (asked == Impl::Asked::waits) {
    const std::stop_callback<WakeUp> on_stop(ctx.stop(), WakeUp{waiting});
    waiting->alarm.expires_at(ctx.deadline());
    boost::system::error_code ignored;
    // A stop that came before this line was posted, and runs after it.
    co_await waiting->alarm.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!waiting->answer) {
    if (ctx.stopped())
      co_return fail(ErrorCode::cancelled, Phase::resolve, "cancelled while resolving " + host);
    co_return fail(ErrorCode::deadline, Phase::resolve, "no answer in time to the name " + host);
  }
  if (!*waiting->answer) co_return resolve_error(host, waiting->answer->error());
  if ((*waiting->answer)->empty()) co_return resolve_error(host, "it has no address");
  co_return std::move(**waiting->answer);
}

}  // namespace linewatch::connection
