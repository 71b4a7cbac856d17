#pragma once
// The other end of the control socket, for the commands that ask the running agent. It blocks, but never for
// longer than the time it is given.

#include <chrono>
#include <expected>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

// What a command may wait for an agent's next word.
inline constexpr std::chrono::seconds agent_patience{15};

class ControlClient {
 public:
  struct Failure {
    bool nobody = false;  // no agent runs there; otherwise one does, but cannot be asked
    std::string text;     // one sentence
  };
  static std::expected<ControlClient, Failure> connect(const std::filesystem::path& path);

  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&&) = delete;
  ~ControlClient();

  // Whether it arrived, the next answer says.
  void send(const Json& request);

  // The next line of the answer. The error is a sentence: the agent said no (its own words), fell silent for
  // longer than the limit, or went away in mid-answer; or the wait was interrupted by a signal.
  std::expected<Json, std::string> next(std::chrono::milliseconds limit = agent_patience);

  // After a failed next(): the word the agent gave with its refusal, if it was one.
  const std::string& refusal() const { return refusal_; }

 private:
  explicit ControlClient(int fd) : fd_(fd) {}
  int fd_;
  std::string input_;
  std::string refusal_;
};

}  // namespace linewatch::agent
