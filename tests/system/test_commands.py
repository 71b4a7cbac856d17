"""The commands that need no router: check, parse, platforms, help and version, and a `run` that must not start.

Every problem of a configuration is printed, with its place; nothing starts, nothing is contacted, no secret is shown.
"""

import json
import re
import unittest

import agent
import support

# Only what is wrong with a file as a whole (no YAML) has no key to name.
PROBLEM = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?:(?P<path>[^ :]+): )?(?P<text>.+)$")
SECRET = "hunter2-Secret"

GOOD = """\
agent:
  state_dir: {dir}/state
  listen: null
  control_socket: {dir}/control.sock
zabbix:
  servers: [{{nodes: ["127.0.0.1:{port}"]}}]
credentials:
  backbone: {{username: netmon, password: hunter2-Secret}}
routers:
  - {{name: r1, address: 127.0.0.1, port: {port}, platform: cisco_iosxe, credentials: backbone}}
lines:
  - {{id: L-1, router: r1, target: 198.51.100.2, interval: 60s}}
"""

# What an operator may get wrong: line (from 1), what the path and the sentence must hold.
BAD = """\
agent:
  state_dir: {dir}/state
  listen: null
  control_socket: {dir}/control.sock
  treads: 2
zabbix:
  servers: [{{nodes: ["127.0.0.1:{port}"]}}]
  flush_interval: 5
credentials:
  backbone: {{username: netmon, password: hunter2-Secret}}
  from-file: {{username: netmon, password_file: no/such/file}}
defaults:
  router: {{platform: cisco_iosxe, credentials: backbone}}
routers:
  - name: r1
    address: 127.0.0.1
    port: many
  - name: r1
    address: 127.0.0.2
  - name: r2
    address: 127.0.0.3
    platform: cisco_iosxee
  - name: r3
    address: 127.0.0.4
    credentials: backbon
lines:
  - id: L-1
    router: r9
    target: 198.51.100.2
  - id: L-2
    router: r2
    target: "8.8.8.8; reload"
  - id: L-2
    router: r3
    target: 198.51.100.3
"""
EXPECTED = [
    (5, "treads", "threads"),                # unknown key, with the nearest
    (8, "flush_interval", "5s"),             # a number without its unit: what to write
    (11, "password_file", "no/such/file"),   # unreadable secret
    (17, "port", "many"),                    # wrong type
    (18, "name", "r1"),                      # duplicate
    (22, "platform", "cisco_iosxe"),         # unknown platform, with the nearest
    (25, "credentials", "backbone"),         # dangling name, with the nearest
    (28, "router", "r9"),                    # dangling name
    (32, "target", "8.8.8.8; reload"),       # no address, no name
    (33, "id", "L-2"),                       # duplicate
]

IOS_PING = """\
Type escape sequence to abort.
Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:
!!.!!
Success rate is 80 percent (4/5), round-trip min/avg/max = 1/2/10 ms
"""


class Commands(unittest.TestCase):
    def setUp(self):
        self.directory = support.temp_dir()
        self.port = support.free_port()

    def write(self, text, name="linewatch.yml"):
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(dir=self.directory, port=self.port))
        return path

    def check(self, text):
        done = agent.linewatch("check", "-c", self.write(text))
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        problems = []
        for line in done.stdout.splitlines():
            match = PROBLEM.match(line)
            self.assertTrue(match, f"not of the form file:line:column: error|warning: path: text: {line!r}")
            problems.append(match.groupdict(default=""))
        return done.returncode, problems

    def test_good_configuration(self):
        code, problems = self.check(GOOD)
        self.assertEqual((code, [p for p in problems if p["severity"] == "error"]), (0, []))

    def test_check_prints_all_problems_with_their_places(self):
        code, problems = self.check(BAD)
        self.assertEqual(code, 3)
        for line, path, words in EXPECTED:
            with self.subTest(line=line, path=path):
                fitting = [p for p in problems if p["line"] == str(line) and path in p["path"] + p["text"] and p["severity"] == "error"]
                self.assertTrue(fitting, json.dumps(problems, indent=1))
                self.assertTrue(any(words in p["text"] for p in fitting), fitting)
        self.assertTrue(all(p["file"].endswith("linewatch.yml") for p in problems))

    def test_problem_in_an_included_file_names_that_file(self):
        self.write("lines:\n  - {{id: L-9, router: r1, target: 198.51.100.9, intervall: 60s}}\n", "conf.d/lines.yml")
        code, problems = self.check("include: [conf.d/*.yml]\n" + GOOD)
        self.assertEqual(code, 3)
        self.assertTrue(any(p["file"].endswith("conf.d/lines.yml") and p["line"] == "2" and "interval" in p["text"] for p in problems), problems)

    def test_warnings_alone_are_no_failure(self):
        code, problems = self.check(GOOD.replace("interval: 60s", "interval: 5s, count: 5, timeout: 2s"))
        self.assertEqual(code, 0)
        self.assertTrue([p for p in problems if p["severity"] == "warning" and "5s" in p["text"]], problems)

    def test_targets_that_would_be_typed_are_refused(self):
        for target in ("8.8.8.8; reload", "8.8.8.8\\nreload", "$(reboot)", "-f", "a b", "198.51.100.256", "", "2001:db8::g"):
            with self.subTest(target):
                code, problems = self.check(GOOD.replace("target: 198.51.100.2", f'target: "{target}"'))
                self.assertEqual(code, 3)
                self.assertTrue([p for p in problems if p["line"] == "12"], problems)

    def test_broken_yaml_and_missing_file(self):
        code, problems = self.check("agent:\n  name: [unclosed\nlines: }}\n")
        self.assertEqual((code, problems[0]["line"]), (3, "3"))
        done = agent.linewatch("check", "-c", self.directory / "absent.yml")
        self.assertEqual(done.returncode, 3)
        self.assertIn("absent.yml", done.stdout + done.stderr)

    def test_run_and_ping_do_not_start_on_a_bad_configuration(self):
        contacted = support.BadServer(lambda connection: connection.recv(1))
        self.port = contacted.port
        config = self.write(BAD)
        for words in (["run"], ["ping", "L-1"], ["ping", "--all"]):
            with self.subTest(words):
                done = agent.linewatch(*words, "-c", config, seconds=20)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn("flush_interval", done.stderr)
                self.assertNotIn(SECRET, done.stdout + done.stderr)
        self.assertEqual(contacted.accepted, 0)

    def test_command_line(self):
        config = self.write(GOOD)
        for words, word in ((["ping", "no-such-line", "-c", config], "no-such-line"), (["ping", "-c", config], "line"),
                            (["frobnicate"], "frobnicate"), (["ping", "--no-such-option", "L-1", "-c", config], "--no-such-option"),
                            (["parse", "cisco_iosxee"], "cisco_iosxe"), (["hostkey", "scan", "r7", "-c", config], "r7")):
            with self.subTest(words):
                done = agent.linewatch(*words)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertIn(word, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, "one sentence")
        done = agent.linewatch("-c", config, "check")  # -c before the command's word
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_help_and_version(self):
        done = agent.linewatch("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^linewatch \d+\.\d+\.\d+\S*\n$")
        for words in ([], ["run"], ["check"], ["ping"], ["parse"], ["platforms"], ["hostkey"], ["hostkey", "scan"], ["status"], ["pause"], ["resume"], ["discover"]):
            with self.subTest(words):
                done = agent.linewatch(*words, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("--help", done.stdout)
                if words:
                    self.assertNotIn("unexpected", done.stdout)
                    self.assertIn(words[-1], done.stdout)

    def test_parse(self):
        path = self.directory / "transcript"
        path.write_text(IOS_PING)
        for done in (agent.linewatch("parse", "cisco_iosxe", path), agent.linewatch("parse", "cisco_iosxe", input=IOS_PING)):
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = support.parse_ndjson(done.stdout)
            self.assertEqual(len(rows), 1)
            row = rows[0]
            self.assertEqual({key: row[key] for key in ("platform", "status", "sent", "received", "loss_percent", "error")},
                             {"platform": "cisco_iosxe", "status": "partial_loss", "sent": 5, "received": 4, "loss_percent": 20, "error": None})
            self.assertEqual(row["rtt_ms"], {"min": 1, "avg": 2, "max": 10, "stddev": None})

    def test_parse_of_something_else(self):
        for text in ("", "% Invalid input detected at '^' marker.\n", "Hello, world\n", "\0\xff" * 1000):
            done = agent.linewatch("parse", "cisco_iosxe", input=text)
            self.assertEqual(done.returncode, 2, text[:30])
            row = support.parse_ndjson(done.stdout)[0]
            self.assertEqual(row["status"], "error")
            self.assertTrue(row["error"])

    def test_parse_of_a_real_ping(self):
        real = support.run(["ping", "-n", "-c", "2", "-i", "0.2", "127.0.0.1"])
        if real.returncode != 0:
            self.skipTest(f"ping: {real.stderr}")
        row = support.parse_ndjson(agent.linewatch("parse", "linux", input=real.stdout).stdout)[0]
        self.assertEqual((row["status"], row["sent"], row["received"], row["loss_percent"]), ("ok", 2, 2, 0))
        minimum = float(re.search(r"= ([\d.]+)/", real.stdout)[1])
        self.assertEqual(row["rtt_ms"]["min"], minimum)

    def test_platforms(self):
        done = agent.linewatch("platforms")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
        self.assertLessEqual({"cisco_iosxe", "huawei_vrp", "h3c_comware", "linux", "frr"}, names)
        self.assertIn("ping", agent.linewatch("platforms", "huawei_vrp").stdout)
        commands = agent.linewatch("platforms", "--commands").stdout
        self.assertIn("screen-length", commands)
        self.assertIn("terminal length 0", commands)
        self.assertRegex(commands, r"(?m)^huawei_vrp: tracert ")
        config = agent.write_config(support.temp_dir(), {
            "zabbix": {"servers": ["127.0.0.1"]},
            "tasks": [{"name": "bgp", "commands": {"frr": "show bgp"}, "values": [{"name": "up", "item": "bgp.up", "count": "x"}]}]})
        self.assertIn("frr: show bgp  (task bgp)\n", agent.linewatch("platforms", "--commands", "frr", "-c", config).stdout)
        self.assertNotEqual(agent.linewatch("platforms", "no_such").returncode, 0)


if __name__ == "__main__":
    support.need(variables=("LINEWATCH",))
    support.main(limit=110)
