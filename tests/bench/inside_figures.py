"""The agent's own parts, taken by linewatch-bench from within: pool, sessions, commands, cancellation."""

import json
import os
import subprocess

from common import ROUNDS, Row

ONE_SAMPLE = {"waiting"}  # p99 and p50 of the same waits
LIMIT = 240  # seconds for one group; most take a few

# Figure: what the row says, its unit, and its reach. Several values of a figure: the best counts.
FIGURES = {
    "core.turn": ("acquire + release, the pool's core alone", "ns", 50),
    "core.allocations": ("  its allocations", "", 0),
    "pool.turn": ("acquire + release of an idle session through the pool", "us", 1),
    "held.command": ("CPU per command, 16 held sessions | bare epoll + libssh loop", "us", 1.25),
    "scale.command": ("CPU per command, 5,000 held sessions | 16 held sessions", "us", 2),
    "scale.memory_fresh": ("memory per idle session before its first command", "KiB", 26),
    "scale.memory_used": ("memory per idle session after 100 commands", "KiB", 32),
    "scale.logins": ("CPU of 5,000 logins by one thread", "s", 3),
    "scale.login": ("CPU of a login | bare blocking libssh, one after another", "us", 1.25),
    "waiting": ("waiting at saturation, 64 tasks on 4 sessions: p99 | p50", "ms", 2),
}
PHASES = {  # group of linewatch-bench: what is stuck there, the simulated router
    "tcp": ("TCP connect, full backlog", None),
    "key_exchange": ("silent after TCP", "mute"),
    "authentication": ("stalled in authentication", "stalled"),
    "endless": ("never-ending output", "endless"),
    "silent": ("silent command", "silent"),
}
for phase, (words, _) in PHASES.items():
    FIGURES[f"end.{phase}.cancel_p50"] = (f"cancel to session freed, 50 at a time, {words}: p50", "ms", 1)
    FIGURES[f"end.{phase}.cancel_p99"] = ("  p99", "ms", 10)
    FIGURES[f"end.{phase}.deadline_p99"] = ("  deadline to session freed: p99", "ms", 20)

GROUPS = [  # group, its router, runs
    ("core", None, 1), ("pool", None, 1), ("held", "held", ROUNDS), ("scale", "held", ROUNDS),
    ("waiting", "slow", ROUNDS), *((phase, router, ROUNDS) for phase, (_, router) in PHASES.items())
]


def rows_of(lines):
    """The best of each figure: the smallest value and the smallest rival, or, where both are of one sample, the
    smallest ratio."""
    best = {}
    for line in lines:
        row = json.loads(line)
        known = best.setdefault(row["figure"], row)
        if row["figure"] in ONE_SAMPLE:
            if row["value"] / row["rival"] < known["value"] / known["rival"]:
                best[row["figure"]] = row
            continue
        for side in ("value", "rival"):
            if side in row:
                known[side] = min(known[side], row[side])
    return best


def run_group(binaries, group, argument, runs):
    lines, why = [], ""
    for _ in range(runs):
        arguments = [os.path.join(binaries, "linewatch-bench"), group]
        if argument:
            arguments.append(argument)
        try:
            done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                                  check=False)
        except subprocess.TimeoutExpired:
            why = f"linewatch-bench {group} did not end within {LIMIT} s"
            break
        lines += done.stdout.splitlines()
        if done.returncode != 0:
            words = done.stderr.strip().splitlines()
            why = words[-1] if words else f"linewatch-bench {group} ended with {done.returncode}"
    return rows_of(lines), why


def measure(binaries, simulator, wanted):
    for group, router, runs in GROUPS:
        if not wanted(group):
            continue
        server = simulator.routers.get(router)
        taken, why = run_group(binaries, group, f"{server['address']}:{server['port']}" if server else None, runs)
        prefix = group if router in ("held", "slow", None) and group != "tcp" else f"end.{group}"
        for figure, (name, unit, reach) in FIGURES.items():
            if figure == prefix or figure.startswith(prefix + "."):
                row = taken.get(figure)
                if row:
                    yield figure, Row(name, row["value"], row.get("rival"), unit, reach)
                else:
                    yield figure, Row(name, None, None, unit, reach, why)
