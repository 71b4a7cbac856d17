"""A path that can be cut in silence: the agent and Zabbix in network namespaces of their own, a router between them.

    lwt<pid>a  192.0.2.1 --- lwt<pid>r --- 192.0.2.6  lwt<pid>z

A router with a blackhole route tells nobody: connections hang, as behind a firewall or a dead line.
"""

import namespaces
import support

AGENT, ZABBIX = "192.0.2.1", "192.0.2.6"


class Path:
    def __init__(self):
        self._router = namespaces.add("r")
        agent, zabbix = namespaces.add("a"), namespaces.add("z")
        self.at_agent, self.at_zabbix = namespaces.inside(agent), namespaces.inside(zabbix)  # command words
        self._link(agent, AGENT, "192.0.2.2", "left")
        self._link(zabbix, ZABBIX, "192.0.2.5", "right")
        support.run(namespaces.inside(self._router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"), check=True)

    def _link(self, end, address, gateway, device):
        support.run(["ip", "link", "add", "name", device, "netns", self._router, "type", "veth", "peer", "name", "path", "netns", end], check=True)
        for space, name, own in ((end, "path", address), (self._router, device, gateway)):
            support.run(["ip", "-n", space, "addr", "add", f"{own}/30", "dev", name], check=True)
            support.run(["ip", "-n", space, "link", "set", name, "up"], check=True)
        support.run(["ip", "-n", end, "route", "add", "default", "via", gateway], check=True)

    def cut(self):
        """From now on nothing arrives, either way."""
        self._blackhole("add")

    def mend(self):
        self._blackhole("del")

    def _blackhole(self, how):
        for address in (AGENT, ZABBIX):
            support.run(["ip", "-n", self._router, "route", how, "blackhole", f"{address}/32"], check=True)
