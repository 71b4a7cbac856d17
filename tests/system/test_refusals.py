"""Why a real Zabbix refuses values, and which hosts store none of what it takes: one host for each reason, as its API shows it."""

import secrets
import unittest

import agent
import lab_zabbix
import support
from test_zabbix_items import AGENT_ITEMS, FIGURES, TRAPPER, UNSIGNED

AGENT_ACTIVE = 7
PASSWORD = "s3cret-Harbour-6"
KEY = "line.status"
UP = "198.51.100.1"

# host: (what is odd about it, about its item (None: there is none), words of the reason)
REFUSED = {
    "disabled": ({"status": 1}, {}, "the host is disabled"),
    "no-item": ({}, None, "the host has no item with this key"),
    "item-off": ({}, {"status": 1}, "the item is disabled"),
    "other-type": ({}, {"type": AGENT_ACTIVE, "delay": "1h"}, "the item is of type Zabbix agent (active), not Zabbix trapper"),
    "elsewhere": ({}, {"trapper_hosts": "192.0.2.77"}, "the item takes values from its allowed hosts only: '192.0.2.77'"),
    "proxied": ({"proxy_hostid": "proxy-1"}, {}, "the host is monitored by proxy 'proxy-1': its values must be sent there"),
    "wants-psk": ({"tls_accept": 2, "tls_psk_identity": "edge", "tls_psk": secrets.token_hex(32)}, {},
                  "the host takes values with a PSK only, and they come without encryption"),
}
NO_HOST = "there is no host of this name, or the account of zabbix.api may not read it"


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.group, cls.others = cls.lab.make_group("Lines"), cls.lab.make_group("Hidden")
        proxy = cls.lab.api("proxy.create", {"host": "proxy-1", "status": 5})["proxyids"][0]
        for name, (host, item, _) in REFUSED.items():
            cls.make(name, {**host, **({"proxy_hostid": proxy} if "proxy_hostid" in host else {})}, item)
        cls.make("hidden", {"status": 1}, {}, cls.others)
        cls.good_item = cls.make("good", {}, {})[1]
        cls.resting, cls.resting_item = cls.make("resting", {}, {})
        cls.lab.make_host("test-agent", cls.group, AGENT_ITEMS)
        cls.lab.reload()
        cls.token = cls.lab.make_reader("reader", [cls.group], PASSWORD)

    @classmethod
    def make(cls, name, host, item, group=None):
        """(host id, item id)"""
        made = cls.lab.api("host.create", {"host": name, "groups": [{"groupid": group or cls.group}], **host})["hostids"][0]
        if item is None:
            return made, None
        return made, cls.lab.api("item.create", {"hostid": made, "name": KEY, "key_": KEY, "type": TRAPPER, "value_type": UNSIGNED, **item})["itemids"][0]

    def start_agent(self):
        self.directory = support.temp_dir()
        self.sim = agent.Simulator(self.directory, [{"name": "edge-1", "targets": {UP: {"delay": "5ms"}}}])
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())
        hosts = [*REFUSED, "hidden", "missing", "good", "resting"]
        api = {"url": self.lab.api_url, "token_file": agent.secret_file(self.directory, "token", self.token), "tag": {"None": "at all"}, "interval": "10s"}
        data = agent.settings(
            self.directory, self.lab.port,
            # One packet holds a value of each host, and so one inquiry finds all items.
            zabbix={"layout": "per_line", "flush_interval": "5s", "api": api, "keys": {figure: {"key": None} for figure in FIGURES if figure != "status"}},
            credentials={"netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD)}},
            routers=[self.sim.router("edge-1")],
            lines=[{"id": f"L-{host}", "router": "edge-1", "target": UP, "interval": "2s", "count": 1, "timeout": "1s", "zabbix_host": host} for host in hosts])
        self.config = agent.write_config(self.directory, data)
        self.process = agent.Agent(self.config, self.directory)

    def status(self):
        done = agent.linewatch("status", "--json", "-c", self.config)
        return support.parse_ndjson(done.stdout)[0] if done.returncode == 0 else None

    def reasons(self):
        status = self.status()
        return {row["host"]: row["reason"] for row in status["destinations"][0]["refused"]} if status else {}

    def wait(self, condition, what, seconds=150):
        return support.wait_until(condition, seconds, what, of=self.process, step=0.5)

    def stored(self, item):
        return len(self.lab.history(item, UNSIGNED))

    def test_each_reason_and_a_host_that_stores_nothing(self):
        self.start_agent()
        maintenance = self.lab.begin_maintenance(self.resting, maintenance_type=1)
        expected = {**{host: words for host, (_, _, words) in REFUSED.items()}, "hidden": NO_HOST, "missing": NO_HOST}
        self.wait(lambda: set(found := self.reasons()) == set(expected) and all(found.values()), "a reason for each")
        for host, reason in self.reasons().items():
            with self.subTest(host):
                self.assertIn(expected[host], reason)
                said = [text for text in self.process.err().splitlines() if "why zabbix refuses" in text and f"host={host} " in text]
                self.assertEqual(len(said), 1, said)
                self.assertIn(f'key="{KEY}" reason="{reason}"', said[0])
        shown = " ".join(agent.linewatch("status", "-c", self.config).stdout.split())
        self.assertIn(f"the values of 2 items are refused, such as {KEY} on host ", shown)
        self.assertIn(NO_HOST, shown)
        self.assertIn("on host elsewhere: the item takes values from its allowed hosts only: '192.0.2.77'", shown)
        self.check_resting(maintenance)
        self.assertEqual(self.process.stop(), 0, self.process.tail())
        log = self.process.err()
        for secret in (self.token, PASSWORD, agent.PASSWORD):
            self.assertNotIn(secret, log)

    def check_resting(self, maintenance):
        sentence = 'host resting is in maintenance without data collection: Zabbix answers "processed" and stores nothing'
        self.wait(lambda: sentence in self.process.err(), "the maintenance is seen")
        check = self.status()["agent"]["configuration"]["api"]["host_check"]
        self.assertEqual(sorted(row["host"] for row in check["not_stored"]), ["disabled", "resting"])
        self.assertEqual((check["last_error"], check["hosts_not_seen"]), (None, 2), "the one that is missing and the hidden one")
        self.assertIn(sentence, self.status()["agent"]["configuration"]["warnings"])
        self.assertNotIn("resting", self.reasons())
        before, well = self.stored(self.resting_item), self.stored(self.good_item)
        self.wait(lambda: self.stored(self.good_item) > well + 3, "values of a host that is well")
        self.assertEqual(self.stored(self.resting_item), before, "it is true")
        self.lab.api("maintenance.delete", maintenance)
        self.lab.wait_reload(lambda: not self.lab.in_maintenance(self.resting), "the maintenance is over")
        self.wait(lambda: "host resting stores what it is sent again" in self.process.err(), "that is said")
        self.wait(lambda: self.stored(self.resting_item) > before, "it stores values")
        self.assertEqual(self.process.err().count("host resting is in maintenance"), 1)
        self.assertEqual(self.process.err().count("host disabled is disabled"), 1)


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(programs=("zabbix_sender", "ssh-keygen"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=380)
