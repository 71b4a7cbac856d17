#pragma once
// Authorities and certificates of a test's own, as PEM texts. Made in memory in a millisecond.

#include <memory>
#include <string>
#include <vector>

namespace linewatch::test {

struct Identity {
  std::string certificate, key;  // PEM
};

// Days from now; the past is negative.
struct Validity {
  int from = -1, until = 30;
};

class Authority {
 public:
  explicit Authority(const std::string& name);  // CN=name,O=Linewatch test
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& certificate() const { return certificate_; }
  Identity issue(const std::string& name, Validity validity = {});  // CN=name,O=Linewatch test
  std::string revoke(const std::vector<Identity>& identities, Validity validity = {}) const;  // a CRL

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string certificate_;
};

// The key of `identity` under a passphrase.
std::string under_passphrase(const Identity& identity);

}  // namespace linewatch::test
