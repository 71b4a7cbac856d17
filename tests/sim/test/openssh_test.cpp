// The simulator as OpenSSH's client sees it: the whole way, with a key, on each platform.

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/sim/router/config_file.hpp"
#include "tests/sim/server/simulator.hpp"

using namespace linewatch::sim;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "linewatch-sim-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

struct Ran {
  std::string output;
  int status = -1;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.output.append(buffer.data(), n);
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

}  // namespace

TEST_CASE("OpenSSH logs in with a key, pings and leaves with status 0 on every platform") {
  if (run("command -v ssh").status != 0 || run("command -v ssh-keygen").status != 0) {
    MESSAGE("skipped: ssh or ssh-keygen is not installed");
    return;
  }
  const Folder folder;
  const std::string key = (folder.path / "key").string();
  REQUIRE(run("ssh-keygen -q -t ed25519 -N '' -f " + key).status == 0);
  struct Case {
    PlatformKind platform;
    const char* typed;
    const char* seen;
  };
  const std::vector<Case> cases = {
      {PlatformKind::cisco_iosxe, "ping 198.51.100.2\\nexit\\n", "Success rate is 100 percent (5/5)"},
      {PlatformKind::huawei_vrp, "ping -c 1 198.51.100.2\\nquit\\n", "1 packet(s) received"},
      {PlatformKind::h3c_comware, "ping -c 1 198.51.100.2\\nquit\\n",
       "1 packet(s) transmitted, 1 packet(s) received"},
      {PlatformKind::linux_shell, "ping -c 1 198.51.100.2\\nexit\\n", "1 packets transmitted, 1 received"},
      {PlatformKind::frr, "show version\\nexit\\n", "FRRouting 8.4.4 (r4)"},
  };
  SimulatorConfig config;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    RouterConfig router;
    router.name = "r" + std::to_string(i);
    router.platform = cases[i].platform;
    router.authorized_keys = read_lines(key + ".pub").value();
    router.targets["*"].delay = std::chrono::milliseconds(1);
    config.routers.push_back(router);
  }
  boost::asio::io_context loop;
  Simulator simulator(loop, config);
  REQUIRE(simulator.start().has_value());
  std::ofstream known(folder.path / "known_hosts");
  for (const RouterInfo& info : simulator.routers()) known << info.known_hosts() << "\n";
  known.close();
  std::thread thread([&] { loop.run(); });
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(platform_name(cases[i].platform));
    const RouterInfo info = simulator.routers().at(i);
    const Ran ran = run(
        std::string("printf '") + cases[i].typed + "' | timeout 30 ssh -F none -tt -i " + key +
        " -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" +
        (folder.path / "known_hosts").string() + " -p " + std::to_string(info.port) + " netmon@127.0.0.1");
    CAPTURE(ran.output);
    CHECK(ran.status == 0);
    CHECK(ran.output.find(cases[i].seen) != std::string::npos);
  }
  boost::asio::post(loop, [&] { simulator.stop(); });
  thread.join();
}
