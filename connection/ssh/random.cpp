// The hook for another source of random octets is marked as deprecated since OpenSSL 3.0, in favour of a
// provider, which would stand behind the same costly front.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "connection/ssh/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace linewatch::connection {

namespace {

std::atomic<unsigned> forks{0};  // before this process: a buffer of before the last one is its parent's, too

struct Buffer {
  std::array<unsigned char, 4096> octets;
  std::size_t left = 0;
  unsigned filled_after = 0;
  ~Buffer() { OPENSSL_cleanse(octets.data(), octets.size()); }
};

int take(unsigned char* into, int count) {
  thread_local Buffer buffer;
  const auto wanted = static_cast<std::size_t>(std::max(count, 0));
  if (wanted > buffer.octets.size() / 4) return RAND_OpenSSL()->bytes(into, count);
  const unsigned now = forks.load(std::memory_order_relaxed);
  if (buffer.left < wanted || buffer.filled_after != now) {
    buffer.left = 0;
    const auto size = static_cast<int>(buffer.octets.size());
    if (RAND_OpenSSL()->bytes(buffer.octets.data(), size) != 1) return 0;
    buffer.left = buffer.octets.size();
    buffer.filled_after = now;
  }
  buffer.left -= wanted;
  std::memcpy(into, buffer.octets.data() + buffer.left, wanted);
  OPENSSL_cleanse(buffer.octets.data() + buffer.left, wanted);
  return 1;
}

int add(const void* octets, int count, double entropy) {
  return RAND_OpenSSL()->add(octets, count, entropy);
}

int seed(const void* octets, int count) {
  return RAND_OpenSSL()->seed(octets, count);
}

int status() {
  return RAND_OpenSSL()->status();
}

constexpr RAND_METHOD buffered = {seed, take, nullptr, add, take, status};

}  // namespace

void buffer_random_octets() {
  static const int watches_forks = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  if (watches_forks == 0) RAND_set_rand_method(&buffered);
}

void unbuffer_random_octets() {
  RAND_set_rand_method(nullptr);
}

}  // namespace linewatch::connection
