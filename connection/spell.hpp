#pragma once
// A trouble that comes piece by piece, to be said once when it begins and once when it is over. Pure. Owned
// by whoever has the trouble.

#include <cstdint>
#include <optional>
#include <utility>

#include "connection/context.hpp"

namespace linewatch::connection {

class Spell {
 public:
  static constexpr auto quiet = std::chrono::minutes(5);  // without another piece: it is over

  // One more piece. True: the spell begins with it.
  bool add(TimePoint now) {
    last_ = now;
    return pieces_++ == 0;
  }

  // How many pieces there were, if the spell is over at `now`; told once.
  std::optional<std::uint64_t> ended(TimePoint now) {
    if (pieces_ == 0 || now - last_ < quiet) return std::nullopt;
    return std::exchange(pieces_, 0);
  }

 private:
  std::uint64_t pieces_ = 0;
  TimePoint last_{};
};

}  // namespace linewatch::connection
