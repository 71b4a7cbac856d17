#pragma once
// What every figure needs: this process's CPU time, memory and allocations, percentiles, and the row of JSON
// that bench.py makes a line of its table of. One thread.

#include <cstdint>
#include <string_view>
#include <vector>

namespace linewatch::bench {

double cpu_seconds();         // used by this process so far, user and system
double resident_kib();        // its memory now
std::uint64_t allocations();  // by operator new so far

// `share` of the samples are at or below it: 0.5, 0.99. 0 of none.
double percentile(std::vector<double> samples, double share);

// {"figure": name, "value": value}, and the rival's where there is one. A figure may be printed several
// times: the best counts.
void print_row(std::string_view figure, double value);
void print_row(std::string_view figure, double value, double rival);

// Ends the program with a sentence: what was to be measured did not happen.
[[noreturn]] void give_up(std::string_view why);

}  // namespace linewatch::bench
