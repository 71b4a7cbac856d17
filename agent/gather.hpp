#pragma once
// Runs several operations side by side on one loop and waits for all of them.

#include <boost/asio/any_io_executor.hpp>
#include <vector>

#include "connection/session.hpp"

namespace linewatch::agent {

// Every operation is started; returns when the last one ended. An exception is a bug and ends the program.
connection::Awaitable<void> gather(boost::asio::any_io_executor loop,
                                   std::vector<connection::Awaitable<void>> operations);

}  // namespace linewatch::agent
