#include "connection/ssh/private_keys.hpp"

#include <map>
#include <mutex>

#include "connection/ssh/digest.hpp"

namespace linewatch::connection {

namespace {

// libssh asks on the terminal for a passphrase that it is not given; this answers "none" instead.
int no_passphrase(const char*, char*, size_t, int, int, void*) {
  return -1;
}

PrivateKey read_key(const config::Secret& text, const config::Secret* passphrase) {
  ssh_key key = nullptr;
  const char* const phrase = passphrase == nullptr ? nullptr : passphrase->reveal().c_str();
  if (ssh_pki_import_privkey_base64(text.reveal().c_str(), phrase, no_passphrase, nullptr, &key) != SSH_OK)
    return nullptr;
  return {key, ssh_key_free};
}

}  // namespace

PrivateKey import_private_key(const config::Secret& text, const config::Secret* passphrase) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<ssh_key_struct>>
      kept;  // by a digest: no second copy of a secret
  std::string name = sha256(text.reveal());
  if (passphrase != nullptr) name += sha256(passphrase->reveal());
  const std::scoped_lock lock(mutex);
  std::erase_if(kept, [](const auto& entry) { return entry.second.expired(); });
  if (auto known = kept[name].lock()) return known;
  PrivateKey key = read_key(text, passphrase);
  if (key) kept[name] = key;
  return key;
}

}  // namespace linewatch::connection
