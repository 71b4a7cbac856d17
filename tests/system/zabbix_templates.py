"""What the tests of the templates share: importing them, sending runs of pings as the agent would, reading the problems.

The lab's one history syncer takes one value of each item at a time, so that the last of as many marks as any item has values
says, by its problem, that all was evaluated.
"""

import collections
import itertools
import json
import time

import support

IMPORT_RULES = {kind: {"createMissing": True, "updateExisting": True}
                for kind in ("templates", "items", "triggers", "discoveryRules", "graphs", "templateDashboards", "valueMaps")}
IMPORT_RULES["groups"] = {"createMissing": True}
MACROS = ("LINE", "NAME", "TARGET", "ROUTER", "VRF", "GROUP", "ROLE", "CUSTOMER", "PROVIDER", "CIRCUIT", "SITE", "INTERVAL")
ERRORS = {"0": "no reply: all probes lost", "2": "VRF CUST-A is not known", "3": "connection refused", "4": "overloaded"}


def printed(version="6.0"):
    """What the program prints."""
    return support.run([support.program("LINEWATCH"), "template", "--for", version], check=True).stdout


def import_text(lab, text):
    lab.api("configuration.import", {"format": "yaml", "rules": IMPORT_RULES, "source": text})


def template_id(lab, name):
    return lab.api("template.get", {"output": ["templateid"], "filter": {"host": name}})[0]["templateid"]


def make_host(lab, name, template, group, macros=None):
    """A host with one template; macros: {"{$X}": "1"}."""
    return lab.api("host.create", {
        "host": name, "groups": [{"groupid": group}], "templates": [{"templateid": template_id(lab, template)}],
        "macros": [{"macro": macro, "value": value} for macro, value in (macros or {}).items()]})["hostids"][0]


def discovery(rows):
    """The value of lines.discovery: each row has every macro, as the agent sends it."""
    return json.dumps([{f"{{#{name}}}": row.get(name, "") for name in MACROS} for row in rows])


def samples(text):
    """"1 0*3 l20 r0.4": up, three times down, up with a loss of 20 %, up with a round trip time of 0.4 s."""
    result = []
    for word in text.split():
        what, _, times = word.partition("*")
        result += [what] * int(times or 1)
    return result


def run_of_items(sample):
    """[(key, value)] of one turn, figures first, as the agent sends it."""
    if sample[0] in "2345":
        return [("line.error", ERRORS.get(sample, "")), ("line.status", sample)]
    if sample == "0":
        return [("line.up", "0"), ("line.loss", "100"), ("line.error", ERRORS["0"]), ("line.status", "0")]
    loss = sample[1:] if sample[0] == "l" else "0"
    rtt = sample[1:] if sample[0] == "r" else "0.02"
    return [("line.up", "1"), ("line.loss", loss), ("line.rtt.min", rtt), ("line.rtt.avg", rtt), ("line.rtt.max", rtt),
            ("line.error", ""), ("line.status", "1")]


class Clock:
    """Each line's own time: a turn a minute, beginning an hour or more ago, never beyond now."""

    def __init__(self):
        self._last = {}

    def next(self, line, step=20, begin=3000):
        at = self._last.get(line, int(time.time()) - begin) + step
        self._last[line] = min(at, int(time.time()) - 1)
        return at


class Feed:
    """Collects values, sends them by Zabbix's own sender and waits until the server has evaluated them."""

    def __init__(self, lab, group):
        self._lab, self._rows, self._marks = lab, [], 0
        self._most = collections.Counter()  # values by item since the last mark
        self._ns = itertools.count()        # never twice the same time
        self.clock = Clock()
        lab.make_host("marks", group, {"mark": 3})
        lab.api("trigger.create", {"description": "mark", "event_name": "mark {ITEM.VALUE}", "type": 1,
                                   "expression": "last(/marks/mark)>0"})

    def add(self, host, key, value, clock=None):
        quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
        self._rows.append(f'"{host}" "{key}" {clock or int(time.time())} {next(self._ns)} "{quoted}"\n')
        self._most[host, key] += 1

    def line(self, host, line, text, parameter=True, **clock):
        for sample in samples(text):
            at = self.clock.next((host, line), **clock)
            for key, value in run_of_items(sample):
                self.add(host, f"{key}[{line}]" if parameter else key, value, at)

    def flush(self):
        """Sends all and waits until the triggers have seen it."""
        self._marks += 1
        for _ in range(max(self._most.values(), default=0)):
            self.add("marks", "mark", 0)
        self.add("marks", "mark", self._marks)
        self._most.clear()
        self._send()
        marker = f"mark {self._marks}"
        support.wait_until(lambda: any(row["name"] == marker for row in self._lab.api("problem.get", {"output": ["name"], "recent": False})),
                           30, f"{marker} was evaluated", of=self._lab.server, step=0.1)

    def _send(self):
        done = support.run(["zabbix_sender", "-z", "127.0.0.1", "-p", self._lab.port, "-T", "-N", "-i", "-"], input="".join(self._rows))
        if "failed: 0;" not in done.stdout or done.returncode:
            raise AssertionError(f"not all values were taken: {done.stdout} {done.stderr}")
        self._rows = []


def problems(lab, host=None):
    """The open problems, of one host: [{name, severity (as text), tags: {tag: value}}]."""
    asked = {"output": ["name", "severity"], "selectTags": "extend", "recent": False}
    if host:
        asked["hostids"] = lab.api("host.get", {"output": ["hostid"], "filter": {"host": host}})[0]["hostid"]
    rows = lab.api("problem.get", asked)
    return [{"name": row["name"], "severity": row["severity"], "tags": {tag["tag"]: tag["value"] for tag in row["tags"]}} for row in rows
            if not row["name"].startswith("mark ")]


def check_now(lab, host, keys):
    """Has the server compute calculated items at once; returns when each has a value that is newer."""
    items = lab.api("item.get", {"output": ["itemid", "key_", "lastclock", "lastvalue"], "filter": {"host": host, "key_": list(keys)}})
    before = {item["itemid"]: int(item["lastclock"]) for item in items}
    asked = int(time.time())
    lab.api("task.create", [{"type": 6, "request": {"itemid": item}} for item in before])

    def done():
        rows = lab.api("item.get", {"output": ["itemid", "lastclock"], "itemids": list(before)})
        return len(rows) == len(keys) and all(int(row["lastclock"]) >= asked for row in rows)
    support.wait_until(done, 40, f"{host}: {', '.join(keys)} computed", of=lab.server, step=0.3)
