"""Reading an answer: ours against Python's `re` and TextFSM on the same texts."""

import json
import os
import subprocess

from common import Row
from inside_figures import run_group

PYTHON = "/usr/bin/python3"  # Debian's: the rivals are its packages
HERE = os.path.dirname(os.path.abspath(__file__))
REACH_PARSE, REACH_STRIP = 5, 5  # us an answer; ns an octet, 200 MB/s
RIVALS = [("re", "Python re", 1 / 1.5), ("textfsm", "TextFSM", 1 / 10)]
PLATFORMS = ["cisco_iosxe", "huawei_vrp", "linux"]


def rivals(binaries):
    texts = subprocess.run([os.path.join(binaries, "linewatch-bench"), "answers"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=60, check=True).stdout
    done = subprocess.run([PYTHON, "-W", "ignore", os.path.join(HERE, "rival_text.py")], input=texts, capture_output=True,
                          text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def measure(binaries):
    ours, why = run_group(binaries, "text", None, 3)
    try:
        theirs = rivals(binaries)
    except (subprocess.SubprocessError, OSError) as problem:
        theirs, why = {}, why or str(problem)

    def row(figure, title, unit, reach):
        taken = ours.get(f"text.{figure}")
        yield Row(title, taken["value"] if taken else None, None, unit, reach, why)
        for key, rival, ratio in RIVALS:
            if f"{figure}.{key}" in theirs or (not theirs and figure != "strip"):
                value = theirs.get(f"{figure}.{key}")
                yield Row(f"  | {rival}", taken["value"] if taken and value else None, value, unit, ratio, why)

    for name in PLATFORMS:
        yield from row(name, f"a ping's answer of some 600 octets read, {name}", "us", REACH_PARSE)
    yield from row("strip", "what a router draws stripped to plain lines, an octet", "ns", REACH_STRIP)
