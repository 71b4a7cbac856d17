"""What a real Zabbix server is told besides figures: lines are discovered and lose no first value, hosts with other keys go on
working, and routers and the agent have items of their own.

A template of three prototypes stands for those that users import. The server reads its configuration when it is told to, which
stands for the minute that it takes by itself.
"""

import time
import unittest

import agent
import lab_zabbix
import support
from test_agent import DEAD, GOOD, LOSSY, TARGETS

FLOAT, UNSIGNED, TEXT = 0, 3, 4
TRAPPER = 2
ROUTER_ITEMS = {"router.status": UNSIGNED, "router.sessions": UNSIGNED, "router.login.time": FLOAT, "router.error": TEXT}
AGENT_ITEMS = {"linewatch.up": UNSIGNED, "linewatch.version": TEXT, "linewatch.routers": UNSIGNED, "linewatch.lines": UNSIGNED,
               "linewatch.lateness": FLOAT, "linewatch.skipped": UNSIGNED, "linewatch.queue": UNSIGNED, "linewatch.dropped": UNSIGNED,
               "linewatch.refused": UNSIGNED}
LINE_ITEMS = {"line.status": UNSIGNED, "line.up": UNSIGNED, "line.error": TEXT}
FIGURES = ("status", "up", "loss", "rtt.min", "rtt.avg", "rtt.max", "rtt.stddev", "jitter", "error", "check.time")
HOLD = 25  # seconds: enough for a slow machine to discover the items and read them


def line(line_id, router, target=GOOD, **more):
    return {"id": line_id, "router": router, "target": target, "interval": "2s", "count": 1, "timeout": "1s", **more}


class ZabbixItems(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.group = cls.lab.make_group()
        cls.template = cls.make_template()

    @classmethod
    def make_template(cls):
        api = cls.lab.api
        folder = api("hostgroup.get", {"filter": {"name": "Templates"}})[0]["groupid"]
        template = api("template.create", {"host": "router", "groups": [{"groupid": folder}]})["templateids"][0]
        rule = api("discoveryrule.create", {"hostid": template, "name": "Lines", "key_": "lines.discovery", "type": TRAPPER})["itemids"][0]
        for key, kind in LINE_ITEMS.items():
            api("itemprototype.create", {"hostid": template, "ruleid": rule, "name": f"{key} of {{#NAME}}, {{#CUSTOMER}}, {{#LABEL.PORT}}",
                                         "key_": f"{key}[{{#LINE}}]", "type": TRAPPER, "value_type": kind})
        api("item.create", [{"hostid": template, "name": key, "key_": key, "type": TRAPPER, "value_type": kind} for key, kind in ROUTER_ITEMS.items()])
        return template

    def setUp(self):
        self.directory = support.temp_dir()

    def make_router_host(self, name):
        return self.lab.api("host.create", {"host": name, "groups": [{"groupid": self.group}], "templates": [{"templateid": self.template}]})["hostids"][0]

    def items(self, host):
        """{key: (id, value type, name)} of what the host has."""
        found = self.lab.api("item.get", {"hostids": [host], "output": ["key_", "value_type", "name"]})
        return {item["key_"]: (item["itemid"], int(item["value_type"]), item["name"]) for item in found}

    def values(self, host, key):
        item, kind, _ = self.items(host)[key]
        return self.lab.history(item, kind)

    def wait(self, condition, what, seconds=90):
        return support.wait_until(condition, seconds, what, of=self.process, step=0.3)

    def write(self, routers, lines, **zabbix):
        credentials = {"netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD)}}
        data = agent.settings(self.directory, self.lab.port, agent={"name": self.id().split(".")[-1]}, zabbix=zabbix,
                              connection={"retry_max_attempts": 1, "backoff": {"first": "1s", "max": "2s"}}, credentials=credentials,
                              routers=routers, lines=lines)
        self.config = agent.write_config(self.directory, data)

    def simulate(self, *names):
        self.sim = agent.Simulator(self.directory, [{"name": name, "targets": TARGETS} for name in names])
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())

    def run_agent(self, name):
        self.process = agent.Agent(self.config, self.directory, name=name)
        return self.process

    def wait_pings(self, more, *targets):
        before = {target: len(self.sim.pings("edge-1", target)) for target in targets}
        self.wait(lambda: all(len(self.sim.pings("edge-1", target)) >= before[target] + more for target in targets), "pings")

    def assert_nothing_lost(self, host, name, router, target):
        """As many values as pings were typed, but for one that was under way at the end."""
        pings = len(self.sim.pings(router, target))
        rows = self.wait(lambda: (rows := self.values(host, f"line.up[{name}]")) and len(rows) >= pings - 1 and rows, f"{pings} values of {name}")
        self.assertIn(pings - len(rows), (0, 1), f"{name}: the first values are there, and each once")

    def test_discovery(self):
        self.simulate("edge-1")
        edge, gone = self.make_router_host("edge-1"), self.make_router_host("gone")
        self.lab.make_host("test_discovery", self.group, AGENT_ITEMS)
        self.lab.reload()
        routers = [self.sim.router("edge-1"), {**self.sim.router("edge-1"), "name": "gone", "port": support.free_port()}]
        first = line("L-1", "edge-1", name="HQ - A", labels={"customer": "acme", "port": "Gi0/0/1"})
        away = line("L-9", "gone")
        self.write(routers, [first, line("L-2", "edge-1", LOSSY), away], discovery_hold=f"{HOLD}s")
        self.run_agent("first")
        self.wait(lambda: {"line.status[L-1]", "line.up[L-1]", "line.error[L-1]", "line.status[L-2]"} <= set(self.items(edge)), "the lines are discovered")
        self.assertEqual(self.items(edge)["line.up[L-1]"][2], "line.up of HQ - A, acme, Gi0/0/1")
        self.wait_pings(3, GOOD, LOSSY)  # of which the server would take nothing yet
        self.lab.reload()
        self.wait(lambda: len(self.values(edge, "line.up[L-1]")) >= 3 and len(self.values(edge, "line.up[L-2]")) >= 3, "values of new items")
        self.check_own_items(edge, gone)

        # A reload: one line comes, one goes, and the others do not wait.
        third = line("L-3", "edge-1", DEAD)
        before = len(self.values(edge, "line.up[L-1]"))
        self.write(routers, [first, third, away], discovery_hold="10m")
        self.wait(lambda: "line.status[L-3]" in self.items(edge), "the new line is discovered")
        self.wait(lambda: self.values(edge, "line.status[L-2]")[-1][2] == "5", "the last value of a line that went")
        self.assertEqual([value for _, _, value in self.values(edge, "line.status[L-2]")].count("5"), 1)
        self.lab.reload()
        self.wait_pings(2, DEAD)
        self.wait(lambda: len(self.values(edge, "line.up[L-1]")) >= before + 3, "values of a line that stays")
        self.assertEqual(self.values(edge, "line.up[L-3]"), [], "its values wait for ten minutes")
        self.assertEqual(self.process.stop(), 0, self.process.tail())
        self.assert_nothing_lost(edge, "L-1", "edge-1", GOOD)

        # After a restart known lines do not wait, not even for ten minutes; the rest of the new one's wait is off.
        self.write(routers, [first, third, away], discovery_hold="1s")
        self.run_agent("second")
        self.wait(lambda: len(self.values(edge, "line.up[L-3]")) >= 3, "the new line's values")
        self.process.stop()
        self.write(routers, [first, third, away], discovery_hold="1h")
        self.age_known_lines(2 * 3600)
        restarted = time.time()
        self.run_agent("third")
        self.wait(lambda: [row for row in self.values(edge, "line.up[L-1]") if row[0] + row[1] / 1e9 > restarted], "known lines do not wait")
        self.process.stop()

    def age_known_lines(self, seconds):
        """As if they had been discovered so long ago."""
        path = self.directory / "state" / "discovered-lines"
        head, *rows = path.read_text().splitlines()
        self.assertEqual({row.split()[1] for row in rows}, {"L-1", "L-3", "L-9"})
        path.write_text("\n".join([head, *(f"{int(row.split()[0]) - seconds} {row.split(' ', 1)[1]}" for row in rows), ""]))

    def check_own_items(self, edge, gone):
        last = lambda host, key: (self.wait(lambda: self.values(host, key), key))[-1][2]
        self.assertEqual((last(edge, "router.status"), last(edge, "router.error")), ("1", ""))
        self.assertEqual(last(edge, "router.sessions"), "1")
        self.assertGreater(float(last(edge, "router.login.time")), 0)
        self.assertEqual(last(gone, "router.status"), "0")
        self.assertIn("refused", last(gone, "router.error"))
        host = self.lab.api("host.get", {"filter": {"host": ["test_discovery"]}})[0]["hostid"]
        self.wait(lambda: len(self.values(host, "linewatch.up")) >= 2, "the agent's values come again")
        found = {key: last(host, key) for key in AGENT_ITEMS}
        self.assertEqual((found["linewatch.up"], found["linewatch.routers"], found["linewatch.lines"], found["linewatch.dropped"]), ("1", "2", "3", "0"))
        self.assertRegex(found["linewatch.version"], r"\d+\.\d+\.\d+")
        moments = {key: {row[:2] for row in self.values(host, key)} for key in ("linewatch.up", "linewatch.queue", "linewatch.refused")}
        self.assertEqual(moments["linewatch.up"], moments["linewatch.queue"], "one clock for all values of a report")

    def test_many_lines_on_one_host(self):
        self.simulate("edge-2")
        edge = self.make_router_host("edge-2")
        self.lab.reload()
        lines = [line(f"M-{i}", "edge-2", name=f"A line with a long name {i}", interval="1d", labels={"customer": "acme", "note": "x" * 100})
                 for i in range(1000)]
        self.write([self.sim.router("edge-2")], lines)
        self.run_agent("agent")
        self.wait(lambda: len(self.items(edge)) >= 1000 * len(LINE_ITEMS), "a thousand lines are discovered")
        self.process.stop()

    def test_hosts_made_for_other_keys(self):
        self.simulate("edge-3")
        known = {"dedicatedLinePing": UNSIGNED, "dedicatedLineErrorDetail": TEXT}
        items = {name: self.lab.make_host(name, self.group, known) for name in ("198.51.100.201", "198.51.100.202", "198.51.100.203")}
        self.lab.reload()
        keys = {figure: {"key": None} for figure in FIGURES}
        keys.update({"loss": {"key": "dedicatedLinePing", "type": "integer"}, "error": {"key": "dedicatedLineErrorDetail", "words": "ddl"}})
        routers = [self.sim.router("edge-3"), {**self.sim.router("edge-3"), "name": "gone-3", "port": support.free_port()}]
        self.write(routers, [line("K-1", "edge-3", LOSSY, count=3, zabbix_host="198.51.100.201"), line("K-2", "edge-3", DEAD, zabbix_host="198.51.100.202"),
                             line("K-3", "gone-3", zabbix_host="198.51.100.203")], layout="per_line", keys=keys)
        self.run_agent("agent")
        ping = lambda host: [value for _, _, value in self.lab.history(items[host]["dedicatedLinePing"], UNSIGNED)]
        words = lambda host: [value for _, _, value in self.lab.history(items[host]["dedicatedLineErrorDetail"], TEXT)]
        self.wait(lambda: len(ping("198.51.100.201")) >= 2 and len(words("198.51.100.202")) >= 2 and len(words("198.51.100.203")) >= 2, "values by their old keys")
        self.process.stop()
        self.assertEqual(set(ping("198.51.100.201")), {"34"}, "two of three answered")
        self.assertEqual(words("198.51.100.201"), [])
        self.assertEqual((set(ping("198.51.100.202")), set(words("198.51.100.202"))), ({"100"}, {"RequestTimeout"}))
        self.assertEqual((ping("198.51.100.203"), set(words("198.51.100.203"))), ([], {"ConnectionError"}))


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(programs=("zabbix_sender", "ssh-keygen"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=290)
