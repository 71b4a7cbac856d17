#include "tests/sim/server/simulator.hpp"

#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "tests/sim/server/router.hpp"

namespace linewatch::sim {

std::string RouterInfo::known_hosts() const {
  const std::string host = port == 22 ? address : fmt::format("[{}]:{}", address, port);
  return fmt::format("{} {} {}", host, host_key.type, host_key.base64);
}

Simulator::Simulator(boost::asio::io_context& loop, SimulatorConfig config, Events::Sink sink)
    : loop_(loop), config_(std::move(config)), events_(std::make_shared<Events>(std::move(sink))) {}

Simulator::~Simulator() = default;

std::expected<void, std::string> Simulator::start() {
  std::set<std::string> names;
  for (const RouterConfig& config : config_.routers) {
    if (!names.insert(config.name).second) return std::unexpected("two routers are called " + config.name);
  }
  for (const RouterConfig& config : config_.routers) {
    auto router = std::make_shared<Router>(loop_, config, events_);
    if (auto started = router->start(); !started) {
      stop();
      return started;
    }
    routers_.push_back(std::move(router));
  }
  if (routers_.empty()) return std::unexpected("no routers to simulate");
  return {};
}

void Simulator::stop() {
  for (const auto& router : routers_) router->stop();
}

std::vector<RouterInfo> Simulator::routers() const {
  std::vector<RouterInfo> infos;
  infos.reserve(routers_.size());
  for (const auto& router : routers_) infos.push_back(router->info());
  return infos;
}

const RouterCounts& Simulator::counts(const std::string& name) const {
  for (const auto& router : routers_) {
    if (router->info().name == name) return router->counts();
  }
  throw std::out_of_range("no simulated router " + name);
}

std::string Simulator::ready_line() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& router : routers_) {
    const RouterInfo& info = router->info();
    list.push_back({{"name", info.name},
                    {"platform", info.platform},
                    {"address", info.address},
                    {"port", info.port},
                    {"host_key", info.host_key.fingerprint},
                    {"known_hosts", info.known_hosts()}});
  }
  return nlohmann::ordered_json({{"ready", true}, {"routers", list}}).dump();
}

void Simulator::emit_totals() {
  for (const auto& router : routers_) events_->emit("totals", router->info().name, to_json(router->counts()));
}

}  // namespace linewatch::sim
