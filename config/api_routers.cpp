#include "config/api_routers.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/address.hpp"
#include "config/counted.hpp"

namespace linewatch::config {

namespace {

// One spelling for each address; names in lower case.
std::string canonical(const std::string& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  in6_addr parsed{};
  if (is_ipv6(address) && ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1 &&
      ::inet_ntop(AF_INET6, &parsed, text.data(), text.size()) != nullptr)
    return text.data();
  std::string out = address;
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string place_of(const Router& router) {
  return fmt::format("{} {}", canonical(router.address), router.port);
}

std::string name_of(const Router& router) {
  std::string address = canonical(router.address);
  if (router.port == 22) return address;
  return fmt::format(fmt::runtime(is_ipv6(address) ? "[{}]:{}" : "{}:{}"), address, router.port);
}

// What a host itself says of its router beyond the address; empty: nothing.
struct Said {
  std::string platform, protocol, credentials;
};
struct Aspect {
  std::string Said::* value;
  const char* key;
};
constexpr Aspect aspects[] = {
    {&Said::platform, "platform"}, {&Said::protocol, "protocol"}, {&Said::credentials, "credentials"}};

struct Member {
  ApiWish* wish;
  Router read;  // the defaults, with what the host says over them
  Said said;
};

std::string account(const std::string& username, const Secret& password) {
  return fmt::format("{}\n{}", username, password.reveal());
}

Said said_by(const ApiFields& fields, const Router& read) {
  Said said;
  if (find_field(fields.router, "platform")) said.platform = read.platform->name;
  if (const ApiField* field = find_field(fields.router, "protocol")) said.protocol = field->value;
  if (const ApiField* field = find_field(fields.router, "credentials")) said.credentials = field->value;
  if (!fields.username.empty()) said.credentials = account(fields.username, fields.password);
  return said;
}

// A host's own words about one aspect, for a sentence. An account is never quoted.
std::string words(const ApiFields& fields, const char* key) {
  const ApiField* field = find_field(fields.router, key);
  if (!field) return "the account of {$LINE_ROUTER_USERNAME}";
  return fmt::format("{} {}", field->origin, in_quotes(field->value));
}

class Settler {
 public:
  Settler(Loading& loading, const Settings& files, ApiLines& out)
      : loading_(loading), files_(files), out_(out) {
    for (std::size_t i = 0; i < files.routers.size(); ++i) in_files_[place_of(files.routers[i])].push_back(i);
    for (const Router& router : files.routers) names_.push_back(router.name);
  }

  void settle(std::vector<ApiWish>& wishes) {
    std::map<std::string, std::vector<Member>> groups;
    for (ApiWish& wish : wishes) {
      if (!wish.fields.problems.empty()) continue;
      if (!wish.fields.router_name.empty()) {
        find_by_name(wish);
      } else if (auto member = read(wish)) {
        groups[place_of(member->read)].push_back(std::move(*member));
      }
    }
    out_.routers.reserve(groups.size());  // wishes point into it
    for (auto& [place, members] : groups) {
      const auto known = in_files_.find(place);
      if (known == in_files_.end()) {
        make(members);
      } else if (const auto index = the_one(known->second)) {
        join(members, *index);
      } else {
        for (Member& member : members) member.wish->fields.problems.push_back(several(known->second));
      }
    }
  }

 private:
  void find_by_name(ApiWish& wish) {
    wish.router = files_.router(wish.fields.router_name);
    if (wish.router) return;
    wish.fields.problems.push_back(fmt::format("{{$LINE_ROUTER}}: there is no router {}{}",
                                               in_quotes(wish.fields.router_name),
                                               loading_.suggest("router", wish.fields.router_name, names_)));
  }

  std::optional<Member> read(ApiWish& wish) {
    const Document document("", document_fields(wish.fields.router));
    Problems problems;
    Member member{.wish = &wish, .read = files_.defaults.router};
    Reader reader(document.root(), problems);
    Loading own{.settings = loading_.settings, .problems = problems, .kept = loading_.kept};
    own.task_names = loading_.task_names;
    read_router_settings(reader, own, member.read);
    const std::string& address = find_field(wish.fields.router, "address")->value;
    reader.find("address");
    if (!is_ip(address) && !is_host_name(address))
      reader.error("address", fmt::format("{} is not an address or a host name", in_quotes(address)));
    member.read.address = address;
    for (std::string& text : api_problems(problems, wish.fields.router, Problem::Severity::error))
      wish.fields.problems.push_back(std::move(text));
    if (!wish.fields.problems.empty()) return std::nullopt;
    member.said = said_by(wish.fields, member.read);
    return member;
  }

  // Behind different jump hosts one address may be several routers.
  std::optional<std::size_t> the_one(const std::vector<std::size_t>& indexes) const {
    const auto reached = std::ranges::find_if(indexes, [this](std::size_t index) {
      return files_.routers[index].jump == files_.defaults.router.jump;
    });
    if (reached != indexes.end()) return *reached;
    return indexes.size() == 1 ? std::optional(indexes.front()) : std::nullopt;
  }

  std::string several(const std::vector<std::size_t>& indexes) const {
    return fmt::format(
        "{{$LINE_ROUTER_IP}}: both router {} and router {} have that address (name one in {{$LINE_ROUTER}})",
        in_quotes(files_.routers[indexes[0]].name), in_quotes(files_.routers[indexes[1]].name));
  }

  bool has_account(const Router& router, const ApiFields& fields) const {
    return std::ranges::any_of(router.credentials, [&](const std::string& name) {
      const Credential& credential = files_.credentials.at(name);
      return credential.username == fields.username && credential.password == fields.password;
    });
  }

  // The files know the router: what the hosts say of it must fit.
  void join(std::vector<Member>& members, std::size_t index) {
    const Router& router = files_.routers[index];
    for (Member& member : members) {
      const ApiFields& fields = member.wish->fields;
      const auto clash = [&](const char* key) {
        member.wish->fields.problems.push_back(
            fmt::format("{} does not fit router {} of {}, which has the same address", words(fields, key),
                        in_quotes(router.name), files_.origins.text(files_.origins.routers.at(index))));
      };
      const Said& said = member.said;
      const std::string protocol = router.protocol == Protocol::exec ? "exec" : "cli";
      if (!said.platform.empty() && said.platform != router.platform->name) clash("platform");
      if (!said.protocol.empty() && said.protocol != protocol) clash("protocol");
      const bool named = std::ranges::find(router.credentials, said.credentials) != router.credentials.end();
      if (fields.username.empty() ? !said.credentials.empty() && !named : !has_account(router, fields))
        clash("credentials");
      if (fields.problems.empty()) member.wish->router = &router;
    }
  }

  // What most hosts say; of as many, what the first does.
  static const Member* most(const std::vector<Member>& members, std::string Said::* value) {
    const Member* best = nullptr;
    std::map<std::string_view, int> votes;
    for (const Member& member : members)
      if (!(member.said.*value).empty()) ++votes[member.said.*value];
    for (const Member& member : members) {
      if ((member.said.*value).empty()) continue;
      if (!best || votes[member.said.*value] > votes[best->said.*value]) best = &member;
    }
    return best;
  }

  // A router of the hosts' own. Those that contradict the others are named and give no line.
  void make(std::vector<Member>& members) {
    std::array<const Member*, std::size(aspects)> chosen{};
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = most(members, aspects[i].value);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      for (Member& member : members) {
        const std::string& own = member.said.*aspects[i].value;
        if (own.empty() || own == chosen[i]->said.*aspects[i].value) continue;
        member.wish->fields.problems.push_back(fmt::format(
            "{} contradicts {} of Zabbix host {} (one address is one router)",
            words(member.wish->fields, aspects[i].key), words(chosen[i]->wish->fields, aspects[i].key),
            in_quotes(chosen[i]->wish->host->host)));
      }
    }
    build(members, chosen[0], chosen[1], chosen[2]);
  }

  void build(std::vector<Member>& members, const Member* platform, const Member* protocol,
             const Member* credentials) {
    Router router = files_.defaults.router;
    router.address = canonical(members.front().read.address);
    router.port = members.front().read.port;
    router.name = name_of(router);
    router.in_shard = files_.agent.shard.holds(router.name);
    router.zabbix_host = router.name;
    router.own_items = false;  // there need be no such host
    if (platform) router.platform = platform->read.platform;
    if (protocol) router.protocol = protocol->read.protocol;
    std::optional<Credential> account;
    if (credentials && !credentials->wish->fields.username.empty()) {
      const ApiFields& fields = credentials->wish->fields;
      account = Credential{.name = fmt::format("zabbix:{}@{}", fields.username, router.name),
                           .username = fields.username,
                           .password = fields.password};
      router.credentials = {account->name};
    } else if (credentials) {
      router.credentials = credentials->read.credentials;
    }
    if (const std::string why = why_no_router(router); !why.empty()) {
      for (Member& member : members) member.wish->fields.problems.push_back(why);
      return;
    }
    const bool used = std::ranges::any_of(
        members, [](const Member& member) { return member.wish->fields.problems.empty(); });
    if (!used) return;
    if (account) out_.credentials.emplace(account->name, std::move(*account));
    out_.routers.push_back(std::move(router));
    for (Member& member : members)
      if (member.wish->fields.problems.empty()) member.wish->router = &out_.routers.back();
  }

  std::string why_no_router(const Router& router) const {
    if (const Router* same = files_.router(router.name)) {
      const auto index = static_cast<std::size_t>(same - files_.routers.data());
      return fmt::format("router {} of {} has that name and another address", in_quotes(router.name),
                         files_.origins.text(files_.origins.routers.at(index)));
    }
    if (!router.platform)
      return "{$LINE_ROUTER_PLATFORM} is not set (and there is no defaults.router.platform)";
    if (router.credentials.empty()) {
      return "neither {$LINE_ROUTER_CREDENTIALS} nor {$LINE_ROUTER_USERNAME} is set (and there is no "
             "defaults.router.credentials)";
    }
    return {};
  }

  Loading& loading_;
  const Settings& files_;
  ApiLines& out_;
  std::unordered_map<std::string, std::vector<std::size_t>> in_files_;  // by place
  std::vector<std::string_view> names_;
};

}  // namespace

void settle_api_routers(Loading& loading, const Settings& files, std::vector<ApiWish>& wishes,
                        ApiLines& out) {
  Settler(loading, files, out).settle(wishes);
}

}  // namespace linewatch::config
