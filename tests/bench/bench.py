#!/usr/bin/env python3
"""Figures against their rivals, measured in the same run on the same simulated routers: a row each with name,
value, rival, ratio, reach, and ok or short. Exits 0 only if none is short.

Usage: bench.py BIN_DIR [GROUP...]      groups: agent, text, plan, schedule, delivery, rivals, and those of linewatch-bench; default: all

CPU time is the client's alone, from the system's own accounting. Every figure is the best of three rounds in
which both sides take turns."""

import os
import sys
import tempfile

import agent_figures
import delivery_figures
import inside_figures
import plan_figures
import rival_figures
import schedule_figures
import text_figures
from common import HEAD, TARGET, Simulator, make_key, write

# The routers of all groups but the agent's: one that is well, one whose pings take their time, and one stuck in
# each phase.
ROUTERS = """
defaults:
  user: netmon
  password: bench
  authorized_keys: ["{key}"]
  targets: {{"{target}": {{delay: 0us}}}}
routers:
  - {{name: held}}
  - {{name: slow, targets: {{"{target}": {{delay: 1ms}}}}}}
  - {{name: mute, faults: {{silent: tcp}}}}
  - {{name: stalled, faults: {{silent: auth}}}}
  - {{name: endless, faults: {{endless: true}}}}
  - {{name: silent, faults: {{silent: command}}}}
"""


def rows(binaries, folder, wanted):
    key, public = make_key(folder)
    if wanted("agent"):
        yield from agent_figures.measure(binaries, folder, key, public)
    if wanted("text"):
        yield from text_figures.measure(binaries)
    if wanted("plan"):
        yield from plan_figures.measure(binaries, folder)
    if wanted("schedule"):
        yield from schedule_figures.measure(binaries, folder)
    if wanted("delivery"):
        yield from delivery_figures.measure(binaries, folder)
    config = write(folder, "routers.yml", ROUTERS.format(key=public, target=TARGET))
    with Simulator(binaries, config) as simulator:
        ours = None
        for figure, row in inside_figures.measure(binaries, simulator, wanted):
            if figure == "held.command":
                ours = row.value
            yield row
        if wanted("rivals"):
            yield from rival_figures.measure(folder, key, simulator, ours)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    groups = sys.argv[2:]
    short = False
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="linewatch-bench-") as folder:
        for row in rows(os.path.abspath(sys.argv[1]), folder, lambda group: not groups or group in groups):
            short = short or row.short()
            print(row.text(), flush=True)
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
