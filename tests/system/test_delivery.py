"""Every turn of the schedule is one row in Zabbix's history, or one counted drop, or one counted skip; nothing twice, and
nothing of an item out of order. Judged on line.status, while the agent is killed, Zabbix is away, answers are lost, a
destination is dead, or the disk is full.
"""

import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time
import unittest

import agent
import support

KILLS = int(os.environ.get("LINEWATCH_TEST_KILLS", "8"))
TARGETS = {"198.51.100.1": {"delay": "5ms"}, "198.51.100.2": {"pattern": "."}}
INTERVAL = 2
LINES = {f"{router}-{number}": (router, target)
         for router in ("edge-1", "edge-2") for number, target in enumerate(TARGETS, 1)}


class Delivery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = agent.Simulator(support.temp_dir(), [{"name": name, "targets": TARGETS} for name in ("edge-1", "edge-2")])

    def setUp(self):
        self.directory = support.temp_dir()
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())

    def write_config(self, ports, **zabbix):
        lines = [{"id": name, "router": router, "target": target, "interval": f"{INTERVAL}s", "count": 1, "timeout": "1s"}
                 for name, (router, target) in LINES.items()]
        data = agent.settings(
            self.directory, ports[0], zabbix={"servers": [f"127.0.0.1:{port}" for port in ports], "flush_interval": "200ms", **zabbix},
            credentials={"netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD)}},
            connection={"backoff": {"first": "100ms"}, "total": {"logins_per_second": 1000}},
            routers=[self.sim.router(name) for name in self.sim.routers], lines=lines)
        return agent.write_config(self.directory, data)

    def start(self, config, name="agent"):
        return agent.Agent(config, self.directory, name=name)

    def status(self, config):
        done = agent.linewatch("status", "--json", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def skipped(self):
        """All skips that were ever counted, as they stand on the disk after a stop."""
        for file in (self.directory / "state").glob("buffer.sqlite*"):  # that file system may be small
            shutil.copy(file, self.directory)
        database = sqlite3.connect(self.directory / "buffer.sqlite")
        try:
            return sum(value for name, value in database.execute("SELECT name, value FROM counter") if name.startswith("skipped."))
        finally:
            database.close()

    def statuses(self, trapper):
        """{line: its runs in order of arrival}; what came again is left out as Zabbix's primary key does it."""
        seen, found = set(), collections.defaultdict(list)
        for value in trapper.values():
            name, _, rest = value.key.partition("[")
            if name != "line.status" or (value.key, value.clock, value.ns) in seen:
                continue
            seen.add((value.key, value.clock, value.ns))
            found[rest.rstrip("]")].append((value.clock + value.ns / 1e9, value.value))
        return found

    def wait_each(self, trapper, more, of, since=None):
        counts = {line: len(rows) for line, rows in (since or {}).items()}
        support.wait_until(lambda: all(len(self.statuses(trapper)[line]) >= counts.get(line, 0) + more for line in LINES),
                           60, f"{more} more runs of each line", of=of, step=0.1)

    def missing(self, rows, phase_from):
        """How many turns have no row between the first row and the last one."""
        times = [moment for moment, _ in rows]
        self.assertEqual(times, sorted(times), "in order")
        first = phase_from[0]
        # The earliest typed of a calm time shows the line's slot.
        phase = min((moment - first + INTERVAL / 2) % INTERVAL - INTERVAL / 2 for moment in phase_from)
        turns = [int((moment - first - phase + 0.05) // INTERVAL) for moment in times]
        self.assertEqual(len(turns), len(set(turns)), f"no turn has two rows: {times}")
        return turns[-1] - turns[0] + 1 - len(turns)

    def calm_start(self, config, trapper):
        process = self.start(config)
        self.wait_each(trapper, 4, process)
        calm = {line: [moment for moment, _ in rows] for line, rows in self.statuses(trapper).items()}
        self.assertEqual({line: self.missing([(moment, "") for moment in rows], rows) for line, rows in calm.items()},
                         dict.fromkeys(LINES, 0))
        skipped = sum(self.status(config)["agent"]["turns_skipped_over_all_runs"].values())
        return process, calm, skipped

    def account(self, trapper, calm, skipped_before, dropped=0):
        rows = self.statuses(trapper)
        missing = {line: self.missing(rows[line], calm[line]) for line in LINES}
        self.assertEqual(sum(missing.values()), self.skipped() - skipped_before + dropped, missing)

    def test_killed_at_random_moments(self):
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        trapper = agent.Trapper(self.directory)
        config = self.write_config([trapper.port])
        process, calm, skipped = self.calm_start(config, trapper)
        with self.subTest(seed=seed):
            for turn in range(KILLS):
                time.sleep(dice.uniform(0.05, 3.5))  # the moment is what is tested
                process.kill()
                process = self.start(config, f"agent-{turn}")
            self.wait_each(trapper, 3, process, self.statuses(trapper))
            self.assertEqual(process.stop(), 0, process.tail())
            self.account(trapper, calm, skipped)

    def test_zabbix_away_and_back(self):
        trapper = agent.Trapper(self.directory)
        config = self.write_config([trapper.port])
        process, calm, skipped = self.calm_start(config, trapper)
        before = len(self.statuses(trapper)["edge-1-1"])
        trapper_before = self.statuses(trapper)
        trapper.stop()
        time.sleep(5)
        process.kill()
        process = self.start(config, "second")
        time.sleep(3)
        back = agent.Trapper(self.directory, port=trapper.port, name="trapper-2")
        self.wait_each(back, 6, process)
        self.assertEqual(process.stop(), 0, process.tail())
        rows = {line: trapper_before[line] + [row for row in self.statuses(back)[line] if row not in trapper_before[line]] for line in LINES}
        self.assertGreater(before, 0)
        missing = {line: self.missing(rows[line], calm[line]) for line in LINES}
        self.assertEqual(sum(missing.values()), self.skipped() - skipped, missing)

    def test_lost_answers(self):
        trapper = agent.Trapper(self.directory, options=("--fault", "lose-answer", "--fault-after", "20", "--fault-count", "4"))
        config = self.write_config([trapper.port])
        process, calm, skipped = self.calm_start(config, trapper)
        self.wait_each(trapper, 12, process, self.statuses(trapper))
        self.assertEqual(process.stop(), 0, process.tail())
        self.account(trapper, calm, skipped)

    def test_of_two_destinations_one_is_dead(self):
        trapper = agent.Trapper(self.directory)
        dead = support.free_port()
        config = self.write_config([trapper.port, dead])
        process, calm, skipped = self.calm_start(config, trapper)
        self.wait_each(trapper, 4, process, self.statuses(trapper))
        process.kill()
        process = self.start(config, "second")
        self.wait_each(trapper, 4, process, self.statuses(trapper))
        late = agent.Trapper(self.directory, port=dead, name="late")
        runs = sum(len(rows) for rows in self.statuses(trapper).values())
        support.wait_until(lambda: sum(len(rows) for rows in self.statuses(late).values()) >= runs, 60, "the other one has it all, too", of=process)
        self.assertEqual(process.stop(), 0, process.tail())
        self.account(trapper, calm, skipped)
        self.assertEqual(self.statuses(late), self.statuses(trapper))

    @unittest.skipIf(os.geteuid() != 0, "mounting a file system wants root")
    def test_full_disk(self):
        state = self.directory / "state"
        state.mkdir()
        support.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "linewatch-test", state], check=True)
        undo = support.defer(support.run, ["umount", "-l", state])
        trapper = agent.Trapper(self.directory)
        config = self.write_config([trapper.port])
        process, calm, skipped = self.calm_start(config, trapper)
        ballast = state / "ballast"
        descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):  # until it is full
            while True:
                os.write(descriptor, b"x" * 512)
        os.close(descriptor)
        support.wait_until(lambda: self.status(config)["agent"]["buffer"]["disk_failure"], 60, "the disk is full", of=process, step=0.2)
        self.wait_each(trapper, 3, process, self.statuses(trapper))  # they go out of memory
        ballast.unlink()
        support.wait_until(lambda: not self.status(config)["agent"]["buffer"]["disk_failure"], 30, "the disk is written again", of=process, step=0.2)
        process.kill()
        process = self.start(config, "second")
        self.wait_each(trapper, 3, process, self.statuses(trapper))
        self.assertEqual(process.stop(), 0, process.tail())
        self.account(trapper, calm, skipped)
        support.undo_now(undo)

    def test_stop_keeps_what_zabbix_has_not(self):
        dead = support.free_port()
        config = self.write_config([dead])
        process = self.start(config)
        support.wait_until(lambda: (self.directory / "control.sock").exists(), 60, "the agent runs", of=process)
        support.wait_until(lambda: self.status(config)["destinations"][0]["queued"] >= 30, 60, "values wait", of=process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, process.tail())
        self.assertIn("the next start sends them", process.err() + process.out())
        trapper = agent.Trapper(self.directory, port=dead)
        process = self.start(config, "second")
        self.wait_each(trapper, 4, process)
        self.assertEqual(process.stop(), 0, process.tail())


if __name__ == "__main__":
    support.need(programs=("ssh-keygen",), variables=("LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"))
    support.main(limit=280 + 2 * KILLS)
