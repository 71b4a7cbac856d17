#pragma once
// A text that must never show: a password, a passphrase, a token. It cannot be printed, compared or copied by
// accident into a string; whoever needs the text says reveal(). The memory is wiped when it goes.

#include <string>
#include <string_view>

namespace linewatch::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The text itself; valid as long as this object lives unchanged.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  void wipe();
  std::string text_;
};

}  // namespace linewatch::config
