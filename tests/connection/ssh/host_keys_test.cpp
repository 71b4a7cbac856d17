#include "connection/ssh/host_keys.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "connection/ssh/digest.hpp"
#include "connection/ssh/known_hosts.hpp"
#include "tests/support/sshd.hpp"

namespace linewatch::connection {
namespace {

using linewatch::test::read_text;
using linewatch::test::TemporaryFolder;
using linewatch::test::write_text;
using Policy = config::HostKeySettings::Policy;
using Verdict = HostKeys::Verdict;

// A well-formed key of a type; another `seed`, another key.
HostKey key_of(const std::string& type, const std::string& seed) {
  std::string blob;
  for (const std::string& field : {type, sha256(seed)}) {
    blob += std::string({'\0', '\0', '\0', static_cast<char>(field.size())});
    blob += field;
  }
  return HostKey{type, to_base64(blob)};
}

const HostKey ed = key_of("ssh-ed25519", "a"), other_ed = key_of("ssh-ed25519", "b"),
              rsa = key_of("ssh-rsa", "a");

std::string line(const std::string& hosts, const HostKey& key) {
  return hosts + ' ' + key.type + ' ' + key.base64;
}

struct Files {
  TemporaryFolder folder;
  std::filesystem::path known = folder.path() / "known_hosts",
                        learned = folder.path() / "state" / "known_hosts";
  HostKeys keys(const std::string& text, Policy policy = Policy::strict) {
    write_text(known, text);
    return HostKeys({policy, known}, learned);
  }
};

}  // namespace

TEST_CASE("a fingerprint is what ssh-keygen prints") {
  // Against ssh-keygen itself: "a scan shows the host key without logging in".
  const HostKey key{"ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"};
  CHECK(key.fingerprint().starts_with("SHA256:"));
  CHECK(key.fingerprint().size() == 7 + 43);
  CHECK(key.fingerprint().find('=') == std::string::npos);
}

TEST_CASE("other settings count: another file from the next load on, another policy at once") {
  Files files;
  HostKeys keys = files.keys(line("192.0.2.1", ed));
  REQUIRE(keys.load());
  const auto elsewhere = files.folder.path() / "others";
  write_text(elsewhere, line("192.0.2.1", other_ed));
  keys.reconfigure({Policy::accept_new, elsewhere});
  CHECK(keys.policy() == Policy::accept_new);
  REQUIRE(keys.load());
  CHECK(keys.verdict("192.0.2.1", 22, other_ed) == Verdict::known);
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::changed);
}

TEST_CASE("a key is known by its address as OpenSSH writes it") {
  const std::string hashed = "|1|" + to_base64("0123456789abcdefghij") + '|' +
                             to_base64(hmac_sha1("0123456789abcdefghij", "hashed.example.net"));
  Files files;
  HostKeys keys =
      files.keys("# comment\r\n\r\n" + line("192.0.2.1,r1.example.net", ed) + " a comment\r\n" +
                 line("[192.0.2.2]:2222", ed) + '\n' + line(hashed, ed) + '\n' + line("*.lab,!bad.lab", ed) +
                 "\n" + line("2001:db8::1", ed) + "\n  \t" + line("192.0.2.7", rsa));
  REQUIRE(keys.load());
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::known);
  CHECK(keys.verdict("r1.example.net", 22, ed) == Verdict::known);
  CHECK(keys.verdict("R1.Example.NET", 22, ed) == Verdict::known);
  CHECK(keys.verdict("192.0.2.1", 2222, ed) == Verdict::unknown);
  CHECK(keys.verdict("192.0.2.2", 2222, ed) == Verdict::known);
  CHECK(keys.verdict("192.0.2.2", 22, ed) == Verdict::unknown);
  CHECK(keys.verdict("hashed.example.net", 22, ed) == Verdict::known);
  CHECK(keys.verdict("hashed.example.org", 22, ed) == Verdict::unknown);
  CHECK(keys.verdict("any.lab", 22, ed) == Verdict::known);
  CHECK(keys.verdict("bad.lab", 22, ed) == Verdict::unknown);
  CHECK(keys.verdict("2001:db8::1", 22, ed) == Verdict::known);
  CHECK(keys.known("192.0.2.7", 22) == std::vector<HostKey>{rsa});
  CHECK(keys.known("192.0.2.99", 22).empty());
}

TEST_CASE("another key than the known one is a changed key, of whatever type") {
  Files files;
  HostKeys keys = files.keys(line("192.0.2.1", ed) + "\n");
  REQUIRE(keys.load());
  CHECK(keys.verdict("192.0.2.1", 22, other_ed) == Verdict::changed);
  CHECK(keys.verdict("192.0.2.1", 22, rsa) == Verdict::changed);
}

TEST_CASE("a revoked key is refused even where it is listed as known") {
  Files files;
  HostKeys keys = files.keys(line("192.0.2.1", ed) + "\n@revoked " + line("*", ed) + "\n" +
                             line("192.0.2.1", rsa) + "\n");
  REQUIRE(keys.load());
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::revoked);
  CHECK(keys.verdict("192.0.2.9", 22, ed) == Verdict::revoked);
  CHECK(keys.verdict("192.0.2.1", 22, rsa) == Verdict::known);
  CHECK(keys.verdict("192.0.2.9", 22, rsa) == Verdict::unknown);
}

TEST_CASE("what we do not speak is passed over, what is broken is named with its place") {
  Files files;
  CHECK(files
            .keys("192.0.2.1 ssh-dss AAAA\n192.0.2.1 sk-ssh-ed25519@openssh.com AAAA\n"
                  "192.0.2.1 1024 35 1234567\n@cert-authority * ssh-rsa AAAA\n")
            .load());
  struct Row {
    std::string text, where;
  };
  const std::vector<Row> rows = {
      {"\n192.0.2.1 ssh-rsa\n", ":2: expected hosts, key type and key"},
      {"192.0.2.1 ssh-rsa not*base64\n", ":1: the key is no base64"},
      {"192.0.2.1 ssh-rsa " + ed.base64 + "\n", ":1: the key is no ssh-rsa key"},
      {"|1|abc " + ed.type + " " + ed.base64, ":1: the hashed host name"},
      {"@unknown h ssh-rsa AAAA", ":1: unknown marker @unknown"},
      {"# fine\n\n<<<<<<< HEAD\n", ":3: "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto loaded = files.keys(row.text).load();
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == ErrorCode::host_key);
    CHECK(loaded.error().text.find(files.known.string() + row.where) != std::string::npos);
  }
  HostKeys unreadable({Policy::strict, files.folder.path()}, files.learned);  // a folder
  CHECK_FALSE(unreadable.load());
}

TEST_CASE("missing files are empty") {
  Files files;
  HostKeys keys({Policy::accept_new, files.known}, files.learned);
  REQUIRE(keys.load());
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::unknown);
}

TEST_CASE("a learned key is known at once and after a restart, and the file is the owner's alone") {
  Files files;
  HostKeys keys = files.keys("");
  REQUIRE(keys.load());
  REQUIRE(keys.learn("192.0.2.1", 22, ed));
  REQUIRE(keys.learn("192.0.2.1", 2222, rsa));
  REQUIRE(keys.learn("192.0.2.1", 22, ed));
  CHECK(read_text(files.learned) == line("192.0.2.1", ed) + '\n' + line("[192.0.2.1]:2222", rsa) + '\n');
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::known);
  struct stat status{};
  REQUIRE(::stat(files.learned.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  HostKeys again = files.keys("");
  REQUIRE(again.load());
  CHECK(again.verdict("192.0.2.1", 2222, rsa) == Verdict::known);
  CHECK_FALSE(keys.learn("192.0.2.3", 22, HostKey{"ssh-rsa", "AAAA"}));
}

TEST_CASE("files that others have changed are read again, and broken ones change nothing") {
  Files files;
  HostKeys keys = files.keys("");
  REQUIRE(keys.load());
  CHECK(keys.refresh().value() == false);
  HostKeys other = files.keys("");
  REQUIRE(other.load());
  REQUIRE(other.learn("192.0.2.1", 22, ed));
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::unknown);
  CHECK(keys.refresh().value() == true);
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::known);
  CHECK(keys.refresh().value() == false);
  linewatch::test::write_text(files.known, "192.0.2.1 ssh-ed25519\n");
  CHECK_FALSE(keys.refresh());
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::known);
}

TEST_CASE("two writers lose nothing of each other") {
  Files files;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      HostKeys keys({Policy::strict, files.known}, files.learned);
      for (int i = 0; i < 40; ++i)
        static_cast<void>(keys.learn("r" + std::to_string(writer * 100 + i), 22, ed));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto lines = parse_known_hosts(read_text(files.learned));
  REQUIRE(lines);
  CHECK(lines->size() == 80);
}

TEST_CASE("one store serves several loops") {
  Files files;
  HostKeys keys = files.keys(line("192.0.2.1", ed) + "\n");
  REQUIRE(keys.load());
  std::thread reader([&] {
    for (int i = 0; i < 200; ++i) {
      REQUIRE(keys.verdict("192.0.2.1", 22, ed) == Verdict::known);
      static_cast<void>(keys.known("r" + std::to_string(i), 22));
    }
  });
  for (int i = 0; i < 20; ++i) CHECK(keys.learn("r" + std::to_string(i), 22, ed));
  reader.join();
}

TEST_CASE("forgetting takes all learned keys of an address and none of the operator's") {
  Files files;
  HostKeys keys = files.keys(line("192.0.2.9", ed) + "\n");
  REQUIRE(keys.load());
  REQUIRE(keys.learn("192.0.2.1", 22, ed));
  REQUIRE(keys.learn("192.0.2.1", 22, rsa));
  REQUIRE(keys.learn("192.0.2.2", 22, ed));
  const auto gone = keys.forget("192.0.2.1", 22);
  REQUIRE(gone);
  CHECK(*gone == 2);
  CHECK(keys.verdict("192.0.2.1", 22, ed) == Verdict::unknown);
  CHECK(keys.verdict("192.0.2.2", 22, ed) == Verdict::known);
  CHECK(read_text(files.learned) == line("192.0.2.2", ed) + '\n');
  const auto none = keys.forget("192.0.2.77", 22);
  REQUIRE(none);
  CHECK(*none == 0);
  const auto kept = keys.forget("192.0.2.9", 22);
  REQUIRE_FALSE(kept);
  CHECK(kept.error().text.find(files.known.string() + ":1") != std::string::npos);
  CHECK(keys.verdict("192.0.2.9", 22, ed) == Verdict::known);
}

}  // namespace linewatch::connection
