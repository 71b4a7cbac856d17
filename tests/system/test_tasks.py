"""Tasks of the site's own and traces on loss, on real routers: FRR's vtysh with zebra and bgpd behind OpenSSH (lab_frr.py).

Two routers peer with each other, so that a BGP session is up and goes down for real; one more neighbour never answers. A
line's far end stops answering, and the route to it is traced.
"""

import json
import shutil
import unittest

import agent
import lab_frr
import support

BGP = {
    "name": "bgp", "interval": "2s", "timeout": "1s",
    "commands": {"frr": "show bgp ipv4 unicast summary json", "cisco_iosxe": ["show clock", "show ip bgp summary"]},
    "expect": {"frr": '"peerCount"', "cisco_iosxe": "^Neighbor"},
    "values": [
        {"name": "peers", "item": "bgp.peers", "type": "integer",
         "find": {"frr": r'"peerCount":\s*(?P<peers>\d+)', "cisco_iosxe": None}},
        {"name": "up", "item": "bgp.peers.up", "count": {"frr": r'"state":\s*"Established"', "cisco_iosxe": r"^\d\S+ .* \d+$"}},
        {"name": "memory", "item": "bgp.memory", "type": "integer", "factor": 8,
         "find": {"frr": r'"peerMemory":\s*(?P<memory>\d+)', "cisco_iosxe": None}},
        {"name": "router_id", "item": "bgp.router.id", "type": "text",
         "find": {"frr": r'"routerId":\s*"(?P<router_id>[\d.]+)"', "cisco_iosxe": None}},
        {"name": "uptime", "item": "bgp.uptime", "find": {"frr": r"no such thing (?P<uptime>\d+)", "cisco_iosxe": None}},
    ]}
ROUTE = {
    "name": "route", "interval": "2s", "timeout": "1s",
    "commands": {"frr": ["show version", "show ip route {target}"]},
    "values": [{"name": "version", "item": "frr.version", "type": "text", "find": r"^FRRouting (?P<version>\S+)"},
               {"name": "routed", "item": "route.known", "count": r"^Routing entry for "}]}
REFUSED = {"name": "refused", "interval": "2s", "timeout": "1s", "commands": {"frr": "show optical power"},
           "values": [{"name": "rx", "item": "optic.rx", "count": "x"}]}


class Tasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_frr.FrrLab()
        cls.lab.__enter__()
        cls.a, cls.b = cls.lab.routers
        support.run(cls.lab.command("sysctl", "-qw", "net.ipv4.ip_forward=1"), check=True)
        cls.bgpd = {}
        for router, other in ((cls.a, cls.b), (cls.b, cls.a)):
            near = router.address[:-1] + str(int(router.address[-1]) + 1)
            support.run(router.inside("ip", "route", "add", f"{other.address}/32", "via", near), check=True)
            cls.bgpd[router.name] = cls.start_bgpd(router, other)

    @classmethod
    def start_bgpd(cls, router, other):
        number = {cls.a.name: 64501, cls.b.name: 64502}
        config = router.config / "bgpd.conf"
        config.write_text(f"hostname {router.name}\nrouter bgp {number[router.name]}\n bgp router-id {router.address}\n"
                          f" no bgp ebgp-requires-policy\n timers bgp 1 3\n neighbor {other.address} remote-as {number[other.name]}\n"
                          f" neighbor {other.address} ebgp-multihop 3\n neighbor {other.address} timers connect 1\n"
                          f" neighbor {other.address} update-source {router.address}\n"
                          " neighbor 203.0.113.9 remote-as 64999\n neighbor 203.0.113.9 ebgp-multihop 3\n")
        state = lab_frr.STATE / router.namespace
        process = support.Process(
            router.inside(shutil.which("bgpd"), "-N", router.namespace, "-f", config, "-i", state / "bgpd.pid", "-z", state / "zserv.api",
                          "-A", "127.0.0.1", "-P", "0", "--log", "stdout"), router.config, "bgpd")
        support.wait_until(lambda: (state / "bgpd.vty").exists(), 20, f"bgpd of {router.name}: its socket", of=process)
        return process

    def setUp(self):
        self.directory = support.temp_dir()
        self.trapper = agent.Trapper(self.directory, prefix=self.lab.command())

    def start(self, own, router_tasks=(), **line):
        lab, a = self.lab, self.a
        (self.directory / "known_hosts").write_text(a.known_host())
        settings = agent.settings(
            self.directory, self.trapper.port,
            credentials={"key": {"username": lab.user, "private_key_file": lab.private_key}}, tasks=own,
            routers=[{"name": a.name, "address": a.address, "port": a.port, "platform": "frr", "credentials": "key",
                      "connection": {"max_connections": 1}, **({"tasks": list(router_tasks)} if router_tasks else {})}])
        if line:
            settings["lines"] = [{"id": "L", "router": a.name, "interval": "3s", "count": 1, "timeout": "1s", **line}]
        self.config = agent.write_config(self.directory, settings)
        self.agent = agent.Agent(self.config, self.directory, prefix=lab.command())

    def status(self):
        done = agent.linewatch("status", "-c", self.config, "--json", "--router", self.a.name)
        return json.loads(done.stdout)["routers"][0] if done.returncode == 0 else None

    def test_values_of_a_router(self):
        self.start([BGP, REFUSED], ["bgp", "refused"])
        of = lambda values, key: [value for value in values if value.key == key]
        values = self.trapper.wait_values(lambda values: any(value.value == "1" for value in of(values, "bgp.peers.up")), 60,
                                          "the peer that is up reaches Zabbix")
        values = [value for value in values if not value.key.startswith(("linewatch.", "router.", "lines."))]
        run = [value for value in values if (value.clock, value.ns) == (values[-1].clock, values[-1].ns)]
        self.assertEqual([value.key for value in run], ["bgp.peers", "bgp.peers.up", "bgp.memory", "bgp.router.id"],
                         "all values of a run carry one time, and what was not found is not sent")
        by_key = {value.key: value.value for value in run}
        self.assertEqual((by_key["bgp.peers"], by_key["bgp.router.id"]), ("2", self.a.address))
        self.assertEqual(int(by_key["bgp.memory"]) % 8, 0)
        self.assertEqual({value.host for value in values}, {self.a.name})
        self.assertFalse(of(values, "optic.rx") + of(values, "bgp.uptime"))

        def both_ran():
            router = self.status()
            return router if router and all(task["error"] for task in router["tasks"]) else None
        router = support.wait_until(both_ran, 30, "both tasks have run")
        tasks = {task["name"]: task for task in router["tasks"]}
        self.assertEqual(tasks["bgp"]["values"]["peers"], "2")
        self.assertEqual(tasks["bgp"]["error"], "uptime: not found in the answer")
        self.assertIn("the router did not take 'show optical power': % ", tasks["refused"]["error"])
        self.assertEqual(router["task_count"], {"total": 2, "failing": 2})
        self.assertEqual(sum("task " in warning for warning in router["warnings"]), 2)
        self.assertEqual(router["logins"], 1, "all ride on one session")
        table = agent.linewatch("status", "-c", self.config, "--router", self.a.name).stdout
        self.assertRegex(table, r"(?m)^bgp .*peers 2, up 1, memory \d+, router_id 192\.0\.2\.1$")

        # The peer goes down for real.
        self.bgpd[self.b.name].stop()
        self.trapper.wait_values(lambda values: of(values, "bgp.peers.up")[-1].value == "0", 30, "the peer that is down reaches Zabbix")
        Tasks.bgpd[self.b.name] = self.start_bgpd(self.b, self.a)
        self.assertEqual(self.agent.stop(), 0, self.agent.tail())
        log = self.agent.out() + self.agent.err()
        self.assertEqual((log.count('values are missing task="bgp"'), log.count('there are no values task="refused"')), (1, 1), log)

    def test_a_line_that_is_pinged_and_has_a_task(self):
        target = self.a.tell(61, "!", 5)
        self.start([ROUTE], target=target, tasks=["route"])
        values = self.trapper.wait_values(
            lambda values: {"frr.version[L]", "route.known[L]", "line.status[L]"} <= {value.key for value in values}, 40,
            "the line's ping and its task reach Zabbix")
        by_key = {value.key: value.value for value in values}
        self.assertEqual((by_key["route.known[L]"], by_key["line.status[L]"]), ("1", "1"))
        self.assertRegex(by_key["frr.version[L]"], r"^\d+\.\d")
        self.assertEqual(self.agent.stop(), 0, self.agent.tail())

    def test_a_line_that_turns_bad_is_traced(self):
        if not shutil.which("traceroute"):
            self.skipTest("not installed: traceroute")
        target = self.a.tell(62, "!", 5)
        self.start([], target=target, trace={"on_loss": True})
        key = lambda values, name: [value for value in values if value.key == name]
        self.trapper.wait_values(lambda values: key(values, "line.status[L]")[-1:] and key(values, "line.status[L]")[-1].value == "1",
                                 40, "the line is up")
        self.a.tell(62, ".")
        values = self.trapper.wait_values(lambda values: key(values, "line.trace[L]"), 100, "the trace reaches Zabbix")
        self.assertIn(f"traceroute to {target}", key(values, "line.trace[L]")[0].value)
        self.assertRegex(key(values, "line.trace[L]")[0].value, r"(?m)^ 1 ")
        self.a.tell(62, "!", 5)
        self.trapper.wait_values(lambda values: key(values, "line.status[L]")[-1].value == "1", 40, "the line is up again")
        self.a.tell(62, ".")
        self.trapper.wait_values(lambda values: key(values, "line.status[L]")[-1].value == "0", 40, "the line is down again")
        self.assertEqual(self.agent.stop(), 0, self.agent.tail())
        self.assertEqual(len(key(self.trapper.values(), "line.trace[L]")), 1, "at most one in a quarter of an hour")


if __name__ == "__main__":
    lab_frr.need()
    support.need(programs=("bgpd",), variables=("LINEWATCH", "LINEWATCH_TRAPPER"))
    support.main(limit=280)
