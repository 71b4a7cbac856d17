"""Real router command lines: `linewatch ping` and `linewatch run` against FRR's vtysh behind OpenSSH (lab_frr.py).

The far end decides the loss and the delay exactly and counts the echo requests, so the figures have nowhere to hide.
"""

import itertools
import json
import unittest

import agent
import lab_frr
import support

TOLERANCE_MS, TOLERANCE = 2.0, 0.10
PROBE_INTERVAL = 1  # seconds: vtysh's ping takes no options


class Line:
    """A line of the lab: what its far end does, and what must be said of it."""

    def __init__(self, name, router, target, count=5, pattern="!", state="up", status="ok", timeout=2):
        self.id, self.router, self.target, self.count = name, router, target, count
        self.pattern, self.state, self.status, self.timeout = pattern, state, status, timeout
        self.marks = list(itertools.islice(itertools.cycle(pattern), count))
        self.received = sum(mark in "!D" for mark in self.marks)
        self.loss = 100 * (count - self.received) / count
        # The ping ends only at the agent's Ctrl-C: when all are answered, or else when the last one's time is over.
        self.most_requests = count + (1 if self.received == count else timeout // PROBE_INTERVAL + 1)

    def config(self, interval):
        return {"id": self.id, "router": self.router.name, "target": self.target, "interval": f"{interval}s",
                "count": self.count, "timeout": f"{self.timeout}s"}

    def seen(self):
        """The oracle's rows, one list per ping that ran."""
        rows = self.router.seen(self.target)
        return [list(run) for _, run in itertools.groupby(rows, key=lambda row: row["id"])]

    def true_delays(self, run):
        return [row["delay_ms"] for row in run[:self.count] if row["delay_ms"] is not None]


class Frr(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_frr.FrrLab()
        cls.lab.__enter__()
        cls.a, cls.b = cls.lab.routers

    def setUp(self):
        self.directory = support.temp_dir()

    def tearDown(self):
        # Log out is polite: nothing of a session is left on any router.
        for router in self.lab.routers:
            support.wait_until(lambda: not router.sessions(), 10, f"sessions on {router.name} end", of=router.sshd)

    def write(self, lines, trapper_port=10051, interval=60):
        lab = self.lab
        (self.directory / "known_hosts").write_text("".join(router.known_host() for router in lab.routers))
        data = agent.settings(
            self.directory, trapper_port,
            credentials={
                "by-password": {"username": lab.user, "password_file": agent.secret_file(self.directory, "password", lab.password)},
                "by-key": {"username": lab.user, "private_key_file": lab.private_key}},
            routers=[
                {"name": self.a.name, "address": self.a.address, "port": self.a.port, "platform": "frr", "credentials": "by-password",
                 "connection": {"max_connections": 4}},
                {"name": self.b.name, "address": self.b.address6, "port": self.b.port, "platform": "frr", "credentials": "by-key",
                 "connection": {"max_connections": 4}}],
            lines=[line.config(interval) for line in lines])
        return agent.write_config(self.directory, data)

    def ping(self, lines, seconds=60):
        config = self.write(lines)
        code, rows, errors = agent.ping_json(config, *[line.id for line in lines], prefix=self.lab.command(), seconds=seconds)
        self.assertNotIn(self.lab.password, json.dumps(rows) + errors)
        self.assertEqual(sorted(rows), sorted(line.id for line in lines), errors)
        return code, rows, errors

    def near(self, said, true, what):
        self.assertLessEqual(abs(said - true), TOLERANCE_MS + TOLERANCE * true, f"{what}: said {said} ms, was {true} ms")

    def check_figures(self, line, row):
        said = json.dumps(row)
        self.assertEqual(row["state"], line.state, said)
        self.assertEqual(row["status"], line.status, said)
        self.assertEqual((row["sent"], row["received"]), (line.count, line.received), said)
        self.assertAlmostEqual(row["loss_percent"], line.loss, 6, said)
        self.assertEqual((row["router"], row["target"], row["platform"]), (line.router.name, line.target, "frr"), said)
        self.assertEqual([probe is None for probe in row["probes_ms"]], [mark not in "!D" for mark in line.marks], said)

    def check_rtt(self, line, rtt, run, unit=1.0):
        true = line.true_delays(run)
        for name, value in (("min", min(true)), ("avg", sum(true) / len(true)), ("max", max(true))):
            self.near(rtt[name] * unit, value, f"{line.id}: {name}")

    def check_requests(self, line, run):
        """At least `count` requests left the router, in order, and the ping did not run on."""
        self.assertEqual([row["seq"] for row in run], list(range(1, len(run) + 1)))
        self.assertGreaterEqual(len(run), line.count, line.id)
        self.assertLessEqual(len(run), line.most_requests, line.id)

    def test_loss_exactly_and_rtt(self):
        a, b = self.a, self.b
        lines = [
            Line("good", a, a.tell(1, "!", 20)),
            Line("one-lost", a, a.tell(2, "!!.!!", 20), pattern="!!.!!", status="partial_loss"),
            Line("first-lost", a, a.tell(3, ".!!", 5), count=3, pattern=".!!", status="partial_loss"),
            Line("last-lost", a, a.tell(4, "!!!.", 8), count=4, pattern="!!!.", status="partial_loss"),
            Line("six", b, b.tell(5, "!", [5, 15, 30, 10, 40], six=True)),
            Line("six-lossy", b, b.tell(6, "!.", 60, six=True), count=4, pattern="!.", status="partial_loss"),
            Line("twice", b, b.tell(7, "!D", 12), pattern="!D"),
            Line("slow", b, b.tell(8, "!", 1400), count=3),
        ]
        code, rows, errors = self.ping(lines)
        self.assertEqual(code, 0, errors)
        for line in lines:
            with self.subTest(line.id):
                self.check_figures(line, rows[line.id])
                pings = line.seen()
                self.assertEqual(len(pings), 1, "one ping was typed")
                self.check_requests(line, pings[0])
                self.check_rtt(line, rows[line.id]["rtt_ms"], pings[0])
                self.assertIsNone(rows[line.id]["error"])

    def test_down(self):
        a, b = self.a, self.b
        lines = [
            Line("black-hole", a, a.tell(11, "."), count=3, pattern=".", state="down", status="total_loss"),
            Line("black-hole-six", b, b.tell(12, ".", six=True), count=2, pattern=".", state="down", status="total_loss"),
            Line("told-unreachable", a, a.tell(13, "U"), count=3, pattern="U", state="down", status="unreachable"),
        ]
        no_route = [Line("no-route", a, "10.99.99.99"), Line("no-route-six", b, "2001:db8:dead::1")]
        code, rows, errors = self.ping(lines + no_route)
        self.assertEqual(code, 1, errors)
        for line in lines:
            with self.subTest(line.id):
                self.check_figures(line, rows[line.id])
                self.check_requests(line, line.seen()[0])
        for line in no_route:
            with self.subTest(line.id):
                row = rows[line.id]
                self.assertEqual((row["state"], row["status"]), ("down", "unreachable"), json.dumps(row))
                self.assertTrue(row["error"])

    def test_reply_after_its_time_is_lost(self):
        """vtysh's ping knows no time-out of its own; the agent imposes the line's."""
        late = Line("late", self.a, self.a.tell(21, "!", 2500), count=2, pattern=".", state="down", status="total_loss", timeout=1)
        code, rows, errors = self.ping([late])
        self.assertEqual(code, 1, errors)
        self.assertEqual((rows["late"]["state"], rows["late"]["loss_percent"]), ("down", 100), json.dumps(rows))

    def test_wrong_host_key_sends_no_password(self):
        line = Line("good", self.a, self.a.tell(31, "!"))
        config = self.write([line])
        (self.directory / "known_hosts").write_text(f"{self.a.address} {self.b.host_key}\n")
        before = len(self.a.sshd.err())
        code, rows, errors = agent.ping_json(config, "good", prefix=self.lab.command())
        self.assertEqual((code, rows["good"]["state"]), (2, "router_error"), errors)
        self.assertIn("host key", rows["good"]["error"])
        log = self.a.sshd.err()[before:]
        self.assertNotIn("Accepted", log)
        self.assertNotIn("Failed", log)
        self.assertEqual(line.seen(), [])

    def test_wrong_password(self):
        line = Line("good", self.a, self.a.tell(41, "!"))
        config = self.write([line])
        agent.secret_file(self.directory, "password", "wrong-Secret-77")
        code, rows, errors = agent.ping_json(config, "good", prefix=self.lab.command())
        self.assertEqual((code, rows["good"]["state"]), (2, "router_error"), errors)
        self.assertNotIn("wrong-Secret-77", json.dumps(rows) + errors)

    def test_run_delivers_every_run(self):
        a, b = self.a, self.b
        lines = [Line("run-good", a, a.tell(51, "!", 20), count=2), Line("run-lossy", a, a.tell(52, "!.!", 30), count=3, pattern="!.!"),
                 Line("run-six", b, b.tell(53, "!", [10, 50], six=True), count=2),
                 Line("run-dead", b, b.tell(54, "."), count=2, pattern=".", state="down", timeout=1)]
        trapper = agent.Trapper(self.directory, prefix=self.lab.command())
        process = agent.Agent(self.write(lines, trapper.port, interval=6), self.directory, prefix=self.lab.command())
        enough = lambda values: all(len(agent.runs(values, line.id)) >= 3 for line in lines)
        trapper.wait_values(enough, 60, "three runs of each line reach Zabbix")
        self.assertEqual(process.stop(), 0, process.tail())
        values = trapper.values()
        for line in lines:
            with self.subTest(line.id):
                self.check_runs(line, agent.runs(values, line.id))
        self.assertNotIn(self.lab.password, process.out() + process.err() + trapper.out())

    def check_runs(self, line, delivered):
        # A turn that the stop cut short is reported as such (4); it may have left requests at the far end.
        measured = [(when, keys) for when, keys in delivered if keys["line.status"] != "4"]
        pings = line.seen()
        self.assertIn(len(pings) - len(measured), (0, 1), "each ping is reported once")
        for (when, keys), run in zip(measured, pings):
            self.assertEqual(keys["line.status"], "1" if line.state == "up" else "0")
            self.assertEqual(keys["line.loss"], f"{line.loss:.6f}".rstrip("0").rstrip("."))
            self.check_requests(line, run)
            clock = when[0] + when[1] / 1e9
            self.assertLess(abs(clock - run[0]["at"]), 2 * support.PATIENCE, "the clock is when the ping was typed")
            if line.received:
                self.check_rtt(line, {name: float(keys[f"line.rtt.{name}"]) for name in ("min", "avg", "max")}, run, unit=1000)
            else:
                self.assertFalse([key for key in keys if key.startswith("line.rtt")], "no figure is invented")
        starts = [when[0] + when[1] / 1e9 for when, _ in measured]
        for earlier, later in zip(starts, starts[1:]):
            self.assertAlmostEqual(later - earlier, 6, delta=1.5 * support.PATIENCE)


if __name__ == "__main__":
    lab_frr.need()
    support.need(variables=("LINEWATCH", "LINEWATCH_TRAPPER"))
    support.main(limit=280)
