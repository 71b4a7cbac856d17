// What a configuration depends on, and what a second load of it gives.

#include <doctest/doctest.h>
#include <stdlib.h>

#include "loading.hpp"

using namespace linewatch;

namespace {

// Paths below the folder, one a line.
std::string below(const tests::Folder& folder, const std::vector<std::filesystem::path>& paths) {
  std::string out;
  for (const auto& path : paths) out += path.lexically_relative(folder.path()).string() + "\n";
  return out;
}

constexpr std::string_view acme = R"(name: acme
cli: {prompt: '^acme> $'}
ping:
  ipv4: 'ping {target}{count}'
  options: {count: {text: ' count {value}'}}
  answer: {totals: ['(?P<sent>\d+) sent (?P<received>\d+) back']}
)";

std::string on_platforms() {
  return "zabbix: {servers: [10.0.0.5]}\ncredentials: {c: {username: u, password: p}}\n"
         "routers: [{name: a, address: 192.0.2.1, platform: acme, credentials: c},\n"
         "          {name: b, address: 192.0.2.2, platform: acme2, credentials: c},\n"
         "          {name: l, address: 192.0.2.3, platform: linux, credentials: c}]\n"
         "lines: [{id: 1, router: a, target: 192.0.2.9}]\n";
}

}  // namespace

TEST_CASE("every file and folder that a configuration depends on is named, be it there or not") {
  const tests::Folder folder;
  folder.write("conf.d/a.yml", "credentials: {d: {username: u, password_file: pw-d}}\n");
  folder.write("conf.d/broken.yml", "lines: [\n");
  folder.write("sites/north/x/lines.yml", "lines: []\n");
  folder.write("sites/south/other.yml", "");
  folder.write("platforms/acme.yaml", acme);
  folder.write("platforms/notes.txt", "");
  folder.write("secrets/pw-c", "x");
  ::setenv("CREDENTIALS_DIRECTORY", (folder.path() / "unit").c_str(), 1);
  folder.write(
      "linewatch.yml",
      "include: [conf.d/*.yml, none.d/*.yml, 'sites/*/x/*.yml', single.yml, conf.d/a.yml]\n"
      "host_keys: {known_hosts_file: keys/known_hosts}\n"
      "zabbix:\n"
      "  servers: [{nodes: 10.0.0.5, tls: {connect: cert, ca_file: tls/ca, cert_file: tls/cert,\n"
      "             key_file: tls/key, crl_file: tls/crl}}, {nodes: 10.0.0.6, tls: {connect: psk, "
      "psk_identity: i,\n"
      "             psk_file: tls/psk}}]\n"
      "  api: {url: 'https://zabbix.example.net/', token_file: secrets/token}\n"
      "credentials:\n"
      "  c: {username: u, password_file: secrets/pw-c, enable_password_credential: enable}\n"
      "  k: {username: u, private_key_file: secrets/key, private_key_passphrase_file: secrets/pass}\n");
  const config::Sources sources = folder.load().sources;
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(below(folder, sources.files) ==
        "conf.d/a.yml\nconf.d/broken.yml\nconf.d/pw-d\nkeys/known_hosts\nlinewatch.yml\n"
        "platforms/acme.yaml\nsecrets/key\nsecrets/pass\nsecrets/pw-c\nsecrets/token\nsingle.yml\n"
        "sites/north/x/lines.yml\ntls/ca\ntls/cert\ntls/crl\ntls/key\ntls/psk\nunit/enable\n");
  CHECK(below(folder, sources.folders) == "conf.d\nnone.d\nplatforms\nsites\nsites/north/x\nsites/south/x\n");
}

TEST_CASE("a main file that can't be read is a source, and a platforms_dir that is not there") {
  const tests::Folder folder;
  CHECK(below(folder, folder.load("none.yml").sources.files) == "none.yml\n");
  CHECK(folder.load("none.yml").sources.folders.empty());
  folder.write("linewatch.yml", "platforms_dir: profiles\n");
  CHECK(below(folder, folder.load().sources.folders) == "profiles\n");
  CHECK(below(folder, folder.load().sources.files) == "known_hosts\nlinewatch.yml\n");
}

TEST_CASE("a changed secret's file gives other settings at the next load") {
  const tests::Folder folder;
  folder.write("pw", "before");
  folder.write("linewatch.yml",
               "zabbix: {servers: [10.0.0.5]}\ncredentials: {c: {username: u, password_file: pw}}\n");
  config::Loader loader(folder.path() / "linewatch.yml");
  const config::Settings before = loader.load().settings;
  CHECK(loader.load().settings.credentials == before.credentials);
  folder.write("pw", "behind");
  const config::Settings after = loader.load().settings;
  CHECK(after.credentials != before.credentials);
  CHECK(after.credentials.at("c").password->reveal() == "behind");
}

TEST_CASE("a platform's profile that means the same is the same object, another one is not") {
  const tests::Folder folder;
  folder.write("platforms/acme.yaml", acme);
  folder.write("platforms/acme2.yaml", "extends: acme\nname: acme2\ndescription: two\n");
  folder.write("linewatch.yml", on_platforms());
  config::Loader loader(folder.path() / "linewatch.yml");
  const auto routers = [&] {
    config::Loaded loaded = loader.load();
    CHECK(folder.problems(loaded) == "");
    return std::move(loaded.settings.routers);
  };
  const auto first = routers();
  CHECK(routers() == first);

  folder.write("platforms/acme.yaml", "# a remark\n" + std::string(acme));  // read again, but equal
  folder.write("platforms/acme2.yaml", "extends: acme\nname: acme2\ndescription: two changed\n");
  const auto second = routers();
  CHECK(second[0] == first[0]);
  CHECK(second[1] != first[1]);
  CHECK(second[1].platform->description == "two changed");
  CHECK(second[2] == first[2]);

  folder.write("platforms/acme.yaml", "aliases: [acme1]\n" + std::string(acme));  // one's own, not inherited
  const auto third = routers();
  CHECK(third[0] != second[0]);
  CHECK(third[1] == second[1]);
  folder.write("platforms/acme.yaml", std::string(acme) + "traceroute: {ipv4: 'trace {target}'}\n");
  const auto fourth = routers();
  CHECK(fourth[1] != third[1]);  // its own file says what it said: what it extends does not
  CHECK(fourth[1].platform->traceroute.ipv4 == "trace {target}");
  CHECK(fourth[2] == first[2]);
}

TEST_CASE("a profile that was wrong for a while is a new object") {
  const tests::Folder folder;
  folder.write("platforms/acme.yaml", acme);
  folder.write("linewatch.yml", on_platforms());
  folder.write("platforms/acme2.yaml", "extends: acme\nname: acme2\n");
  config::Loader loader(folder.path() / "linewatch.yml");
  const auto first = loader.load().settings.routers;
  folder.write("platforms/acme.yaml", "name: [\n");
  const config::Loaded broken = loader.load();
  CHECK_FALSE(broken.ok());
  CHECK(folder.problems(loader.load()) == folder.problems(broken));  // said again though nothing was read
  folder.write("platforms/acme.yaml", acme);
  CHECK(folder.problems(loader.load()) == "");
}
