"""Network namespaces of a test program: named lwt<its pid><a letter>, and gone with it. They need root."""

import os
import re

import support


def need():
    """Skips the test program where namespaces can't be made, and removes those of programs that were killed hard."""
    support.need(programs=("ip",), root=True)
    for line in support.run(["ip", "netns", "list"]).stdout.splitlines():
        match = re.match(r"lwt(\d+)[a-z]\b", line)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            delete(match[0])
    made = support.run(["ip", "netns", "add", name("p")])
    if made.returncode != 0:
        support.skip_program(f"network namespaces can't be made: {made.stderr.strip()}")
    support.run(["ip", "netns", "del", name("p")])


def name(letter):
    return f"lwt{os.getpid()}{letter}"


def add(letter):
    """A namespace with its loopback up; returns its name."""
    made = name(letter)
    support.run(["ip", "netns", "add", made], check=True)
    support.defer(delete, made)
    support.run(["ip", "-n", made, "link", "set", "lo", "up"], check=True)
    return made


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def pids_in(namespace):
    return [int(pid) for pid in support.run(["ip", "netns", "pids", namespace]).stdout.split()]


def delete(namespace):
    """Ends what still runs inside (a namespace lives as long as its processes), then removes it."""
    for number in (15, 9):
        for pid in pids_in(namespace):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            support.wait_until(lambda: not pids_in(namespace), 3, f"processes of {namespace} end")
            break
        except AssertionError:
            continue
    support.run(["ip", "netns", "del", namespace])
