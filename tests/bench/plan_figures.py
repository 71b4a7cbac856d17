"""Reading a plan of 100,000 lines: ours against Python's YAML reader in C, which reads the same files into its own values."""

import json
import os
import subprocess

from common import Row, write
from inside_figures import run_group

PYTHON = "/usr/bin/python3"  # Debian's: the rival is its package
HERE = os.path.dirname(os.path.abspath(__file__))
FILES, ROUTERS, LINES = 50, 100, 20  # files, routers of each, lines of each router
FIGURES = [  # figure, title, unit, reach, its share of the rival's
    ("load", "a plan of 100,000 lines in 50 files read and validated", "s", 4, 1 / 4),
    ("changed", "  one changed file of the 50, all checks made", "s", 0.3, 1 / 20),
    ("memory", "  peak memory with all of it", "MiB", 400, None),
]

MAIN = """include: plan.d/*.yml
zabbix: {servers: [10.0.0.5]}
credentials: {backbone: {username: netmon, agent: true}}
connection: {total: {sessions: 10000}}
defaults:
  router: {platform: cisco_iosxe, credentials: backbone}
  line: {interval: 60s}
"""


def write_plan(folder):
    os.mkdir(os.path.join(folder, "plan.d"))
    for file in range(FILES):
        names = [f"edge-{file}-{router}" for router in range(ROUTERS)]
        text = "routers:\n"
        text += "".join(f"  - {{name: {name}, address: 10.{file}.{at}.1}}\n" for at, name in enumerate(names))
        text += "lines:\n"
        for at, name in enumerate(names):
            for line in range(LINES):
                text += (f"  - id: L-{file}-{at}-{line}\n    name: Line {line} of {name}\n    router: {name}\n"
                         f"    target: 172.{16 + line // 256}.{file}.{line}\n    labels: {{customer: acme, site: s{at}}}\n")
        write(folder, f"plan.d/{file:02}.yml", text)
    return write(folder, "plan.yml", MAIN)


def rival(folder):
    done = subprocess.run([PYTHON, os.path.join(HERE, "rival_plan.py"), os.path.join(folder, "plan.d")], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)["seconds"]


def measure(binaries, folder):
    ours, why = run_group(binaries, "plan", write_plan(folder), 3)
    try:
        theirs = rival(folder)
    except (subprocess.SubprocessError, OSError) as problem:
        theirs, why = None, why or str(problem)
    for figure, title, unit, reach, share in FIGURES:
        taken = ours.get(f"plan.{figure}")
        value = taken["value"] if taken else None
        yield Row(title, value, None, unit, reach, why)
        if share:
            yield Row("  | Python yaml, CSafeLoader, reads all of it", value if theirs else None, theirs, unit, share, why)
