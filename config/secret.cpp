#include "config/secret.hpp"

#include <string.h>

#include <utility>

namespace linewatch::config {

void Secret::wipe() {
  // explicit_bzero is not optimised away; capacity, not size, since a short text may have been a longer one.
  text_.resize(text_.capacity());
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

Secret::Secret(Secret&& other) noexcept : text_(other.text_) {
  other.wipe();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = other.text_;
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

}  // namespace linewatch::config
