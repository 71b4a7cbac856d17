// Counts what the figures claim not to do: every operator new of this program, replaced.

#include <cstdlib>
#include <new>

#include "tests/bench/measure.hpp"

namespace {

std::uint64_t counted = 0;  // one thread allocates while a figure is taken

void* allocate(std::size_t size) {
  ++counted;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

std::uint64_t linewatch::bench::allocations() {
  return counted;
}

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
