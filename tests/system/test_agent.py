"""`linewatch` against routers that misbehave and a Zabbix that goes away (simulator and trapper).

What can't be measured is said, in time, with its cause; healthy lines stay on schedule; nothing is lost or sent twice.
"""

import base64
import hashlib
import json
import pathlib
import re
import signal
import time
import unittest

import agent
import support

GOOD, LOSSY, DEAD = "198.51.100.1", "198.51.100.2", "198.51.100.3"
TARGETS = {GOOD: {"delay": "5ms"}, LOSSY: {"delay": "10ms", "pattern": "!!.!!"}, DEAD: {"pattern": "."}}
WRONG_PASSWORD = "Wr0ng-Harbour-17"

# router: (its faults, the words one of which its error must hold, the states that say "not measured")
ROUTER_ERROR = ("router_error",)
ROUTER_OR_LINE = ("router_error", "line_error")
BAD = {
    "refused": (None, "refused", ROUTER_ERROR),
    "wrong-key": (None, "host key", ROUTER_ERROR),
    "wrong-password": (None, "password|authentication|login|reject|refus", ROUTER_ERROR),
    "silent-tcp": ({"silent": "tcp"}, "time|answer|silent|within|nothing", ROUTER_ERROR),
    "silent-auth": ({"silent": "auth"}, "time|answer|silent|within|nothing", ROUTER_ERROR),
    "silent-prompt": ({"silent": "prompt"}, "prompt", ROUTER_ERROR),
    "silent-command": ({"silent": "command"}, "time|answer|silent|within|nothing", ROUTER_OR_LINE),
    "closes": ({"close_in": "command", "close_after": 40}, "closed", ROUTER_OR_LINE),
    "endless": ({"endless": True}, "output|limit|octets|bytes|end|long", ROUTER_OR_LINE),
}
STATE_NUMBER = {"router_error": "3", "line_error": "2"}


class Lab(unittest.TestCase):
    """A folder, a simulator and configurations for it."""

    def setUp(self):
        self.directory = support.temp_dir()

    def simulate(self, routers):
        self.sim = agent.Simulator(self.directory, routers)
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())

    def write(self, routers, lines, trapper_port=10051, file="linewatch.yml", **more):
        credentials = {
            "netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD)},
            "other": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "other", WRONG_PASSWORD)}}
        return agent.write_config(self.directory, agent.settings(
            self.directory, trapper_port, credentials=credentials, routers=routers, lines=lines, **more), file)

    def assert_no_secret(self, *texts):
        for text in texts:
            for secret in (agent.PASSWORD, WRONG_PASSWORD):
                self.assertNotIn(secret, text)


def line(name, router, target=GOOD, interval="60s", count=3, timeout="1s", **more):
    return {"id": name, "router": router, "target": target, "interval": interval, "count": count, "timeout": timeout, **more}


class Ping(Lab):
    def test_figures_and_exit_codes(self):
        self.simulate([{"name": "r1", "targets": TARGETS}, {"name": "r2", "platform": "huawei_vrp", "targets": TARGETS},
                       {"name": "r3", "platform": "linux", "targets": TARGETS}])
        lines = [line(f"{kind}-{router}", router, target, count=5)
                 for router in ("r1", "r2", "r3") for kind, target in (("good", GOOD), ("lossy", LOSSY), ("dead", DEAD))]
        config = self.write([*map(self.sim.router, self.sim.routers), {**self.sim.router("r1"), "name": "gone", "port": support.free_port()}],
                            [*lines, line("none", "gone")])
        for router in ("r1", "r2", "r3"):
            with self.subTest(router):
                code, rows, errors = agent.ping_json(config, f"good-{router}", f"lossy-{router}")
                self.assertEqual(code, 0, errors)
                good, lossy = rows[f"good-{router}"], rows[f"lossy-{router}"]
                self.assertEqual((good["state"], good["status"], good["sent"], good["received"], good["loss_percent"]), ("up", "ok", 5, 5, 0))
                self.assertLess(abs(good["rtt_ms"]["avg"] - 5), 2.5)
                self.assertEqual((lossy["state"], lossy["status"], lossy["received"], lossy["loss_percent"]), ("up", "partial_loss", 4, 20))
                self.assertRegex(good["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
                self.assertGreater(good["duration_ms"], 0)
                code, rows, errors = agent.ping_json(config, f"good-{router}", f"dead-{router}")
                self.assertEqual(code, 1, errors)
                dead = rows[f"dead-{router}"]
                self.assertEqual((dead["state"], dead["status"], dead["loss_percent"]), ("down", "total_loss", 100))
        code, rows, errors = agent.ping_json(config, "dead-r1", "none")
        self.assertEqual((code, rows["none"]["state"], rows["dead-r1"]["state"]), (2, "router_error", "down"), errors)
        self.assertEqual((rows["none"]["sent"], rows["none"]["loss_percent"]), (None, None), "no figure is invented")

    def test_one_login_for_one_line(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        code, rows, errors = agent.ping_json(self.write([self.sim.router("r1")], [line("L", "r1")]), "L")
        self.assertEqual((code, rows["L"]["session"]), (0, "new"), errors)
        self.assertEqual(len(self.sim.logins("r1")), 1)

    def test_table_for_people(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        done = agent.linewatch("ping", "-c", self.write([self.sim.router("r1")], [line("L-7", "r1", LOSSY, count=5)]), "--all")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^L-7\b.*\bup\b.*\b20\b")

    def test_trace_shows_what_was_typed_waited_for_and_understood_but_no_secret(self):
        enable = "0pen-Sesame-77"
        # A device that asks for a password and echoes it, octet by octet; a log line that holds another.
        self.simulate([{"name": "r1", "targets": TARGETS, "enable_password": enable, "chunk": 1,
                        "quirks": {"echoes_hidden": True}, "log_line": f"%AAA-5: login with {agent.PASSWORD}"}])
        credential = {"username": agent.USER, "password": agent.PASSWORD,
                      "enable_password_file": agent.secret_file(self.directory, "enable", enable)}
        config = agent.write_config(self.directory, agent.settings(
            self.directory, 10051, credentials={"netmon": credential}, routers=[self.sim.router("r1")], lines=[line("L", "r1")]))
        done = agent.linewatch("ping", "-c", config, "--trace", "L")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"(?m)^r1 # waiting for a prompt: \^")
        self.assertRegex(done.stderr, r"(?m)^r1 > enable\\n$")
        self.assertRegex(done.stderr, r"(?m)^r1 > \*{8}$")
        self.assertRegex(done.stderr, r'(?m)^r1 # at the prompt "r1#"$')
        self.assertRegex(done.stderr, r"(?m)^r1 > ping 198")
        self.assertRegex(done.stderr, r'(?m)^r1 # waiting for the echo and the prompt "r1#"$')
        self.assertRegex(done.stderr, r"(?m)^r1 < Success rate is .*$")
        self.assertRegex(done.stderr, r"(?m)^r1 < %AAA-5: login with \*{8}")
        self.assertRegex(done.stderr, r'(?m)^r1 # understood: \{"platform":"cisco_iosxe","status":"ok","sent":')
        self.assert_no_secret(done.stdout, done.stderr)
        self.assertNotIn(enable, done.stdout + done.stderr)


class BadRouters(Lab):
    """One healthy router among all kinds of bad ones."""

    def setUp(self):
        super().setUp()
        routers = [{"name": "healthy", "targets": TARGETS}]
        for name, (faults, _, _) in BAD.items():
            if name != "refused":
                routers.append({"name": name, "targets": TARGETS, **({"faults": faults} if faults else {})})
        self.simulate(routers)
        stranger = agent.make_host_key(self.directory / "stranger")
        port = self.sim.routers["wrong-key"]["port"]
        known = re.sub(rf"(?m)^(\S*:{port}) .*$", rf"\1 {stranger}", self.sim.known_hosts())
        (self.directory / "known_hosts").write_text(known)

    def routers(self):
        configured = [self.sim.router(name, **({"credentials": "other"} if name == "wrong-password" else {})) for name in self.sim.routers]
        return configured + [{**self.sim.router("healthy"), "name": "refused", "port": support.free_port()}]

    CONNECTION = {"connect_timeout": "3s", "read_timeout": "3s", "acquire_timeout": "8s", "retry_max_attempts": 1,
                  "backoff": {"first": "500ms", "max": "2s"}, "breaker": {"failures": 1000, "cool_down": "1s"}}

    def test_ping_says_state_and_cause_in_time(self):
        lines = [line(name, name, count=2) for name in ["healthy", *BAD]]
        config = self.write(self.routers(), lines, connection=self.CONNECTION)
        before = time.monotonic()
        code, rows, errors = agent.ping_json(config, "--all", seconds=60)
        took = time.monotonic() - before
        self.assertEqual(code, 2, errors)
        self.assertEqual(sorted(rows), sorted(["healthy", *BAD]), errors)
        self.assertEqual(rows["healthy"]["state"], "up")
        for name, (_, words, states) in BAD.items():
            with self.subTest(name):
                self.assertIn(rows[name]["state"], states, rows[name])
                self.assertRegex(rows[name]["error"], f"(?i){words}")
                self.assertNotIn("\n", rows[name]["error"])
                self.assertEqual((rows[name]["status"], rows[name]["loss_percent"]), ("error", None), rows[name])
        self.assertLess(took, 30 * support.PATIENCE)
        order = list(rows)  # printed as results arrive
        self.assertLess(order.index("healthy"), order.index("silent-tcp"))
        self.assertIn("host key", errors)
        self.assert_no_secret(json.dumps(rows), errors, self.sim.out(), self.sim.err())
        # Nothing was told to the router with the wrong key.
        self.assertEqual(self.sim.logins("wrong-key") + self.sim.events("auth_failed", "wrong-key"), [])

    def test_run_keeps_healthy_lines_on_schedule(self):
        lines = [line("healthy", "healthy", interval="2s", count=2)] + [line(name, name, interval="5s", count=2) for name in BAD]
        trapper = agent.Trapper(self.directory)
        config = self.write(self.routers(), lines, trapper.port, connection=self.CONNECTION, log={"level": "debug"})
        process = agent.Agent(config, self.directory)
        several = lambda values: (len(agent.runs(values, "healthy")) >= 9 and
                                  all(len(agent.runs(values, name)) >= 2 for name in BAD))
        trapper.wait_values(several, 60, "two results of each bad line and nine of the healthy one")
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])
        self.assertEqual(process.stop(), 0, process.tail())
        values = trapper.values()
        healthy = agent.runs(values, "healthy")
        self.assertEqual({keys["line.status"] for _, keys in healthy[:-1]}, {"1"})
        starts = [clock + ns / 1e9 for (clock, ns), _ in healthy]
        for earlier, later in zip(starts, starts[1:]):
            self.assertLess(abs(later - earlier - 2), 0.7 * support.PATIENCE, starts)
        for name, (_, words, states) in BAD.items():
            with self.subTest(name):
                results = [keys for _, keys in agent.runs(values, name) if keys["line.status"] != "4"]
                self.assertTrue(results)
                for keys in results:
                    self.assertIn(keys["line.status"], [STATE_NUMBER[state] for state in states], keys)
                    self.assertFalse({"line.loss", "line.up", "line.rtt.avg"} & set(keys), "no figure is invented")
                told = [keys["line.error"] for keys in results if keys.get("line.error")]
                self.assertTrue(told and re.search(f"(?i){words}", told[0]), told)
        self.assert_no_secret(process.out(), process.err(), trapper.out(), self.sim.out())
        if support.PATIENCE == 1:
            self.assertLess(peak, 150_000, "kB at the peak")


class Run(Lab):
    def test_clock_order_and_keys(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        trapper = agent.Trapper(self.directory)
        lines = [line("good", "r1", interval="2s"), line("lossy", "r1", LOSSY, interval="2s", count=5), line("dead", "r1", DEAD, interval="4s", count=1)]
        process = agent.Agent(self.write([self.sim.router("r1")], lines, trapper.port), self.directory)
        trapper.wait_values(lambda values: all(len(agent.runs(values, name)) >= 3 for name in ("good", "lossy", "dead")), 40, "three runs each")
        self.assertEqual(process.stop(), 0, process.tail())
        values = trapper.values()
        self.assertEqual({value.host for value in values if value.key.startswith("line.")}, {"r1"})
        good, lossy, dead = (agent.runs(values, name)[0][1] for name in ("good", "lossy", "dead"))
        self.assertEqual((good["line.status"], good["line.up"], good["line.loss"]), ("1", "1", "0"))
        self.assertLess(abs(float(good["line.rtt.avg"]) - 0.005), 0.0025)
        self.assertEqual((lossy["line.status"], lossy["line.loss"]), ("1", "20"))
        self.assertEqual((dead["line.status"], dead["line.up"], dead["line.loss"]), ("0", "0", "100"))
        self.assertFalse([key for key in dead if key.startswith("line.rtt")])
        self.assertTrue(dead["line.error"])
        # Within a run the figures and the error go before the status: a trigger on the status finds them there.
        by_run = {}
        for value in values:
            if value.key.endswith("[lossy]"):
                by_run.setdefault((value.clock, value.ns), []).append(value.key)
        for keys in by_run.values():
            self.assertEqual(keys[-1], "line.status[lossy]", keys)

    def test_layout_per_line(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        trapper = agent.Trapper(self.directory)
        process = agent.Agent(self.write([self.sim.router("r1")], [line("L-1", "r1", interval="2s"), line("L-2", "r1", interval="2s", zabbix_host="elsewhere")],
                                         trapper.port, zabbix={"layout": "per_line"}), self.directory)
        trapper.wait_values(lambda values: {("L-1", "line.status"), ("elsewhere", "line.status")} <= {(v.host, v.key) for v in values}, 30, "both hosts' values")
        self.assertEqual(process.stop(), 0, process.tail())

    def test_sessions_never_exceed_the_maximum(self):
        self.simulate([{"name": "r1", "targets": {GOOD: {"delay": "200ms"}}}])
        trapper = agent.Trapper(self.directory)
        lines = [line(f"L-{i}", "r1", interval="2s", count=3) for i in range(8)]
        router = self.sim.router("r1", connection={"max_connections": 2})
        process = agent.Agent(self.write([router], lines, trapper.port), self.directory)
        trapper.wait_values(lambda values: all(agent.runs(values, one["id"]) for one in lines), 40, "a run of each line")
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertLessEqual(max(row["sessions"] for row in self.sim.logins("r1")), 2)
        self.assertLessEqual(len(self.sim.events("connected", "r1")), 2, "sessions are kept, not opened anew")

    def test_stop_during_a_ping(self):
        self.simulate([{"name": "r1", "targets": {GOOD: {"delay": "900ms"}}}])
        trapper = agent.Trapper(self.directory)
        config = self.write([self.sim.router("r1")], [line("long", "r1", interval="2s", count=100)], trapper.port, agent={"stop_timeout": "3s"})
        process = agent.Agent(config, self.directory)
        self.sim.wait_rows(lambda: self.sim.pings("r1"), 1, "a ping is typed")
        before = time.monotonic()
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertLess(time.monotonic() - before, 3 + 2 * support.PATIENCE, "within stop_timeout")
        found = agent.runs(trapper.values(), "long")
        self.assertTrue(found, "the running ping is reported")
        self.assertEqual(found[0][1]["line.status"], "4", found)
        self.assertNotIn("line.loss", found[0][1])
        self.check_politeness()

    def check_politeness(self):
        """Every session typed its logout before it went; none was just cut."""
        sessions = {row["session"] for row in self.sim.logins("r1")}
        self.assertTrue(sessions)
        support.wait_until(lambda: {row["session"] for row in self.sim.events("closed", "r1")} == sessions, 10, "the sessions end", of=self.sim)
        last = {row["session"]: row["text"] for row in self.sim.events("command", "r1")}
        self.assertEqual(set(last), sessions)
        self.assertLessEqual(set(last.values()), {"exit", "quit", "logout"}, last)

    def test_stop_when_idle_logs_out(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        trapper = agent.Trapper(self.directory)
        process = agent.Agent(self.write([self.sim.router("r1")], [line("L", "r1", interval="3s")], trapper.port), self.directory)
        trapper.wait_values(lambda values: agent.runs(values, "L"), 30, "a run")
        before = time.monotonic()
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertLess(time.monotonic() - before, 5 * support.PATIENCE)
        self.check_politeness()

    def test_stop_with_a_router_that_never_speaks(self):
        self.simulate([{"name": "r1", "targets": TARGETS, "faults": {"silent": "tcp"}}])
        trapper = agent.Trapper(self.directory)
        process = agent.Agent(self.write([self.sim.router("r1")], [line("L", "r1", interval="5s")], trapper.port, agent={"stop_timeout": "3s"}), self.directory)
        self.sim.wait_rows(lambda: self.sim.events("connected", "r1"), 1, "the agent connects")
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, process.tail())
        self.assertLess(time.monotonic() - before, 3 + 2 * support.PATIENCE)


class ZabbixAway(Lab):
    def start(self, **zabbix):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        self.port = support.free_port()
        self.config = self.write([self.sim.router("r1")], [line("L", "r1", interval="2s", count=1)], self.port, **({"zabbix": zabbix} if zabbix else {}))
        return agent.Agent(self.config, self.directory)

    def check_complete(self, values):
        """Every run from the first to the last, once."""
        found = agent.runs(values, "L")
        starts = [clock + ns / 1e9 for (clock, ns), _ in found]
        for earlier, later in zip(starts, starts[1:]):
            self.assertLess(abs(later - earlier - 2), 0.9 * support.PATIENCE, starts)
        pings = len(self.sim.pings("r1"))
        self.assertIn(pings - len([1 for _, keys in found if keys["line.status"] == "1"]), (0, 1))

    def test_values_wait_and_are_delivered_once(self):
        process = self.start()
        self.sim.wait_rows(lambda: self.sim.pings("r1"), 3, "three pings")
        first = agent.Trapper(self.directory, self.port, name="first")
        first.wait_values(lambda values: len(agent.runs(values, "L")) >= 4, 60, "what waited, and more")
        first.stop()
        seen = len(self.sim.pings("r1"))
        self.sim.wait_rows(lambda: self.sim.pings("r1"), seen + 2, "two more pings")
        second = agent.Trapper(self.directory, self.port, name="second")
        second.wait_values(lambda values: len(agent.runs(values, "L")) >= 3, 60, "what waited the second time")
        self.assertEqual(process.stop(), 0, process.tail())
        # What the first took while its answer was cut off comes again, the same to the nanosecond.
        self.check_complete(sorted(set(first.values() + second.values())))
        said = [text for text in process.err().splitlines() + process.out().splitlines() if str(self.port) in text and re.search("refused|unreachable|can't|fail", text)]
        self.assertLessEqual(len(said), 4, "a lasting failure is said when it begins and when it ends")

    def test_lost_answers_change_nothing(self):
        process = self.start()
        trapper = agent.Trapper(self.directory, self.port, options=["--fault", "lose-answer", "--fault-count", "2"])
        trapper.wait_values(lambda values: len({(v.clock, v.ns) for v in values if v.key == "line.status[L]"}) >= 5, 60, "five runs")
        self.assertEqual(process.stop(), 0, process.tail())
        values = trapper.values()
        once = sorted(set(values))
        self.assertGreater(len(values), len(once), "a packet whose answer was lost is sent again, the same to the nanosecond")
        self.check_complete(once)


class HostKeys(Lab):
    def test_scan_accept_forget(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        (self.directory / "known_hosts").write_text("")
        config = self.write([self.sim.router("r1")], [line("L", "r1")])
        blob = base64.b64decode(self.sim.known_hosts().split()[2])
        fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

        def ping(expected):
            code, rows, errors = agent.ping_json(config, "L")
            self.assertEqual(code, expected, errors)
            if expected:
                self.assertIn("host key", rows["L"]["error"])
                self.assertIn("host key", errors)

        ping(2)
        done = agent.linewatch("hostkey", "scan", "r1", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(fingerprint, done.stdout)
        ping(2)  # scan only shows
        done = agent.linewatch("hostkey", "accept", "--all", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(fingerprint, done.stdout)
        self.assertIn(self.sim.known_hosts().split()[2], (self.directory / "state" / "known_hosts").read_text())
        ping(0)
        self.assertEqual((self.directory / "known_hosts").read_text(), "", "the operator's file is not written")
        done = agent.linewatch("hostkey", "forget", "r1", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        ping(2)
        self.assertEqual(len(self.sim.logins("r1")), 1)

    def test_scan_of_a_router_that_is_away(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        config = self.write([{**self.sim.router("r1"), "port": support.free_port()}], [line("L", "r1")])
        done = agent.linewatch("hostkey", "scan", "r1", "-c", config)
        self.assertEqual(done.returncode, 2)
        self.assertIn("r1", done.stderr)

    def test_accept_new_learns_once_and_refuses_a_change(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        (self.directory / "known_hosts").write_text("")
        config = self.write([self.sim.router("r1")], [line("L", "r1")], host_keys={"policy": "accept_new"})
        self.assertEqual(agent.ping_json(config, "L")[0], 0)
        learned = self.directory / "state" / "known_hosts"
        port = self.sim.routers["r1"]["port"]
        self.assertIn(f"[127.0.0.1]:{port}", learned.read_text())
        learned.write_text(f"[127.0.0.1]:{port} {agent.make_host_key(self.directory / 'stranger')}\n")
        code, rows, errors = agent.ping_json(config, "L")
        self.assertEqual((code, rows["L"]["state"]), (2, "router_error"), errors)
        self.assertIn("host key", rows["L"]["error"])


if __name__ == "__main__":
    support.need(programs=("ssh-keygen",), variables=("LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"))
    support.main(limit=280)
