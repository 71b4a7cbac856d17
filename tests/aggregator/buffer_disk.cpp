// The buffer on disk: what outlives the agent, and a disk that is full, broken or gone.

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "aggregator/journal_file.hpp"
#include "tests/aggregator/buffer_bed.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;

namespace {

using Ids = std::vector<int>;

JournalState state_of(const Folder& folder) {
  return JournalFile(folder.file(), config::BufferSettings::Synchronous::normal).state();
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("a record is sent only when it is committed") {
  BufferBed bed(true);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.store->add(BufferBed::record(1, 2, "L"), start);
  CHECK(!bed.store->oldest(zabbix));
  CHECK(bed.store->take(zabbix, 100).rows.empty());
  bed.settle();
  CHECK(bed.deliver(zabbix) == Ids{1});
}

TEST_CASE("after a kill all that was committed is there, for each destination from its own place") {
  BufferBed bed(true, 4);
  bed.store->add_destination("a:1");
  bed.store->add_destination("b:1,c:1");
  for (int id = 1; id <= 9; ++id) bed.add(id, 2);
  CHECK(bed.deliver(0, 6) == Ids{1, 2, 3});
  bed.kill();
  // Another order, and of the second another node: it is told by the one that stayed.
  const std::size_t second = bed.store->add_destination("c:1,d:1"), first = bed.store->add_destination("a:1");
  CHECK(bed.store->queued(first) == 12);
  CHECK(bed.store->queued(second) == 18);
  bed.add(10, 2);
  CHECK(bed.deliver_all(first) == Ids{4, 5, 6, 7, 8, 9, 10});
  CHECK(bed.deliver_all(second) == Ids{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(bed.end());
  CHECK(!state_of(bed.folder).rows);
}

TEST_CASE("records in flight at a kill are taken again") {
  BufferBed bed(true);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 4; ++id) bed.add(id);
  const Batch first = bed.take(zabbix, 1), second = bed.take(zabbix, 1);
  bed.store->delivered(zabbix, second.rows);
  bed.settle();
  bed.kill();
  bed.store->add_destination("a:1");
  CHECK(bed.deliver_all(zabbix) == Ids{1, 3, 4});
}

TEST_CASE("what is left at a stop is kept, and a new destination does not get it") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  bed.add(1, 3);
  bed.store->add(BufferBed::record(2, 3, "L"), start);  // not committed yet
  CHECK(bed.restart());
  const std::size_t old = bed.store->add_destination("a:1"), added = bed.store->add_destination("b:1");
  CHECK(bed.store->queued(old) == 6);
  CHECK(bed.store->queued(added) == 0);
  CHECK(bed.deliver_all(old) == Ids{1, 2});
}

TEST_CASE("values for a destination that is no longer configured are dropped, said and deleted") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  bed.add(1, 3);
  bed.restart();
  bed.store->add_destination("b:1");
  bed.store->forget_other_destinations();
  bed.settle();
  CHECK(bed.said("no longer configured are dropped destination=a:1 dropped=3") == 1);
  CHECK(bed.store->dropped_with_destinations() == 3);
  bed.end();
  CHECK(!state_of(bed.folder).rows);
}

TEST_CASE("drops are counted over restarts") {
  BufferBed bed(true);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.add(1, 3);
  bed.store->drop(zabbix, bed.take(zabbix).rows, DropReason::refused);
  bed.settle();
  bed.kill();
  bed.store->add_destination("a:1");
  CHECK(bed.dropped(zabbix, DropReason::refused) == 3);
}

TEST_CASE("turns and counts outlive the agent") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  Record turn = BufferBed::record(7, 1, "L1");
  turn.turn = true;
  bed.store->add(turn, start);
  bed.add(9, 1, "L2");  // no turn
  bed.store->count("skipped.restart", 3);
  bed.settle();
  bed.kill();
  using Turns = std::vector<LineTurn>;
  CHECK(bed.store->take_last_turns() == Turns{{config::stable_hash("L1"), 7000}});
  CHECK(bed.store->counters().at("skipped.restart") == 3);
  bed.store->set_turns({{3, 11}});
  bed.store->count("skipped.restart", 1);
  bed.settle();
  bed.kill();
  CHECK(bed.store->take_last_turns() == Turns{{3, 11}});
  CHECK(bed.store->counters().at("skipped.restart") == 4);
}

TEST_CASE("what was delivered and is not deleted yet is not sent again, and its turns are known") {
  BufferBed bed({true, 1h});
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 300; ++id) {
    Record turn = BufferBed::record(id, 1, std::string(1000, 'x'));
    turn.line = static_cast<LineKey>(id % 2);
    turn.turn = true;
    bed.store->add(std::move(turn), start);
  }
  bed.settle();
  CHECK(bed.deliver(zabbix).size() == 300);
  const auto before = bed.store->statistics().disk_octets;
  CHECK(before > 300'000);
  bed.kill();
  using Turns = std::vector<LineTurn>;
  CHECK(bed.store->take_last_turns() == Turns{{0, 300'000}, {1, 299'000}});
  bed.store->add_destination("a:1");
  bed.add(301);
  CHECK(bed.deliver_all(zabbix) == Ids{301});
  CHECK(bed.store->statistics().disk_octets < before / 2);  // the first commit deletes it
  bed.kill();
  CHECK(bed.store->take_last_turns() == Turns{{0, 300'000}, {1, 299'000}});
}

TEST_CASE("of many gaps in what was delivered none is sent again after a kill") {
  BufferBed bed({true, 1h});
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 0; id < 1000; ++id) bed.store->add(BufferBed::record(id, 1, "L"), start);
  bed.settle();
  Ids expected;
  const Batch all = bed.take(zabbix);
  for (const Row& row : all.rows) {
    if (row.record->clock % 2 == 0) {
      bed.store->delivered(zabbix, std::span(&row, 1));
    } else {
      bed.store->returned(zabbix, std::span(&row, 1));
      expected.push_back(static_cast<int>(row.record->clock));
    }
  }
  bed.settle();
  bed.kill();
  const std::size_t again = bed.store->add_destination("a:1");
  CHECK(bed.store->queued(again) == 500);
  CHECK(bed.deliver_all(again) == expected);
}

TEST_CASE("a run that began before the last one did, by a clock that was set back, tells its turns") {
  Folder folder;
  const auto run = [&](Sequence sequence, std::int64_t clock) {
    JournalFile file(folder.file(), config::BufferSettings::Synchronous::normal);
    auto record = std::make_shared<Record>(BufferBed::record(static_cast<int>(clock), 1, "L"));
    record->turn = true;
    Transaction came, went;
    came.rows = {{sequence, 0, record}};
    came.limit = went.limit = 1'000'000;
    file.apply(came);
    went.settled = {{sequence, sequence + 1}};
    went.tidy = true;
    file.apply(went);
    return file.state().turns;
  };
  const LineKey line = config::stable_hash("L");
  CHECK(run(1000, 5) == std::vector<LineTurn>{{line, 5000}});
  CHECK(run(500, 7) == std::vector<LineTurn>{{line, 7000}});
}

TEST_CASE("turns are put apart and all set anew whether or not results are indexed by line") {
  Folder folder;
  JournalFile file(folder.file(), config::BufferSettings::Synchronous::normal);
  Transaction next;
  for (Sequence one = 1; one <= 1000; ++one) {
    auto record = std::make_shared<Record>(BufferBed::record(static_cast<int>(one), 1, "L"));
    record->line = one % 3;
    record->turn = true;
    next.rows.push_back({one, 0, record});
  }
  next.limit = 1;  // beyond it
  file.apply(next);
  next.rows.clear();
  next.tidy = true;
  next.settled = {{1, 1001}};
  next.limit = 1'000'000;
  file.apply(next);
  using Turns = std::vector<LineTurn>;
  CHECK(file.state().turns == Turns{{0, 999'000}, {1, 1'000'000}, {2, 998'000}});
  next = {};
  next.turns = {{1, 5}};
  next.turns_anew = true;
  next.limit = 1'000'000;
  file.apply(next);
  CHECK(file.state().turns == Turns{{1, 5}});
  CHECK(!file.state().rows);
}

TEST_CASE("the turn of a result that was dropped from the disk is known") {
  BufferBed bed({true, 1h});
  bed.limits.max_age = 1h;
  bed.store->set_limits(bed.limits);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  Record turn = BufferBed::record(7, 1, "L1");
  turn.turn = true;
  bed.store->add(std::move(turn), start);
  bed.settle();
  bed.store->expire(start + 2h);
  CHECK(bed.dropped(zabbix, DropReason::too_old) == 1);
  bed.settle();
  bed.kill();
  CHECK(bed.store->take_last_turns() == std::vector<LineTurn>{{config::stable_hash("L1"), 7000}});
}

TEST_CASE("the turn of a result that was delivered before the disk could take it is known") {
  BufferBed bed(true);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.add(1);
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{fs::file_size(bed.folder.file().string() + "-wal"), before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  Record turn = BufferBed::record(2, 1, "L1");
  turn.turn = true;
  bed.store->add(std::move(turn), start);
  bed.wait_for([&] { return !bed.store->statistics().failure.empty(); });
  const Batch batch = bed.take(zabbix);
  CHECK(BufferBed::ids(batch) == Ids{1, 2});
  bed.store->delivered(zabbix, batch.rows);
  setrlimit(RLIMIT_FSIZE, &before);
  bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
  bed.settle();
  bed.kill();
  CHECK(bed.store->take_last_turns() == std::vector<LineTurn>{{config::stable_hash("L1"), 2000}});
}

TEST_CASE("what is held back stays so over a kill") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  Record later = BufferBed::record(1, 2, "new");
  later.not_before = std::chrono::system_clock::now() + 50ms;
  bed.store->add(later, start);
  bed.settle();
  bed.kill();
  const std::size_t zabbix = bed.store->add_destination("a:1");
  CHECK(bed.store->queued(zabbix) == 2);
  bed.wait_for([&] { return bed.store->oldest(zabbix).has_value(); });
  CHECK(bed.deliver_all(zabbix) == Ids{1});
  bed.end();
  CHECK(state_of(bed.folder).held.empty());
}

TEST_CASE("what was held back and let go before it was ever written does not come again") {
  BufferBed bed(true);
  bed.end();
  const fs::path away = bed.folder.file().parent_path() / "away";
  fs::rename(bed.folder.file(), away);
  fs::create_directory(bed.folder.file());  // cannot be opened as a file
  bed.begin();
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 3; ++id) {
    Record later = BufferBed::record(id, 2, "new");
    later.not_before = std::chrono::system_clock::now() + 20ms;
    bed.store->add(later, start);
  }
  bed.wait_for([&] { return bed.store->waiting(zabbix) == 6; });
  fs::remove(bed.folder.file());
  fs::rename(away, bed.folder.file());
  bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
  CHECK(bed.deliver_all(zabbix) == Ids{1, 2, 3});
  bed.kill();
  bed.store->add_destination("a:1");
  CHECK(bed.store->queued(zabbix) == 0);
  bed.end();
  CHECK(state_of(bed.folder).held.empty());
}

TEST_CASE("while the disk fails and memory is full, what is dropped is neither sent nor counted twice") {
  BufferBed bed(true, 20);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.settle();
  const fs::path file = bed.folder.file();
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{fs::file_size(file.string() + "-wal"), before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  int id = 0;
  for (; id < 10; ++id) bed.store->add(BufferBed::record(id, 4, std::string(2000, 'x')), start);
  bed.wait_for([&] { return !bed.store->statistics().failure.empty(); });
  setrlimit(RLIMIT_FSIZE, &before);
  // Each of these drops one while a commit may be under way.
  for (; id < 200; ++id) {
    bed.store->add(BufferBed::record(id, 4, std::string(2000, 'x')), start);
    bed.loop.restart();
    bed.loop.run_one_for(1ms);
  }
  bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
  bed.settle();
  const auto sent = bed.deliver_all(zabbix).size();
  CHECK(sent * 4 + total(bed.store->drops(zabbix)) == 800);
  CHECK(bed.store->queued(zabbix) == 0);
}

TEST_CASE("beyond its size the oldest rows of the lines that bring new ones go") {
  BufferBed bed(true, 100);
  bed.limits.disk = 300'000;
  bed.store->set_limits(bed.limits);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.add(1, 1, "quiet");
  std::uint64_t added = 1;
  for (int id = 2; id < 3000; ++id) {
    bed.store->add(BufferBed::record(id, 20, "busy" + std::to_string(id % 3)), start);
    added += 20;
    if (id % 20 == 0) bed.settle();
  }
  bed.settle();
  CHECK(bed.store->statistics().disk_octets < 400'000);
  CHECK(bed.dropped(zabbix, DropReason::disk_full) > 0);
  CHECK(bed.store->queued(zabbix) + bed.dropped(zabbix, DropReason::disk_full) == added);
  const Ids rest = bed.deliver_all(zabbix);
  CHECK(rest.front() == 1);  // the quiet line lost nothing
  CHECK(rest.back() == 2999);
  CHECK(std::ranges::is_sorted(rest));
  CHECK(bed.store->queued(zabbix) == 0);
}

TEST_CASE("what is too old on disk is dropped with its reason") {
  BufferBed bed(true, 2);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 6; ++id) bed.add(id, 2, "L", start - (id <= 3 ? 50min : 10min));
  bed.limits.max_age = 30min;
  bed.store->set_limits(bed.limits);
  bed.settle();
  CHECK(bed.dropped(zabbix, DropReason::too_old) == 6);
  CHECK(bed.deliver_all(zabbix) == Ids{4, 5, 6});
}

TEST_CASE("a file that is none is set aside, named, and a new one begun") {
  for (const char* text : {"no database at all, but long enough to be read as one", "SQLite format 3"}) {
    BufferBed bed(true);
    bed.end();
    write(bed.folder.file(), text);
    bed.begin();
    CHECK(bed.said("set aside as " + bed.folder.file().string() + ".corrupt and begun anew") == 1);
    CHECK(fs::file_size(bed.folder.file().string() + ".corrupt") == std::string(text).size());
    const std::size_t zabbix = bed.store->add_destination("a:1");
    bed.add(1);
    bed.kill();
    bed.store->add_destination("a:1");
    CHECK(bed.deliver_all(zabbix) == Ids{1});
  }
}

TEST_CASE("a file whose pages are damaged while it is used is set aside, and what was lost is counted") {
  BufferBed bed(true, 40);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 200; ++id) bed.store->add(BufferBed::record(id, 20, std::string(2000, 'x')), start);
  bed.settle();
  bed.restart();  // nothing is in SQLite's cache any more
  bed.store->add_destination("a:1");
  const auto size = fs::file_size(bed.folder.file());
  std::fstream file(bed.folder.file(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(8192);
  file << std::string(size - 8192, '\xAB');
  file.close();
  CHECK(bed.take(zabbix).rows.empty());
  bed.wait_for([&] { return bed.dropped(zabbix, DropReason::disk_lost) > 0; });
  CHECK(bed.dropped(zabbix, DropReason::disk_lost) == 4000);
  CHECK(bed.store->queued(zabbix) == 0);
  bed.add(201);
  CHECK(bed.deliver_all(zabbix) == Ids{201});
  bed.settle();
  CHECK(bed.said("was unreadable") == 1);
  CHECK(bed.said("is lost and counted as dropped") == 1);
}

TEST_CASE(
    "a file that is taken away while it is used is said, what memory has goes into a new one, the rest is "
    "counted") {
  for (const bool removed : {false, true}) {
    CAPTURE(removed);
    BufferBed bed(true, 40);
    const std::size_t zabbix = bed.store->add_destination("a:1");
    for (int id = 1; id <= 100; ++id) bed.add(id, 2);
    if (removed)
      fs::remove(bed.folder.file());
    else
      fs::rename(bed.folder.file(), bed.folder.file().parent_path() / "away");
    bed.store->add(BufferBed::record(101, 2, "L"), start);
    bed.wait_for([&] { return !bed.store->statistics().failure.empty(); });
    bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
    bed.settle();
    CHECK(bed.said("was removed or replaced while it was used") == 1);
    CHECK(!bed.store->statistics().lost.empty());
    const std::uint64_t lost = bed.dropped(zabbix, DropReason::disk_lost);
    CHECK(lost > 0);
    CHECK(bed.store->queued(zabbix) + lost == 202);
    bed.kill();
    const std::size_t again = bed.store->add_destination("a:1");
    const Ids rest = bed.deliver_all(again);
    CHECK(rest.size() * 2 + lost == 202);
    CHECK(rest.back() == 101);
  }
}

TEST_CASE("another version's file is left alone, and results are kept in memory meanwhile") {
  BufferBed bed(true);
  bed.end();
  {
    sqlite::Database database(bed.folder.file());
    database.run("PRAGMA user_version = 99");
  }
  bed.begin();
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.store->add(BufferBed::record(1, 1, "L"), start);
  CHECK(BufferBed::ids(bed.take(zabbix)) == Ids{1});
  CHECK(bed.said("it was made by another version of linewatch (schema 99, this one reads 2); move it away") ==
        1);
  CHECK(!fs::exists(bed.folder.file().string() + ".corrupt"));
}

TEST_CASE("without a disk at the start results go out of memory, and to the disk when it is there") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  bed.store->set_turns({{5, 7}});
  bed.add(1);
  bed.end();
  const fs::path away = bed.folder.file().parent_path() / "away";
  fs::rename(bed.folder.file(), away);
  fs::create_directory(bed.folder.file());  // cannot be opened as a file
  bed.begin();
  CHECK(bed.store->take_last_turns().empty());
  std::vector<LineTurn> found;
  bed.store->on_turns_found([&] { found = bed.store->take_last_turns(); });
  const std::size_t zabbix = bed.store->add_destination("a:1");
  bed.store->add(BufferBed::record(2, 1, "L"), start);
  bed.store->add(BufferBed::record(3, 1, "L"), start);
  CHECK(BufferBed::ids(bed.store->take(zabbix, 1)) == Ids{2});
  CHECK(bed.said("kept in memory alone meanwhile") == 1);
  fs::remove(bed.folder.file());
  fs::rename(away, bed.folder.file());
  bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
  bed.settle();
  CHECK(bed.said("is written to disk again") == 1);
  CHECK(found == std::vector<LineTurn>{{5, 7}});
  bed.kill();  // 2 was in flight
  bed.store->add_destination("a:1");
  CHECK(bed.deliver_all(zabbix) == Ids{1, 2, 3});
}

TEST_CASE(
    "on a full disk results go on out of memory, are dropped when that is full, and are written later") {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  BufferBed bed(true, 30);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 10; ++id) bed.add(id, 2);
  const rlimit full{fs::file_size(bed.folder.file().string() + "-wal"), before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  for (int id = 11; id <= 20; ++id) {
    bed.store->add(BufferBed::record(id, 4, std::string(2000, 'x')), start);
    if (id == 11) bed.wait_for([&] { return !bed.store->statistics().failure.empty(); });
  }
  CHECK(bed.said("the buffer cannot use the disk") == 1);
  CHECK(bed.dropped(zabbix, DropReason::memory_full) > 0);
  CHECK(bed.store->statistics().memory_values <= 30);
  setrlimit(RLIMIT_FSIZE, &before);
  bed.wait_for([&] { return bed.store->statistics().failure.empty(); });
  bed.settle();
  const auto lost = static_cast<int>(bed.dropped(zabbix, DropReason::memory_full)) / 4;
  bed.kill();
  bed.store->add_destination("a:1");
  Ids expected;
  for (int id = 1; id <= 20; ++id)
    if (id <= 10 || id > 10 + lost) expected.push_back(id);
  CHECK(bed.deliver_all(zabbix) == expected);
}

TEST_CASE("what a long outage took of the disk is given back") {
  BufferBed bed(true, 10);
  const std::size_t zabbix = bed.store->add_destination("a:1");
  for (int id = 1; id <= 4000; ++id) {
    bed.store->add(BufferBed::record(id, 20, std::string(1500, 'x')), start);
    if (id % 100 == 0) bed.settle();
  }
  const auto full = fs::file_size(bed.folder.file()) + fs::file_size(bed.folder.file().string() + "-wal");
  CHECK(full > 6'000'000);
  CHECK(bed.deliver_all(zabbix).size() == 4000);
  for (int id = 1; id <= 200; ++id) bed.add(id);
  bed.deliver_all(zabbix);
  bed.end();
  CHECK(fs::file_size(bed.folder.file()) < full);
}

TEST_CASE("the file is the owner's alone") {
  BufferBed bed(true);
  bed.store->add_destination("a:1");
  bed.add(1);
  for (const auto& entry : fs::directory_iterator(bed.folder.file().parent_path()))
    CHECK((entry.status().permissions() & fs::perms::mask) ==
          (fs::perms::owner_read | fs::perms::owner_write));
}
