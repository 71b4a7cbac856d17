"""The way to the end: simulated routers, the agent, a real Zabbix server, and the values read back by history.get.

Both layouts run at once, and the server is away for some seconds in the middle: each value must be there once, with its own
clock and ns.
"""

import unittest

import agent
import lab_zabbix
import support

FLOAT, UNSIGNED, TEXT = 0, 3, 4
KEYS = {"line.status": UNSIGNED, "line.up": UNSIGNED, "line.loss": FLOAT, "line.rtt.min": FLOAT, "line.rtt.avg": FLOAT,
        "line.rtt.max": FLOAT, "line.error": TEXT, "line.check.time": FLOAT}
MEASURED = ("line.up", "line.loss")
GOOD, LOSSY, DEAD = "198.51.100.1", "198.51.100.2", "198.51.100.3"
TARGETS = {GOOD: {"delay": "20ms"}, LOSSY: {"delay": "20ms", "pattern": "!!.!!"}, DEAD: {"pattern": "."}}
LOSS = {GOOD: 0, LOSSY: 20, DEAD: 100}


class Line:
    def __init__(self, name, router, target, interval, host, parameter):
        self.id, self.router, self.target, self.interval, self.host = name, router, target, interval, host
        self.keys = {name: f"{name}[{self.id}]" if parameter else name for name in KEYS}

    def config(self):
        count = {GOOD: 2, LOSSY: 5, DEAD: 1}[self.target]
        return {"id": self.id, "router": self.router, "target": self.target, "interval": f"{self.interval}s", "count": count, "timeout": "1s"}


class Zabbix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.group = cls.lab.make_group()

    def test_lab_itself(self):
        """Zabbix's own sender gets a value in: what fails below is not the lab's fault."""
        items = self.lab.make_host("lab-itself", self.group, {"line.loss[L]": FLOAT})
        self.lab.reload()
        self.assertIn("processed: 1; failed: 0", self.lab.send("lab-itself", "line.loss[L]", "33.333333", 1795240000, 123456789))
        rows = support.wait_until(lambda: self.lab.history(items["line.loss[L]"], FLOAT), 10, "the value is in the history")
        self.assertEqual(rows, [(1795240000, 123456789, "33.333333")])

    def make_hosts(self, lines):
        """Hosts and trapper items for the lines; {(line, key): item id}."""
        items = {}
        for host in sorted({line.host for line in lines}):
            own = [line for line in lines if line.host == host]
            made = self.lab.make_host(host, self.group, {line.keys[name]: kind for line in own for name, kind in KEYS.items()})
            items.update({(line.id, name): made[line.keys[name]] for line in own for name in KEYS})
        self.lab.reload()
        return items

    def start_agent(self, name, layout, lines):
        directory = support.temp_dir()
        (directory / "known_hosts").write_text(self.sim.known_hosts())
        routers = sorted({line.router for line in lines})
        data = agent.settings(
            directory, self.lab.port, zabbix={"layout": layout}, agent={"name": name},
            credentials={"netmon": {"username": agent.USER, "password_file": agent.secret_file(directory, "password", agent.PASSWORD)}},
            routers=[self.sim.router(router) for router in routers], lines=[line.config() for line in lines])
        return agent.Agent(agent.write_config(directory, data), directory, name=name)

    def statuses(self, items, line):
        return self.lab.history(items[line.id, "line.status"], UNSIGNED)

    def pings(self, line):
        return len(self.sim.pings(line.router, line.target))

    def test_each_value_once_with_its_own_clock(self):
        self.sim = agent.Simulator(support.temp_dir(), [{"name": "edge-1", "targets": TARGETS},
                                                        {"name": "edge-2", "platform": "huawei_vrp", "targets": TARGETS}])
        discovery = [Line("L-1", "edge-1", GOOD, 3, "edge-1", True), Line("L-2", "edge-1", LOSSY, 4, "edge-1", True),
                     Line("L-3", "edge-1", DEAD, 5, "edge-1", True)]
        per_line = [Line("P-1", "edge-2", GOOD, 3, "P-1", False), Line("P-2", "edge-2", LOSSY, 5, "P-2", False)]
        lines = discovery + per_line
        items = self.make_hosts(lines)
        agents = [self.start_agent("discovery", "discovery", discovery), self.start_agent("per-line", "per_line", per_line)]
        support.wait_until(lambda: all(len(self.statuses(items, line)) >= 2 for line in lines), 60, "two runs of each line in Zabbix", of=agents[0], step=0.3)

        self.lab.stop_server()
        before = {line.id: self.pings(line) for line in lines}
        support.wait_until(lambda: all(self.pings(line) >= before[line.id] + 2 for line in lines), 60, "two runs while Zabbix is away", of=agents[0])
        self.lab.start_server()
        arrived = {line.id: len(self.statuses(items, line)) for line in lines}
        support.wait_until(lambda: all(len(self.statuses(items, line)) >= arrived[line.id] + 4 for line in lines), 90, "what waited, and more", of=agents[0], step=0.3)
        for process in agents:
            self.assertEqual(process.stop(), 0, process.tail())
        for line in lines:
            with self.subTest(line.id):
                self.check(items, line)
        for process in agents:
            self.assertNotIn(agent.PASSWORD, process.out() + process.err())

    def check(self, items, line):
        pings = self.pings(line)
        # Zabbix writes what it took within a second.
        rows = support.wait_until(lambda: (found := self.statuses(items, line)) and len(found) >= pings and found, 10, f"{pings} runs of {line.id}")
        measured = {(clock, ns) for clock, ns, value in rows if value in "01"}
        self.assertEqual(len(rows), len({(clock, ns) for clock, ns, _ in rows}), "each run once")
        self.assertIn(pings - len(measured), (0, 1), "as many runs as pings (the last may have been cut short by the stop)")
        self.assertTrue(all(ns for _, ns in measured), "each value has its own ns")
        for name in MEASURED:
            found = self.lab.history(items[line.id, name], KEYS[name])
            self.assertEqual([(clock, ns) for clock, ns, _ in found], sorted(measured), f"{name} has the clocks of line.status")
        loss = {float(value) for _, _, value in self.lab.history(items[line.id, "line.loss"], FLOAT)}
        self.assertEqual(loss, {LOSS[line.target]})
        rtt = self.lab.history(items[line.id, "line.rtt.avg"], FLOAT)
        if line.target == DEAD:
            self.assertEqual(rtt, [])
        else:
            self.assertEqual([(clock, ns) for clock, ns, _ in rtt], sorted(measured))
            for _, _, value in rtt:
                self.assertLess(abs(float(value) - 0.020), 0.005)
        self.check_gaps(line, sorted(clock + ns / 1e9 for clock, ns in measured))

    def check_gaps(self, line, starts):
        """No run is missing, not even from the time that Zabbix was away."""
        for earlier, later in zip(starts, starts[1:]):
            self.assertLess(abs(later - earlier - line.interval), 0.7 * line.interval, starts)


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(programs=("zabbix_sender", "ssh-keygen"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=280)
