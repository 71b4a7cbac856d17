"""The oracle of delivery (delivery_oracle.py) while a real Zabbix proxy is swapped for the server, and while the hosts belong to a
proxy that the agent does not send to. The rows are read from the server's database.
"""

import unittest

import agent
import lab_zabbix
import lab_zabbix_proxy
import support
from delivery_oracle import LINE_ITEMS, LINES, Oracle, ZabbixHistory

# Only line.status is sent: a value that Zabbix refuses is a turn.
KEYS = {key.removeprefix("line."): {"key": None} for key in LINE_ITEMS if key != "line.status"}


class DeliveryProxy(Oracle):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.proxy = lab_zabbix_proxy.ZabbixProxy(cls.lab)
        cls.history = ZabbixHistory(cls.lab, proxy_hostid=cls.proxy.id)
        cls.lab.reload()
        cls.proxy.start()
        super().setUpClass()

    def arrived(self):
        return self.history.rows()

    def send_to(self, *ports):
        """To these nodes of one cluster from now on."""
        nodes = [f"127.0.0.1:{port}" for port in ports]
        self.write_config({"nodes": nodes}, layout="per_line", keys=KEYS)
        done = agent.linewatch("reload", "-c", self.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait(lambda: self.destination()["name"] == ",".join(nodes), 30, f"the agent sends to {nodes}")

    def move_hosts(self, names, proxy):
        hosts = self.lab.api("host.get", {"filter": {"host": names}, "output": ["hostid"]})
        self.assertEqual(len(hosts), len(names))
        for host in hosts:
            self.lab.api("host.update", {**host, "proxy_hostid": proxy})
        self.lab.reload()

    def test_proxy_swapped_for_the_server(self):
        self.write_config(self.proxy.port, layout="per_line", keys=KEYS)
        self.launch()

        # The proxy takes nothing more; what it took arrives by way of it, the rest waits.
        self.proxy.close()
        self.wait(lambda: self.destination()["queued"] >= len(LINES), 30, "values wait")
        self.assertEqual(self.destination()["failed"], 0, "the proxy refused nothing")
        taken = self.destination()["processed"]
        self.wait(lambda: self.history.count() == taken, 60, "all that the proxy took is in the server's history")
        self.kill()

        # With a node in common the new destination is the old one, with what waits for it.
        self.move_hosts([*LINES, "test-agent"], 0)
        self.send_to(self.proxy.port, self.lab.port)
        self.send_to(self.lab.port)
        self.wait_each(1)
        self.assertEqual(self.destination()["failed"], 0, "the server refused nothing")

        # Of hosts that a proxy has, the server refuses the values: each is counted.
        self.proxy.stop()
        self.move_hosts([*LINES], self.proxy.id)
        self.wait(lambda: self.destination()["failed"] >= 2 * len(LINES), 30, "values are refused")
        self.move_hosts([*LINES], 0)
        self.account()


if __name__ == "__main__":
    lab_zabbix.need()
    lab_zabbix_proxy.need()
    support.need(programs=("zabbix_sender", "ssh-keygen"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=280)
