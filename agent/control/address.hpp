#pragma once
// A path as the address of a Unix socket.

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <optional>

namespace linewatch::agent {

// Nothing if the path is longer than such an address may be (107 octets).
std::optional<sockaddr_un> unix_address(const std::filesystem::path& path);

// A new non-blocking socket; -1 and errno if there is none to be had.
int unix_socket();

// Connects without waiting; 0 or the error. EAGAIN: somebody listens, but answers nobody.
int connect_unix(int fd, const sockaddr_un& address);

}  // namespace linewatch::agent
