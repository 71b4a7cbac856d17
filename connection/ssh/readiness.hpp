#pragma once
// Which sockets of a loop are ready, and whose time is over. The sockets are entered in one epoll of their
// own and stay there, and to Asio that epoll is one descriptor: a wait costs no system call, no lock and no
// allocation, where Asio's own costs some of each. The same holds for deadlines: one Asio timer serves all.
// While nobody waits and nothing is watched here, the loop has no work from here and may end.
// One for each loop, made at first use; use on its loop only.

#include <sys/epoll.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <functional>

#include "connection/context.hpp"

namespace linewatch::connection {

class Readiness final : public boost::asio::execution_context::service {
 public:
  using key_type = Readiness;
  static boost::asio::execution_context::id id;

  enum class Outcome { ready, expired, stopped, failed };

  // One socket. Lives as long as it is entered; leave() comes before the descriptor is closed.
  class Entry : public boost::intrusive::list_base_hook<>, public boost::intrusive::set_base_hook<> {
   public:
    explicit Entry(int socket) : fd(socket) {}
    const int fd;
    bool watched() const { return watching_ != nullptr; }
    // Something came while nobody waited, and nobody has waited since.
    bool stirred() const { return stirred_; }
    bool closed() const { return closed_; }  // the other side's close came while nobody waited

   private:
    friend class Readiness;
    std::uint32_t entered_ = 0;              // the epoll's events; 0: not in it
    TimePoint deadline_ = TimePoint::max();  // of the wait under way
    TimePoint due_ = TimePoint::max();       // when it is looked at; not later than the deadline
    bool stirred_ = false, closed_ = false;
    bool refused_ = false;  // the kernel did not take it for the wait under way
    std::move_only_function<void(Outcome)> waiting_;
    std::move_only_function<void()> watching_;
  };

  explicit Readiness(boost::asio::io_context& loop);
  static Readiness& of(const boost::asio::any_io_executor& loop);

  // `done` is called once, from the loop: when the socket is ready, at the deadline, by end(), or with
  // `failed` where the kernel has no room for one more (fs.epoll.max_user_watches). Also without cause: who
  // waits tries, and waits again. One wait at a time.
  enum class For { reading, writing, both };
  void wait(Entry& entry, For what, TimePoint deadline, std::move_only_function<void(Outcome)> done);
  void end(Entry& entry, Outcome outcome);
  // Calls `closed` once, from the loop, when the other side's close comes while nobody waits. Empty: no
  // longer.
  void watch(Entry& entry, std::move_only_function<void()> closed);
  void leave(Entry& entry);  // a wait under way is dropped, not ended

 private:
  struct ByDue {
    using type = TimePoint;
    TimePoint operator()(const Entry& entry) const { return entry.due_; }
  };
  using Due = boost::intrusive::multiset<Entry, boost::intrusive::key_of_value<ByDue>>;
  static constexpr int batch_size = 64;  // sockets served before the loop's other work has its turn

  void shutdown() override;
  [[nodiscard]] bool enter(Entry& entry, std::uint32_t events);  // false: the kernel does not take it
  void withdraw(Entry& entry);
  void look_by(Entry& entry, TimePoint due);
  void begin_interest(Entry& entry);
  void end_interest(Entry& entry);
  void settle();
  class Serving;
  void serve();
  void serve_due();

  int epoll_;
  boost::asio::posix::stream_descriptor ready_;  // the same epoll, as Asio sees it
  boost::asio::steady_timer timer_;
  bool armed_ = false, serving_ = false;
  TimePoint timer_at_ = TimePoint::max();
  Due due_;
  boost::intrusive::list<Entry, boost::intrusive::constant_time_size<true>> interested_;  // wait or watch
  epoll_event batch_[batch_size];
  int batch_count_ = 0;
};

}  // namespace linewatch::connection
