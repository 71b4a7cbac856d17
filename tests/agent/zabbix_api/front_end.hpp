#pragma once
// A front end of a Zabbix 7.0 without proxies, on loopback, on a thread of its own: hosts that can be changed
// at any time, and ways to misbehave.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::test {

class FrontEnd {
 public:
  enum class Way { good, silent, bad_gateway };

  FrontEnd() : acceptor_(loop_, {boost::asio::ip::address_v4::loopback(), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  FrontEnd(const FrontEnd&) = delete;
  FrontEnd& operator=(const FrontEnd&) = delete;
  ~FrontEnd() {
    ending_ = true;
    boost::system::error_code ignored;
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket knock(loop);
    knock.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
    for (std::thread& talk : talks_) talk.join();
  }

  config::ApiSettings settings() const {
    config::ApiSettings out;
    out.url = "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/api_jsonrpc.php";
    out.token = config::Secret("t0ken");
    out.interval = std::chrono::milliseconds(20);
    return out;
  }
  void hosts(std::size_t count) {
    const std::scoped_lock lock(mutex_);
    hosts_ = count;
  }
  // All hosts are in maintenance without data collection, or none.
  void resting(bool now) {
    const std::scoped_lock lock(mutex_);
    resting_ = now;
  }
  void way(Way way) {
    const std::scoped_lock lock(mutex_);
    way_ = way;
  }
  // Until so many requests in all have come.
  void wait_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return requests_ >= count; });
  }
  std::size_t requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  using Json = nlohmann::json;

  void serve() {
    boost::system::error_code error;
    while (!ending_) {
      boost::asio::ip::tcp::socket socket(loop_);
      acceptor_.accept(socket, error);
      if (ending_ || error) return;
      talks_.emplace_back([this, connection = std::move(socket)]() mutable { talk(connection); });
    }
  }

  // The client's end of the connection ends it.
  void talk(boost::asio::ip::tcp::socket& socket) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer buffer;
    for (;;) {
      boost::system::error_code error;
      http::request<http::string_body> request;
      http::read(socket, buffer, request, error);
      if (error) return;
      http::response<http::string_body> response(http::status::ok, 11);
      const Way way = come();
      if (way == Way::silent) continue;
      if (way == Way::bad_gateway) response.result(http::status::bad_gateway);
      response.body() = answer(Json::parse(request.body())).dump();
      response.prepare_payload();
      http::write(socket, response, error);
    }
  }

  Way come() {
    const std::scoped_lock lock(mutex_);
    ++requests_;
    came_.notify_all();
    return way_;
  }

  Json answer(const Json& request) {
    Json reply{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", Json::array()}};
    if (request["method"] == "apiinfo.version") reply["result"] = "7.0.0";
    if (request["method"] != "host.get") return reply;
    const std::scoped_lock lock(mutex_);
    for (std::size_t number = 1; number <= hosts_; ++number) {
      const std::string id = std::to_string(number);
      const Json macro{{"macro", "{$LINE_ROUTER_IP}"}, {"value", "192.0.2.1"}, {"type", "0"}};
      const Json interface{{"type", "1"}, {"main", "1"}, {"useip", "1"}, {"ip", "198.51.100.1"}};
      reply["result"].push_back({{"hostid", id},
                                 {"host", "line-" + id},
                                 {"status", "0"},
                                 {"maintenance_status", resting_ ? "1" : "0"},
                                 {"maintenance_type", resting_ ? "1" : "0"},
                                 {"macros", Json::array({macro})},
                                 {"interfaces", Json::array({interface})},
                                 {"parentTemplates", Json::array()}});
    }
    return reply;
  }

  boost::asio::io_context loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;  // over what follows
  std::condition_variable came_;
  std::size_t hosts_ = 10, requests_ = 0;
  bool resting_ = false;
  Way way_ = Way::good;
  std::vector<std::thread> talks_;  // the accepting thread's, then the destructor's
  std::thread thread_;
};

}  // namespace linewatch::test
