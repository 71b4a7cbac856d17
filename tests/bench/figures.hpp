#pragma once
// The groups of figures that linewatch-bench can take; bench.py names them and knows what each must reach.
// One source file each. A group prints its rows and returns; what was to be measured but did not happen ends
// the program.

#include <filesystem>
#include <string_view>

#include "tests/bench/lab.hpp"

namespace linewatch::bench {

void measure_core();                         // the pool's decisions alone
void measure_pool();                         // acquire and release, session and loop included
void measure_held(const Server& server);     // commands on 16 sessions against a bare loop
void measure_scale(const Server& server);    // 5,000 sessions: login, memory, commands
void measure_waiting(const Server& server);  // more tasks than sessions
void measure_ends(std::string_view phase, const Server& server);  // cancel and deadline in one phase
void measure_text();                                              // an answer stripped and read
void measure_plan(const std::filesystem::path& main_file);        // a large one read, and read again
void print_answers();  // the texts of that, for the rivals: JSON, by platform
void measure_delivery(const Server& server, std::uint64_t values);  // to a trapper, as they come
void measure_outage(const Server& server);                          // a million of them, that lie on disk
void measure_buffer();                                              // written to disk and read back
void print_values(std::uint64_t values);  // those of the delivery, for the rival: as zabbix_sender reads them

}  // namespace linewatch::bench
