#pragma once
// The program's logger: one sentence a line on standard error, as text or as JSON. Handed down, never looked
// up.

#include <spdlog/logger.h>

#include <memory>

#include "config/settings.hpp"

namespace linewatch::agent {

std::shared_ptr<spdlog::logger> make_logger(const config::LogSettings& settings);
spdlog::level::level_enum level_of(config::LogLevel level);

// Says nothing; for commands whose output is the message.
std::shared_ptr<spdlog::logger> make_silent_logger();

}  // namespace linewatch::agent
