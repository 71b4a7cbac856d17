"""The commands that ask or tell the running agent over its control socket: status, pause, resume, and ping through its sessions."""

import json
import os
import signal
import socket
import stat
import unittest

import agent
import support
from test_agent import DEAD, GOOD, TARGETS, Lab, line

NEVER = "1d"  # an interval in which nothing is due by itself while a test runs


class Control(Lab):
    """An agent with a simulated router r1, and what one asks it."""

    def start(self, lines, others=(), **more):
        """`others`: routers besides r1, as what they differ in from it."""
        self.simulate([{"name": "r1", "targets": TARGETS}])
        self.trapper = agent.Trapper(self.directory)
        self.lines, self.routers = lines, [self.sim.router("r1"), *({**self.sim.router("r1"), **other} for other in others)]
        self.config = self.write(self.routers, lines, self.trapper.port, **more)
        return self.run_agent()

    def run_agent(self, name="agent"):
        process = agent.Agent(self.config, self.directory, name=name)
        support.wait_until(lambda: " runs name=" in process.err(), 20, "the agent runs", of=process)
        return process

    def ask(self, *words, **options):
        return agent.linewatch(*words, "-c", self.config, **options)

    def status(self, *words):
        done = self.ask("status", "--json", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_no_secret(done.stdout)
        return support.parse_ndjson(done.stdout)[0]

    def router(self, name="r1", *words):
        return next(router for router in self.status(*words)["routers"] if router["name"] == name)

    def wait_router(self, condition, what, name="r1", seconds=30):
        return support.wait_until(lambda: (router := self.router(name)) and condition(router) and router, seconds, what, step=0.2)

    def assert_refused(self, words, code, *texts):
        done = self.ask(*words)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (code, "", 1), done.stdout + done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)


class Shards(Control):
    def test_agents_share_a_plan(self):
        names = [f"edge-{i}" for i in range(6)]
        others = [{"name": name, "port": support.free_port()} for name in names]
        lines = [line("L-r1", "r1"), *(line("L-" + name, name) for name in names)]
        first = self.start(lines, others, agent={"shard": "1/2"})
        mine = {router["name"] for router in self.status()["routers"]}
        its = {"r1", *names} - mine
        self.assert_refused(["pause", min(its)], 2, "another agent's (agent.shard)")
        first.stop()
        self.config = self.write(self.routers, lines, self.trapper.port, agent={"shard": "2/2"})
        second = self.run_agent("second")
        self.assertEqual({router["name"] for router in self.status()["routers"]}, its)
        self.assertTrue(mine and its)
        second.stop()


class Status(Control):
    def test_what_it_shows(self):
        process = self.start([line("good", "r1", interval="2s"), line("dead", "r1", DEAD, interval="2s", count=1), line("away", "gone", interval="2s")],
                             [{"name": "gone", "port": support.free_port()}], connection={"retry_max_attempts": 1, "backoff": {"first": "500ms", "max": "1s"}})
        self.trapper.wait_values(lambda values: all(agent.runs(values, name) for name in ("good", "dead", "away")), 40, "a result of each line")
        status = self.status()
        about = status["agent"]
        self.assertEqual((about["name"], about["pid"], about["routers"], about["lines"]["total"]), ("test-agent", process.pid, 2, 3))
        self.assertEqual((about["lines"]["up"], about["lines"]["down"], about["lines"]["router_error"]), (1, 1, 1))
        self.assertRegex(about["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        destination = status["destinations"][0]
        self.assertEqual((destination["name"], destination["reachable"], destination["dropped"]), (f"127.0.0.1:{self.trapper.port}", True, 0))
        self.assertGreater(destination["processed"], 0)
        routers = {router["name"]: router for router in status["routers"]}
        self.assertEqual((routers["r1"]["state"], routers["r1"]["logins"] >= 1, routers["r1"]["last_login_error"]), ("ok", True, None))
        self.assertLessEqual(routers["r1"]["live_sessions"], routers["r1"]["max_sessions"])
        failed = routers["gone"]
        self.assertEqual((failed["state"], failed["live_sessions"], failed["last_login_error"]["phase"]), ("unreachable", 0, "TCP connect"))
        self.assertIn("refused", failed["warnings"][0])
        self.assertNotIn("sessions", failed)

        detail = self.status("--router", "r1")["routers"]
        self.assertEqual([router["name"] for router in detail], ["r1"])
        lines = {each["id"]: each for each in detail[0]["lines"]}
        self.assertEqual((lines["good"]["state"], lines["good"]["loss_percent"], lines["dead"]["state"]), ("up", 0, "down"))
        self.assertEqual((lines["good"]["interval_s"], lines["good"]["paused"]), (2, False))
        self.assertLessEqual(lines["good"]["next_due_in_s"], 2)
        self.assertIn("no reply", lines["dead"]["error"])
        self.assertTrue(detail[0]["sessions"])
        for session in detail[0]["sessions"]:
            self.assertGreaterEqual(session["age_s"], 0)
            self.assertIn(session["holder"], ("good", "dead", None))

        for words, expected in (([], ["test-agent", "unreachable", "WARNINGS", "refused", "3 lines: 1 up, 1 down, 1 router_error"]),
                                (["--router", "r1"], ["HOLDER", "NEXT IN", GOOD, "no reply"])):
            done = self.ask("status", *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for text in expected:
                self.assertIn(text, done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120, done.stdout)
        self.assert_refused(["status", "--router", "r2"], 3, "'r2'", "did you mean 'r1'")
        self.assertEqual(process.stop(), 0, process.tail())

    def test_watch_goes_on_until_interrupted(self):
        process = self.start([line("L", "r1", interval=NEVER)])
        watch = support.Process([support.program("LINEWATCH"), "status", "--json", "--watch", "-c", self.config], self.directory, "watch")
        rows = support.Ndjson(watch.out_path)
        support.wait_until(lambda: len(rows.rows()) >= 2, 20, "two looks", of=watch)
        watch.stop(number=signal.SIGINT)
        self.assertEqual(process.stop(), 0, process.tail())

    def test_without_an_agent(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        self.config = self.write([self.sim.router("r1")], [line("L", "r1")])
        for words in (["status"], ["pause", "r1"], ["resume", "L"]):
            self.assert_refused(words, 2, "no agent runs", str(self.directory / "control.sock"))
        self.assertEqual(self.ask("ping", "L").returncode, 0)  # logs in itself
        self.config = self.write([self.sim.router("r1")], [line("L", "r1")], agent={"control_socket": None})
        self.assert_refused(["status"], 2, "control_socket")

    def test_asked_while_the_configuration_is_being_edited(self):
        process = self.start([line("L", "r1", interval=NEVER)])
        with open(self.config, "a") as file:
            file.write("nonsense: 1\n")
        self.assertEqual(self.status()["agent"]["pid"], process.pid)
        self.assertEqual(process.stop(), 0, process.tail())


class Pause(Control):
    def test_line_and_router(self):
        process = self.start([line("one", "r1", interval="1s", count=1), line("two", "r1", interval="1s", count=1)])
        self.sim.wait_rows(lambda: self.sim.pings("r1"), 2, "the lines are measured")
        done = self.ask("pause", "one")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "line one is paused until it is resumed\n", ""))
        before = self.router()["turns_skipped_paused"]
        self.wait_router(lambda router: router["turns_skipped_paused"] >= before + 1, "the ping under way has ended")
        measured = lambda name: {each["id"]: each["measured"] for each in self.router("r1", "--router", "r1")["lines"]}[name]
        one, two = measured("one"), measured("two")
        self.wait_router(lambda router: router["turns_skipped_paused"] >= before + 3, "turns are skipped")
        self.assertEqual(measured("one"), one)
        support.wait_until(lambda: measured("two") != two, 20, "the other line goes on")
        shown = {each["id"]: (each["paused"], each["paused_until"]) for each in self.router("r1", "--router", "r1")["lines"]}
        self.assertEqual(shown, {"one": (True, None), "two": (False, None)})
        self.assertIn("paused until resumed", self.ask("status", "--router", "r1").stdout)
        self.assertEqual(self.ask("resume", "one").stdout, "line one is measured again\n")
        support.wait_until(lambda: measured("one") != one, 20, "measured again")
        self.assertEqual(self.ask("resume", "one").stdout, "line one was not paused\n")

        done = self.ask("pause", "r1")
        self.assertEqual(done.stdout, "router r1 (2 lines) is paused until it is resumed\n")
        self.assertEqual((self.router()["state"], self.router()["line_count"]["paused"]), ("paused", 2))
        self.assert_refused(["resume", "two"], 2, "paused with its router", "resume r1")
        self.assertEqual(self.ask("resume", "r1").stdout, "router r1 (2 lines) is measured again\n")
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertRegex(process.err(), r"info +paused line=one router=r1")
        self.assertRegex(process.err(), r"info +resumed line=one router=r1: by command")
        self.assertRegex(process.err(), r"info +paused router=r1 lines=2")
        # What was not measured was not reported: each run that Zabbix got is one that the router saw.
        runs = len(agent.runs(self.trapper.values(), "one")) + len(agent.runs(self.trapper.values(), "two"))
        self.assertEqual(runs, len(self.sim.pings("r1")))

    def test_a_pause_ends_by_itself(self):
        process = self.start([line("L", "r1", interval="1s", count=1)])
        self.sim.wait_rows(lambda: self.sim.pings("r1"), 1, "the line is measured")
        self.assertRegex(self.ask("pause", "L", "2s").stdout, r"^line L is paused until 20\d\d-\S+Z\n$")
        support.wait_until(lambda: "its time is over" in process.err(), 20, "the pause ends", of=process)
        seen = len(self.sim.pings("r1"))
        self.sim.wait_rows(lambda: self.sim.pings("r1"), seen + 1, "measured again")
        self.assertFalse(self.router("r1", "--router", "r1")["lines"][0]["paused"])
        self.assertEqual(process.stop(), 0, process.tail())

    def test_names(self):
        process = self.start([line("r1", "r1", interval=NEVER), line("L-1", "r1", interval=NEVER), line("off", "r1", enabled=False)])
        self.assert_refused(["pause", "L-2"], 3, "'L-2'", "did you mean 'L-1'")
        self.assert_refused(["pause", "r1"], 3, "both a router and a line", "--router", "--line")
        self.assert_refused(["pause", "off"], 2, "not enabled")
        self.assert_refused(["pause", "L-1", "10"], 3, "10m")
        self.assertEqual(self.ask("pause", "r1", "--line").returncode, 0)
        self.assertEqual(self.router()["line_count"]["paused"], 1)
        self.assertEqual(self.ask("pause", "r1", "--router", "1h").returncode, 0)
        self.assertEqual(self.router()["line_count"]["paused"], 2)
        self.assertEqual(process.stop(), 0, process.tail())


class PingThrough(Control):
    def test_with_the_agents_sessions(self):
        process = self.start([line("L", "r1", interval=NEVER, count=5), line("dead", "r1", DEAD, interval=NEVER, count=1)])
        self.wait_router(lambda router: router["live_sessions"] == 1, "the warm session")
        for expected in ("new", "reused"):
            done = self.ask("ping", "--json", "L")
            self.assertEqual(done.returncode, 0, done.stderr)
            row = support.parse_ndjson(done.stdout)[0]
            self.assertEqual((row["line"], row["router"], row["state"], row["sent"], row["received"], row["session"]), ("L", "r1", "up", 5, 5, expected))
            self.assertRegex(row["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(len(self.sim.logins("r1")), 1, "no login of its own")
        alone = support.parse_ndjson(self.ask("ping", "--json", "--alone", "L").stdout)[0]
        self.assertEqual(list(alone), list(row), "the same fields")
        self.assertEqual(len(self.sim.logins("r1")), 2)
        done = self.ask("ping", "--all")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^LINE +ROUTER +TARGET +STATE")
        self.assertRegex(done.stdout, rf"(?m)^L +r1 +{GOOD} +up +0 %")
        self.assertRegex(done.stdout, rf"(?m)^dead +r1 +{DEAD} +down +100 %.*all probes lost")
        self.assertEqual(len(self.sim.logins("r1")), 2)
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertEqual(agent.runs(self.trapper.values(), "L"), [], "Zabbix hears of the schedule's turns only")

    def test_a_line_that_only_the_file_knows(self):
        process = self.start([line("L-1", "r1", interval=NEVER)])
        # Another file, since the agent reads its own anew when it is edited.
        self.config = self.write(self.routers, [*self.lines, line("L-2", "r1")], self.trapper.port, file="other.yml")
        self.assert_refused(["ping", "L-1", "L-2"], 2, "the running agent knows no line 'L-2'", "--alone")
        self.assertEqual(self.ask("ping", "L-2", "--alone").returncode, 0)
        self.assertEqual(process.stop(), 0, process.tail())

    def long_ping(self, process):
        """A client whose ping takes 40 s, once the router has it."""
        client = support.Process([support.program("LINEWATCH"), "ping", "slow", "-c", self.config], self.directory, "client")
        self.sim.wait_rows(lambda: self.sim.pings("r1", DEAD), 1, "the ping is typed")
        self.assertEqual(self.router()["leased"], 1)
        return client

    def test_interrupted_client_cancels_it(self):
        process = self.start([line("slow", "r1", DEAD, interval=NEVER, count=20, timeout="2s")], connection={"max_connections": 1})
        client = self.long_ping(process)
        client.send_signal(signal.SIGINT)
        self.assertEqual(client.wait(10), 2)
        self.assertIn("interrupted", client.err())
        self.wait_router(lambda router: router["leased"] == 0 and router["state"] == "ok", "the session is free again", seconds=12)
        self.assertEqual(process.stop(), 0, process.tail())

    def test_agent_stops_meanwhile(self):
        process = self.start([line("slow", "r1", DEAD, interval=NEVER, count=20, timeout="2s")])
        client = self.long_ping(process)
        self.assertEqual(process.stop(), 0, process.tail())
        self.assertEqual(client.wait(10), 2)
        self.assertIn("agent went away", client.err())


class Socket(Control):
    def test_file(self):
        path = self.directory / "control.sock"
        first = self.start([line("L", "r1", interval=NEVER)])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        # A second agent (its own state directory) must not take the first one's socket away.
        own = self.config
        self.config = self.write(self.routers, self.lines, self.trapper.port, agent={"state_dir": self.directory / "state-of-second"})
        second = self.run_agent("second")
        self.assertIn("another agent answers there", second.err())
        self.assertEqual(self.status()["agent"]["pid"], first.pid)
        self.assertEqual(second.stop(), 0, second.tail())
        self.assertTrue(path.exists())
        # What a killed one left is replaced, and an orderly stop leaves nothing.
        self.config = own
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        self.assertTrue(path.exists())
        self.assert_refused(["status"], 2, "no agent runs")
        third = self.run_agent("third")
        self.assertEqual(self.status()["agent"]["pid"], third.pid)
        self.assertEqual(third.stop(), 0, third.tail())
        self.assertFalse(path.exists())

    def test_agent_runs_on_without_it(self):
        process = self.start([line("L", "r1", interval="1s", count=1)], agent={"control_socket": self.directory / "known_hosts" / "control.sock"})
        self.trapper.wait_values(lambda values: agent.runs(values, "L"), 30, "a result")
        self.assertRegex(process.err(), r"warn +the control socket \S+ cannot be opened: ")
        self.assertEqual(process.stop(), 0, process.tail())

    def test_clients_that_misbehave_disturb_nobody(self):
        process = self.start([line("L", "r1", interval="1s", count=1)])
        path = str(self.directory / "control.sock")

        def client(data=b""):
            one = socket.socket(socket.AF_UNIX)
            one.settimeout(20 * support.PATIENCE)
            one.connect(path)
            self.addCleanup(one.close)
            try:
                one.sendall(data)
            except BrokenPipeError:
                pass
            return one

        def answer(one):
            text = b""
            try:
                while piece := one.recv(65536):
                    text += piece
            except ConnectionResetError:
                pass
            return [json.loads(row) for row in text.splitlines()]

        for data in (b"\n", b"nonsense\n", b"[]\n", b'{"command":"reboot"}\n', b"\0\xff\n", b"x" * 300_000):
            with self.subTest(data[:20]):
                self.assertEqual(answer(client(data))[0]["code"], "bad_request")
        self.assertEqual(answer(client(b'{"command":"ping","lines":[1,{}]}\n'))[0]["code"], "bad_request")
        self.assertEqual(answer(client(b'{"command":"pause","name":"L","length_ms":-5}\n'))[0]["code"], "bad_request")
        silent = [client() for _ in range(16)]
        self.assertEqual(answer(client(b'{"command":"status"}\n'))[0]["code"], "busy")
        self.assert_refused(["status"], 2, "too many clients")
        seen = len(self.sim.pings("r1"))
        self.sim.wait_rows(lambda: self.sim.pings("r1"), seen + 2, "the line goes on")
        for one in silent:  # each is cut off without a word, after its time
            self.assertEqual(answer(one), [])
        self.assertEqual(self.status()["agent"]["pid"], process.pid)
        self.assertEqual(process.stop(), 0, process.tail())


if __name__ == "__main__":
    support.need(programs=("ssh-keygen",), variables=("LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"))
    support.main(limit=280)
