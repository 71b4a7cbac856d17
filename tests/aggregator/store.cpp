#include "aggregator/store.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <set>

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace std::chrono_literals;

namespace {

const connection::TimePoint start{1000h};
constexpr std::size_t all = 1'000'000;

Record record_of(int id, std::size_t values) {
  Record record{.host = "h" + std::to_string(id), .clock = id, .ns = 0, .items = {}};
  for (std::size_t i = 0; i < values; ++i) record.items.push_back({"k" + std::to_string(i), "v"});
  return record;
}

// "1.0 1.1 2.0": record and item of each value of a batch
std::vector<std::string> names(const Batch& batch) {
  std::vector<std::string> out;
  std::size_t item = batch.offset;
  for (const auto& record : batch.records) {
    for (; item < record->items.size() && out.size() < batch.values; ++item)
      out.push_back(std::to_string(record->clock) + "." + std::to_string(item));
    item = 0;
  }
  return out;
}

std::uint64_t dropped(const Store& store, std::size_t destination, DropReason reason) {
  return store.drops(destination)[static_cast<std::size_t>(reason)];
}

}  // namespace

TEST_CASE("batches are whole records, oldest first") {
  Store store(1000, 7 * 24h, 1);
  for (int id = 1; id <= 3; ++id) store.add(record_of(id, 4), start);
  CHECK(names(store.take(0, 9, all)).size() == 8);
  store.delivered(0);
  CHECK(store.queued(0) == 4);
  CHECK(names(store.take(0, 9, all)) == std::vector<std::string>{"3.0", "3.1", "3.2", "3.3"});
  store.delivered(0);
  CHECK(store.take(0, 9, all).values == 0);
  CHECK(store.values() == 0);
}

TEST_CASE("a record larger than a batch is cut") {
  Store store(1000, 7 * 24h, 1);
  store.add(record_of(1, 5), start);
  CHECK(names(store.take(0, 2, all)) == std::vector<std::string>{"1.0", "1.1"});
  store.delivered(0);
  CHECK(names(store.take(0, 2, all)) == std::vector<std::string>{"1.2", "1.3"});
  store.returned(0);
  CHECK(names(store.take(0, 2, all)) == std::vector<std::string>{"1.2", "1.3"});
  store.delivered(0);
  CHECK(names(store.take(0, 2, all)) == std::vector<std::string>{"1.4"});
  store.delivered(0);
  CHECK(store.values() == 0);
}

TEST_CASE("what is returned is taken again, the same values first") {
  Store store(1000, 7 * 24h, 1);
  store.add(record_of(1, 2), start);
  const auto first = names(store.take(0, 10, all));
  store.add(record_of(2, 2), start);
  store.returned(0);
  CHECK(names(store.take(0, 2, all)) == first);
  CHECK(names(store.take(0, 100, 1)) == first);
}

TEST_CASE("a shared value is kept once and leaves when all have it") {
  Store store(1000, 7 * 24h, 2);
  store.add(record_of(1, 3), start);
  CHECK(store.values() == 3);
  store.take(0, all, all);
  store.delivered(0);
  CHECK(store.values() == 3);
  CHECK(store.queued(0) == 0);
  CHECK(store.queued(1) == 3);
  store.take(1, all, all);
  store.delivered(1);
  CHECK(store.values() == 0);
}

TEST_CASE("when memory is full the oldest record goes, whole, and only who wanted it counts it") {
  Store store(10, 7 * 24h, 2);
  for (int id = 1; id <= 2; ++id) store.add(record_of(id, 4), start);
  store.take(0, 4, all);
  store.delivered(0);
  store.add(record_of(3, 4), start);
  CHECK(store.values() == 8);
  CHECK(total(store.drops(0)) == 0);
  CHECK(dropped(store, 1, DropReason::memory_full) == 4);
  CHECK(names(store.take(1, all, all)).front() == "2.0");
}

TEST_CASE("the newest record stays even beyond a tiny limit") {
  Store store(1, 7 * 24h, 1);
  store.add(record_of(1, 5), start);
  store.add(record_of(2, 5), start);
  CHECK(store.values() == 5);
  CHECK(total(store.drops(0)) == 5);
  CHECK(names(store.take(0, all, all)).front() == "2.0");
}

TEST_CASE("old values are dropped with their reason") {
  Store store(1000, 1h, 1);
  store.add(record_of(1, 2), start);
  store.add(record_of(2, 2), start + 30min);
  store.expire(start + 60min);
  CHECK(store.queued(0) == 4);
  store.expire(start + 61min);
  CHECK(store.queued(0) == 2);
  CHECK(dropped(store, 0, DropReason::too_old) == 2);
  CHECK(store.oldest(0) == start + 30min);
  store.add(record_of(3, 1), start + 5h);
  CHECK(store.queued(0) == 1);
  CHECK(dropped(store, 0, DropReason::too_old) == 4);
}

TEST_CASE("a value in flight ends as delivered or as dropped, never as both") {
  for (const bool arrives : {true, false}) {
    Store store(4, 7 * 24h, 1);
    store.add(record_of(1, 2), start);
    store.add(record_of(2, 2), start);
    CHECK(store.take(0, 2, all).values == 2);
    store.add(record_of(3, 2), start);
    store.add(record_of(4, 2), start);  // 1, in flight, and 2 have left
    CHECK(dropped(store, 0, DropReason::memory_full) == 2);
    CHECK(store.queued(0) == 6);
    arrives ? store.delivered(0) : store.returned(0);
    CHECK(dropped(store, 0, DropReason::memory_full) == (arrives ? 2 : 4));
    CHECK(store.queued(0) == 4);
    CHECK(names(store.take(0, all, all)).front() == "3.0");
  }
}

TEST_CASE("given up flights and leftovers count by reason") {
  Store store(100, 7 * 24h, 1);
  store.add(record_of(1, 2), start);
  store.add(record_of(2, 3), start);
  store.take(0, all, 1);
  store.drop_flight(0, DropReason::refused);
  CHECK(dropped(store, 0, DropReason::refused) == 2);
  store.drop_all(0, DropReason::stopped);
  CHECK(dropped(store, 0, DropReason::stopped) == 3);
  CHECK(store.queued(0) == 0);
  CHECK(store.values() == 0);
}

TEST_CASE("without a destination nothing is kept") {
  Store store(100, 7 * 24h, 0);
  store.add(record_of(1, 2), start);
  CHECK(store.values() == 0);
}

namespace {

// The same rules with one plain list per destination and every value a thing of its own.
struct Model {
  struct Kept {
    int id;
    std::size_t item;
    bool operator==(const Kept&) const = default;
  };
  struct Destination {
    std::deque<Kept> waiting;
    std::vector<Kept> flight;
    std::uint64_t delivered = 0, dropped = 0;
  };
  struct Shared {
    int id;
    std::size_t values;
    connection::TimePoint at;
  };
  std::deque<Shared> records;
  std::vector<Destination> destinations;
  std::set<int> gone;

  bool wanted(int id) const {
    for (const auto& destination : destinations) {
      for (const auto& kept : destination.waiting)
        if (kept.id == id) return true;
      for (const auto& kept : destination.flight)
        if (kept.id == id && !gone.contains(id)) return true;
    }
    return false;
  }
  std::uint64_t values() const {
    std::uint64_t sum = 0;
    for (const auto& record : records) sum += record.values;
    return sum;
  }
  void trim() {
    while (!records.empty() && !wanted(records.front().id)) records.pop_front();
  }
  void drop_front() {
    const int id = records.front().id;
    gone.insert(id);
    records.pop_front();
    for (auto& destination : destinations) {
      const bool flying = !destination.flight.empty() && destination.flight.back().id >= id;
      if (flying) continue;  // counted when it ends
      destination.dropped +=
          std::erase_if(destination.waiting, [&](const Kept& kept) { return kept.id == id; });
    }
  }
  void land(Destination& destination, bool arrived) {
    if (arrived)
      destination.delivered += destination.flight.size();
    else
      destination.waiting.insert(destination.waiting.begin(), destination.flight.begin(),
                                 destination.flight.end());
    destination.flight.clear();
    destination.dropped +=
        std::erase_if(destination.waiting, [&](const Kept& kept) { return gone.contains(kept.id); });
    trim();
  }
};

}  // namespace

TEST_CASE("the store behaves as a naive model does, over random operations") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t count = 1 + random() % 3;
    const std::uint64_t limit = 5 + random() % 60;
    Store store(limit, 100s, count);
    Model model;
    model.destinations.resize(count);
    connection::TimePoint now = start;
    int next = 0;
    for (int step = 0; step < 400; ++step) {
      now += std::chrono::seconds(random() % 6);
      const std::size_t at = random() % count;
      Model::Destination& destination = model.destinations[at];
      const auto expire = [&] {
        while (!model.records.empty() && now - model.records.front().at > 100s) model.drop_front();
      };
      switch (random() % 6) {
        case 0:
        case 1: {
          const std::size_t values = 1 + random() % 12;
          store.add(record_of(next, values), now);
          expire();
          model.records.push_back({next, values, now});
          for (auto& each : model.destinations)
            for (std::size_t i = 0; i < values; ++i) each.waiting.push_back({next, i});
          while (model.values() > limit && model.records.size() > 1) model.drop_front();
          ++next;
          break;
        }
        case 2: {
          if (!destination.flight.empty()) break;
          const std::size_t room = 1 + random() % 20;
          const Batch batch = store.take(at, room, all);
          std::vector<std::string> expected;
          while (!destination.waiting.empty() && destination.flight.size() < room) {
            const int id = destination.waiting.front().id;
            std::size_t size = 0;
            for (const auto& kept : destination.waiting) size += kept.id == id;
            if (!destination.flight.empty() && destination.flight.size() + size > room) break;
            for (; size > 0 && destination.flight.size() < room; --size) {
              const auto kept = destination.waiting.front();
              expected.push_back(std::to_string(kept.id) + "." + std::to_string(kept.item));
              destination.flight.push_back(kept);
              destination.waiting.pop_front();
            }
          }
          REQUIRE(names(batch) == expected);
          break;
        }
        case 3:
          if (!destination.flight.empty()) model.land(destination, true);
          store.delivered(at);
          break;
        case 4:
          if (!destination.flight.empty()) model.land(destination, false);
          store.returned(at);
          break;
        default:
          store.expire(now);
          expire();
      }
      REQUIRE(store.values() == model.values());
      REQUIRE(store.values() <= std::max<std::uint64_t>(limit, 12));
      for (std::size_t i = 0; i < count; ++i) {
        const auto& each = model.destinations[i];
        REQUIRE(total(store.drops(i)) == each.dropped);
        REQUIRE(store.queued(i) == each.waiting.size() + each.flight.size());
      }
    }
  }
}

TEST_CASE("a destination that comes later wants what comes later; one that goes wants nothing") {
  Store store(1000, 7 * 24h, 0);
  const std::size_t first = store.add_destination();
  store.add(record_of(1, 3), start);
  const std::size_t second = store.add_destination();
  store.add(record_of(2, 2), start);
  CHECK(store.queued(first) == 5);
  CHECK(store.queued(second) == 2);
  store.remove_destination(first);
  CHECK(dropped(store, first, DropReason::removed) == 5);
  CHECK(store.values() == 2);
  CHECK(names(store.take(second, 100, all)).front() == "2.0");
  store.delivered(second);
  store.add(record_of(3, 1), start);
  CHECK(store.add_destination() == first);  // the number is free
  CHECK(store.queued(first) == 0);
  store.remove_destination(second);
  CHECK(store.values() == 0);
}

TEST_CASE("without any destination left nothing is kept") {
  Store store(1000, 7 * 24h, 1);
  store.remove_destination(0);
  store.add(record_of(1, 3), start);
  CHECK(store.values() == 0);
}
