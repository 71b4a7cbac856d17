"""Every command line that the simulator speaks, through real SSH connections: what `linewatch` types there, and that its figures
are those the simulator was told.
"""

import collections
import re
import unittest

import agent
import support

# `wished`: what is typed for WISHED; `inventory`: what prints more than a screen; `slow`: 12.7 ms as the platform prints it.
Dialect = collections.namedtuple("Dialect", "wished inventory slow", defaults=[12.7])
WISHED = {"vrf": "CUST-A", "source": "198.51.100.1", "size": 200}
DIALECTS = {
    "cisco_iosxe": Dialect("ping vrf CUST-A 198.51.100.7 repeat 4 size 200 timeout 1 source 198.51.100.1", "show version", 12.0),
    "cisco_iosxr": Dialect("ping vrf CUST-A 198.51.100.7 count 4 size 200 timeout 1 source 198.51.100.1", "show version", 12.0),
    "cisco_nxos": Dialect("ping 198.51.100.7 count 4 packet-size 172 timeout 1 source 198.51.100.1 vrf CUST-A", "show version"),
    "huawei_vrp": Dialect("ping -vpn-instance CUST-A -c 4 -t 1000 -s 172 -a 198.51.100.1 198.51.100.7", "display version", 12.0),
    "h3c_comware": Dialect("ping -vpn-instance CUST-A -c 4 -t 1000 -s 172 -a 198.51.100.1 198.51.100.7", "display version"),
    "juniper_junos": Dialect("ping 198.51.100.7 inet no-resolve count 4 wait 1 size 172 source 198.51.100.1 routing-instance CUST-A",
                             "show version"),
    "arista_eos": Dialect("ping vrf CUST-A 198.51.100.7 source 198.51.100.1 size 200 repeat 4 timeout 1", "show version"),
    "nokia_sros": Dialect('ping 198.51.100.7 count 4 timeout 1 size 172 source-address 198.51.100.1 router-instance "CUST-A"',
                          "show version"),
    "nokia_sros_classic": Dialect("ping 198.51.100.7 count 4 timeout 1 size 172 source 198.51.100.1 router CUST-A", "show version"),
    "mikrotik_routeros": Dialect("/ping address=198.51.100.7 count=4 interval=1000ms size=200 src-address=198.51.100.1 vrf=CUST-A",
                                 "/system resource print"),
    "fortinet_fortios": Dialect("execute ping-options data-size 172", "get system status"),
    "linux": Dialect("ip vrf exec CUST-A ping -4 -n -c 4 -W 1 -s 172 -I 198.51.100.1 198.51.100.7", "dmesg"),
    "frr": Dialect(None, "show version"),
}
# What cannot be reached and is not said to be so.
SILENT = {"huawei_vrp": ("unreachable", "no-route", "six-no-route"), "h3c_comware": ("unreachable", "no-route", "six-no-route"),
          "cisco_iosxe": ("no-route",), "cisco_iosxr": ("no-route", "six-no-route")}
NO_VRF = {"fortinet_fortios"}  # an administrator's VDOM
FLAPPING = "198.51.100.8"
TARGETS = {
    "198.51.100.2": {"delay": "20ms"}, "198.51.100.3": {"delay": "12.7ms", "pattern": "!.!!"}, "198.51.100.4": {"pattern": "."},
    "198.51.100.5": {"unreachable": True}, "198.51.100.6": {"no_route": True}, "198.51.100.7": {"delay": "30ms", "mtu": 1500},
    FLAPPING: {"delay": "9ms", "loss": "50%"}, "2001:db8::3": {"delay": "7ms", "pattern": "!!!."}, "2001:db8::6": {"no_route": True},
    "near.example": {"delay": "3ms", "address": "198.51.100.9"}, "198.51.100.10": {"delay": "1ms", "pattern": "." + 74 * "!"},
}


def name_of(platform):
    return platform.replace("_", "-")


def simulated(platform, **more):
    # RouterOS prints the line anew when Enter is typed.
    drawn = {"quirks": {"echo": "carriage_return"}} if platform == "mikrotik_routeros" else {}
    return {"name": name_of(platform), "platform": platform, "targets": TARGETS, "vrfs": ["CUST-A"], "sources": ["198.51.100.1"],
            **drawn, **more}


class Lab(unittest.TestCase):
    """All dialects in one simulator, and configurations for them."""

    def setUp(self):
        self.directory = support.temp_dir()

    def simulate(self, **more):
        self.sim = agent.Simulator(self.directory, [simulated(platform, **more) for platform in DIALECTS])
        (self.directory / "known_hosts").write_text(self.sim.known_hosts())

    def line(self, name, platform, target, **more):
        return {"id": f"{platform}.{name}", "router": name_of(platform), "target": target, "interval": "60s", "timeout": "1s", "count": 4,
                **more}

    def write(self, lines, trapper_port=10051, router={}, **more):
        named = {line["router"] for line in lines}
        routers = [self.sim.router(name_of(platform), **router) for platform in DIALECTS if name_of(platform) in named]
        return agent.write_config(self.directory, agent.settings(
            self.directory, trapper_port, credentials={"netmon": {"username": agent.USER, "password": agent.PASSWORD}},
            routers=routers, lines=lines, **more))

    def leave_pagers_on(self):
        """Profiles of the site's own that set nothing up: pagers, and time stamps where the platform has them."""
        (self.directory / "platforms").mkdir()
        for platform in DIALECTS:
            (self.directory / "platforms" / f"{platform}.yaml").write_text(
                f"extends: {platform}\nname: {platform}\ncli: {{setup: []}}\n")

    def ping(self, lines, **router):
        config = self.write(lines, router={"connection": {"max_connections": 4}, **router})
        _, rows, errors = agent.ping_json(config, "--all", seconds=100)
        self.assertEqual(len(rows), len(lines), errors)
        return rows

    def assert_row(self, row, status, sent, received, time=None):
        self.assertEqual((row["status"], row["sent"], row["received"]), (status, sent, received), row)
        times = [row["rtt_ms"][name] for name in ("min", "avg", "max")]
        self.assertEqual(times, [time] * 3, row)
        if row["probes_ms"] and received:
            self.assertEqual([each for each in row["probes_ms"] if each is not None], [time] * received, row)


class Figures(Lab):
    def each(self, rows, name, check):
        """check(row, platform) for that line of each dialect that has it."""
        for platform in DIALECTS:
            if f"{platform}.{name}" in rows:
                with self.subTest(f"{platform}.{name}"):
                    check(rows[f"{platform}.{name}"], platform)

    def test_lines_good_lossy_and_dead(self):
        self.simulate()
        rows = self.ping([self.line(name, platform, target) for platform in DIALECTS for name, target in (
            ("good", "198.51.100.2"), ("lossy", "198.51.100.3"), ("dead", "198.51.100.4"), ("six", "2001:db8::3"), ("named", "near.example"))])

        def lossy(row, platform):
            time = DIALECTS[platform].slow
            self.assert_row(row, "partial_loss", 4, 3, time)
            self.assertEqual(row["loss_percent"], 25.0)
            self.assertIn(row["probes_ms"], (None, [time, None, time, time]))

        def dead(row, _):
            self.assert_row(row, "total_loss", 4, 0)
            self.assertEqual((row["state"], row["loss_percent"]), ("down", 100.0))

        def six(row, _):
            self.assert_row(row, "partial_loss", 4, 3, 7.0)
            self.assertIn(row["probes_ms"], (None, [7.0, 7.0, 7.0, None]))

        self.each(rows, "good", lambda row, _: self.assert_row(row, "ok", 4, 4, 20.0))
        self.each(rows, "lossy", lossy)
        self.each(rows, "dead", dead)
        self.each(rows, "six", six)
        self.each(rows, "named", lambda row, _: self.assert_row(row, "ok", 4, 4, 3.0))
        for platform in DIALECTS:
            with self.subTest(platform):
                # vtysh has no count: one more may leave before the agent ends it.
                most = 25 if platform == "frr" else 20
                sent = sum(row["sent"] for row in self.sim.events("ping", name_of(platform)))
                self.assertTrue(20 <= sent <= most, f"{sent} echo requests left the router")

    def test_what_a_line_wishes_reaches_the_router(self):
        self.simulate()
        lines = []
        for platform, dialect in DIALECTS.items():
            if dialect.wished:
                wishes = {key: value for key, value in WISHED.items() if key != "vrf" or platform not in NO_VRF}
                lines.append(self.line("wished", platform, "198.51.100.7", **wishes))
        self.each(self.ping(lines), "wished", lambda row, _: self.assert_row(row, "ok", 4, 4, 30.0))
        for platform, dialect in DIALECTS.items():
            with self.subTest(platform):
                typed = [row["text"] for row in self.sim.events("command", name_of(platform))]
                self.assertTrue(dialect.wished is None or dialect.wished in typed, typed)

    def test_what_the_router_complains_about_is_told_apart(self):
        self.simulate()
        lines = []
        for platform, dialect in DIALECTS.items():
            lines += [self.line("unreachable", platform, "198.51.100.5"), self.line("no-route", platform, "198.51.100.6"),
                      self.line("six-no-route", platform, "2001:db8::6"), self.line("unknown", platform, "far.example")]
            if dialect.wished:
                lines += [self.line("source", platform, "198.51.100.7", source="203.0.113.99"),
                          self.line("too-big", platform, "198.51.100.7", size=1600, df=True)]
            if dialect.wished and platform not in NO_VRF:
                lines.append(self.line("vrf", platform, "198.51.100.7", vrf="NOPE"))
        rows = self.ping(lines)

        def unreachable(row, platform):
            self.assertEqual(row["state"], "down", row)
            self.assertEqual(row["status"], "total_loss" if row["line"].partition(".")[2] in SILENT.get(platform, ()) else "unreachable", row)

        def too_big(row, _):
            self.assertIn(row["state"], ("line_error", "down"), row)
            self.assertIn(row["received"], (0, None), row)

        def line_error(row, platform):
            # IOS says the same of the address of an interface that is down.
            down = platform == "cisco_iosxe" and row["line"].endswith(".source")
            self.assertEqual(row["state"], "down" if down else "line_error", row)

        def unknown(row, platform):
            line_error(row, platform)
            self.assertRegex(row["error"], r"^name not resolved: .*\w")

        for name in ("unreachable", "no-route", "six-no-route"):
            self.each(rows, name, unreachable)
        self.each(rows, "unknown", unknown)
        self.each(rows, "vrf", line_error)
        self.each(rows, "source", line_error)
        self.each(rows, "too-big", too_big)

    def test_more_probes_than_stand_in_a_line_or_under_a_heading(self):
        self.simulate()
        rows = self.ping([self.line("many", platform, "198.51.100.10", count=75) for platform in ("cisco_iosxe", "cisco_iosxr", "cisco_nxos")] +
                         [self.line("many", "mikrotik_routeros", "198.51.100.10", count=75, timeout="60ms")])
        self.each(rows, "many", lambda row, _: self.assert_row(row, "partial_loss", 75, 74, 1.0))

    def test_pagers_and_time_stamps_left_on(self):
        self.simulate()
        self.leave_pagers_on()
        rows = self.ping([self.line("lossy", platform, "198.51.100.3") for platform in DIALECTS])
        self.each(rows, "lossy", lambda row, platform: self.assert_row(row, "partial_loss", 4, 3, DIALECTS[platform].slow))

    def test_single_commands_without_a_shell(self):
        self.simulate()
        fits = [platform for platform in DIALECTS if platform not in ("fortinet_fortios", "frr")]  # several commands; no count
        rows = self.ping([self.line("lossy", platform, "198.51.100.3") for platform in fits], protocol="exec")
        self.each(rows, "lossy", lambda row, platform: self.assert_row(row, "partial_loss", 4, 3, DIALECTS[platform].slow))


class Running(Lab):
    """`linewatch run`: tasks, traces and full routers."""

    INVENTORY = {"name": "inventory", "interval": "3s", "commands": {platform: dialect.inventory for platform, dialect in DIALECTS.items()},
                 "values": [{"name": "slots", "item": "slots", "count": r"^Slot [ \d]\d: "},
                            {"name": "register", "item": "register", "type": "text", "find": r"^Configuration register is (?P<register>\S+)$"}]}

    def long_answers(self):
        trapper = agent.Trapper(self.directory)
        config = self.write([self.line("good", platform, "198.51.100.2", tasks=["inventory"], count=1) for platform in DIALECTS],
                            trapper.port, tasks=[self.INVENTORY])
        process = agent.Agent(config, self.directory)
        keys = [f"{key}[{platform}.good]" for platform in DIALECTS for key in ("slots", "register")]
        values = trapper.wait_values(lambda values: set(keys) <= {value.key for value in values}, 30, "each router's inventory")
        self.assertEqual(process.stop(), 0, process.tail())
        last = {value.key: value.value for value in values}
        for platform in DIALECTS:
            with self.subTest(platform):
                self.assertEqual((last[f"slots[{platform}.good]"], last[f"register[{platform}.good]"]), ("60", "0x2102"))

    def test_long_answers(self):
        self.simulate()
        self.long_answers()

    def test_long_answers_through_the_pager(self):
        self.simulate()
        self.leave_pagers_on()
        self.long_answers()

    def test_a_line_that_turns_bad_is_traced(self):
        self.simulate()
        trapper = agent.Trapper(self.directory)
        config = self.write([self.line("flapping", platform, FLAPPING, interval="2s", count=1, trace={"on_loss": True})
                             for platform in DIALECTS], trapper.port)
        process = agent.Agent(config, self.directory)
        traces = lambda values: {value.key: value.value for value in values if value.key.startswith("line.trace[")}
        values = trapper.wait_values(lambda values: len(traces(values)) == len(DIALECTS), 60, "a trace of each line")
        self.assertEqual(process.stop(), 0, process.tail())
        for key, text in traces(values).items():
            with self.subTest(key):
                self.assertRegex(text, rf"(?m)(?:to|to ) *{re.escape(FLAPPING)}|^ +# ADDRESS ", "its heading")
                self.assertRegex(text, r"(?m)^ *1 +192\.0\.2\.254\b.*\d")
                self.assertRegex(text, r"(?m)^ *2 +203\.0\.113\.1\b.*\d")
                self.assertRegex(text, r"(?m)^ *3 +(?:198\.51\.100\.8|203\.0\.113\.1)\b")

    def test_a_full_router_is_understood(self):
        self.simulate(max_sessions=1)
        held = [self.line("held", platform, "198.51.100.2", count=1) for platform in DIALECTS]
        trapper = agent.Trapper(self.directory)
        config = self.write(held, trapper.port)
        process = agent.Agent(config, self.directory)
        for platform in DIALECTS:
            self.sim.wait_rows(lambda: self.sim.logins(name_of(platform)), 1, f"a session on {platform}")
        _, rows, errors = agent.ping_json(config, "--all")
        for row in rows.values():
            with self.subTest(row["line"]):
                self.assertEqual(row["state"], "router_error", row)
                self.assertRegex(row["error"], "no free|limit|full", errors)
        self.assertEqual(process.stop(), 0, process.tail())


if __name__ == "__main__":
    support.need(programs=["ssh-keygen"], variables=["LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"])
    support.main(limit=280)
