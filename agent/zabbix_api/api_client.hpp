#pragma once
// Zabbix's JSON-RPC: asks for the version first, logs in as that version wants it, and puts every failure
// into one sentence that names the URL, the method and what Zabbix said; no sentence holds a secret. Lives on
// one loop; one call at a time.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/zabbix_api/http_client.hpp"
#include "config/settings.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

struct ApiVersion {
  int major = 0, minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};

// "6.0.14", "7.2.0rc1"; nothing if it is no version.
std::optional<ApiVersion> parse_api_version(std::string_view text);

class ApiClient {
 public:
  // `settings` and `resolver` outlive the client; settings.url is one that the loader accepts.
  ApiClient(boost::asio::any_io_executor loop, connection::Resolver& resolver,
            const config::ApiSettings& settings, HttpLimits limits = {});

  // Version and login. 6.4 and later take the token as a Bearer header, earlier ones in the body.
  connection::Awaitable<connection::Result<void>> open(connection::Context ctx);
  // What stands under "result"; anything but a list is an error.
  connection::Awaitable<connection::Result<Json>> list(connection::Context ctx, std::string method,
                                                       Json params);
  // Ends a login by name and password; a token needs none. Its failure helps nobody and is not told.
  connection::Awaitable<void> close(connection::Context ctx);

  const ApiVersion& version() const { return version_; }
  std::string version_text() const { return version_text_; }
  // The same form as the failures of calls, for what an answer lacks.
  connection::Error error(const std::string& method, const std::string& what) const;

 private:
  connection::Awaitable<connection::Result<void>> log_in(connection::Context ctx);
  connection::Awaitable<connection::Result<Json>> ask(connection::Context ctx, std::string method,
                                                      Json params, bool with_token);
  connection::Result<Json> read(const std::string& method, const std::string& body) const;
  std::string why_refused(const Json& error) const;

  const config::ApiSettings& settings_;
  HttpClient http_;
  ApiVersion version_;
  std::string version_text_;
  config::Secret token_;  // the API token, or the session's
  bool logged_in_ = false;
  int id_ = 0;
};

}  // namespace linewatch::agent
