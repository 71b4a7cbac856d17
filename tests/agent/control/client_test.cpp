#include "agent/control/client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "agent/control/address.hpp"
#include "agent/control/socket_file.hpp"

using namespace linewatch::agent;
using namespace std::chrono_literals;

namespace {

// A socket at which the test itself plays the agent.
struct Bench {
  Bench() {
    char name[] = "/tmp/linewatch-test-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder = name;
    auto made = SocketFile::listen(folder / "control.sock");
    REQUIRE(made);
    file.emplace(std::move(*made));
    listener = file->release();
  }
  ~Bench() {
    hang_up();
    ::close(listener);
    std::filesystem::remove_all(folder);
  }
  ControlClient connect() {
    auto client = ControlClient::connect(file->path());
    REQUIRE(client);
    agent = ::accept(listener, nullptr, nullptr);
    REQUIRE(agent >= 0);
    return std::move(*client);
  }
  void say(const std::string& text) const {
    CHECK(::send(agent, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (agent >= 0) ::close(agent);
    agent = -1;
  }

  std::filesystem::path folder;
  std::optional<SocketFile> file;
  int listener = -1, agent = -1;
};

}  // namespace

TEST_CASE("an answer is read line by line, in whatever pieces it comes") {
  Bench bench;
  ControlClient client = bench.connect();
  Json request;
  request["command"] = "status";
  client.send(request);
  char heard[100] = {};
  CHECK(::recv(bench.agent, heard, sizeof heard - 1, 0) > 0);
  CHECK(std::string(heard) == "{\"command\":\"status\"}\n");
  bench.say("{\"a\":1}\n{\"b\":");
  CHECK(client.next()->at("a") == 1);
  bench.say("2}\n");
  CHECK(client.next()->at("b") == 2);
}

TEST_CASE("an agent that is silent, goes away or says no is an error in words") {
  Bench bench;
  ControlClient client = bench.connect();
  CHECK(client.next(20ms).error().find("did not answer within") != std::string::npos);
  bench.say("{\"error\":\"no such line\",\"code\":\"unknown_name\"}\nnonsense\n{\"half\":");
  CHECK(client.next().error() == "no such line");
  CHECK(client.refusal() == "unknown_name");
  CHECK(client.next().error() == "the running agent's answer was not understood");
  CHECK(client.refusal().empty());
  bench.hang_up();
  CHECK(client.next().error() == "the running agent went away before it had answered");
  client.send(Json::object());  // into the void, without a signal
}

TEST_CASE("whether nobody runs or somebody cannot be asked are two things") {
  Bench bench;
  CHECK(ControlClient::connect(bench.folder / "absent").error().nobody);
  CHECK(ControlClient::connect({}).error().nobody);
  CHECK(ControlClient::connect(bench.folder / std::string(200, 'x')).error().nobody);
  // Nobody accepts: the queue of the listener fills up, and the client does not wait.
  std::vector<ControlClient> waiting;
  for (;;) {
    REQUIRE(waiting.size() < 1000);
    auto client = ControlClient::connect(bench.file->path());
    if (!client) {
      CHECK_FALSE(client.error().nobody);
      break;
    }
    waiting.push_back(std::move(*client));
  }
}
