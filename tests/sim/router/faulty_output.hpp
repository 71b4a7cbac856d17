#pragma once
// What faulty commands print in the place of an answer.

#include <cstdint>
#include <memory>
#include <string>

#include "tests/sim/router/program.hpp"

namespace linewatch::sim {

// Lines without end, some MB in a second.
std::unique_ptr<Program> make_endless_output();
// About so many octets of lines, as fast as they are read.
std::unique_ptr<Program> make_flood(std::uint64_t octets);
// Control and other octets that make no sense; the same each time.
std::string garbage();

}  // namespace linewatch::sim
