#pragma once
// Every byte to and from the router, for `linewatch ping --trace`; secrets are masked before they come here.

#include <functional>
#include <string_view>

namespace linewatch::connection {

enum class TraceDirection { sent, received, note };
using Trace = std::function<void(TraceDirection, std::string_view)>;

}  // namespace linewatch::connection
