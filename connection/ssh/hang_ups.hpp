#pragma once
// Hears when the other side of a connection closes it or the connection breaks, while nobody reads from it.
// One epoll of its own for all connections of a loop, which hears closes alone: octets that come wake nobody,
// so a connection in use costs nothing by it, and an idle one an entry of a map. Shared by the transports of
// its loop; holds up the loop's end for as long as it hears for somebody.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

namespace linewatch::connection {

class HangUps : public std::enable_shared_from_this<HangUps> {
 public:
  // Hears for one connection until it goes; it goes before its socket is closed.
  class [[nodiscard]] Ear {
   public:
    Ear() = default;  // hears nothing
    Ear(Ear&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), id_(other.id_), fd_(other.fd_) {}
    Ear& operator=(Ear&& other) noexcept;
    ~Ear() { reset(); }
    void reset();

   private:
    friend class HangUps;
    Ear(std::shared_ptr<HangUps> owner, std::uint64_t id, int fd)
        : owner_(std::move(owner)), id_(id), fd_(fd) {}
    std::shared_ptr<HangUps> owner_;
    std::uint64_t id_ = 0;
    int fd_ = -1;
  };

  static std::shared_ptr<HangUps> make(boost::asio::any_io_executor loop);

  // Calls `gone` from the loop, at most once. An ear that hears nothing if the kernel has no room for it.
  Ear listen(int socket, std::function<void()> gone);

 private:
  explicit HangUps(boost::asio::any_io_executor loop);
  void await();
  void report();

  boost::asio::posix::stream_descriptor epoll_;
  std::unordered_map<std::uint64_t, std::function<void()>> listeners_;
  std::uint64_t last_id_ = 0;
  bool awaits_ = false;
};

}  // namespace linewatch::connection
