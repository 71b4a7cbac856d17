#include "agent/zabbix_api/api_client.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "config/mask.hpp"
#include "config/printable.hpp"

namespace linewatch::agent {

using config::Secret;
using connection::Awaitable;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;

namespace {

constexpr ApiVersion first_with_bearer{6, 4}, first_with_username{5, 4}, first_with_tokens{5, 4},
    oldest{5, 0};

// The loader has read it before.
config::HttpUrl url_of(const config::ApiSettings& settings) {
  return config::parse_http_url(settings.url).value_or(config::HttpUrl());
}

std::string shortened(std::string text) {
  constexpr std::size_t longest = 400;
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  while (text.ends_with('.') && !text.ends_with("...")) text.pop_back();
  return text;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::optional<ApiVersion> parse_api_version(std::string_view text) {
  ApiVersion version;
  const char* const end = text.data() + text.size();
  const auto [dot, no_major] = std::from_chars(text.data(), end, version.major);
  if (no_major != std::errc() || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, no_minor] = std::from_chars(dot + 1, end, version.minor);
  if (no_minor != std::errc() || (rest != end && *rest != '.') || version.major < 0) return std::nullopt;
  return version;
}

ApiClient::ApiClient(boost::asio::any_io_executor loop, connection::Resolver& resolver,
                     const config::ApiSettings& settings, HttpLimits limits)
    : settings_(settings), http_(std::move(loop), resolver, url_of(settings), settings.ca_file, limits) {}

Error ApiClient::error(const std::string& method, const std::string& what) const {
  std::string text = what;
  std::vector<Secret> secrets{token_};
  if (settings_.token) secrets.push_back(*settings_.token);
  if (settings_.password) secrets.push_back(*settings_.password);
  config::mask(text, secrets);
  return {ErrorCode::protocol, Phase::read,
          fmt::format("{}: {}: {}", settings_.url, method, shortened(config::printable(text)))};
}

Awaitable<Result<void>> ApiClient::open(Context ctx) {
  const std::string method = "apiinfo.version";
  const Result<Json> answer = co_await ask(ctx, method, Json::array(), false);
  if (!answer) co_return std::unexpected(answer.error());
  version_text_ = answer->is_string() ? answer->get<std::string>() : "";
  const auto version = parse_api_version(version_text_);
  if (!version) co_return std::unexpected(error(method, "the answer is no version of Zabbix"));
  version_ = *version;
  if (version_ < oldest)
    co_return std::unexpected(error(method, "Zabbix " + version_text_ + " is too old (5.0 at least)"));
  if (!settings_.token) {
    const Result<void> in = co_await log_in(ctx);
    co_return in;
  }
  if (version_ < first_with_tokens)
    co_return std::unexpected(error(
        method,
        "Zabbix " + version_text_ + " has no API tokens (write zabbix.api.username and password_file)"));
  token_ = *settings_.token;
  co_return Result<void>();
}

Awaitable<Result<void>> ApiClient::log_in(Context ctx) {
  Json params;
  params[version_ < first_with_username ? "user" : "username"] = settings_.username;
  params["password"] = settings_.password ? settings_.password->reveal() : "";
  const Result<Json> answer = co_await ask(ctx, "user.login", std::move(params), false);
  if (!answer) {
    Error failed = answer.error();
    if (failed.code == ErrorCode::protocol) failed.code = ErrorCode::authentication;
    co_return std::unexpected(std::move(failed));
  }
  if (!answer->is_string() || answer->get_ref<const std::string&>().empty())
    co_return std::unexpected(error("user.login", "the answer is no session"));
  token_ = Secret(answer->get<std::string>());
  logged_in_ = true;
  co_return Result<void>();
}

Awaitable<void> ApiClient::close(Context ctx) {
  if (!std::exchange(logged_in_, false)) co_return;
  co_await ask(ctx, "user.logout", Json::array(), true);
}

Awaitable<Result<Json>> ApiClient::list(Context ctx, std::string method, Json params) {
  Result<Json> answer = co_await ask(ctx, method, std::move(params), true);
  if (answer && !answer->is_array()) co_return std::unexpected(error(method, "the answer is no list"));
  co_return answer;
}

Awaitable<Result<Json>> ApiClient::ask(Context ctx, std::string method, Json params, bool with_token) {
  Json request;
  request["jsonrpc"] = "2.0";
  request["method"] = method;
  request["params"] = std::move(params);
  request["id"] = ++id_;
  Secret bearer;
  if (with_token && version_ < first_with_bearer) request["auth"] = token_.reveal();
  if (with_token && version_ >= first_with_bearer) bearer = token_;
  std::string body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  const Result<std::string> answer = co_await http_.post(ctx, std::move(body), std::move(bearer));
  if (!answer) {
    Error failed = error(method, answer.error().text);
    failed.code = answer.error().code;
    failed.phase = answer.error().phase;
    co_return std::unexpected(std::move(failed));
  }
  Result<Json> result = read(method, *answer);
  co_return result;
}

Result<Json> ApiClient::read(const std::string& method, const std::string& body) const {
  Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) {
    return std::unexpected(
        error(method, "the answer is no JSON-RPC (does zabbix.api.url end with api_jsonrpc.php?)"));
  }
  if (const auto failed = answer.find("error"); failed != answer.end() && !failed->is_null())
    return std::unexpected(error(method, why_refused(*failed)));
  const auto result = answer.find("result");
  if (result == answer.end()) return std::unexpected(error(method, "the answer holds no result"));
  return std::move(*result);
}

std::string ApiClient::why_refused(const Json& refusal) const {
  if (!refusal.is_object()) return "refused without a reason";
  std::string text = text_of(refusal, "message");
  const std::string data = text_of(refusal, "data");
  if (!data.empty()) text += (text.empty() ? "" : " ") + data;
  if (text.empty()) return "refused without a reason";
  const bool rights = data.starts_with("Not authori") || data.find("token") != std::string::npos;
  if (rights && settings_.token)
    text = shortened(text) + " (is the token right, enabled and not expired, and may its user use the API?)";
  return text;
}

}  // namespace linewatch::agent
