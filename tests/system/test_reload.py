"""The running agent takes over edits of its configuration: by itself, on SIGHUP, by `linewatch reload`; what has not changed is not disturbed."""

import json
import os
import pathlib
import random
import signal
import socket
import unittest

import agent
import support
from test_agent import GOOD, LOSSY, TARGETS, line
from test_control import Control

EVERY = {"interval": "1s", "count": 1}


def answers(process, path, request, meanwhile):
    """The lines that the agent answers to a request that it finds waiting when `meanwhile` was done."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(json.dumps(request).encode() + b"\n")
        meanwhile()
        with client.makefile() as lines:
            return [json.loads(each) for each in lines]


class Reload(Control):
    def setUp(self):
        super().setUp()
        self.more = {}

    def start_with(self, routers, lines, **more):
        self.simulate([{"name": name, "targets": TARGETS} for name in routers])
        self.trapper = agent.Trapper(self.directory)
        self.more = more
        self.edit(routers, lines)
        self.process = self.run_agent()

    def edit(self, routers, lines, **more):
        """As editors do it: another file takes the place of the old one."""
        routers = [self.sim.router(router) if isinstance(router, str) else router for router in routers]
        path = self.write(routers, lines, more.pop("port", self.trapper.port), **{**self.more, **more})
        self.config = path

    def wait_log(self, text, seconds=30):
        support.wait_until(lambda: text in self.process.err(), seconds, f"the log says {text}", of=self.process)

    def wait_up(self, *names, since=0, trapper=None):
        (trapper or self.trapper).wait_values(
            lambda values: all(len([run for run in agent.runs(values, name) if run[0][0] >= since and run[1].get("line.status") == "1"]) > 0
                               for name in names), 40, f"{names} are up")

    def status_of(self, name, host=None):
        return [value.value for value in self.trapper.values(host, f"line.status[{name}]")]

    def wait_removed(self, name):
        self.trapper.wait_values(lambda _: self.status_of(name)[-1:] == ["5"], 30, f"{name} is removed")

    def reload(self, code=0):
        done = self.ask("reload")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done


class Edits(Reload):
    def test_lines_come_go_move_and_change_by_themselves(self):
        self.start_with(["r1", "r2", "r3"], [line("stays", "r1", **EVERY), line("goes", "r1", **EVERY), line("moves", "r2", **EVERY),
                                             line("slows", "r3", **EVERY)])
        self.wait_up("stays", "goes", "moves", "slows")
        self.edit(["r1", "r2", "r3"], [line("stays", "r1", **EVERY), line("moves", "r1", **EVERY), line("comes", "r1", LOSSY, **EVERY),
                                       line("slows", "r3", interval="1h", count=1)])
        self.wait_log("configuration reloaded cause=\"a file has changed\"")
        self.wait_removed("goes")
        self.wait_log("measured no more, logged out router=r2")
        before = len(self.sim.pings("r1"))
        self.wait_up("comes")
        self.sim.wait_rows(lambda: self.sim.pings("r1"), before + 6, "two rounds of three lines")
        self.assertEqual(self.status_of("goes").count("5"), 1, "the last value is sent once")
        self.assertEqual(self.status_of("moves", "r2")[-1], "5", "there its items are filled no more")
        self.assertNotIn("5", self.status_of("moves", "r1"))
        removed = agent.runs(self.trapper.values(), "goes")[-1][1]
        self.assertEqual(removed, {"line.error": "removed from the configuration", "line.status": "5"})
        self.assertEqual(len(self.sim.logins("r1")), 1, "its session was not touched")
        self.assertEqual(len(self.sim.logins("r3")), 1)
        slow = next(each for each in self.router("r3", "--router", "r3")["lines"] if each["id"] == "slows")
        self.assertEqual(slow["interval_s"], 3600)

    def test_drop_ins_and_links(self):
        self.start_with(["r1"], [line("main", "r1", **EVERY)], include=["conf.d/*.yml"], connection={"max_connections": 1})
        self.wait_up("main")
        folder = self.directory / "conf.d"
        folder.mkdir()
        (folder / "more.yml").write_text(agent.to_yaml({"lines": [line("dropped-in", "r1", **EVERY)]}))
        self.wait_up("dropped-in")
        for name in ("one", "two"):
            (self.directory / name).mkdir()
            (self.directory / name / "lines.yml").write_text(agent.to_yaml({"lines": [line(f"of-{name}", "r1", **EVERY)]}))
        (self.directory / "now").symlink_to("one")
        (folder / "linked.yml").symlink_to("../now/lines.yml")
        self.wait_up("of-one")
        (self.directory / "next").symlink_to("two")
        os.replace(self.directory / "next", self.directory / "now")
        self.wait_up("of-two")
        self.wait_removed("of-one")
        (folder / "more.yml").unlink()
        self.wait_removed("dropped-in")
        self.assertEqual(len(self.sim.logins("r1")), 1)

    def test_a_changed_secret_replaces_the_sessions(self):
        self.start_with(["r1"], [line("L", "r1", **EVERY)])
        self.wait_up("L")
        agent.secret_file(self.directory, "password", agent.PASSWORD + "-wrong")
        self.sim.wait_rows(lambda: self.sim.events("auth_failed", "r1"), 1, "the new password was tried")
        agent.secret_file(self.directory, "password", agent.PASSWORD)
        self.sim.wait_rows(lambda: self.sim.logins("r1"), 2, "a login with the right one again", seconds=60)
        self.assert_no_secret(self.process.err())

    def test_a_router_that_comes_back_at_once_is_never_logged_in_to_twice(self):
        """Taken out, put back, renamed, each in the middle of a ping: the router has one free line, and so would refuse a second session."""
        self.simulate([{"name": "r1", "max_sessions": 1, "targets": {GOOD: {"delay": "1500ms"}}}, {"name": "r2", "targets": TARGETS}])
        self.trapper = agent.Trapper(self.directory)
        self.more = {"connection": {"max_connections": 1}}
        slow = {"interval": "2s", "count": 1, "timeout": "2s"}
        other = line("other", "r2", **EVERY)
        with_it = (["r1", "r2"], [line("L", "r1", **slow), other])
        self.edit(*with_it)
        self.process = self.run_agent()
        self.wait_up("L")
        renamed = ([{**self.sim.router("r1"), "name": "renamed"}, "r2"], [line("L", "renamed", **slow), other])
        without = (["r2"], [other])
        before = with_it
        for plan in (renamed, with_it, without, with_it):
            if before is not without:
                self.sim.wait_rows(lambda: self.sim.pings("r1"), len(self.sim.pings("r1")) + 1, "a ping is under way")
            self.edit(*plan)
            self.reload()
            before = plan
        since = max(value.clock for value in self.trapper.values())
        self.wait_up("L", since=since + 1)
        self.assertEqual(self.sim.events("limit", "r1"), [], "never more than one session")
        self.assertNotIn("3", self.status_of("L"))

    def test_another_zabbix(self):
        self.start_with(["r1"], [line("L", "r1", **EVERY)])
        self.wait_up("L")
        other = agent.Trapper(self.directory, name="other")
        self.edit(["r1"], [line("L", "r1", **EVERY)], port=other.port)
        self.wait_up("L", trapper=other)
        self.assertEqual(len(self.sim.logins("r1")), 1)
        taken = {(value.key, value.clock, value.ns) for value in self.trapper.values()}
        self.assertFalse(taken & {(value.key, value.clock, value.ns) for value in other.values()}, "none went to both")


class Asked(Reload):
    def test_a_bad_file_changes_nothing_and_is_said_once(self):
        self.start_with(["r1"], [line("L", "r1", **EVERY)])
        self.wait_up("L")
        good = self.config.read_text()
        self.config.write_text("soon".join(good.rsplit("1s", 1)))
        self.wait_log("the configuration has errors, the agent goes on with the one it has")
        done = self.ask("reload")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("lines[0].timeout", done.stderr)
        self.assertIn("goes on with the one it has", done.stderr)
        configuration = self.status()["agent"]["configuration"]
        self.assertEqual(configuration["last_reload_successful"], False)
        self.assertIn("lines[0].timeout", configuration["problem"])
        self.assertIn("configuration has errors", self.ask("status").stdout)
        self.assertEqual(self.ask("check", "--diff").returncode, 3)
        self.config.write_text(good + "x: [\n")  # no YAML at all: where to ask is known all the same
        support.wait_until(lambda: "configuration has errors" in (done := self.ask("status")).stdout and done.returncode == 0, 30, "status says so")
        pings = len(self.sim.pings("r1"))
        self.sim.wait_rows(lambda: self.sim.pings("r1"), pings + 2, "it goes on")
        self.config.write_text(good)
        self.wait_log("the configuration has no errors any more")
        self.assertEqual(self.status()["agent"]["configuration"]["last_reload_successful"], True)
        self.assertEqual(self.process.err().count("the configuration has errors"), 3, "each by itself, and when it was asked for")
        self.assertEqual(len(self.sim.logins("r1")), 1)

    def test_what_a_reload_would_change(self):
        self.start_with(["r1"], [line("L", "r1", interval="1h")])
        done = self.ask("check", "--diff")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "nothing has changed"), done.stderr)
        # The request waits at the stopped agent, which so finds it before its own look at the edited file.
        self.process.send_signal(signal.SIGSTOP)
        self.edit(["r1"], [line("L", "r1", interval="30m"), line("M", "r1", interval="1h")], agent={"threads": 2})
        told = answers(self.process, self.directory / "control.sock", {"command": "diff", "file": str(self.config)},
                       lambda: self.process.send_signal(signal.SIGCONT))
        changes = [change for each in told for change in each.get("changes", [])]
        self.assertEqual(changes, ["! agent.threads: 1 -> 2 (takes effect after a restart)", "~ line L: interval 1h -> 30m", "+ line M"])
        self.assertEqual(told[-1]["done"], True)
        self.wait_log("configuration reloaded")
        self.assertIn("agent.threads was changed; it takes effect after a restart", self.ask("status").stdout)

    def test_a_signal_and_a_command(self):
        self.start_with(["r1"], [line("L", "r1", interval="1h")])
        self.process.send_signal(signal.SIGHUP)
        self.wait_log("configuration read again cause=\"SIGHUP\": nothing has changed")
        self.assertEqual(self.reload().stdout, "nothing has changed\n")
        other = self.directory / "other.yml"
        other.write_text(self.config.read_text())
        done = agent.linewatch("check", "--diff", "-c", other)
        self.assertEqual(done.returncode, 3)
        self.assertIn("the running agent's configuration is", done.stderr)
        self.process.stop()
        done = self.ask("reload")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)


class Under(Reload):
    def test_a_hundred_reloads_under_load(self):
        routers = ["r1", "r2", "r3"]
        steady = [line(f"{router}-{i}", router, interval="3s", count=1) for router in routers for i in range(6)]

        def plan(turn):
            others = [line(f"extra-{i}", "r3", **EVERY) for i in range(turn % 4)]
            own = [{**self.sim.router("r2"), "connection": {"max_connections": 2 + turn % 2}}]
            return ["r1", *own, "r3"], [*steady, *others, line("edited", "r1", interval=f"{1 + turn % 3}s", count=1)]

        self.start_with(routers, [*steady, line("edited", "r1", **EVERY)], connection={"max_connections": 1})
        names = [each["id"] for each in steady]
        self.wait_up(*names)
        for turn in range(10):
            self.edit(*plan(turn))
            self.reload()
        before = self.used()
        for turn in range(10, 100):
            self.edit(*plan(turn))
            self.reload()
        self.edit(routers, [*steady, line("edited", "r1", **EVERY)])
        self.reload()
        since = max(value.clock for value in self.trapper.values())
        self.wait_up(*names, since=since + 3)
        for name in names:
            moments = [clock + ns / 1e9 for (clock, ns), _ in agent.runs(self.trapper.values(), name)]
            gaps = [b - a for a, b in zip(moments, moments[1:])]
            self.assertLess(max(gaps), 2 * 3 - 0.3, f"{name} lost a turn: {gaps}")
            self.assertEqual(set(self.status_of(name)), {"1"})
        after = self.used()
        self.assertLessEqual(after["descriptors"], before["descriptors"] + 4, "descriptors")
        if support.PATIENCE == 1:  # a sanitizer keeps what was freed for a while
            self.assertLess(after["KiB"], before["KiB"] * 1.5 + 20000, "memory")
        for router in ("r1", "r3"):
            self.assertEqual(len(self.sim.logins(router)), 1, "no session was replaced")

    def test_random_edits_against_a_model(self):
        seed = int(os.environ.get("LINEWATCH_SEED", random.randrange(1 << 30)))
        print("seed", seed, flush=True)
        dice = random.Random(seed)
        names = ["r1", "r2", "r3"]
        routers = {name: {"enabled": True} for name in names}
        lines = {"L-0": {"router": "r1", "interval": 3600, "enabled": True}}

        def edit():
            kind = dice.choice(["add", "add", "remove", "move", "interval", "switch", "router", "limits"])
            one = dice.choice(sorted(lines)) if lines else None
            if kind == "add":
                lines[f"L-{dice.randrange(20)}"] = {"router": dice.choice(names), "interval": dice.choice([1, 2, 3600]), "enabled": True}
            elif kind == "router":
                router = routers[dice.choice(names)]
                router["enabled"] = not router["enabled"]
            elif kind == "limits":
                routers[dice.choice(names)]["connection"] = {"max_connections": dice.randrange(1, 4), "read_timeout": dice.choice(["20s", "30s"])}
            elif one and kind == "remove":
                del lines[one]
            elif one and kind == "move":
                lines[one]["router"] = dice.choice(names)
            elif one and kind == "interval":
                lines[one]["interval"] = dice.choice([1, 2, 3600])
            elif one and kind == "switch":
                lines[one]["enabled"] = not lines[one]["enabled"]

        def written():
            return ([self.sim.router(name, **more) for name, more in routers.items()],
                    [line(name, each["router"], interval=f"{each['interval']}s", count=1, enabled=each["enabled"]) for name, each in lines.items()])

        def expected():
            found = {}
            for name, each in lines.items():
                if each["enabled"] and routers[each["router"]]["enabled"]:
                    found.setdefault(each["router"], {})[name] = each["interval"]
            return found

        def running():
            return {router["name"]: {each["id"]: each["interval_s"] for each in self.router(router["name"], "--router", router["name"])["lines"]}
                    for router in self.status()["routers"]}

        self.start_with(names, [line("L-0", "r1", interval="1h", count=1)])
        for _ in range(40):
            for _ in range(dice.randrange(1, 4)):
                edit()
            self.edit(*written())
            self.reload()
            self.assertEqual(running(), expected(), f"seed {seed}")
        for each in [each for each, what in lines.items() if what["enabled"] and routers[what["router"]]["enabled"] and what["interval"] < 60]:
            self.wait_up(each)
        gone = {f"L-{i}" for i in range(20)} - {each for of in expected().values() for each in of}
        for each in gone:
            self.trapper.wait_values(lambda _, each=each: self.status_of(each)[-1:] in ([], ["5"]), 30, f"{each} ended with its last value, seed {seed}")

    def used(self):
        status = dict(each.split(":", 1) for each in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return {"descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")), "KiB": int(status["VmRSS"].split()[0])}


if __name__ == "__main__":
    support.main(limit=280)
