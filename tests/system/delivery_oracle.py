"""The oracle of delivery: every turn of the schedule is one row in Zabbix's history, or one counted drop, or one counted skip;
nothing twice, and nothing of an item out of order. Judged on line.status, of two simulated routers with two lines each.

Where Zabbix's history is to be read is the test's: `arrived()` gives {line: [(moment, status)]} in the order of arrival.
"""

import datetime
import json
import math
import os
import random
import shutil
import sqlite3
import time
import unittest

import agent
import support

TARGETS = {"198.51.100.1": {"delay": "5ms"}, "198.51.100.2": {"pattern": "."}}
INTERVAL = 2
ROUTERS = ("edge-1", "edge-2")
LINES = {f"{router}-{number}": (router, target) for router in ROUTERS for number, target in enumerate(TARGETS, 1)}
FLOAT, UNSIGNED, TEXT = 0, 3, 4
LINE_ITEMS = {"line.status": UNSIGNED, "line.up": UNSIGNED, "line.loss": FLOAT, "line.rtt.min": FLOAT, "line.rtt.avg": FLOAT,
              "line.rtt.max": FLOAT, "line.rtt.stddev": FLOAT, "line.jitter": FLOAT, "line.error": TEXT, "line.check.time": FLOAT}
AGENT_ITEMS = {"linewatch.up": UNSIGNED, "linewatch.version": TEXT, "linewatch.routers": UNSIGNED, "linewatch.lines": UNSIGNED,
               "linewatch.lateness": FLOAT, "linewatch.skipped": UNSIGNED, "linewatch.queue": UNSIGNED, "linewatch.dropped": UNSIGNED,
               "linewatch.refused": UNSIGNED}
CLOCK = 0.01  # seconds that a moment may lie before its turn: the agent says milliseconds


def kills(default):
    """How often a test kills the agent; `default` is what CI has time for."""
    return int(os.environ.get("LINEWATCH_TEST_KILLS", default))


class Oracle(unittest.TestCase):
    """A test begins with `launch`, does its worst, and ends with `account`."""

    inside = ()  # command words that lead to where agent and routers run

    @classmethod
    def setUpClass(cls):
        cls.sim = agent.Simulator(support.temp_dir(), [{"name": name, "targets": TARGETS} for name in ROUTERS], prefix=cls.inside)

    def setUp(self):
        self.directory = support.temp_dir()
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())
        self.starts = 0
        seed = int(os.environ.get("LINEWATCH_TEST_SEED") or random.randrange(1 << 30))
        self.dice = random.Random(seed)
        print(f"seed {seed}", flush=True)

    def write_config(self, *servers, **zabbix):
        """`servers` as zabbix.servers has them, or ports of 127.0.0.1."""
        servers = [f"127.0.0.1:{server}" if isinstance(server, int) else server for server in servers]
        lines = [{"id": name, "router": router, "target": target, "interval": f"{INTERVAL}s", "count": 1, "timeout": "1s"}
                 for name, (router, target) in LINES.items()]
        data = agent.settings(
            self.directory, 0, zabbix={"servers": servers, "flush_interval": "200ms", **zabbix},
            credentials={"netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD)}},
            connection={"backoff": {"first": "100ms"}, "total": {"logins_per_second": 1000}},
            routers=[self.sim.router(name) for name in self.sim.routers], lines=lines)
        self.config = agent.write_config(self.directory, data)

    # --- the agent ---

    def start(self):
        self.starts += 1
        self.process = agent.Agent(self.config, self.directory, prefix=self.inside, name=f"agent-{self.starts}")

    def kill(self):
        """kill -9, and the next one is started at once."""
        self.process.kill()
        self.start()

    def kill_at_random(self, longest=3.5):
        time.sleep(self.dice.uniform(0.05, longest))  # the moment is what is tested
        self.kill()

    def stop(self):
        self.assertEqual(self.process.stop(), 0, self.process.tail())

    def wait(self, condition, seconds, what, step=0.1):
        return support.wait_until(condition, seconds, what, of=self.process, step=step)

    def status(self, *words):
        """What the running agent says; waits for one that has just been started."""
        def ask():
            done = agent.linewatch("status", "--json", *words, "-c", self.config)
            return done.returncode == 0 and json.loads(done.stdout)
        return self.wait(ask, 30, "the agent answers")

    def destination(self, index=0):
        return self.status()["destinations"][index]

    def skipped(self):
        """All skips that were ever counted."""
        return sum(self.status()["agent"]["turns_skipped_over_all_runs"].values())

    def skipped_on_disk(self):
        """The same as they stand on the disk after a stop."""
        for file in (self.directory / "state").glob("buffer.sqlite*"):  # that file system may be small
            shutil.copy(file, self.directory)
        database = sqlite3.connect(self.directory / "buffer.sqlite")
        try:
            return sum(value for name, value in database.execute("SELECT name, value FROM counter") if name.startswith("skipped."))
        finally:
            database.close()

    # --- turns ---

    def read_phases(self):
        """When the lines' turns are due: all starts of the agent have the same slots."""
        self.phases = {}
        for router in ROUTERS:
            for line in self.status("--router", router)["routers"][0]["lines"]:
                self.assertEqual(line["interval_s"], INTERVAL)
                self.phases[line["id"]] = datetime.datetime.fromisoformat(line["next_due"]).timestamp() % INTERVAL

    def turn(self, line, moment):
        """The number of the turn that was due last. One that is typed later than the next is due has its row there, and the
        next one, which cannot begin before it has ended, is skipped."""
        return math.floor((moment - self.phases[line] + CLOCK) / INTERVAL)

    def wait_each(self, more):
        """Waits until each line has `more` rows of what is measured from now on: so also all that was before."""
        now = time.time()
        fresh = lambda rows: sum(moment > now for moment, _ in rows)
        self.wait(lambda: (found := self.arrived()) and all(fresh(found.get(line, ())) >= more for line in LINES), 90,
                  f"{more} more runs of each line")

    def wait_calm(self):
        """Waits until no turn is skipped while each line has two rows; returns all skips so far, and since when."""
        for _ in range(20):
            skipped, since = self.skipped(), time.time()
            self.wait_each(2)
            if self.skipped() == skipped:
                return skipped, since
        self.fail("turns are skipped all the time")

    # --- the account ---

    def launch(self):
        """Starts the agent; the account begins in a calm time."""
        self.start()
        self.read_phases()
        self.skipped_before, since = self.wait_calm()
        self.first = {line: next(self.turn(line, moment) for moment, _ in rows if moment > since) for line, rows in self.arrived().items()}

    def account(self):
        """Stops the agent and settles. What Zabbix refused or the agent dropped counts by value: where several are sent of a
        turn there must be none. Returns what the agent said last of its first destination."""
        self.wait_calm()
        last = self.destination()
        self.stop()
        total, missing = 0, {}
        for line, rows in self.arrived().items():
            turns = [self.turn(line, moment) for moment, _ in rows]
            self.assertEqual(turns, sorted(set(turns)), f"{line}: in order, and no turn has two rows: {rows}")
            wanted = range(self.first[line], turns[-1] + 1)
            total += len(wanted)
            missing[line] = sorted(set(wanted) - set(turns))
        self.assertEqual(set(missing), set(LINES))
        without = sum(map(len, missing.values()))
        skipped = self.skipped_on_disk() - self.skipped_before
        print(f"{self.starts} starts, {total} turns, {without} without a row, {skipped} skipped, {last['failed']} refused, "
              f"{last['dropped']} dropped", flush=True)
        self.assertEqual(without, skipped + last["failed"] + last["dropped"], f"turns without a row: {missing}")
        return last


def arrived_at(trapper):
    """{line: rows} of what a stand-in for Zabbix took; what came again is left out as Zabbix's primary key does it."""
    seen, found = set(), {line: [] for line in LINES}
    for value in trapper.values():
        name, _, rest = value.key.partition("[")
        if name == "line.status" and (value.key, value.clock, value.ns) not in seen:
            seen.add((value.key, value.clock, value.ns))
            found[rest.rstrip("]")].append((value.clock + value.ns / 1e9, value.value))
    return found


class ZabbixHistory:
    """Hosts with all items that the agent sends in layout per_line, and their rows in a real server's database."""

    def __init__(self, lab, **host):
        self._lab = lab
        group = lab.make_group()
        items = {line: lab.make_host(line, group, LINE_ITEMS, **host) for line in LINES}
        self._status = {own["line.status"]: line for line, own in items.items()}
        own = lab.make_host("test-agent", group, AGENT_ITEMS, **host)
        self._all = [item for made in (*items.values(), own) for item in made.values()]
        lab.select("alter table history_uint add column arrived bigserial")

    def rows(self):
        """{line: rows of line.status}, in the order in which Zabbix wrote them."""
        found = {line: [] for line in LINES}
        statement = f"select itemid, clock, ns, value from history_uint where itemid in ({','.join(self._status)}) order by arrived"
        for item, clock, ns, value in self._lab.rows(statement):
            found[self._status[item]].append((int(clock) + int(ns) / 1e9, value))
        return found

    def count(self):
        """All values of all items."""
        items = ",".join(self._all)
        return sum(int(self._lab.select(f"select count(*) from {table} where itemid in ({items})"))
                   for table in ("history", "history_uint", "history_str", "history_text"))
