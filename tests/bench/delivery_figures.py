"""Values on their way to Zabbix, against Zabbix's own sender: into a trapper that only counts and into a real Zabbix
6.0 server, which this starts on loopback. And the buffer on disk, alone and after an outage."""

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import time

from common import ROUNDS, Row, end, start
from inside_figures import rows_of, run_group

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

RIVAL = "zabbix_sender -T -N -i, 250 a packet"
TRAPPER_VALUES, SERVER_VALUES = 400_000, 300_000
LIMIT = 120  # seconds for one run
# One writer to the database: more of them leave no core to what is measured.
SERVER = {"StartDBSyncers": 1, "HistoryCacheSize": "256M", "ValueCacheSize": "64M", "CacheSize": "64M", "StartTrappers": 5}


class Trapper:
    """Counts, in a process of its own; `totals` once it has ended."""

    def __init__(self, binaries):
        self.process = start([os.path.join(binaries, "linewatch-trapper"), "--unseen"], stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.totals = json.loads(self.process.stdout.readline())["totals"]
        end(self.process)


def run_ours(binaries, port, *arguments):
    """The rows that a group of linewatch-bench prints, by figure."""
    command = [os.path.join(binaries, "linewatch-bench"), arguments[0], f"127.0.0.1:{port}", *map(str, arguments[1:])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"linewatch-bench {arguments[0]} ended with {done.returncode}")
    return done.stdout.splitlines()


def write_values(binaries, folder, values):
    """The same values as our own, dated anew, for the rival: their file and their number."""
    path = os.path.join(folder, "values.txt")
    with open(path, "w", encoding="utf-8") as file:
        subprocess.run([os.path.join(binaries, "linewatch-bench"), "values", str(values)], stdin=subprocess.DEVNULL, stdout=file,
                       timeout=LIMIT, check=True)
    with open(path, encoding="utf-8") as file:
        return path, sum(1 for _ in file)


def run_rival(port, values):
    """Its time and CPU for each value, in microseconds."""
    path, count = values
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(["zabbix_sender", "-z", "127.0.0.1", "-p", str(port), "-T", "-N", "-i", path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or f"sent: {count};" not in done.stdout:
        raise RuntimeError(f"zabbix_sender: {(done.stdout + done.stderr).strip()[-200:]}")
    return took / count * 1e6, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count * 1e6


def rate(microseconds):
    return f"{1e6 / microseconds:,.0f}/s"


def into_trapper(binaries, folder):
    rows, rival, octets, rival_octets = [], [], [], []
    values = write_values(binaries, folder, TRAPPER_VALUES)
    for _ in range(ROUNDS):
        with Trapper(binaries) as trapper:
            rows += run_ours(binaries, trapper.port, "delivery", TRAPPER_VALUES)
        octets.append(trapper.totals["octets"] / trapper.totals["processed"])
        with Trapper(binaries) as trapper:
            rival.append(run_rival(trapper.port, values))
        rival_octets.append(trapper.totals["octets"] / trapper.totals["processed"])
    ours = rows_of(rows)
    took, cpu, (rival_took, rival_cpu) = ours["delivery.time"]["value"], ours["delivery.cpu"]["value"], map(min, zip(*rival))
    yield Row(f"a value delivered to a trapper ({rate(took)}) | {RIVAL}", took, rival_took, "us", 1 / 2)
    yield Row("  octets on the wire", min(octets), min(rival_octets), "", 1 / 6)
    yield Row(f"  CPU, buffer on disk included (its own: {rival_cpu:.2f} us)", cpu, None, "us", 2)


def make_items(lab, path):
    """The items of the values in the file, each on its host."""
    hosts = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            host, key = line.split(" ", 2)[:2]
            hosts.setdefault(host, {})[key] = 4 if key.startswith("line.error") else 3 if re.match(r"line\.(up|status)", key) else 0
    group = lab.make_group()
    for host, items in hosts.items():
        lab.make_host(host, group, items)
    lab.reload()


def written(lab):
    """Waits until the server has nothing more to write: what it writes is not to slow the next round down."""
    import support
    count = "select " + "+".join(f"(select count(*) from {table})" for table in ("history", "history_uint", "history_text"))
    seen = [None]

    def settled():
        seen.append(lab.select(count))
        return seen[-1] == seen[-2]
    support.wait_until(settled, 60, "the server has written all values", step=0.5)


@contextlib.contextmanager
def real_server():
    """The lab, or None and why there is none."""
    try:
        import lab_zabbix
        lab_zabbix.need()
    except (ImportError, SystemExit):
        yield None
        return
    with lab_zabbix.ZabbixLab(SERVER) as lab:
        yield lab


def into_server(binaries, folder):
    title = f"a value taken by a real Zabbix server ({{}}) | {RIVAL}"
    with real_server() as lab:
        if lab is None:
            yield Row(title.format("-"), None, None, "us", 1 / 1.5, "no zabbix")
            return
        make_items(lab, write_values(binaries, folder, SERVER_VALUES)[0])
        rows, rival = [], []
        for _ in range(ROUNDS):
            rows += run_ours(binaries, lab.port, "delivery", SERVER_VALUES)
            written(lab)
            rival.append(run_rival(lab.port, write_values(binaries, folder, SERVER_VALUES))[0])
            written(lab)
        took = rows_of(rows)["delivery.time"]["value"]
        yield Row(title.format(rate(took)), took, min(rival), "us", 1 / 1.5)


def after_outage(binaries):
    rows = []
    for _ in range(ROUNDS):
        with Trapper(binaries) as trapper:
            rows += run_ours(binaries, trapper.port, "outage")
    ours = {figure: row["value"] for figure, row in rows_of(rows).items()}
    yield Row(f"1,000,000 values delivered after an outage ({rate(ours['outage.time'])}): a value's time", ours["outage.time"], None,
              "us", 10)
    yield Row("  its CPU", ours["outage.cpu"], None, "us", 5)
    yield Row("  the loop held up meanwhile", ours["outage.stall"], None, "ms", 20)


def buffer(binaries):
    ours, why = run_group(binaries, "buffer", None, ROUNDS)
    for figure, title in (("write", "a value written to the buffer on disk"), ("read", "  and read back")):
        taken = ours.get(f"buffer.{figure}")
        yield Row(f"{title} ({rate(taken['value'])})" if taken else title, taken["value"] if taken else None, None, "us", 5, why)


def measure(binaries, folder):
    groups = [("to a trapper", lambda: into_trapper(binaries, folder)), ("buffer", lambda: buffer(binaries)),
              ("after an outage", lambda: after_outage(binaries)), ("to a Zabbix server", lambda: into_server(binaries, folder))]
    for name, group in groups:
        try:
            yield from group()
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError, KeyError) as problem:
            yield Row(f"delivery {name}", None, None, "", 0, str(problem))
