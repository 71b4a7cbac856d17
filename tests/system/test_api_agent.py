"""The running agent and its lines from the Zabbix API: they come, go and stay while the API is away, over a restart, too."""

import unittest

import agent
import support
import zabbix_stand_in as bad
from test_agent import GOOD, TARGETS, line
from test_control import Control
from zabbix_stand_in import TOKEN, ZabbixStandIn


class Lines(Control):
    def start_with_api(self):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        self.trapper = agent.Trapper(self.directory)
        self.zabbix = ZabbixStandIn()
        self.zabbix.proxies = [{"proxyid": "7", "name": "proxy-1", "host": "proxy-1", "proxy_groupid": "0"}]
        router = self.sim.routers["r1"]
        self.zabbix.add_template("20", {"LINE_ROUTER_IP": router["address"], "LINE_ROUTER_PORT": str(router["port"]), "LINE_TARGET": GOOD,
                                        "LINE_ROUTER_PLATFORM": router["platform"], "LINE_ROUTER_CREDENTIALS": "netmon",
                                        "LINE_CHECK_INTERVAL": "1s", "LINE_COUNT": "1"})
        self.zabbix.add_host(1, "z-1", templates=["20"])
        self.zabbix.add_host(2, "z-2", templates=["20"])
        api = {"url": self.zabbix.url, "token_file": agent.secret_file(self.directory, "token", TOKEN), "proxy": "proxy-1",
               "tag": {"TempType": "LINE"}, "interval": "10s", "max_removal": "60%"}
        self.config = self.write([], [], self.trapper.port, zabbix={"api": api})
        self.process = self.run_agent()

    def states(self, host):
        return [value.value for value in self.trapper.values(host, "line.status")]

    def wait_states(self, host, condition, what):
        self.trapper.wait_values(lambda _: condition(self.states(host)), 60, f"{host}: {what}")

    def test_they_come_and_go_and_outlive_the_api(self):
        self.start_with_api()
        for host in ("z-1", "z-2"):
            self.wait_states(host, lambda states: "1" in states, "measured")
        self.assertEqual(self.status()["agent"]["configuration"]["api"]["hosts"], 2)
        self.zabbix.add_host(3, "z-3", templates=["20"])
        self.zabbix.hosts = [host for host in self.zabbix.hosts if host["host"] != "z-2"]
        self.wait_states("z-3", lambda states: "1" in states, "measured soon after it came")
        self.wait_states("z-2", lambda states: states[-1] == "5", "its last value")
        self.assertEqual(self.states("z-2").count("5"), 1)
        self.assertEqual(len(self.sim.logins("r1")), 1, "one router, and its session was not touched")
        self.assertEqual(agent.linewatch("ping", "-c", self.config, "z-3").returncode, 0)

        self.zabbix.bad = bad.hang_up
        support.wait_until(lambda: "the last plan goes on" in self.process.err(), 40, "the outage is said", of=self.process)
        self.assertIn("the last plan goes on", self.ask("status").stdout)
        self.process.stop()
        before = {host: len(self.states(host)) for host in ("z-1", "z-3")}
        self.process = self.run_agent("again")
        for host, count in before.items():
            self.wait_states(host, lambda states, count=count: states[count:].count("1") > 1, "measured by the last plan")
        self.assertNotIn("5", self.states("z-1") + self.states("z-3"))
        self.assert_no_secret(self.process.err())
        self.assertNotIn(TOKEN, self.process.err())

    def test_the_api_is_switched_off_and_on_by_an_edit(self):
        self.start_with_api()
        self.wait_states("z-1", lambda states: "1" in states, "measured")
        whole = self.config.read_text()
        self.config = self.write([], [], self.trapper.port)
        self.wait_states("z-1", lambda states: states[-1] == "5", "gone with the API")
        self.config.write_text(whole)
        self.wait_states("z-1", lambda states: states[-1] == "1", "back with it")

    def test_a_line_of_a_file_beside_them(self):
        self.start_with_api()
        self.wait_states("z-1", lambda states: "1" in states, "measured")
        api = {"url": self.zabbix.url, "token_file": self.directory / "token", "proxy": "proxy-1", "tag": {"TempType": "LINE"}, "interval": "10s"}
        self.config = self.write([self.sim.router("r1")], [line("z-2", "r1", interval="1s", count=1)], self.trapper.port, zabbix={"api": api})
        self.trapper.wait_values(lambda values: any(value.key == "line.status[z-2]" and value.value == "1" for value in values), 40, "the file's line is measured")
        support.wait_until(lambda: "no line comes of 1 host; linewatch discover says why" in self.process.err(), 30, "the clash is said", of=self.process)
        self.assertIn("no line comes of 1 host", " ".join(self.ask("status").stdout.split()))
        found = self.ask("discover")
        self.assertIn("z-2", found.stdout)
        self.assertIn("linewatch.yml:", found.stdout)


if __name__ == "__main__":
    support.main(limit=280)
