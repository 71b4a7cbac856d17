// What a command on a held session costs, against the bare loop and at scale; what a session costs in memory
// and a login in CPU time. The server is another process, whose CPU time is its own.

#include <algorithm>
#include <limits>

#include "tests/bench/bare.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

namespace {

constexpr int few = 16, many = 5000;

// Microseconds of CPU of one command.
template <class Typist>
double cost(Typist& typist, int sessions, int commands) {
  const double cpu = cpu_seconds();
  typist.type(commands);
  return (cpu_seconds() - cpu) / (sessions * commands) * 1e6;
}

}  // namespace

void measure_held(const Server& server) {
  constexpr int rounds = 7, commands = 500;
  Lab lab(server);
  Fleet fleet(lab, few);
  BareLoop bare(server, few);
  fleet.open(few);
  cost(fleet, few, 100);
  cost(bare, few, 100);
  double ours = std::numeric_limits<double>::max(), theirs = ours;
  for (int round = 0; round < rounds; ++round) {  // taking turns
    ours = std::min(ours, cost(fleet, few, commands));
    theirs = std::min(theirs, cost(bare, few, commands));
  }
  print_row("held.command", ours, theirs);
}

void measure_scale(const Server& server) {
  constexpr int parts = 5, commands = 20, at_once = 256;
  Lab lab(server);
  double at_few = std::numeric_limits<double>::max(), at_many = at_few;
  {
    Fleet fleet(lab, few);
    fleet.open(few);
    for (int part = 0; part < parts; ++part) at_few = std::min(at_few, cost(fleet, few, 500));
  }
  const double before = resident_kib(), cpu = cpu_seconds();
  Fleet fleet(lab, many);
  fleet.open(at_once);
  const double logins = cpu_seconds() - cpu;
  print_row("scale.logins", logins);
  print_row("scale.memory_fresh", (resident_kib() - before) / many);
  for (int part = 0; part < parts; ++part) at_many = std::min(at_many, cost(fleet, many, commands));
  print_row("scale.memory_used", (resident_kib() - before) / many);
  print_row("scale.command", at_many, at_few);
  constexpr int bare_logins = 500;
  const double bare_cpu = cpu_seconds();
  const BareLoop bare(server, bare_logins);
  print_row("scale.login", logins / many * 1e6, (cpu_seconds() - bare_cpu) / bare_logins * 1e6);
}

}  // namespace linewatch::bench
