#!/usr/bin/env python3
"""Figures against their rivals, measured in the same run on the same simulated router: a row each with name, value,
rival, ratio, reach, and ok or short. Exits 0 only if none is short.

Usage: bench.py BIN_DIR

What people use today is one `ssh` per check; that is the rival. CPU time is the client's alone, from the system's own
accounting. Every figure is the best of three rounds in which both sides take turns."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
LINES = 40          # each second, by the agent
SECONDS = 6         # of the agent's running, a round
CHECKS = 30         # by ssh, a round
TARGET = "198.51.100.2"


def start(arguments, **options):
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, **options)


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def cpu_of(pid):
    """Seconds of CPU that a living process has used."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, binaries, folder):
        self.binaries, self.folder, self.processes = binaries, folder, []
        self.key = os.path.join(folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        with open(self.key + ".pub", encoding="utf-8") as file:
            public = file.read().strip()
        self.events = os.path.join(folder, "events.ndjson")
        config = write(folder, "sim.yml", "routers:\n  - name: r1\n    platform: linux\n    user: netmon\n"
                       f"    authorized_keys: [\"{public}\"]\n    targets: {{{TARGET}: {{delay: 1ms}}}}\n")
        simulator = self.spawn("linewatch-sim", "--config", config, "--events", self.events)
        router = json.loads(simulator.stdout.readline())["routers"][0]
        self.port = router["port"]
        self.known_hosts = write(folder, "known_hosts", router["known_hosts"] + "\n")
        trapper = self.spawn("linewatch-trapper", "--listen", "127.0.0.1:0", "--count")
        self.trapper_port = json.loads(trapper.stdout.readline())["port"]
        lines = "".join(f"  - {{id: L-{i}, router: r1, target: {TARGET}}}\n" for i in range(LINES))
        self.config = write(folder, "linewatch.yml", f"""
agent: {{name: bench, state_dir: {folder}/state, control_socket: {folder}/control.sock}}
log: {{level: error}}
zabbix: {{servers: ["127.0.0.1:{self.trapper_port}"], layout: per_line, flush_interval: 1s}}
credentials: {{k: {{username: netmon, private_key_file: {self.key}}}}}
routers:
  - {{name: r1, address: 127.0.0.1, port: {self.port}, platform: linux, credentials: k}}
defaults: {{line: {{interval: 1s, count: 1, timeout: 1s}}}}
lines:
""" + lines)

    def spawn(self, name, *arguments):
        process = start([os.path.join(self.binaries, name), *arguments], stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            process.stdout.close()

    def count_events(self, kind):
        with open(self.events, encoding="utf-8") as file:
            return sum(f'"event":"{kind}"' in line for line in file)

    def ssh(self):
        subprocess.run(["ssh", "-T", "-F", "none", "-i", self.key, "-p", str(self.port), "-o", "BatchMode=yes",
                        "-o", f"UserKnownHostsFile={self.known_hosts}", "netmon@127.0.0.1",
                        f"ping -n -c 1 -W 1 {TARGET}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    def agent_round(self):
        """CPU per measurement of a running agent after its start, and the logins that it made."""
        logins, pings = self.count_events("login"), None
        agent = start([os.path.join(self.binaries, "linewatch"), "run", "-c", self.config])
        try:
            time.sleep(2)  # start-up and logins are another figure
            pings, cpu = self.count_events("ping"), cpu_of(agent.pid)
            time.sleep(SECONDS)
            cpu = cpu_of(agent.pid) - cpu
            pings = self.count_events("ping") - pings
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(20)
        return cpu / max(1, pings), self.count_events("login") - logins

    def ssh_round(self):
        cpu = children_cpu()
        for _ in range(CHECKS):
            self.ssh()
        return (children_cpu() - cpu) / CHECKS

    def one_ping(self):
        """Wall time of a whole `linewatch ping` beyond the ping itself, and CPU."""
        cpu, began = children_cpu(), time.monotonic()
        subprocess.run([os.path.join(self.binaries, "linewatch"), "ping", "L-0", "-c", self.config], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.monotonic() - began, children_cpu() - cpu

    def one_ssh(self):
        cpu, began = children_cpu(), time.monotonic()
        self.ssh()
        return time.monotonic() - began, children_cpu() - cpu


def main():
    binaries = os.path.abspath(sys.argv[1])
    short = False
    with tempfile.TemporaryDirectory(prefix="linewatch-bench-") as folder:
        bench = Bench(binaries, folder)
        try:
            rounds = [(bench.agent_round(), bench.ssh_round()) for _ in range(ROUNDS)]
            pings = [(bench.one_ping(), bench.one_ssh()) for _ in range(10)]
        finally:
            bench.stop()
    rows = [
        # name, value, rival, unit, reach: the ratio must not be above it
        ("CPU per measurement, held session | ssh per check", min(r[0][0] for r in rounds) * 1e3,
         min(r[1] for r in rounds) * 1e3, "ms", 1 / 20),
        (f"logins for {LINES * (SECONDS + 2)} measurements | ssh per check", max(r[0][1] for r in rounds),
         LINES * (SECONDS + 2), "", 1 / 100),
        ("one measurement from the shell, wall | one ssh", min(p[0][0] for p in pings) * 1e3,
         min(p[1][0] for p in pings) * 1e3, "ms", 1.25),
        ("one measurement from the shell, CPU | one ssh", min(p[0][1] for p in pings) * 1e3,
         min(p[1][1] for p in pings) * 1e3, "ms", 1.25),
    ]
    print(f"{'figure | rival':<58}{'value':>10}{'rival':>10}{'ratio':>9}{'reach':>9}")
    for name, value, rival, unit, reach in rows:
        ratio = value / rival
        verdict = "ok" if ratio <= reach else "short"
        short = short or verdict == "short"
        print(f"{name:<58}{value:>7.2f} {unit:<2}{rival:>7.2f} {unit:<2}{ratio:>9.3f}{reach:>9.3f}  {verdict}")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
