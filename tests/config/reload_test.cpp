// A Loader that has seen a configuration change by change gives what a first load of it gives: thousands of
// random edits of a small configuration of several files.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "loading.hpp"

using namespace linewatch;

namespace {

using Texts = std::vector<std::string>;

struct DropIn {
  Texts credentials, routers, lines;
  std::string tail;  // what does not belong there, or breaks the file
};

// The configuration as it is on disk, and edits of it. What they write is mostly right: names come from a
// few, so that they meet.
class Model {
 public:
  Model(const tests::Folder& folder, unsigned seed) : folder_(folder), random_(seed) {
    for (const char* name : {"a", "b", "c"}) {
      DropIn& file = drop_ins_[name];
      for (int i = 0; i < 5; ++i) file.routers.push_back(router());
      for (int i = 0; i < 8; ++i) file.lines.push_back(line());
      write(name);
    }
    write_main();
    write_platforms();
    write_secret();
  }

  void edit() {
    if (broken_) return write_main();
    switch (below(15)) {
      case 14:
      case 0:
        return write_main();
      case 1:
        return write_platforms();
      case 2:
        return write_secret();
      case 3:
        return below(3) ? add_or_remove_file() : rename_file();
      case 4:
        return change(random_file(), &DropIn::credentials, 2, [this] { return credential(); });
      case 5:
      case 6:
      case 7:
        return change(random_file(), &DropIn::routers, 5, [this] { return router(); });
      case 8: {
        const std::string name = random_file();
        drop_ins_[name].tail =
            below(3) ? "" : pick({"lines: []\n", "- broken\n", "x: [\n", "zabbix: {}\n", "# &\n"});
        return write(name);
      }
      default:
        return change(random_file(), &DropIn::lines, 12, [this] { return line(); });
    }
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string number(std::size_t limit) { return std::to_string(below(limit)); }
  bool rarely() { return below(12) == 0; }
  std::string pick(std::initializer_list<const char*> texts) { return texts.begin()[below(texts.size())]; }
  std::string random_file() {
    return std::next(drop_ins_.begin(), static_cast<long>(below(drop_ins_.size())))->first;
  }

  std::string credential() {
    return "  " + pick({"c", "d", "e"}) + ": " +
           pick({"{username: u, password: p}", "{username: u, password_file: ../pw}",
                 "{username: v, agent: true}", "{username: u, password_file: none}", "{password: p}"}) +
           "\n";
  }
  std::string line_settings() {
    std::string text;
    for (std::size_t count = below(3); count > 0; --count)
      text += pick({", interval: 5s",
                    ", interval: 1h",
                    ", size: 100",
                    ", df: true",
                    ", vrf: A",
                    ", dscp: 8",
                    ", source: Loopback0",
                    ", source: 192.0.2.200",
                    ", trace: {on_loss: true}",
                    ", trace: {on_loss: true}",
                    ", task: optics",
                    ", tasks: [bgp]",
                    ", tasks: [bgp]",
                    ", tasks: [bgp]",
                    ", tasks: [optics, bgp]",
                    ", labels: {port: ge1}",
                    ", labels: {a: b}",
                    ", group: g",
                    ", enabled: false",
                    ", count: 3",
                    ", zabbix_host: h1",
                    ", family: 6",
                    ", timeout: 1500ms"});
    return rarely() ? text + pick({", conut: 4", ", count: no", ", task: pong", ", tasks: [bpg]"}) : text;
  }
  std::string router() {
    std::string text = "  - {name: r" + number(16) + ", address: 192.0.2." + number(9);
    if (below(4))
      text += ", platform: " + pick({"acme", "acme2", "acme2", "linux", "cisco_iosxe", "huawei_vrp"});
    if (rarely()) text += pick({", platform: acm", ", credentials: nobody", ", prot: 5", ", jump: r99"});
    if (below(4) == 0) text += ", jump: r" + number(16);
    if (below(4) == 0)
      text += pick({", tasks: [bgp]", ", enabled: false", ", zabbix_host: h1", ", protocol: exec",
                    ", credentials: d", ", connection: {min_connections: 2}"});
    if (below(4) == 0) text += ", defaults: {line: {warmup: " + number(3) + line_settings() + "}}";
    return text + "}\n";
  }
  std::string line() {
    if (below(40) == 0) return "  - nothing\n";
    return "  - {id: L" + number(60) + ", router: r" + number(16) + ", target: " +
           pick({"198.51.100.1", "198.51.100.2", "'2001:db8::1'", "far.example.net",
                 rarely() ? "1.2.3" : "192.0.2.77"}) +
           line_settings() + "}\n";
  }

  void change(const std::string& name, Texts DropIn::* section, std::size_t most, auto make) {
    Texts& texts = drop_ins_[name].*section;
    const std::size_t at = texts.empty() ? 0 : below(texts.size());
    if (texts.empty() || (texts.size() < most && below(3) == 0)) {
      texts.insert(texts.begin() + static_cast<long>(at), make());
    } else if (below(4) == 0) {
      texts.erase(texts.begin() + static_cast<long>(at));
    } else {  // anew, or in its last words only
      const std::string made = make();
      const std::size_t end = texts[at].rfind(", "), other = made.rfind(", ");
      const bool words = end != std::string::npos && other != std::string::npos && below(2);
      texts[at] = words ? texts[at].substr(0, end) + made.substr(other) : made;
    }
    write(name);
  }
  void add_or_remove_file() {
    if (drop_ins_.size() > 1 && below(2)) {
      const std::string name = random_file();
      drop_ins_.erase(name);
      std::filesystem::remove(folder_.path() / "conf.d" / (name + ".yml"));
    } else {
      const std::string name = pick({"a", "b", "c", "d", "e"});
      drop_ins_[name].lines.push_back(line());
      write(name);
    }
  }
  void rename_file() {
    const std::string from = random_file(), to = pick({"a", "b", "c", "d", "e"});
    if (drop_ins_.contains(to)) return;
    drop_ins_[to] = drop_ins_[from];
    drop_ins_.erase(from);
    std::filesystem::rename(folder_.path() / "conf.d" / (from + ".yml"),
                            folder_.path() / "conf.d" / (to + ".yml"));
  }

  void write(const std::string& name) {
    const DropIn& file = drop_ins_[name];
    std::string text = below(2) ? "" : "# remark " + number(100) + "\n";
    const auto section = [&](const char* key, const Texts& texts) {
      if (!texts.empty()) text += std::string(key) + ":\n";
      for (const std::string& one : texts) text += one;
    };
    section("credentials", file.credentials);
    section("routers", file.routers);
    section("lines", file.lines);
    folder_.write("conf.d/" + name + ".yml", text + file.tail, rarely() ? 0644 : 0600);
  }
  // One of its parts is another one then.
  void write_main() {
    const std::size_t changed = below(main_.size());
    for (std::size_t part = 0; part < main_.size(); ++part) {
      if (part == changed || main_[part].empty()) main_[part] = main_part(part);
    }
    broken_ = below(20) == 0;
    std::string text = broken_ ? "lines: [\n" : "";
    for (const std::string& part : main_) text += part;
    folder_.write("linewatch.yml", text);
  }
  std::string main_part(std::size_t part) {
    switch (part) {
      case 0:
        return "include: " + pick({"conf.d/*.yml", "conf.d/*.yml", "[conf.d/b.yml, 'conf.d/*']"}) + "\n";
      case 1:
        return "zabbix: {servers: [10.0.0.5]" + pick({"", "", ", layout: per_line", ", batch_size: 9"}) +
               "}\n";
      case 2:
        return pick(
            {"#\n", "agent: {shard: 1/2}\n", "connection: {total: {sessions: 3}}\n", "log: {levl: info}\n"});
      case 3:
        return "credentials: {c: {username: u, password_file: pw}, d: {username: w, password: q}}\n";
      case 4:
        return "defaults:\n  router: {credentials: c, platform: " + pick({"cisco_iosxe", "acme2"}) +
               "}\n  line: {interval: " + pick({"1m", "1m", "8s"}) + line_settings() + "}\n";
      default:
        return tasks();
    }
  }
  std::string tasks() {
    if (below(6) == 0) return "tasks: []\n";
    const std::string bgp = "  - {name: bgp, commands: {cisco_iosxe: show bgp, acme2: '" +
                            pick({"bgp", "bgp", "bgp {label.a}", "bgp {vrf}"}) +
                            "'}, values: [{name: n, item: bgp.n, count: x}]}\n";
    const std::string optics =
        "  - {name: optics, commands: {acme2: '" + pick({"optics", "optics {label.port}"}) +
        "', cisco_iosxe: o}, values: [{name: rx, item: " + pick({"bgp.n", "optic.rx"}) +
        ", find: 'rx (?P<rx>.*)'}]}\n";
    return "tasks:\n" + (below(4) ? bgp : "") + optics;
  }
  void write_platforms() {
    folder_.write("platforms/acme.yaml",
                  "name: acme\ncli: {prompt: '^acme> $'}\nping:\n  ipv4: 'ping {target}{count}" +
                      pick({"", "{vrf}"}) +
                      "'\n  options: {count: {text: ' count {value}', max: " + pick({"4", "100"}) +
                      "}, vrf: {text: ' vrf {value}'}}\n"
                      "  answer: {totals: ['(?P<sent>\\d+) sent (?P<received>\\d+) back']}\n" +
                      pick({"", "", "clii: {}\n"}));
    folder_.write("platforms/acme2.yaml", "extends: " + pick({"acme", "cisco_iosxe"}) + "\nname: acme2\n" +
                                              pick({"", "description: d\n"}));
  }
  void write_secret() { folder_.write("pw", pick({"one", "two", ""}), rarely() ? 0644 : 0600); }

  const tests::Folder& folder_;
  std::mt19937 random_;
  std::map<std::string, DropIn> drop_ins_;
  std::array<std::string, 6> main_;
  bool broken_ = false;  // the main file
};

// Two loads never have a site's platform in common, a Loader's routers do.
bool same_routers(std::vector<config::Router> left, std::vector<config::Router> right) {
  const auto same = [](config::Router& one, config::Router& other) {
    if (!one.platform != !other.platform || (one.platform && *one.platform != *other.platform)) return false;
    one.platform = other.platform;
    return one == other;
  };
  return std::ranges::equal(left, right, same);
}

bool same_platforms(const config::Platforms& left, const config::Platforms& right) {
  return left.names_and_aliases() == right.names_and_aliases() &&
         std::ranges::all_of(left.names(),
                             [&](const std::string& name) { return *left.find(name) == *right.find(name); });
}

void check_same(const config::Settings& left, const config::Settings& right) {
  CHECK(left.agent == right.agent);
  CHECK(left.log == right.log);
  CHECK(left.zabbix == right.zabbix);
  CHECK(left.connection == right.connection);
  CHECK(left.host_keys == right.host_keys);
  CHECK(left.credentials == right.credentials);
  CHECK(same_routers(left.routers, right.routers));
  CHECK(left.lines == right.lines);
  CHECK(left.tasks == right.tasks);
  CHECK(same_platforms(left.platforms, right.platforms));
  CHECK(left.router_index == right.router_index);
  CHECK(left.line_index == right.line_index);
}

}  // namespace

TEST_CASE("after each of many random edits a loader gives what a first load gives") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  const tests::Folder folder;
  Model model(folder, seed);
  config::Loader loader(folder.path() / "linewatch.yml");
  int good = 0;
  for (int edits = 0; edits < 2000; ++edits) {
    INFO("after edit " << edits);
    const config::Loaded kept = loader.load(), fresh = folder.load();
    REQUIRE(folder.problems(kept) == folder.problems(fresh));
    CHECK(kept.problems == fresh.problems);
    CHECK(kept.sources == fresh.sources);
    check_same(kept.settings, fresh.settings);
    good += fresh.settings.lines.size() > 5;
    model.edit();
  }
  CHECK(good > 200);  // edits that break the main file leave nothing to compare
}
