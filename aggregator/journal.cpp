#include "aggregator/journal.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "aggregator/journal_file.hpp"

namespace linewatch::aggregator {

namespace asio = boost::asio;
namespace fs = std::filesystem;

struct Journal::Worker {
  using Work = std::move_only_function<void()>;

  asio::any_io_executor loop;
  fs::path path;
  config::BufferSettings::Synchronous synchronous;
  std::unique_ptr<JournalFile> file;  // null: not open, opened by the next transaction
  bool known = false;                 // what the file held before this run was told
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // the loop's: false when answers are unwanted

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> queue;
  bool ending = false;
  std::thread thread;

  void post(Work work) {
    {
      const std::lock_guard lock(mutex);
      queue.push_back(std::move(work));
    }
    changed.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      Work work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // what it holds is let go of here, not under the lock
      lock.lock();
    }
  }

  // While the loop waits for an answer it has not run out of work.
  asio::any_io_executor waiting_loop() const {
    return asio::prefer(loop, asio::execution::outstanding_work.tracked);
  }

  template <typename Value>
  void tell(const asio::any_io_executor& waiting, std::function<void(Value)> answer, Value value) {
    asio::post(waiting, [answer = std::move(answer), value = std::move(value), alive = alive]() mutable {
      if (*alive) answer(std::move(value));
    });
  }

  JournalFailure failure(const sqlite::Failure& cause, const char* doing) {
    JournalFailure out{"cannot " + std::string(doing) + " " + path.string() + ": " + cause.what()};
    file.reset();
    if (!cause.corrupt()) return out;
    known = true;  // there is nothing in it
    const std::string aside = set_aside();
    out.lost = true;
    out.text = path.string() + " was unreadable (" + cause.what() + "), " + aside;
    return out;
  }

  // One such file is kept: the newest.
  std::string set_aside() {
    const fs::path aside = path.string() + ".corrupt";
    std::error_code error;
    fs::rename(path, aside, error);
    if (error) return "and could not be set aside: " + error.message();
    for (const char* ending_of : {"-wal", "-shm"}) {
      fs::remove(path.string() + ending_of, error);
    }
    return "set aside as " + aside.string() + " and begun anew";
  }

  // Nothing of it is of use: closed here, its log goes with it, and the next transaction begins a new one.
  JournalFailure gone() {
    file.reset();
    known = true;
    return {path.string() + " was removed or replaced while it was used", true};
  }

  std::expected<Committed, JournalFailure> apply(const Transaction& transaction) {
    try {
      if (file && file->moved()) return std::unexpected(gone());
      if (!file) file = std::make_unique<JournalFile>(path, synchronous);
      if (known) return file->apply(transaction);
      Committed before;
      before.found = file->state();
      const auto& rows = before.found->rows;
      if (rows && rows->last > transaction.newest_before)
        throw sqlite::Failure(SQLITE_CORRUPT, "its rows are newer than this run");
      known = true;
      return before;
    } catch (const sqlite::Failure& cause) {
      return std::unexpected(failure(cause, "write to"));
    }
  }

  std::expected<std::vector<StoredRow>, JournalFailure> read(const ReadRequest& request) {
    try {
      if (!file) file = std::make_unique<JournalFile>(path, synchronous);
      return file->read(request);
    } catch (const sqlite::Failure& cause) {
      return std::unexpected(failure(cause, "read"));
    }
  }
};

Journal::Journal(asio::any_io_executor loop, fs::path file, config::BufferSettings::Synchronous synchronous)
    : file_(std::move(file)), worker_(std::make_unique<Worker>()) {
  worker_->loop = std::move(loop);
  worker_->path = file_;
  worker_->synchronous = synchronous;
}

Journal::~Journal() {
  *worker_->alive = false;
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->ending = true;
  }
  worker_->changed.notify_one();
  if (worker_->thread.joinable()) worker_->thread.join();
}

std::expected<Journal::Opened, JournalFailure> Journal::open() {
  Worker& worker = *worker_;
  const auto load = [&]() -> std::expected<JournalState, JournalFailure> {
    try {
      worker.file = std::make_unique<JournalFile>(file_, worker.synchronous);
      JournalState state = worker.file->state();
      worker.known = true;
      return state;
    } catch (const sqlite::Failure& cause) {
      return std::unexpected(worker.failure(cause, "open"));
    }
  };
  auto state = load();
  std::string remark;
  if (!state && state.error().lost) {
    remark = state.error().text;
    state = load();
  }
  worker.thread = std::thread([&worker] { worker.run(); });
  if (!state) return std::unexpected(state.error());
  return Opened{*std::move(state), std::move(remark)};
}

void Journal::commit(Transaction transaction, CommitAnswer answer) {
  worker_->post([worker = worker_.get(), loop = worker_->waiting_loop(), transaction = std::move(transaction),
                 answer = std::move(answer)]() mutable {
    auto committed = worker->apply(transaction);
    worker->tell(loop, std::move(answer), std::move(committed));
  });
}

void Journal::read(ReadRequest request, ReadAnswer answer) {
  worker_->post([worker = worker_.get(), loop = worker_->waiting_loop(), request = std::move(request),
                 answer = std::move(answer)]() mutable {
    auto rows = worker->read(request);
    worker->tell(loop, std::move(answer), std::move(rows));
  });
}

}  // namespace linewatch::aggregator
