#pragma once
// One thread for what would hold up the loop: reading a configuration, and letting go of one. Work is done in
// the order it came; what is still waiting at the end is done before the thread ends.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace linewatch::agent {

class Background {
 public:
  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // From any thread. What the work throws ends the program.
  void post(std::move_only_function<void()> work);

 private:
  void run();

  std::mutex mutex_;  // over what follows
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> waiting_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace linewatch::agent
