"""The Zabbix templates in a real Zabbix server: import, discovery, and what each trigger makes of sequences of pings.

The table LINES is the contract: which problems are open after which samples (the words of zabbix_templates.samples).
"""

import json
import pathlib
import re
import time
import unittest

import lab_zabbix
import support
import zabbix_templates as templates

ROUTER, DEAD, FAR, SMALL, LINE = "bj-edge-1", "sh-edge-1", "gz-edge-1", "hz-edge-1", "line-9001"
AGENT, SILENT_AGENT = "edge-mon-1", "edge-mon-2"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
DOWN, ERROR, FLAPS, LOSS, SLOW, SLOWER = "down", "can't be measured", "flaps", "loses packets", "is slow", "is slower than usual"

# line: [(samples, kinds of problems open after them), ...]
LINES = {
    "down-3-of-3": [("1 0 0", []), ("0", [DOWN]), ("1", [DOWN]), ("1", [])],
    "down-new-line": [("0 0", []), ("0", [DOWN])],
    "down-one-good-between": [("0 0 1 0 0", []), ("0", [DOWN]), ("1 0 1", [DOWN]), ("1", [])],
    "unmeasured-between": [("1 0 3 0", []), ("4 3", []), ("0", [DOWN])],
    "router-error": [("1 3 3 3 3", []), ("1", [])],
    "router-error-while-down": [("1 0 0 0", [DOWN]), ("3 3 3", [DOWN]), ("1 3", [DOWN]), ("1", [])],
    "agent-error": [("1 4 4 4", [])],
    "removed-while-down": [("1 0 0 0", [DOWN]), ("5", [])],
    "count-1": [("1 0", [DOWN]), ("1", [])],
    "count-5": [("1 0 0 0 0", []), ("0", [DOWN])],
    "severity-5": [("1 0 0 0", [DOWN])],
    "severity-3": [("1 0 0 0", [DOWN])],
    "line-error": [("1 2", []), ("2", [ERROR]), ("3 4", [ERROR]), ("1", [])],
    "line-error-once": [("1 2 1 2 1", [])],
    "line-error-while-down": [("1 0 0 0", [DOWN]), ("2 2", [DOWN, ERROR]), ("1 1", [])],
    "removed-while-error": [("2 2", [ERROR]), ("5", [])],
    "loss": [("1*5 l10*5", []), ("l10", [LOSS]), ("1*5", [LOSS]), ("1*3", [])],
    "loss-new-line": [("l20*4", []), ("l20", [LOSS])],
    "loss-own-limit": [("l20*10", [])],
    "loss-then-down": [("l20*10", [LOSS]), ("0 0 0", [DOWN]), ("5", [])],
    "loss-after-down": [("1*7 0 0 0", [DOWN]), ("1 1", []), ("1*5", [])],
    "loss-then-removed": [("l20*10", [LOSS]), ("5", [])],
    "loss-unmeasured": [("l20*10", [LOSS]), ("3*12", [LOSS])],
    "rtt": [("r0.4*9", []), ("r0.4", [SLOW]), ("r0.27*10", [SLOW]), ("r0.2*10", [])],
    "rtt-own-limit": [("r0.4*10", [])],
    "rtt-then-down": [("r0.4*10", [SLOW]), ("0 0 0", [DOWN]), ("1 1", [SLOW])],
    "rtt-then-removed": [("r0.4*10", [SLOW]), ("5", [])],
    "flapping": [("1 0 1 0 1", []), ("0 1", [FLAPS]), ("1*16", [FLAPS]), ("1", [])],
    "flapping-then-removed": [("1 0 1 0 1 0 1", [FLAPS]), ("5", [])],
    "well": [("1*20", [])],
}
MACROS = {"{$LINE.DOWN.COUNT:\"count-1\"}": "1", "{$LINE.DOWN.OK:\"count-1\"}": "1", "{$LINE.DOWN.COUNT:\"count-5\"}": "5",
          "{$LINE.DOWN.SEVERITY:\"severity-5\"}": "5", "{$LINE.DOWN.SEVERITY:\"severity-3\"}": "3",
          "{$LINE.LOSS.WARN:\"loss-own-limit\"}": "25", "{$LINE.RTT.WARN:\"rtt-own-limit\"}": "0.5"}

ROUTER_STEPS = [("1", []), ("0", ["unreachable"]), ("5", ["unreachable", "is paused"]), ("0", ["unreachable"]), ("2", ["refuses the login"]),
                ("3", ["has another host key"]), ("4", ["has no free session"]), ("5", ["has no free session", "is paused"]), ("1", [])]


def row(line, router, **macros):
    return {"LINE": line, "NAME": f"{line} 100M", "TARGET": "198.51.100.2", "ROUTER": router, "INTERVAL": "60", **macros}


class Templates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.group = cls.lab.make_group()
        cls.text = templates.printed()
        templates.import_text(cls.lab, cls.older_text())
        cls.ids_before = cls.entities()
        templates.import_text(cls.lab, cls.text)
        lab, api = cls.lab, cls.lab.api
        cls.hosts = {name: templates.make_host(lab, name, template, cls.group, macros) for name, template, macros in (
            (ROUTER, "Linewatch router", MACROS), (DEAD, "Linewatch router", None), (FAR, "Linewatch router", None),
            (SMALL, "Linewatch router", None),
            (LINE, "Linewatch line", {"{$LINE.ROUTER.ALARM}": "1"}), (AGENT, "Linewatch agent", None), (SILENT_AGENT, "Linewatch agent", {"{$AGENT.NODATA}": "30s"}))}
        cls.feed = templates.Feed(lab, cls.group)
        lab.reload()
        site = {"GROUP": "HQ-SH", "CUSTOMER": "acme", "PROVIDER": "telco", "CIRCUIT": "C-17", "SITE": "Shanghai"}
        rows = [row(line, ROUTER) for line in LINES] + [row("baseline", ROUTER), row("service", ROUTER), row("unnamed", ROUTER, NAME="", VRF="CUST-A"),
                                                        row("primary", ROUTER, ROLE="primary", VRF="CUST-A", **site)]
        cls.send_discovery(ROUTER, rows)
        cls.send_discovery(DEAD, [row(f"dead-{n}", DEAD) for n in range(20)])
        cls.send_discovery(FAR, [row("backup", FAR, ROLE="backup", **site)])
        cls.send_discovery(SMALL, [row("lossy", SMALL), row("dead", SMALL)])
        wanted = len(rows) + 20 + 1 + 2
        support.wait_until(lambda: int(api("item.get", {"countOutput": True, "search": {"key_": "line.status["}, "hostids": list(cls.hosts.values())})) == wanted,
                           30, f"{wanted} lines discovered", of=lab.server)
        lab.reload()

    @classmethod
    def send_discovery(cls, host, rows):
        cls.feed.add(host, "lines.discovery", templates.discovery(rows))
        cls.feed.flush()

    @classmethod
    def older_text(cls):
        """An earlier version: other names, priorities and macros under the same uuids, and an item less."""
        text = re.sub(r"(?m)^( +)- uuid: '[0-9a-f]+'\n +name: 'Line[^\n]*jitter'\n(?:\1 [^\n]*\n)+", "", cls.text)
        assert text.count("line.jitter") == 0 and cls.text.count("key: 'line.jitter") == 2
        return text.replace("loses packets", "is lossy").replace("priority: HIGH", "priority: AVERAGE").replace("value: '0.3'", "value: '0.9'")

    @classmethod
    def entities(cls):
        """{uuid: id} of all that the templates have."""
        api, found = cls.lab.api, {}
        own = [each["templateid"] for each in api("template.get", {"output": ["templateid"], "search": {"host": "Linewatch "}})]
        for method, key in (("item", "itemid"), ("itemprototype", "itemid"), ("discoveryrule", "itemid"), ("trigger", "triggerid"),
                            ("triggerprototype", "triggerid"), ("graph", "graphid"), ("graphprototype", "graphid")):
            found.update({each["uuid"]: (method, each[key]) for each in api(f"{method}.get", {"output": [key, "uuid"], "templateids": own})})
        return found

    def open(self, host, line=None):
        return [each for each in templates.problems(self.lab, host) if line is None or each["tags"].get("line") == line]

    def kinds(self, problems):
        """What remains of the names without who it is about and the cause."""
        def kind(name):
            return re.sub(r"^(Line|Router|Site|Linewatch agent) ?", "", name.split(":")[0]).replace(" 100M", "")
        return sorted(re.sub(r"^(\S+) ", "", kind(each["name"])) for each in problems)

    # --- import ---

    def test_a_newer_version_updates_and_an_equal_one_changes_nothing(self):
        after = self.entities()
        kept = {uuid: after.get(uuid) for uuid in self.ids_before}
        self.assertEqual(kept, self.ids_before)
        self.assertEqual(sorted(method for uuid, (method, _) in after.items() if uuid not in kept), ["item", "itemprototype"])
        templates.import_text(self.lab, self.text)
        self.assertEqual(self.entities(), after)
        triggers = self.lab.api("triggerprototype.get", {"output": ["description", "priority"], "hostids": templates.template_id(self.lab, "Linewatch router")})
        self.assertIn("Line {#NAME} loses packets", [each["description"] for each in triggers])
        self.assertEqual(sorted(each["priority"] for each in triggers if each["description"] == "Line {#NAME} down"), ["3", "4", "5"])
        macros = self.lab.api("usermacro.get", {"output": ["value"], "filter": {"macro": "{$LINE.RTT.WARN}"}})
        self.assertEqual([each["value"] for each in macros], ["0.3", "0.3"])

    def test_uuids_are_unique_and_of_version_4(self):
        uuids = re.findall(r"uuid: '([^']+)'", self.text)
        self.assertEqual(len(uuids), len(set(uuids)))
        self.assertEqual([uuid for uuid in uuids if not re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", uuid)], [])

    def test_for_7_0_has_the_same_uuids(self):
        """No 7.0 server is here: what its exports write otherwise is looked at as text."""
        text = templates.printed("7.0")
        self.assertEqual(sorted(re.findall(r"uuid: '([^']+)'", text)), sorted(re.findall(r"uuid: '([^']+)'", self.text)))
        self.assertIn("version: '7.0'", text)
        self.assertIn("\n  template_groups:\n    - uuid: ", text)
        self.assertNotRegex(text, r"(?m)^  groups:|GRAPH_CLASSIC|type: ITEM$\n +name: 'itemid'")

    # --- discovery ---

    def test_discovered_items(self):
        rule = self.lab.api("discoveryrule.get", {"output": ["state", "error"], "hostids": self.hosts[ROUTER]})[0]
        self.assertEqual((rule["state"], rule["error"]), ("0", ""))
        items = self.lab.api("item.get", {"output": ["key_", "name", "units", "value_type"], "selectTags": "extend", "hostids": self.hosts[ROUTER]})
        by_key = {each["key_"]: each for each in items}
        self.assertEqual((by_key["line.rtt.avg[primary]"]["units"], by_key["line.rtt.avg[primary]"]["value_type"]), ("s", "0"))
        self.assertEqual(by_key["line.loss[unnamed]"]["name"], "Line unnamed: loss")
        tags = {tag["tag"]: tag["value"] for tag in by_key["line.up[primary]"]["tags"]}
        self.assertEqual(tags, {"line": "primary", "router": ROUTER, "customer": "acme", "provider": "telco", "circuit": "C-17",
                                "site": "Shanghai", "group": "HQ-SH", "role": "primary", "vrf": "CUST-A"})
        self.assertNotIn("customer", [tag["tag"] for tag in by_key["line.up[well]"]["tags"]])
        self.assertEqual([key for key in by_key if key.startswith("line.backups.up[")], ["line.backups.up[primary]"])

    # --- triggers ---

    def test_lines(self):
        for step in range(max(len(steps) for steps in LINES.values())):
            for line, steps in LINES.items():
                if step < len(steps):
                    self.feed.line(ROUTER, line, steps[step][0])
            self.feed.flush()
            found = self.open(ROUTER)
            for line, steps in LINES.items():
                if step < len(steps):
                    with self.subTest(line=line, step=step, samples=steps[step][0]):
                        own = [each for each in found if each["tags"].get("line") == line]
                        self.assertEqual(self.kinds(own), sorted(steps[step][1]))
            if step == 0:
                severities = {each["tags"]["line"]: each["severity"] for each in found if each["tags"]["line"].startswith("severity")}
                self.assertEqual(severities, {"severity-5": "5", "severity-3": "3"})

    def test_names_and_tags_of_a_problem(self):
        self.feed.line(ROUTER, "unnamed", "1 0 0 0")
        self.feed.flush()
        problem, = self.open(ROUTER, "unnamed")
        self.assertEqual(problem["name"], "Line unnamed down: no reply: all probes lost (bj-edge-1 -> 198.51.100.2, vrf CUST-A)")
        tags = {"component": "line", "scope": "availability", "line": "unnamed", "router": ROUTER, "vrf": "CUST-A"}
        self.assertEqual({tag: problem["tags"].get(tag) for tag in tags}, tags)
        self.assertEqual(problem["severity"], "4")

    def test_slower_than_usual(self):
        for hours in (3, 2):
            for n in range(5):
                for key, value in templates.run_of_items("r0.02"):
                    self.feed.add(ROUTER, f"{key}[baseline]", value, int(time.time()) - hours * 3600 + n)
        self.feed.flush()
        # Within this hour, so that these samples are no trend yet.
        self.feed.line(ROUTER, "baseline", "r0.05*10", step=1, begin=60)
        self.feed.flush()
        self.assertEqual(self.kinds(self.open(ROUTER, "baseline")), [SLOWER])
        self.assertRegex(self.open(ROUTER, "baseline")[0]["name"], r"slower than usual: [0-9.]+ ms over the last 10 pings, 20 ms over the week before")
        self.feed.line(ROUTER, "baseline", "r0.021*10", step=1)
        self.feed.flush()
        self.assertEqual(self.open(ROUTER, "baseline"), [])

    def test_one_dead_router_is_one_problem(self):
        for n in range(20):
            self.feed.line(DEAD, f"dead-{n}", "1 1")
        self.feed.add(DEAD, "router.status", 1)
        self.feed.flush()
        self.assertEqual(self.open(DEAD), [])
        self.feed.add(DEAD, "router.error", "connection to 192.0.2.1 port 22 timed out")
        self.feed.add(DEAD, "router.status", 0)
        for n in range(20):
            self.feed.line(DEAD, f"dead-{n}", "3*5")
        self.feed.flush()
        self.assertEqual([each["name"] for each in self.open(DEAD)], ["Router sh-edge-1 unreachable: connection to 192.0.2.1 port 22 timed out"])
        for status, expected in ROUTER_STEPS:
            self.feed.add(DEAD, "router.status", status)
            self.feed.flush()
            with self.subTest(status=status):
                self.assertEqual(self.kinds(self.open(DEAD)), sorted(expected))

    def test_site_on_two_routers(self):
        """The backup line ends on another router, so the server is asked to count its lines at once."""
        def after(primary, backup, *expected):
            self.feed.line(ROUTER, "primary", primary, step=1, begin=100)
            self.feed.line(FAR, "backup", backup, step=1, begin=100)
            self.feed.flush()
            templates.check_now(self.lab, ROUTER, ["line.backups.up[primary]", "line.backups.measured[primary]"])

            def names():
                return sorted(each["name"].split(":")[0] for each in self.open(ROUTER, "primary") if each["tags"]["component"] == "site")
            try:
                support.wait_until(lambda: names() == sorted(expected), 10, "the site", of=self.lab.server, step=0.3)
            except AssertionError:
                self.assertEqual(names(), sorted(expected))
        after("1 1", "0 0 0", "Site HQ-SH unprotected")
        after("0 0 0", "", "Site HQ-SH dark")
        self.assertIn("Site HQ-SH dark: primary line primary 100M down: no reply: all probes lost (bj-edge-1 -> 198.51.100.2, vrf CUST-A); "
                      "backup lines up: 0 of 1", [each["name"] for each in self.open(ROUTER, "primary")])
        after("", "1 1", "Site HQ-SH on backup")
        after("3 3", "3 3", "Site HQ-SH on backup")
        after("1 1", "")
        self.assertEqual(self.open(ROUTER, "primary"), [])

    def test_figures_of_a_router_for_the_wall(self):
        self.feed.line(SMALL, "lossy", "l30 l30", step=1, begin=100)
        self.feed.line(SMALL, "dead", "0 0", step=1, begin=100)
        self.feed.flush()
        keys = ["router.lines.down", "router.lines.loss"]
        templates.check_now(self.lab, SMALL, keys)
        items = self.lab.api("item.get", {"output": ["key_", "lastvalue"], "filter": {"host": SMALL, "key_": keys}})
        self.assertEqual({each["key_"]: float(each["lastvalue"]) for each in items}, {"router.lines.down": 1, "router.lines.loss": 100})

    # --- what the documentation says ---

    def test_wall(self):
        wall = json.loads((DOCS / "zabbix-wall.json").read_text())
        made = self.lab.api("dashboard.create", wall)["dashboardids"][0]
        pages = self.lab.api("dashboard.get", {"dashboardids": made, "selectPages": "extend"})[0]["pages"]
        self.assertEqual(len(pages[0]["widgets"]), len(wall["pages"][0]["widgets"]))
        shown = {field["value"] for widget in wall["pages"][0]["widgets"] for field in widget["fields"] if field["name"].startswith("columns.item.")}
        known = {each["name"] for each in self.lab.api("item.get", {"output": ["name"], "hostids": list(self.hosts.values())})}
        self.assertEqual(shown - known, set())

    def test_service_is_down_with_its_line(self):
        calls = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", (DOCS / "zabbix.md").read_text(), re.S)]
        self.assertEqual([call["method"] for call in calls], ["service.create", "sla.create", "item.create"])
        for call in calls:
            text = json.dumps(call["params"]).replace("HOSTID", self.hosts[ROUTER]).replace("L-1001", "service")
            self.lab.api(call["method"], json.loads(text))

        def status():
            return self.lab.api("service.get", {"output": ["status"]})[0]["status"]
        self.lab.wait_reload(lambda: status() == "-1", "the service is known")
        for text, expected in (("l20*10", "-1"), ("0 0 0", "4"), ("3", "4"), ("1 1", "-1")):
            self.feed.line(ROUTER, "service", text)
            self.feed.flush()
            with self.subTest(text=text):
                support.wait_until(lambda: status() == expected, 15, f"the service's status is {expected}", of=self.lab.server, step=0.2)

    def test_line_on_a_host_of_its_own(self):
        for text, expected in (("1 0 0", []), ("0", ["down"]), ("1 1", []), ("3 3 3", ["its router can't be used"]), ("1", []), ("l20*10", [LOSS]), ("5", [])):
            self.feed.line(LINE, LINE, text, parameter=False)
            self.feed.flush()
            found = self.open(LINE)
            with self.subTest(text=text):
                self.assertEqual([each["name"].split(":")[0 if "router" not in each["name"] else 1].strip().replace(f"Line {LINE} ", "") for each in found], expected)
            self.assertTrue(all(each["tags"]["line"] == LINE for each in found))

    def test_agent(self):
        def report(**values):
            self.feed.add(AGENT, "linewatch.up", 1)
            at = self.feed.clock.next(AGENT, step=30, begin=2000)
            for key in ("lateness", "skipped", "queue", "dropped", "refused"):
                self.feed.add(AGENT, f"linewatch.{key}", values.get(key, 0), at)
        for _ in range(11):
            report()
        self.feed.flush()
        self.assertEqual(self.open(AGENT), [])
        for _ in range(10):
            report(lateness=20, skipped=30, queue=20000, dropped=3, refused=4)
        self.feed.flush()
        self.assertEqual({each["name"] for each in self.open(AGENT)}, {
            "Linewatch agent edge-mon-1 starts pings 6 s late", "Linewatch agent edge-mon-1 skipped 30 turns within 5 minutes",
            "Linewatch agent edge-mon-1: 20000 values wait to be sent", "Linewatch agent edge-mon-1 lost 3 values within 5 minutes",
            "Linewatch agent edge-mon-1: Zabbix refused 4 values within 5 minutes"})
        for _ in range(12):
            report(skipped=30, dropped=3, refused=4)
        self.feed.flush()
        self.assertEqual(self.open(AGENT), [])

    def test_silent_agent(self):
        silent = "Linewatch agent edge-mon-2 has sent nothing for 30s"
        self.feed.add(SILENT_AGENT, "linewatch.up", 1, int(time.time()) - 400)
        self.feed.flush()
        support.wait_until(lambda: [each["name"] for each in self.open(SILENT_AGENT)] == [silent], 60, "the agent's silence is a problem", of=self.lab.server)
        self.feed.add(SILENT_AGENT, "linewatch.up", 1)
        self.feed.flush()
        self.assertEqual(self.open(SILENT_AGENT), [])


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(programs=("zabbix_sender",), variables=("LINEWATCH",))
    support.main(limit=280)
