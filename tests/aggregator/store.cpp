// What holds of the buffer wherever it is kept: every case runs in memory and on disk.

#include "aggregator/store.hpp"

#include <map>
#include <random>
#include <set>

#include "tests/aggregator/buffer_bed.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;

namespace {

using Ids = std::vector<int>;

// Runs the case three times.
template <typename Case>
void in_memory_and_on_disk(Case run) {
  for (const Place place : {Place(false), Place(true), Place(true, 1h)}) {
    CAPTURE(place.disk);
    CAPTURE(place.tidy.count());
    run(place);
  }
}

}  // namespace

TEST_CASE("batches are whole records, oldest first") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    for (int id = 1; id <= 3; ++id) bed.add(id, 4);
    CHECK(bed.deliver(zabbix, 9) == Ids{1, 2});
    CHECK(bed.store->queued(zabbix) == 4);
    CHECK(bed.deliver(zabbix, 3) == Ids{3});  // one record at least
    CHECK(bed.take(zabbix).rows.empty());
    CHECK(bed.store->queued(zabbix) == 0);
    CHECK(bed.store->statistics().memory_values == 0);
  });
}

TEST_CASE("what is returned is taken again, the same records first") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk, 4);  // on disk the rest is read back
    const std::size_t zabbix = bed.store->add_destination("a:1");
    if (!disk) bed.store->set_limits({});
    for (int id = 1; id <= 8; ++id) bed.add(id, 2);
    const Batch first = bed.take(zabbix, 4), second = bed.take(zabbix, 4);
    CHECK(BufferBed::ids(first) == Ids{1, 2});
    CHECK(BufferBed::ids(second) == Ids{3, 4});
    bed.store->returned(zabbix, second.rows);
    bed.store->returned(zabbix, first.rows);
    CHECK(bed.deliver_all(zabbix) == Ids{1, 2, 3, 4, 5, 6, 7, 8});
  });
}

TEST_CASE("a record is kept until every destination has it") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    const std::size_t one = bed.store->add_destination("a:1"), other = bed.store->add_destination("b:1");
    bed.add(1, 3);
    CHECK(bed.deliver(one) == Ids{1});
    CHECK(bed.store->statistics().memory_values == 3);
    CHECK(bed.store->queued(one) == 0);
    CHECK(bed.store->queued(other) == 3);
    CHECK(bed.deliver(other) == Ids{1});
    CHECK(bed.store->statistics().memory_values == 0);
  });
}

TEST_CASE("when memory is all there is and full, the oldest record of the same line goes, whole") {
  BufferBed bed(false, 10);
  const std::size_t one = bed.store->add_destination("a:1"), other = bed.store->add_destination("b:1");
  bed.add(1, 4, "quiet");
  bed.add(2, 4, "busy");
  CHECK(bed.deliver(one, 8) == Ids{1, 2});
  bed.add(3, 4, "busy");
  CHECK(total(bed.store->drops(one)) == 0);  // it had that
  CHECK(bed.dropped(other, DropReason::memory_full) == 4);
  CHECK(bed.deliver_all(other) == Ids{1, 3});
}

TEST_CASE("a line that has nothing to give up pushes out the oldest of all") {
  BufferBed bed(false, 10);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 3; ++id) bed.add(id, 4, "L" + std::to_string(id));
  CHECK(bed.deliver_all(zabbix) == Ids{2, 3});
}

TEST_CASE("the newest record stays even beyond a tiny limit") {
  BufferBed bed(false, 1);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.add(1, 5);
  bed.add(2, 5);
  CHECK(total(bed.store->drops(zabbix)) == 5);
  CHECK(bed.deliver_all(zabbix) == Ids{2});
}

TEST_CASE("old records are dropped with their reason") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    bed.limits.max_age = 1h;
    bed.store->set_limits(bed.limits);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    bed.add(1, 2, "L", start - 50min);
    bed.add(2, 2, "L", start - 20min);
    CHECK(bed.store->queued(zabbix) == 4);
    CHECK(bed.store->oldest(zabbix) == start - 50min);
    bed.store->expire(start + 11min);
    CHECK(bed.store->queued(zabbix) == 2);
    CHECK(bed.dropped(zabbix, DropReason::too_old) == 2);
    CHECK(bed.deliver_all(zabbix) == Ids{2});
  });
}

TEST_CASE("a record in flight ends as delivered or as dropped, never as both") {
  for (const bool arrives : {true, false}) {
    CAPTURE(arrives);
    BufferBed bed(false, 4);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    bed.add(1, 2);
    bed.add(2, 2);
    const Batch flight = bed.take(zabbix, 2);
    bed.add(3, 2);
    bed.add(4, 2);  // 1, in flight, and 2 have left
    CHECK(bed.dropped(zabbix, DropReason::memory_full) == 2);
    CHECK(bed.store->queued(zabbix) == 6);
    if (arrives)
      bed.store->delivered(zabbix, flight.rows);
    else
      bed.store->returned(zabbix, flight.rows);
    CHECK(bed.dropped(zabbix, DropReason::memory_full) == (arrives ? 2 : 4));
    CHECK(bed.store->queued(zabbix) == 4);
    CHECK(bed.deliver_all(zabbix) == Ids{3, 4});
  }
}

TEST_CASE("a flight that is given up counts by its reason") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    bed.add(1, 2);
    bed.add(2, 3);
    bed.store->drop(zabbix, bed.take(zabbix, 1).rows, DropReason::refused);
    CHECK(bed.dropped(zabbix, DropReason::refused) == 2);
    CHECK(bed.deliver_all(zabbix) == Ids{2});
  });
}

TEST_CASE("fresh_first sends what is newest, and the backlog after it") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk, 6);
    bed.limits.replay = config::BufferSettings::Replay::fresh_first;
    if (!disk) bed.limits.memory = 1000;
    bed.store->set_limits(bed.limits);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    for (int id = 1; id <= 9; ++id) bed.add(id, 1);
    CHECK(bed.deliver(zabbix, 2) == Ids{8, 9});
    bed.add(10, 1);
    CHECK(bed.deliver(zabbix, 3) == Ids{6, 7, 10});
    Ids rest = bed.deliver_all(zabbix);
    std::ranges::sort(rest);
    CHECK(rest == Ids{1, 2, 3, 4, 5});
    CHECK(bed.store->queued(zabbix) == 0);
  });
}

TEST_CASE("a destination that comes later wants what comes later; one that goes wants nothing") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    const std::size_t first = bed.store->add_destination("a:1");
    bed.add(1, 3);
    const std::size_t second = bed.store->add_destination("b:1");
    bed.add(2, 2);
    CHECK(bed.store->queued(first) == 5);
    CHECK(bed.store->queued(second) == 2);
    bed.store->remove_destination(first);
    CHECK(bed.deliver_all(second) == Ids{2});
    bed.add(3, 1);
    CHECK(bed.store->add_destination("c:1") == first);  // the number is free
    CHECK(bed.store->queued(first) == 0);
    bed.store->remove_destination(second);
    CHECK(bed.store->statistics().memory_values == 0);
  });
}

TEST_CASE("without a destination nothing is kept") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    bed.add(1, 2);
    CHECK(bed.store->statistics().memory_values == 0);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    bed.store->remove_destination(zabbix);
    bed.add(2, 2);
    CHECK(bed.store->statistics().memory_values == 0);
  });
}

TEST_CASE("what is held back waits for its time, and comes after what was there") {
  in_memory_and_on_disk([](Place disk) {
    BufferBed bed(disk);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    Record later = BufferBed::record(1, 2, "new");
    later.not_before = std::chrono::system_clock::now() + 30ms;
    bed.store->add(later, start);
    bed.add(2, 1);
    CHECK(bed.deliver(zabbix) == Ids{2});
    CHECK(bed.store->queued(zabbix) == 2);
    bed.wait_for([&] { return bed.store->oldest(zabbix).has_value(); });
    CHECK(bed.deliver(zabbix) == Ids{1});
    CHECK(bed.store->queued(zabbix) == 0);
  });
}

// Every record of every destination ends as delivered once, as dropped once, or is still there; nothing is
// taken out of order; and the counts are those of plain sets.
TEST_CASE("the buffer keeps account of every record, over random operations") {
  in_memory_and_on_disk([](Place disk) {
    for (unsigned seed = 1; seed <= (disk ? 25U : 200U); ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      BufferBed bed(disk, 20 + random() % 60);
      bed.limits.disk = 1ULL << 30;
      const std::size_t count = 1 + random() % 3;
      std::vector<std::vector<Batch>> flights(count);
      std::vector<std::map<int, std::size_t>> open(count);  // id to values: neither delivered nor dropped
      std::vector<std::uint64_t> delivered(count), added(count);
      std::vector<int> newest(count, -1);
      for (std::size_t i = 0; i < count; ++i) bed.store->add_destination("n" + std::to_string(i) + ":1");
      int next = 0;
      for (int step = 0; step < 250; ++step) {
        const std::size_t at = random() % count;
        switch (random() % 7) {
          case 0:
          case 1:
          case 2: {
            const std::size_t values = 1 + random() % 9;
            bed.store->add(BufferBed::record(next, values, "L" + std::to_string(random() % 4)), start);
            if (random() % 3 == 0) bed.settle();
            for (std::size_t i = 0; i < count; ++i) {
              open[i][next] = values;
              added[i] += values;
            }
            ++next;
            break;
          }
          case 3:
          case 4: {
            Batch batch = bed.take(at, 1 + random() % 30);
            for (const int id : BufferBed::ids(batch)) {
              REQUIRE(open[at].contains(id));
              REQUIRE(id > newest[at]);
              newest[at] = id;
            }
            if (!batch.rows.empty()) flights[at].push_back(std::move(batch));
            break;
          }
          case 5:
            if (flights[at].empty()) break;
            for (const int id : BufferBed::ids(flights[at].front())) {
              delivered[at] += open[at].at(id);
              open[at].erase(id);
            }
            bed.store->delivered(at, flights[at].front().rows);
            flights[at].erase(flights[at].begin());
            break;
          default:  // all of them: what goes back is taken again before what is newer
            for (; !flights[at].empty(); flights[at].pop_back()) {
              newest[at] = BufferBed::ids(flights[at].back()).front() - 1;
              bed.store->returned(at, flights[at].back().rows);
            }
        }
        for (std::size_t i = 0; i < count; ++i)
          REQUIRE(bed.store->queued(i) + delivered[i] + total(bed.store->drops(i)) == added[i]);
      }
      bed.settle();
      for (std::size_t i = 0; i < count; ++i) {
        for (; !flights[i].empty(); flights[i].pop_back()) bed.store->returned(i, flights[i].back().rows);
        const std::vector<int> rest = bed.deliver_all(i);
        REQUIRE(std::ranges::is_sorted(rest));
        std::uint64_t dropped = 0;
        for (const int id : rest) {
          REQUIRE(open[i].contains(id));
          open[i].erase(id);
        }
        for (const auto& [id, values] : open[i]) dropped += values;
        REQUIRE(total(bed.store->drops(i)) == dropped);
        REQUIRE(bed.store->queued(i) == 0);
        if (disk) REQUIRE(dropped == 0);
      }
      REQUIRE(bed.store->statistics().memory_values == 0);
    }
  });
}
