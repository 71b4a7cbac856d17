"""The oracle of delivery (delivery_oracle.py) while the agent is killed, Zabbix is away, answers are lost, a destination is dead, or
the disk is full. Zabbix is played by linewatch-trapper; the real one's turn is in test_delivery_zabbix.py.
"""

import contextlib
import os
import signal
import time
import unittest

import agent
import support
from delivery_oracle import LINES, Oracle, arrived_at, kills

KILLS = kills(default=8)


class Delivery(Oracle):
    def take(self, *options, more=()):
        """Starts the stand-in and writes the configuration to it; `more`: other destinations."""
        self.trapper = agent.Trapper(self.directory, options=options)
        self.write_config(self.trapper.port, *more)

    def arrived(self):
        return arrived_at(self.trapper)

    def test_killed_at_random_moments(self):
        self.take()
        self.launch()
        for _ in range(KILLS):
            self.kill_at_random()
        self.account()
        values = self.trapper.values()
        doubles = len(values) - len(set(values))
        print(f"{doubles} values came twice, of {len(values)}", flush=True)
        self.assertLessEqual(doubles, 12 * KILLS, "what was under way at a kill comes again, and no more")

    def test_zabbix_away_and_back(self):
        self.take()
        self.launch()
        self.trapper.stop()
        self.wait_queued(40)
        self.kill()
        before = self.destination()["queued"]
        self.assertGreaterEqual(before, 40, "what waited was on the disk")
        self.wait_queued(before + 20)
        self.come_back()
        self.account()

    def come_back(self):
        first = self.arrived()
        back = agent.Trapper(self.directory, port=self.trapper.port, name="trapper-2")
        self.arrived = lambda: {line: first[line] + [row for row in rows if row not in first[line]] for line, rows in arrived_at(back).items()}

    def wait_queued(self, values):
        self.wait(lambda: self.destination()["queued"] >= values, 60, f"{values} values wait")

    def test_lost_answers(self):
        self.take("--fault", "lose-answer", "--fault-after", "20", "--fault-count", "4")
        self.launch()
        self.wait(lambda: len(self.trapper.values()) - len(set(self.trapper.values())) >= 4, 60, "what had arrived comes again")
        self.account()

    def test_of_two_destinations_one_is_dead(self):
        dead = support.free_port()
        self.take(more=[dead])
        self.launch()
        self.wait_each(1)
        self.kill()
        self.wait_each(2)
        late = agent.Trapper(self.directory, port=dead, name="late")
        runs = sum(len(rows) for rows in self.arrived().values())
        self.wait(lambda: sum(len(rows) for rows in arrived_at(late).values()) >= runs, 60, "the other one has it all, too")
        self.account()
        self.assertEqual(arrived_at(late), self.arrived())

    def small_disk(self):
        """The state directory is on a file system of 1 MiB; returns what unmounts it."""
        state = self.directory / "state"
        state.mkdir()
        support.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "linewatch-test", state], check=True)
        return support.defer(support.run, ["umount", "-l", state])

    def disk_failure(self):
        return self.status()["agent"]["buffer"]["disk_failure"]

    def fill_disk(self):
        self.ballast = self.directory / "state" / "ballast"
        descriptor = os.open(self.ballast, os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):  # until it is full
            while True:
                os.write(descriptor, b"x" * 512)
        os.close(descriptor)
        self.wait(self.disk_failure, 60, "the disk is full")

    def free_disk(self):
        self.ballast.unlink()
        self.wait(lambda: not self.disk_failure(), 30, "the disk is written again")

    @unittest.skipIf(os.geteuid() != 0, "mounting a file system wants root")
    def test_full_disk(self):
        undo = self.small_disk()
        self.take()
        self.launch()
        self.fill_disk()
        self.wait_each(2)  # they go out of memory
        self.free_disk()
        self.kill()
        self.account()
        support.undo_now(undo)

    @unittest.skipIf(os.geteuid() != 0, "mounting a file system wants root")
    def test_killed_while_the_disk_is_full_and_zabbix_away(self):
        undo = self.small_disk()
        self.take()
        self.launch()
        self.trapper.stop()
        self.wait_queued(40)
        self.fill_disk()
        self.wait_queued(80)
        self.kill()
        self.wait_queued(20)
        self.free_disk()
        self.come_back()
        self.account()
        support.undo_now(undo)

    def test_stop_keeps_what_zabbix_has_not(self):
        dead = support.free_port()
        self.write_config(dead)
        self.start()
        self.wait_queued(30)
        queued, stopped = self.destination()["queued"], time.time()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(20), 0, self.process.tail())
        self.assertIn("the next start sends them", self.process.err() + self.process.out())
        trapper = agent.Trapper(self.directory, port=dead)
        self.start()
        before = lambda: sum(value.clock + value.ns / 1e9 < stopped for value in trapper.values())
        self.wait(lambda: before() >= queued, 60, "all that waited")
        self.stop()


if __name__ == "__main__":
    support.need(programs=("ssh-keygen",), variables=("LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"))
    support.main(limit=280 + 3 * KILLS)
