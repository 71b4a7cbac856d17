#include "agent/background.hpp"

#include <signal.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace linewatch::agent {

struct Background::Queue {
  std::mutex mutex;  // over what follows
  std::condition_variable changed;
  std::deque<Work> waiting;
  bool ending = false;
};

Background::Background() : queue_(std::make_shared<Queue>()), thread_([queue = queue_] { run(queue); }) {}

Background::~Background() {
  {
    const std::scoped_lock lock(queue_->mutex);
    queue_->ending = true;
  }
  queue_->changed.notify_one();
  thread_.join();
}

void Background::post(const std::shared_ptr<Queue>& queue, Work work) {
  {
    const std::scoped_lock lock(queue->mutex);
    if (!queue->ending) queue->waiting.push_back(std::exchange(work, nullptr));
  }
  if (work) return work();
  queue->changed.notify_one();
}

void Background::run(const std::shared_ptr<Queue>& queue) {
  sigset_t all;  // signals are the loop's
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(queue->mutex);
  while (true) {
    queue->changed.wait(lock, [&] { return queue->ending || !queue->waiting.empty(); });
    if (queue->waiting.empty()) return;
    Work work = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds goes here, not under the lock
    lock.lock();
  }
}

}  // namespace linewatch::agent
