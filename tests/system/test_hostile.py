"""Routers that talk oddly, one oddity each, on two platforms: the agent's own ping through SSH reads the same figures from
all of them."""

import unittest

import agent
import support

PLATFORMS = {"cisco_iosxe": "old-name#", "huawei_vrp": "<old-name>"}
TARGET = "198.51.100.2"

# By name: what a simulated router is given for it.
ODDITIES = {
    "plain": {},
    "banner": {"motd": "#### only for #\n{other}", "quirks": {"motd_pause": "150ms"}},
    "redrawn-cr": {"quirks": {"echo": "carriage_return"}},
    "redrawn-bs": {"quirks": {"echo": "backspaces"}},
    "redrawn-csi": {"quirks": {"echo": "cursor"}},
    "redrawn-osc": {"quirks": {"echo": "title"}},
    "scrolled": {"quirks": {"columns": 24}},
    "renamed": {"quirks": {"new_name": "sh-edge-7"}},
    "master": {"quirks": {"prompt_lead": "\n{master:0}\n"}},
    "time": {"quirks": {"output_lead": "Fri Nov 21 12:00:{n}.123 UTC\n"}},
    "log-inside": {"log_line": "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down, 5 lost (0/5)"},
    "log-behind": {"quirks": {"behind_prompt": "\n%LINK-3-UPDOWN: Interface Gi0/1, changed state to down\n"}},
    "crcrlf": {"quirks": {"line_end": "\r\r\n"}},
    "nul": {"quirks": {"line_end": "\r\0\n"}},
    "octets": {"chunk": 1},
    "late": {"faults": {"late": "Success rate is 0 percent (0/5)\n    0 packet(s) received"}},
}


class Hostile(unittest.TestCase):
    def test_every_oddity_reads_as_the_plain_router(self):
        directory = support.temp_dir()
        routers, lines = [], []
        for platform, other in PLATFORMS.items():
            for name, oddity in ODDITIES.items():
                router = {"name": f"{platform}-{name}", "platform": platform, "targets": {TARGET: {"delay": "2ms"}}, **oddity}
                router["motd"] = router.get("motd", "").replace("{other}", other)
                routers.append(router)
        simulator = agent.Simulator(directory, routers)
        (directory / "known_hosts").write_text(simulator.known_hosts())
        for router in routers:
            lines.append({"id": router["name"], "router": router["name"], "target": TARGET, "interval": "60s", "count": 3})
        config = agent.write_config(directory, agent.settings(
            directory, support.free_port(), credentials={"netmon": {"username": agent.USER, "password": agent.PASSWORD}},
            routers=[simulator.router(router["name"]) for router in routers], lines=lines))
        code, rows, errors = agent.ping_json(config, "--all")
        self.assertEqual(code, 0, errors)
        for router in routers:
            with self.subTest(router["name"]):
                row = rows[router["name"]]
                self.assertEqual((row["state"], row["sent"], row["received"]), ("up", 3, 3))
                self.assertEqual((row["rtt_ms"]["min"], row["rtt_ms"]["avg"], row["rtt_ms"]["max"]), (2, 2, 2))


if __name__ == "__main__":
    support.need(programs=["ssh-keygen"], variables=["LINEWATCH", "LINEWATCH_SIM"])
    support.main(limit=110)
