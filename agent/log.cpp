#include "agent/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <nlohmann/json.hpp>
#include <string>

#include "agent/time_text.hpp"
#include "config/printable.hpp"

namespace linewatch::agent {

namespace {

std::string_view level_name(spdlog::level::level_enum level) {
  return level == spdlog::level::warn ? "warn"
                                      : std::string_view(spdlog::level::to_string_view(level).data());
}

class TextFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string text = config::printable({message.payload.data(), message.payload.size()});
    fmt::format_to(std::back_inserter(out), "{} {:<5} {}\n", rfc3339(message.time), level_name(message.level),
                   text);
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<TextFormatter>(); }
};

class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    nlohmann::ordered_json line;
    line["time"] = rfc3339(message.time);
    line["level"] = level_name(message.level);
    line["message"] = std::string(message.payload.data(), message.payload.size());
    const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    out.append(text.data(), text.data() + text.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::trace:
      return spdlog::level::trace;
    case config::LogLevel::debug:
      return spdlog::level::debug;
    case config::LogLevel::info:
      return spdlog::level::info;
    case config::LogLevel::warn:
      return spdlog::level::warn;
    case config::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(const config::LogSettings& settings) {
  auto logger =
      std::make_shared<spdlog::logger>("linewatch", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(level_of(settings.level));
  if (settings.format == config::LogFormat::json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_formatter(std::make_unique<TextFormatter>());
  }
  return logger;
}

std::shared_ptr<spdlog::logger> make_silent_logger() {
  return std::make_shared<spdlog::logger>("silent", std::make_shared<spdlog::sinks::null_sink_mt>());
}

}  // namespace linewatch::agent
