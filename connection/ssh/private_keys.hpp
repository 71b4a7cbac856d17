#pragma once
// Private keys as libssh wants them. Reading an encrypted one costs a tenth of a second by design, so a key
// that many routers share is read once and kept as long as anybody uses it. Safe to call from any loop.

#include <libssh/libssh.h>

#include <memory>
#include <string>

#include "config/secret.hpp"

namespace linewatch::connection {

using PrivateKey = std::shared_ptr<ssh_key_struct>;

// PEM or OpenSSH text; null if it cannot be read with that passphrase (which may be null).
PrivateKey import_private_key(const config::Secret& text, const config::Secret* passphrase);

}  // namespace linewatch::connection
