#include "connection/ssh/hang_ups.hpp"

#include <sys/epoll.h>

#include <array>

namespace linewatch::connection {

HangUps::Ear& HangUps::Ear::operator=(Ear&& other) noexcept {
  if (this == &other) return *this;
  reset();
  owner_ = std::exchange(other.owner_, nullptr);
  id_ = other.id_;
  fd_ = other.fd_;
  return *this;
}

void HangUps::Ear::reset() {
  const auto owner = std::exchange(owner_, nullptr);
  if (!owner) return;
  // By hand: a copy of the descriptor, which libssh has, would keep the entry alive.
  ::epoll_ctl(owner->epoll_.native_handle(), EPOLL_CTL_DEL, fd_, nullptr);
  owner->listeners_.erase(id_);
  if (owner->listeners_.empty()) owner->epoll_.cancel();
}

HangUps::HangUps(boost::asio::any_io_executor loop) : epoll_(std::move(loop)) {
  if (const int fd = ::epoll_create1(EPOLL_CLOEXEC); fd >= 0) epoll_.assign(fd);
}

std::shared_ptr<HangUps> HangUps::make(boost::asio::any_io_executor loop) {
  return std::shared_ptr<HangUps>(new HangUps(std::move(loop)));
}

HangUps::Ear HangUps::listen(int socket, std::function<void()> gone) {
  if (!epoll_.is_open()) return {};
  const std::uint64_t id = ++last_id_;
  epoll_event closes{};
  closes.events = EPOLLRDHUP | EPOLLET;  // and what breaks; once
  closes.data.u64 = id;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &closes) != 0) return {};
  listeners_.emplace(id, std::move(gone));
  await();
  return Ear(shared_from_this(), id, socket);
}

void HangUps::await() {
  if (listeners_.empty() || std::exchange(awaits_, true)) return;
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [weak = weak_from_this()](boost::system::error_code) {
                      const auto self = weak.lock();
                      if (!self) return;
                      self->awaits_ = false;
                      self->report();
                      self->await();
                    });
}

void HangUps::report() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;  // out of a packed struct
    const auto listener = listeners_.find(id);
    if (listener == listeners_.end()) continue;  // gone by what was reported before it
    const auto gone = std::exchange(listener->second, nullptr);
    if (gone) gone();
  }
}

}  // namespace linewatch::connection
