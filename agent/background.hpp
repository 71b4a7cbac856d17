#pragma once
// One thread for what would hold up the loop: reading a configuration, and letting go of one. Work is done in
// the order it came; what is still waiting at the end is done before the thread ends.

#include <functional>
#include <memory>
#include <thread>

namespace linewatch::agent {

class Background {
 public:
  using Work = std::move_only_function<void()>;

  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // From any thread.
  void post(Work work) const { post(queue_, std::move(work)); }

  struct Queue;
  // For who may outlive the thread: what comes later is done at once, by the caller.
  std::shared_ptr<Queue> queue() const { return queue_; }
  static void post(const std::shared_ptr<Queue>& queue, Work work);

 private:
  static void run(const std::shared_ptr<Queue>& queue);

  std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace linewatch::agent
