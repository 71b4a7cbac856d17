// Hostile ground, through SSH: echoes that are hard to read, output that comes oddly, and too much of it.

#include <malloc.h>

#include <array>

#include "tests/connection/cli/hostile_ground.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LINEWATCH_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LINEWATCH_TEST_SANITIZED
#endif
#ifdef LINEWATCH_TEST_SANITIZED
// Of both compilers' sanitizers; g++ ships no header that declares it.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT(bugprone-reserved-identifier)
#endif

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_pings;
using test::comware;
using test::Ground;
using test::ios;
using test::plain_answer;
using test::Tongue;
using test::vrp;

// Octets that this process holds now.
std::size_t held() {
#ifdef LINEWATCH_TEST_SANITIZED
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace

TEST_CASE("through SSH: an echo that is drawn anew is read as a screen shows it") {
  using Echo = sim::Quirks::Echo;
  for (const Tongue* tongue : {&ios, &vrp}) {
    for (const Echo echo : {Echo::carriage_return, Echo::backspaces, Echo::cursor, Echo::title}) {
      CAPTURE(static_cast<int>(echo));
      sim::Quirks odd;
      odd.echo = echo;
      Ground ground(*tongue, odd);
      check_pings(ground);
    }
  }
}

TEST_CASE("through SSH: a long line is scrolled and shows only its tail") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    sim::Quirks odd;
    odd.columns = 24;
    Ground ground(*tongue, odd);
    check_pings(ground);
  }
}

TEST_CASE("through SSH: a pager that comes though paging was switched off is answered") {
  for (const Tongue* tongue : {&ios, &vrp, &comware}) {
    CAPTURE(tongue->platform);
    sim::Quirks odd;
    odd.pages_always = true;
    for (const int chunk : {0, 1}) {
      CAPTURE(chunk);
      Ground ground(*tongue, odd, [&](auto& router) {
        router.page_length = 10;
        router.chunk = chunk;
      });
      for (int i = 0; i < 2; ++i)
        CHECK(ground.answer(tongue->version) == plain_answer(*tongue, tongue->version));
    }
  }
}

TEST_CASE("through SSH: a log line inside an answer stays a line of it") {
  const std::string line = "%SYS-5-CONFIG_I: Configured from console by r1# on vty0 <r1> [r1]";
  for (const Tongue* tongue : {&ios, &vrp}) {
    Ground ground(*tongue, {}, [&](auto& router) { router.log_line = line; });
    for (int i = 0; i < 2; ++i) {
      std::string answer = ground.answer(tongue->ping);
      const std::string drawn = tongue == &ios ? '\n' + line + '\n' : line + '\n';
      REQUIRE(answer.contains(drawn));
      answer.erase(answer.find(drawn), drawn.size());
      CHECK(answer == plain_answer(*tongue, tongue->ping));
    }
  }
}

TEST_CASE("through SSH: any line end, and NUL, makes the same lines") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    for (const std::string& line_end : {std::string("\n"), std::string("\r\r\n"), std::string("\n\r"),
                                        std::string("\r\0\n", 3), std::string("\0\r\n\0", 4)}) {
      sim::Quirks odd;
      odd.line_end = line_end;
      Ground ground(*tongue, odd);
      check_pings(ground);
    }
  }
}

TEST_CASE("through SSH: octet by octet, sequences cut anywhere") {
  for (const Tongue* tongue : {&ios, &vrp, &comware}) {
    sim::Quirks odd;
    odd.echo = tongue == &comware ? sim::Quirks::Echo::title : sim::Quirks::Echo::cursor;
    odd.motd_pause = 10ms;
    Ground ground(*tongue, odd, [&](auto& router) {
      router.chunk = 1;
      router.chunk_delay = 100us;
      router.motd = "only for #\n" + tongue->other_prompt;
    });
    check_pings(ground);
  }
}

// The router neither stops for Ctrl-C nor holds anything back: all of it has to be read.
TEST_CASE(
    "through SSH: a hundred megabytes are cut with an error, read past in bounded memory, and forgotten") {
  constexpr std::size_t limit = 64 * 1024, bound = 4'000'000;
  for (const Tongue* tongue : {&ios, &vrp}) {
    CAPTURE(tongue->platform);
    Ground ground(*tongue, {}, [&](auto& router) {
      router.faults.flood = tongue == &ios ? 100'000'000 : 10'000'000;
      router.faults.deaf = 1000;
      router.faults.commands = "clock";
    });
    plain_answer(*tongue, tongue->ping);
    const std::size_t before = held();
    std::size_t most = before;
    ground.on_trace = [&] { most = std::max(most, held()); };
    Command command;
    command.text = tongue->clock;
    command.output_limit = limit;
    const auto output =
        test::run_on(ground.lab.loop, ground.session->run(Context().within(200s), std::move(command)));
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::output_limit);
    CHECK(output.error().text.contains("more than 65536 octets of output"));
    CHECK(ground.session->dirty());
    const auto recovered = ground.recover(200s);
    REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
    ground.on_trace = {};
    CHECK(most - before < bound);
    check_pings(ground);
  }
}

}  // namespace linewatch::connection
