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


ROUTERS_OWN = {"monitored_by": "0", "proxyid": "0", "proxy_hostid": "0", "tags": []}  # no line, and the server itself monitors it


class Refused(Control):
    """Values that the trapper refuses, and what a Zabbix 7.0 says of their hosts."""

    def start_with_hosts(self, version="7.0.0"):
        self.simulate([{"name": "r1", "targets": TARGETS}])
        self.trapper = agent.Trapper(self.directory, options=("--deny", "edge-*"))
        self.zabbix = ZabbixStandIn(version)
        self.zabbix.proxies = [{"proxyid": "7", "name": "proxy-7", "host": "proxy-7", "proxy_groupid": "0"}]
        self.zabbix.groups = [{"proxy_groupid": "5", "name": "group-5"}]
        of_a_proxy, of_a_group = {"monitored_by": "1", "proxyid": "7", "proxy_hostid": "7"}, {"monitored_by": "2", "proxy_groupid": "5"}
        for number, (host, more) in enumerate({
                "edge-server": {}, "edge-proxy": of_a_proxy, "edge-group": of_a_group, "edge-unseen-proxy": {**of_a_proxy, "proxyid": "8", "proxy_hostid": "8"},
                "edge-rule-off": {}, "edge-off": {"status": "1"}, "resting": {"maintenance_status": "1", "maintenance_type": "1"},
                "with-data": {"maintenance_status": "1", "maintenance_type": "0"}}.items(), 1):
            made = self.zabbix.add_host(number, host, **{**ROUTERS_OWN, **more})
            self.zabbix.items.append(self.zabbix.item(made, f"line.status[{host}]"))
            self.zabbix.rules.append(self.zabbix.item(made, "lines.discovery", status="1" if host == "edge-rule-off" else "0"))
        names = [host["host"] for host in self.zabbix.hosts] + ["edge-none"]
        api = {"url": self.zabbix.url, "token_file": agent.secret_file(self.directory, "token", TOKEN), "tag": {"TempType": "LINE"}, "interval": "10s"}
        figures = ("up", "loss", "rtt.min", "rtt.avg", "rtt.max", "rtt.stddev", "jitter", "error", "check.time")
        self.config = self.write(
            [self.sim.router("r1", zabbix_host="resting")], [line(name, "r1", interval="2s", count=1, zabbix_host=name) for name in names], self.trapper.port,
            zabbix={"api": api, "flush_interval": "5s", "keys": {figure: {"key": None} for figure in figures}})

    def reasons(self):
        return {(row["host"], row["key"].partition("[")[0]): row["reason"] for row in self.status()["destinations"][0]["refused"]}

    def host_check(self):
        return self.status()["agent"]["configuration"]["api"]["host_check"]

    def test_reasons_in_the_words_of_7_0(self):
        self.start_with_hosts()
        self.process = self.run_agent()
        wanted = {(host, key) for host in ("edge-server", "edge-proxy", "edge-group", "edge-unseen-proxy", "edge-rule-off", "edge-off", "edge-none")
                  for key in ("line.status", "lines.discovery")}
        support.wait_until(lambda: set(found := self.reasons()) == wanted and all(found.values()), 120, "all reasons", of=self.process, step=0.3)
        found = self.reasons()
        for host, words in {"edge-proxy": "monitored by proxy 'proxy-7'", "edge-group": "monitored by proxy group 'group-5'",
                            "edge-unseen-proxy": "monitored by the proxy with the id 8", "edge-off": "the host is disabled", "edge-none": "no host of this name",
                            "edge-server": "the API shows nothing wrong"}.items():
            self.assertIn(words, found[host, "line.status"])
            self.assertIn(words, found[host, "lines.discovery"])
        self.assertEqual(found["edge-rule-off", "lines.discovery"], "the item is disabled")
        self.assertIn("nothing wrong", found["edge-rule-off", "line.status"])
        self.assertEqual(sorted(row["host"] for row in self.host_check()["not_stored"]), ["edge-off", "resting"])
        self.assertIn("host resting is in maintenance without data collection", " ".join(self.ask("status").stdout.split()))
        self.assert_no_secret(self.process.err())
        self.assertNotIn(TOKEN, self.process.err())

    def test_an_api_that_is_away_and_comes_back(self):
        """The likely reasons stand until the API says the right one."""
        self.start_with_hosts("6.0.14")
        self.zabbix.bad = bad.hang_up
        self.process = self.run_agent()
        support.wait_until(lambda: "zabbix.api cannot be asked why zabbix refuses values" in self.process.err(), 30, "the outage is said", of=self.process)
        support.wait_until(lambda: len(self.reasons()) == 14, 120, "what is refused", of=self.process, step=0.3)
        self.assertEqual(set(self.reasons().values()), {None})
        self.assertIn("closed without an answer", self.host_check()["last_error"])
        self.assertIn("no such host or trapper item, disabled, host on a proxy", " ".join(self.ask("status").stdout.split()))
        self.assertNotIn("why zabbix refuses the", self.process.err())
        self.zabbix.bad = None
        support.wait_until(lambda: all(self.reasons().values()), 150, "the reasons", of=self.process, step=0.3)
        self.assertIn("monitored by proxy 'proxy-7'", self.reasons()["edge-proxy", "line.status"])
        log = self.process.err()
        self.assertEqual((log.count("zabbix.api cannot be asked why"), log.count("zabbix.api can be asked about hosts again")), (1, 1))
        self.assertEqual(self.process.stop(), 0, self.process.tail())


if __name__ == "__main__":
    support.main(limit=280)
