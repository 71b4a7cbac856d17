#include "aggregator/delivery_log.hpp"

#include <utility>

namespace linewatch::aggregator {

namespace {

constexpr std::string_view why_refused =
    "no such host or item, no trapper item, disabled, not known to the server yet, host on a proxy, a host "
    "that "
    "wants another encryption or identity than zabbix.tls, or this agent is not in the item's allowed hosts";

}  // namespace

void DeliveryLog::failing(const std::string& why, std::uint64_t waiting) {
  last_error_ = why;
  if (std::exchange(failing_, true)) return;
  log_->warn(
      "delivery to zabbix started to fail, values are kept and sent later destination={} waiting={} "
      "cause=\"{}\"",
      destination_, waiting, why);
}

void DeliveryLog::working(const std::string& node, std::uint64_t waiting) {
  last_error_.clear();
  if (std::exchange(failing_, false))
    log_->info("delivery to zabbix works again destination={} node={} waiting={}", destination_, node,
               waiting);
  else if (!node_.empty() && node_ != node)
    log_->info("another node of the cluster takes the values destination={} node={} before={}", destination_,
               node, node_);
  node_ = node;
}

void DeliveryLog::refused(std::uint64_t values, std::uint64_t of, connection::TimePoint now) {
  refused_ += values;
  refused_of_ += of;
  if (refused_said_ && now - *refused_said_ < refused_interval) return;
  log_->warn("zabbix refused values, which items is being found out destination={} refused={} of={}",
             destination_, refused_, refused_of_);
  refused_said_ = now;
  refused_ = refused_of_ = 0;
}

void DeliveryLog::items(const std::vector<Refusals::Finding>& findings) {
  std::size_t said = 0;
  for (const Refusals::Finding& finding : findings) {
    if (said++ == most_items_at_once) {
      log_->warn("and more items destination={} items={}", destination_,
                 findings.size() - most_items_at_once);
      return;
    }
    if (finding.refused)
      log_->warn("zabbix refuses the values of an item destination={} host={} key=\"{}\" hint=\"{}\"",
                 destination_, finding.host, finding.key, why_refused);
    else
      log_->info("zabbix takes the values of an item again destination={} host={} key=\"{}\"", destination_,
                 finding.host, finding.key);
  }
}

void DeliveryLog::reasons(const std::vector<RefusedItem>& items) {
  std::size_t said = 0;
  for (const RefusedItem& item : items) {
    if (said++ == most_items_at_once) {
      log_->warn("and the reasons of more items, see linewatch status destination={} items={}", destination_,
                 items.size() - most_items_at_once);
      return;
    }
    log_->warn("why zabbix refuses the values of an item destination={} host={} key=\"{}\" reason=\"{}\"",
               destination_, item.host, item.key, item.reason);
  }
}

void DeliveryLog::dropping(const Drops& drops, std::uint64_t queued, bool room) {
  for (std::size_t i = 0; i < drop_reasons; ++i) {
    if (drops[i] == seen_[i] || dropped_before_) continue;
    dropped_before_ = total(seen_);
    log_->warn("the oldest values are being dropped destination={} reason={} waiting={}", destination_,
               to_string(static_cast<DropReason>(i)), queued);
  }
  const bool more = total(drops) != total(seen_);
  seen_ = drops;
  // While Zabbix is away the next is only a matter of time.
  if (more || failing_ || !dropped_before_ || !room) return;
  log_->info("values are no longer dropped destination={} dropped={}", destination_,
             total(drops) - *dropped_before_);
  dropped_before_.reset();
}

void DeliveryLog::unsent(std::uint64_t values, DropReason reason) {
  if (values == 0) return;
  log_->warn("{} with values not delivered destination={} dropped={} cause=\"{}\"",
             reason == DropReason::removed ? "the destination was removed" : "the agent stops", destination_,
             values, last_error_.empty() ? "no time left" : last_error_);
}

void DeliveryLog::kept(std::uint64_t values) {
  if (values == 0) return;
  log_->info(
      "the agent stops with values not delivered, the next start sends them destination={} waiting={} "
      "cause=\"{}\"",
      destination_, values, last_error_.empty() ? "no time left" : last_error_);
}

}  // namespace linewatch::aggregator
