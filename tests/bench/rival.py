"""What the rivals written in Python share: their arguments, and the row of JSON that bench.py reads.

Arguments: ADDRESS PORT USER PASSWORD COMMAND SESSIONS COMMANDS, the last being commands on each session."""

import json
import resource
import sys
from types import SimpleNamespace

ROUNDS = 3


def arguments():
    address, port, user, password, command, sessions, commands = sys.argv[1:]
    return SimpleNamespace(address=address, port=int(port), user=user, password=password, command=command,
                           sessions=int(sessions), commands=int(commands), prompt=b"held#")


def check(answer):
    if b"(5/5)" not in answer:
        sys.exit(f"not a ping's answer: {answer!r}")


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(commands, wanted):
    """`commands` types so many on each session; seconds of CPU of one, the best round's, are printed."""
    commands(1)
    best = None
    for _ in range(ROUNDS):
        before = cpu()
        commands(wanted.commands)
        each = (cpu() - before) / (wanted.commands * wanted.sessions)
        best = each if best is None else min(best, each)
    print(json.dumps({"microseconds": best * 1e6}))
