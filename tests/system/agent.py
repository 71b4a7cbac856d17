"""The programs under test as the tests use them: a configuration from Python values, `linewatch`, the trapper, the simulator.

Only here stands how the programs are called; the tests say what they expect of them.
"""

import collections
import json
import pathlib

import support


# --- configuration -------------------------------------------------------------------------------

def to_yaml(value, indent=0):
    """Block style, as an operator writes it. Text that YAML could take for something else is quoted."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_below(item, indent)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_below(item, indent)}" for item in value)
    return pad + _scalar(value) + "\n"


def _below(item, indent):
    if isinstance(item, (dict, list)) and item:
        return "\n" + to_yaml(item, indent + 1)
    return " " + _scalar(item) + "\n"


def _scalar(value):
    if isinstance(value, str):
        plain = value and all(c.isalnum() or c in "._-/" for c in value) and value[0].isalpha()
        return value if plain and value not in ("null", "true", "false", "yes", "no", "on", "off") else json.dumps(value)
    if isinstance(value, pathlib.PurePath):
        return json.dumps(str(value))
    return json.dumps(value)


def settings(directory, trapper_port, **more):
    """The part of a configuration that every test wants: everything below `directory`, nothing of the machine's."""
    base = {
        "agent": {"name": "test-agent", "state_dir": directory / "state", "listen": None,
                  "control_socket": directory / "control.sock", "stop_timeout": "8s"},
        "zabbix": {"servers": [{"nodes": [f"127.0.0.1:{trapper_port}"]}], "flush_interval": "1s", "layout": "discovery",
                   "discovery_hold": "0s"},  # the trapper takes what Zabbix would not yet
        "host_keys": {"policy": "strict", "known_hosts_file": "known_hosts"},
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) and key in base else value
    return base


def write_config(directory, data, name="linewatch.yml"):
    (directory / "state").mkdir(exist_ok=True)
    path = directory / name
    path.write_text(to_yaml(data))
    return path


def secret_file(directory, name, text):
    path = directory / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


# --- linewatch -----------------------------------------------------------------------------------

def linewatch(*words, prefix=(), seconds=60, **options):
    """One command to its end: exit code, standard output, standard error."""
    return support.run([*prefix, support.program("LINEWATCH"), *words], seconds=seconds, **options)


def ping_json(config, *words, prefix=(), seconds=60):
    """`linewatch ping --json`: (exit code, {line: its object}, standard error)."""
    done = linewatch("ping", "-c", config, "--alone", "--json", *words, prefix=prefix, seconds=seconds)
    rows = support.parse_ndjson(done.stdout)
    return done.returncode, {row["line"]: row for row in rows}, done.stderr


class Agent(support.Process):
    """`linewatch run`."""

    def __init__(self, config, directory, prefix=(), name="agent"):
        super().__init__([*prefix, support.program("LINEWATCH"), "run", "-c", config], directory, name)


# --- the trapper ---------------------------------------------------------------------------------

Value = collections.namedtuple("Value", "host key value clock ns")


class Trapper(support.Process):
    """`linewatch-trapper`: one JSON object a line for each value it took."""

    def __init__(self, directory, port=None, prefix=(), name="trapper", options=()):
        self.port = port or support.free_port()
        super().__init__([*prefix, support.program("LINEWATCH_TRAPPER"), "--listen", f"127.0.0.1:{self.port}", "--json", *options],
                         directory, name)
        self.ndjson = support.Ndjson(self.out_path)
        support.wait_until(lambda: self.ndjson.rows(), 20, "the trapper listens", of=self)

    def values(self, host=None, key=None):
        """What it took so far, in order of arrival."""
        rows = [row for row in self.ndjson.rows() if "key" in row]
        found = [Value(row["host"], row["key"], row["value"], int(row["clock"]), int(row["ns"])) for row in rows]
        return [value for value in found if host in (None, value.host) and key in (None, value.key)]

    def wait_values(self, condition, seconds, what):
        """Waits until `condition(values)` is true; returns the values."""
        def check():
            values = self.values()
            return values if condition(values) else None
        try:
            return support.wait_until(check, seconds, what, of=self)
        except AssertionError as error:
            last = "\n".join(str(value) for value in self.values()[-12:])
            raise AssertionError(f"{error}\nlast values:\n{last}") from None


def runs(values, line):
    """The values of one line by run, in order of time: [((clock, ns), {key without its parameter: value})]."""
    by_run = collections.defaultdict(dict)
    for value in values:
        name, _, parameter = value.key.partition("[")
        if name.startswith("line.") and parameter == f"{line}]":
            moment = by_run[(value.clock, value.ns)]
            assert name not in moment, f"{value} came twice: {name}[{line}]"
            moment[name] = value.value
    return sorted(by_run.items())


# --- the simulator -------------------------------------------------------------------------------

USER, PASSWORD = "netmon", "Gr33n-Harbour-91"


def make_host_key(path):
    """A new key at `path`; returns "ssh-ed25519 AAAA..."."""
    support.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return " ".join(pathlib.Path(f"{path}.pub").read_text().split()[:2])


class Simulator(support.Process):
    """`linewatch-sim` with routers given as values (its configuration's own keys); it chooses ports and host keys itself."""

    def __init__(self, directory, routers, prefix=()):
        path = directory / "sim.yml"
        path.write_text(to_yaml({"routers": [{"platform": "cisco_iosxe", "user": USER, "password": PASSWORD, **router} for router in routers]}))
        super().__init__([*prefix, support.program("LINEWATCH_SIM"), "--config", path, "--events", "-"], directory, "sim")
        self._rows = support.Ndjson(self.out_path)
        ready = support.wait_until(lambda: [row for row in self._rows.rows() if row.get("ready")], 30, "the simulator is ready", of=self)[0]
        self.routers = {router["name"]: router for router in ready["routers"]}

    def known_hosts(self):
        return "".join(router["known_hosts"] + "\n" for router in self.routers.values())

    def router(self, name, **more):
        """The router as linewatch's configuration has it."""
        own = self.routers[name]
        return {"name": name, "address": own["address"], "port": own["port"], "platform": own["platform"], "credentials": "netmon", **more}

    def events(self, event, router):
        return [row for row in self._rows.rows() if row.get("event") == event and row["router"] == router]

    def logins(self, router):
        return self.events("login", router)

    def pings(self, router, target=""):
        """The pings that were typed, each at its beginning."""
        return [row for row in self.events("command", router) if row["text"].startswith("ping") and target in row["text"].split() + [""]]

    def wait_rows(self, rows, count, what, seconds=30):
        """Waits until `rows()` are at least `count`."""
        return support.wait_until(lambda: (found := rows()) and len(found) >= count and found, seconds, what, of=self)
