#pragma once
// Random octets for SSH by the page. libssh asks OpenSSL for a few octets of padding with every packet, and
// one such question, whatever its size, costs OpenSSL about 7,000 instructions: a quarter of a whole ping
// command.

namespace linewatch::connection {

// From now on OpenSSL's random octets of this process, for keys, too, come from a buffer in each thread,
// which OpenSSL's own generator fills a page at a time; what was handed out is erased at once, as
// arc4random() does. A forked child begins with empty buffers. Repeated calls change nothing.
void buffer_random_octets();

// OpenSSL's usual way again.
void unbuffer_random_octets();

}  // namespace linewatch::connection
