#pragma once
// What to send next to a server that takes a packet and closes without a word. That is how Zabbix says many
// things: TLS wanted, too busy, not a trapper port; no packet that this agent builds should cause it. Should
// one do so all the same, it must not hold up all others until it is too old: after some such closes records
// go one by one, and one that is closed upon time after time, while an empty packet in between is answered,
// is given up. Pure; owned by a sender.

namespace linewatch::aggregator {

class SilentCloseGuard {
 public:
  enum class Send { batch, one_record, empty_packet };
  static constexpr int patience = 3;

  Send next() const {
    if (closes_ < patience) return Send::batch;
    return probe_ ? Send::empty_packet : Send::one_record;
  }
  void answered() { *this = {}; }  // a packet with values got its answer
  // Values were closed upon; a single record is then suspected, and the next packet is an empty one.
  void closed() {
    if (closes_ < patience) {
      ++closes_;
      return;
    }
    probe_ = true;
  }
  // An empty packet was answered: the server is well, so the record before it is to blame. True: give that
  // up.
  bool empty_answered() {
    probe_ = false;
    if (++suspicions_ < patience) return false;
    suspicions_ = 0;
    return true;
  }
  void other_failure() { probe_ = false, suspicions_ = 0; }  // the server is at fault, not the record

 private:
  int closes_ = 0, suspicions_ = 0;
  bool probe_ = false;
};

}  // namespace linewatch::aggregator
