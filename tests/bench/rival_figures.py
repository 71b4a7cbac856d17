"""A command on a held session against other people's clients on the same simulated router."""

import json
import os
import subprocess
import sys
import time

from common import ROUNDS, Row, children_cpu, cpu_of, end, start

PYTHON = "/usr/bin/python3"  # Debian's: the rivals are its packages
HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND = "ping 198.51.100.2 repeat 5 timeout 2"
SESSIONS = 16
LIBRARIES = [("paramiko", 60, 1 / 8), ("asyncssh", 60, 1 / 20), ("netmiko", 2, 1 / 100)]  # commands; reach
CHECKS = 30  # by ssh, a round


def library(name, router, commands):
    """Microseconds of CPU per command of one of the Python scripts beside this one."""
    done = subprocess.run([PYTHON, "-W", "ignore", os.path.join(HERE, f"rival_{name}.py"), router["address"],
                           str(router["port"]), "netmon", "bench", COMMAND, str(SESSIONS), str(commands)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=240, check=True)
    return json.loads(done.stdout)["microseconds"]


class Ssh:
    def __init__(self, folder, key, router):
        known_hosts = os.path.join(folder, "rival_known_hosts")
        with open(known_hosts, "w", encoding="utf-8") as file:
            file.write(router["known_hosts"] + "\n")
        self.control = os.path.join(folder, "control")
        self.base = ["ssh", "-T", "-F", "none", "-i", key, "-p", str(router["port"]), "-o", "BatchMode=yes", "-o",
                     f"UserKnownHostsFile={known_hosts}"]
        self.host = f"netmon@{router['address']}"

    def run(self, *options):
        done = subprocess.run([*self.base, *options, self.host, COMMAND], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True, timeout=30)
        if b"(5/5)" not in done.stdout:
            sys.exit(f"not a ping's answer: {done.stdout!r}")

    def each(self):
        """Microseconds of CPU of one `ssh` with one command."""
        best = []
        for _ in range(ROUNDS):
            before = children_cpu()
            for _ in range(CHECKS):
                self.run()
            best.append((children_cpu() - before) / CHECKS * 1e6)
        return min(best)

    def multiplexed(self):
        """The same over one held connection, the master's share included."""
        master = start([*self.base, "-M", "-N", "-S", self.control, self.host])
        try:
            until = time.monotonic() + 20
            while not os.path.exists(self.control) and time.monotonic() < until:
                time.sleep(0.02)
            best = []
            for _ in range(ROUNDS):
                before = children_cpu() + cpu_of(master.pid)
                for _ in range(CHECKS):
                    self.run("-S", self.control)
                best.append((children_cpu() + cpu_of(master.pid) - before) / CHECKS * 1e6)
            return min(best)
        finally:
            end(master)


def measure(folder, key, simulator, ours):
    """`ours`: microseconds of CPU per command on 16 held sessions, or None."""
    router = simulator.routers["held"]
    ssh = Ssh(folder, key, router)
    rivals = [(f"{name}, held session", lambda name=name, count=count: library(name, router, count), reach)
              for name, count, reach in LIBRARIES]
    rivals += [("ssh per command", ssh.each, 1 / 700), ("ssh per command, ControlMaster", ssh.multiplexed, 1 / 300)]
    for name, take, reach in rivals:
        title = f"CPU per command, 16 held sessions | {name}"
        try:
            yield Row(title, ours, take() if ours else None, "us", reach, "ours was not measured")
        except (subprocess.SubprocessError, OSError) as problem:
            yield Row(title, None, None, "us", reach, str(problem))
