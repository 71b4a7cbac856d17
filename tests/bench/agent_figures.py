"""The whole agent and `linewatch ping` against what people use today: one `ssh` per check."""

import json
import os
import signal
import subprocess
import time

from common import ROUNDS, TARGET, Row, Simulator, children_cpu, cpu_of, end, start, write

LINES = 40          # each second, by the agent
SECONDS = 6         # of the agent's running, a round
CHECKS = 30         # by ssh, a round


class Bench:
    def __init__(self, binaries, folder, key, public):
        self.binaries, self.processes, self.key = binaries, [], key
        self.events = os.path.join(folder, "events.ndjson")
        config = write(folder, "sim.yml", "routers:\n  - name: r1\n    platform: linux\n    user: netmon\n"
                       f"    authorized_keys: [\"{public}\"]\n    targets: {{{TARGET}: {{delay: 1ms}}}}\n")
        self.simulator = Simulator(binaries, config, "--events", self.events)
        self.processes.append(self.simulator.process)
        router = self.simulator.routers["r1"]
        self.port = router["port"]
        self.known_hosts = write(folder, "known_hosts", router["known_hosts"] + "\n")
        trapper = start([os.path.join(binaries, "linewatch-trapper"), "--listen", "127.0.0.1:0", "--count"],
                        stdout=subprocess.PIPE)
        self.processes.append(trapper)
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

    def stop(self):
        for process in self.processes:
            end(process)

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


def measure(binaries, folder, key, public):
    bench = Bench(binaries, folder, key, public)
    try:
        rounds = [(bench.agent_round(), bench.ssh_round()) for _ in range(ROUNDS)]
        pings = [(bench.one_ping(), bench.one_ssh()) for _ in range(10)]
    finally:
        bench.stop()
    yield Row("CPU per measurement, held session | ssh per check", min(r[0][0] for r in rounds) * 1e3,
              min(r[1] for r in rounds) * 1e3, "ms", 1 / 20)
    yield Row(f"logins for {LINES * (SECONDS + 2)} measurements | ssh per check", max(r[0][1] for r in rounds),
              LINES * (SECONDS + 2), "", 1 / 100)
    yield Row("one measurement from the shell, wall | one ssh", min(p[0][0] for p in pings) * 1e3,
              min(p[1][0] for p in pings) * 1e3, "ms", 1.25)
    yield Row("one measurement from the shell, CPU | one ssh", min(p[0][1] for p in pings) * 1e3,
              min(p[1][1] for p in pings) * 1e3, "ms", 1.25)
