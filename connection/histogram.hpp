#pragma once
// How long something took, counted in fixed buckets from 1 ms to 5 min: small, no allocation, ready for
// Prometheus. Quantiles are upper bounds of their bucket.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace linewatch::connection {

class Histogram {
 public:
  // Upper bounds in seconds; what is longer falls into one more bucket.
  static constexpr std::array<double, 16> bounds = {0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25,
                                                    0.5,   1,      2.5,   5,    10,   30,   60,  300};

  void add(std::chrono::duration<double> took) {
    std::size_t bucket = 0;
    while (bucket < bounds.size() && took.count() > bounds[bucket]) ++bucket;
    ++counts_[bucket];
    ++count_;
    sum_ += took.count();
    if (took.count() > longest_) longest_ = took.count();
  }

  Histogram& operator+=(const Histogram& other) {
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
    sum_ += other.sum_;
    if (other.longest_ > longest_) longest_ = other.longest_;
    return *this;
  }

  // What came since `earlier`, which was this one once; the longest is that of all time.
  Histogram since(const Histogram& earlier) const {
    Histogram rest = *this;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket)
      rest.counts_[bucket] -= earlier.counts_[bucket];
    rest.count_ -= earlier.count_;
    rest.sum_ -= earlier.sum_;
    return rest;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t in_bucket(std::size_t bucket) const { return counts_[bucket]; }  // not cumulated
  double sum() const { return sum_; }                                            // seconds
  double longest() const { return longest_; }                                    // seconds

  // The bound below which the share `quantile` (0..1) lies, in seconds; the longest seen for the last bucket;
  // 0 if nothing was counted.
  double quantile(double quantile) const {
    const double wanted = quantile * static_cast<double>(count_);
    double seen = 0;
    for (std::size_t bucket = 0; bucket < bounds.size(); ++bucket) {
      seen += static_cast<double>(counts_[bucket]);
      if (seen > 0 && seen >= wanted) return bounds[bucket] < longest_ ? bounds[bucket] : longest_;
    }
    return longest_;
  }

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0, longest_ = 0;
};

}  // namespace linewatch::connection
