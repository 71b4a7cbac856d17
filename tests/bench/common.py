"""What all groups of figures share: processes, CPU time, the simulated routers, and the row of the table."""

import json
import os
import resource
import signal
import subprocess
from dataclasses import dataclass
from typing import Optional

ROUNDS = 3
TARGET = "198.51.100.2"


@dataclass
class Row:
    """One line of the table. With a rival `reach` limits the ratio, without one the value itself."""
    name: str
    value: Optional[float]  # None: it could not be measured, and `why` says why
    rival: Optional[float]
    unit: str
    reach: float
    why: str = ""

    def short(self):
        if self.value is None:
            return True
        return (self.value if self.rival is None else self.value / self.rival) > self.reach

    def text(self):
        verdict = "short" if self.short() else "ok"
        if self.value is None:
            return f"{self.name:<68}{'-':>13}{'-':>13}{'-':>9}{'-':>10}  {verdict}: {self.why}"
        value = f"{self.value:.2f} {self.unit:<3}"
        rival = "-   " if self.rival is None else f"{self.rival:.2f} {self.unit:<3}"
        ratio = "-" if self.rival is None else f"{self.value / self.rival:.4f}"
        reach = f"{self.reach:g} {self.unit}" if self.rival is None else f"{self.reach:.4f}"
        return f"{self.name:<68}{value:>13}{rival:>13}{ratio:>9}{reach:>10}  {verdict}"


HEAD = f"{'figure | rival':<68}{'value':>13}{'rival':>13}{'ratio':>9}{'reach':>10}"


def start(arguments, **options):
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, **options)


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


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


def make_key(folder):
    """A key pair for `ssh`: the private file's path and the public line."""
    key = os.path.join(folder, "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with open(key + ".pub", encoding="utf-8") as file:
        return key, file.read().strip()


class Simulator:
    """A process of simulated routers, by name: {"address": ..., "port": ..., "known_hosts": ...}."""

    def __init__(self, binaries, config, *options):
        self.process = start([os.path.join(binaries, "linewatch-sim"), "--config", config, *options],
                             stdout=subprocess.PIPE)
        ready = json.loads(self.process.stdout.readline())
        self.routers = {router["name"]: router for router in ready["routers"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
