"""A large plan at work: 5,000 routers with 20 lines each at 60 s, 1,667 pings a second that are answered after
20 ms. The agent has one core, the simulated routers another. And what a reload of that plan holds up."""

import json
import os
import signal
import subprocess
import time

from common import ROUNDS, TARGET, Row, Simulator, cpu_of, end, start, write

ROUTERS, LINES, FILES = 5000, 20, 50
BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]  # as Histogram's
SECONDS = 60  # a round: each line once


def on_core(core, command):
    return ["taskset", "-c", str(core % os.cpu_count()), *command]


def quantile(buckets, share):
    """The upper bound of the bucket that holds it, in seconds."""
    wanted, seen = share * sum(buckets), 0
    for bound, count in zip([*BOUNDS, 600], buckets):
        seen += count
        if seen >= wanted and seen:
            return bound
    return 0


def since(before, after, name):
    return [b - a for a, b in zip(before[name]["buckets"], after[name]["buckets"])]


class Bench:
    def __init__(self, binaries, folder):
        self.program, self.folder, self.processes = os.path.join(binaries, "linewatch"), folder, []
        self.config = write(folder, "big.yml", "")
        simulated = write(folder, "big-sim.yml", "routers:\n  - {name: 'r{n}', count: " + str(ROUTERS) +
                          ", user: netmon, password: bench, targets: {" + TARGET + ": {delay: 20ms}}}\n")
        self.simulator = Simulator(binaries, simulated)
        self.processes.append(self.simulator.process)
        os.sched_setaffinity(self.simulator.process.pid, {1 % os.cpu_count()})
        trapper = start([os.path.join(binaries, "linewatch-trapper"), "--listen", "127.0.0.1:0", "--count"],
                        stdout=subprocess.PIPE)
        self.processes.append(trapper)
        port = json.loads(trapper.stdout.readline())["port"]
        write(folder, "big_known_hosts", "".join(router["known_hosts"] + "\n" for router in self.simulator.routers.values()))
        os.makedirs(os.path.join(folder, "big.d"))
        names = list(self.simulator.routers)
        for number in range(FILES):
            self.drop_in(number, names[number * ROUTERS // FILES:(number + 1) * ROUTERS // FILES])
        write(folder, "big.yml", f"""
agent: {{name: bench, state_dir: {folder}/big-state, control_socket: {folder}/big.sock}}
log: {{level: error}}
include: [big.d/*.yml]
host_keys: {{known_hosts_file: big_known_hosts}}
zabbix: {{servers: ["127.0.0.1:{port}"], layout: per_line}}
connection: {{max_connections: 1, total: {{sessions: {ROUTERS + 100}, logins: 64, logins_per_second: 2000}}}}
credentials: {{c: {{username: netmon, password: bench}}}}
defaults: {{router: {{platform: cisco_iosxe, credentials: c}}, line: {{interval: 60s, count: 1, timeout: 1s}}}}
""")

    def drop_in(self, number, names, lines=LINES):
        routers, of_lines = "routers:\n", "lines:\n"
        for name in names:
            router = self.simulator.routers[name]
            routers += f"  - {{name: {name}, address: {router['address']}, port: {router['port']}}}\n"
            for line in range(lines):
                of_lines += f"  - {{id: {name}-{line}, name: Line {line} of {name}, router: {name}, target: {TARGET}}}\n"
        write(self.folder, f"big.d/{number:02}.yml", routers + of_lines)

    def run_agent(self):
        self.agent = start(on_core(0, [self.program, "run", "-c", self.config]))
        self.processes.append(self.agent)
        limit = time.monotonic() + 180
        while time.monotonic() < limit:
            time.sleep(5)
            if sum(router["live_sessions"] for router in self.status()["routers"]) >= ROUTERS:
                return True
        return False

    def status(self):
        done = subprocess.run([self.program, "status", "--json", "-c", os.path.join(self.folder, "ask.yml")],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"routers": [], "agent": {}}

    def round(self):
        before, cpu, began = self.status()["agent"], cpu_of(self.agent.pid), time.monotonic()
        time.sleep(SECONDS)
        cpu, took = cpu_of(self.agent.pid) - cpu, time.monotonic() - began
        late = since(before, self.status()["agent"], "lateness_s")
        return quantile(late, 0.5) * 1e3, quantile(late, 0.99) * 1e3, cpu / took * 100, sum(late) / took

    def memory(self):
        with open(f"/proc/{self.agent.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def reload(self, turn):
        """The longest time that the loop was held up while one changed file of the plan was taken over, in ms."""
        names = list(self.simulator.routers)[:ROUTERS // FILES]
        before = self.status()["agent"]
        self.drop_in(0, names, LINES - 1 + turn % 2)
        subprocess.run([self.program, "reload", "-c", self.config],
                       stdout=subprocess.DEVNULL, check=True)
        return quantile(since(before, self.status()["agent"], "event_loop_stall_s"), 1) * 1e3

    def stop(self):
        for process in reversed(self.processes):
            end(process)


def measure(binaries, folder):
    bench = Bench(binaries, folder)
    write(folder, "ask.yml", f"agent: {{name: bench, control_socket: {folder}/big.sock}}\n")
    try:
        if not bench.run_agent():
            yield Row("5,000 routers logged in", None, None, "", 0, "not within 180 s")
            return
        rounds = [bench.round() for _ in range(ROUNDS)]
        p50, p99, cpu, _ = (min(each) for each in zip(*rounds))
        rate = max(each[3] for each in rounds)
        due = ROUTERS * LINES / 60
        yield Row(f"lateness of a turn, p50 (5,000 routers, 100,000 lines, {rate:.0f} turns/s)", p50, None, "ms", 1)
        yield Row("lateness of a turn, p99", p99, None, "ms", 10)
        yield Row("turns that did not begin, of those that were due", max(0, 100 - 100 * rate / due), None, "%", 1)
        yield Row("CPU of the agent, of one core", cpu, None, "%", 35)
        yield Row("memory of the agent", bench.memory(), None, "MiB", 400)
        yield Row("the loop held up by a reload, one changed file of 50", min(bench.reload(turn) for turn in range(ROUNDS)),
                  None, "ms", 20)
    finally:
        bench.stop()
