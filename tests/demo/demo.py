#!/usr/bin/env python3
"""The product in twenty seconds: four simulated routers of three platforms, a dozen lines, a stand-in for Zabbix, and
the agent between them. Prints what an operator would see, stops everything it started, and sums up.

Usage: demo.py BIN_DIR [--seconds N]. Exits 0 only if every line came to the state that its simulated line is in."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

PASSWORD = "s3cret-of-the-demo"

# name, platform, targets on that router
ROUTERS = [
    ("bj-edge-1", "cisco_iosxe", {
        "198.51.100.2": "{delay: 12ms, jitter: 2ms}",
        "198.51.100.6": "{delay: 31ms, jitter: 4ms, pattern: \"!!.!!\"}",
        "198.51.100.10": "{pattern: \".\"}",
        "198.51.100.14": "{no_route: true}"}),
    ("sh-edge-1", "huawei_vrp", {
        "198.51.100.18": "{delay: 8ms, jitter: 1ms}",
        "198.51.100.22": "{delay: 180ms, jitter: 25ms}",
        "198.51.100.26": "{delay: 22ms, pattern: \"!.\"}"}),
    ("gz-edge-1", "h3c_comware", {
        "198.51.100.30": "{delay: 5ms, jitter: 1ms}",
        "198.51.100.34": "{delay: 420ms, jitter: 60ms}",
        "198.51.100.38": "{pattern: \".\"}"}),
    ("cd-edge-1", "cisco_iosxe", {
        "198.51.100.42": "{delay: 3ms}",
        "198.51.100.46": "{delay: 4ms}"}),
]

# id, name, router, target, the state it must come to, a word on what is simulated
LINES = [
    ("L-1001", "Beijing - HQ 100M", "bj-edge-1", "198.51.100.2", "up", "good"),
    ("L-1002", "Beijing - Tianjin 50M", "bj-edge-1", "198.51.100.6", "up", "loses 1 of 5"),
    ("L-1003", "Beijing - Harbin 20M", "bj-edge-1", "198.51.100.10", "down", "dead"),
    ("L-1004", "Beijing - Lhasa 10M", "bj-edge-1", "198.51.100.14", "down", "no route"),
    ("L-2001", "Shanghai - HQ 100M", "sh-edge-1", "198.51.100.18", "up", "good"),
    ("L-2002", "Shanghai - Urumqi 20M", "sh-edge-1", "198.51.100.22", "up", "slow"),
    ("L-2003", "Shanghai - Ningbo 50M", "sh-edge-1", "198.51.100.26", "up", "loses every other"),
    ("L-3001", "Guangzhou - HQ 100M", "gz-edge-1", "198.51.100.30", "up", "good"),
    ("L-3002", "Guangzhou - Paris 20M", "gz-edge-1", "198.51.100.34", "up", "very slow"),
    ("L-3003", "Guangzhou - Sanya 10M", "gz-edge-1", "198.51.100.38", "down", "dead"),
    ("L-4001", "Chengdu - HQ 50M", "cd-edge-1", "198.51.100.42", "router_error", "password refused"),
    ("L-4002", "Chengdu - Xi'an 20M", "cd-edge-1", "198.51.100.46", "router_error", "password refused"),
]
STATES = {"0": "down", "1": "up", "2": "line_error", "3": "router_error", "4": "agent_error", "5": "removed"}


class Program:
    """A program of ours; its standard output is read line by line, its standard error goes to a file."""

    def __init__(self, name, arguments, folder):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def ready(self, limit=20):
        """The ready line that our programs print first."""
        timer = threading.Timer(limit, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            sys.exit(f"demo: {self.name} did not start: {self.log().strip() or 'it said nothing'}")
        return json.loads(line)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, limit=15):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -1


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)


def simulator_config():
    text = "routers:\n"
    for seed, (name, platform, targets) in enumerate(ROUTERS, 1):
        password = PASSWORD if name != "cd-edge-1" else "another-one"
        text += f"  - name: {name}\n    platform: {platform}\n    user: netmon\n    password: {password}\n    seed: {seed}\n"
        text += "    targets:\n" + "".join(f"      {target}: {what}\n" for target, what in targets.items())
    return text


def agent_config(routers, trapper_port):
    text = (f"agent: {{name: demo, state_dir: state, control_socket: state/control.sock}}\nzabbix:\n  servers: [\"127.0.0.1:{trapper_port}\"]\n"
            "  layout: per_line\n  flush_interval: 1s\ncredentials:\n"
            "  backbone: {username: netmon, password_file: secret}\n"
            "  branch: {username: netmon, password_file: secret}\n"
            "defaults: {line: {interval: 6s, count: 5, timeout: 1s}}\nrouters:\n")
    for router in routers:
        # VRP may pace its probes by two seconds, so its runs need longer; the refused password has an account of its own,
        # since an account that is rejected rests on all its routers.
        defaults = ", defaults: {line: {interval: 9s, count: 4}}" if router["platform"] == "huawei_vrp" else ""
        account = "branch" if router["name"] == "cd-edge-1" else "backbone"
        text += (f"  - {{name: {router['name']}, address: 127.0.0.1, port: {router['port']}, "
                 f"platform: {router['platform']}, credentials: {account}{defaults}}}\n")
    text += "lines:\n"
    for line, name, router, target, _, _ in LINES:
        text += f"  - {{id: {line}, name: \"{name}\", router: {router}, target: {target}}}\n"
    return text


class Received:
    """What the trapper got, by line and key; filled by a thread."""

    def __init__(self, trapper):
        self.values, self.count, self.lock = {}, 0, threading.Lock()
        self.thread = threading.Thread(target=self._read, args=(trapper,), daemon=True)
        self.thread.start()

    def _read(self, trapper):
        for raw in trapper.process.stdout:
            try:
                value = json.loads(raw)
                with self.lock:
                    self.values.setdefault(value["host"], {})[value["key"]] = value["value"]
                    self.count += 1
            except (ValueError, KeyError):
                pass  # its closing totals

    def line(self, line):
        with self.lock:
            return dict(self.values.get(line, {}))


def milliseconds(seconds):
    return f"{float(seconds) * 1000:.1f}" if seconds else "-"


def table(received, left):
    rows = [f"{'LINE':<8}{'NAME':<24}{'ROUTER':<11}{'STATE':<14}{'LOSS %':>7}{'RTT ms':>9}  CAUSE"]
    for line, name, router, _, _, _ in LINES:
        got = received.line(line)
        state = STATES.get(got.get("line.status"), "waiting")
        # As in Zabbix, an item keeps its last value; a figure is shown here only while it is measured.
        measured = state in ("up", "down")
        loss = got.get("line.loss", "-") if measured else "-"
        rtt = milliseconds(got.get("line.rtt.avg")) if state == "up" else "-"
        cause = got.get("line.error", "") if state != "up" else ""
        rows.append(f"{line:<8}{name:<24}{router:<11}{state:<14}{loss:>7}{rtt:>9}  {cause[:100]}")
    rows.append(f"{received.count} values reached the trapper; {left:.0f} s left")
    return rows


def show(received, seconds, agent):
    """Redraws the table each second on a terminal; elsewhere prints it three times."""
    live = sys.stdout.isatty()
    end = time.monotonic() + seconds
    prints = [seconds * share for share in (0.66, 0.33, 0)]
    drawn = 0
    while agent.process.poll() is None:
        left = max(0.0, end - time.monotonic())
        if live or (prints and left <= prints[0]):
            rows = table(received, left)
            if live and drawn:
                sys.stdout.write(f"\x1b[{drawn}A")
            print("\n".join(("\x1b[K" if live else "") + row for row in rows) + ("" if live else "\n"), flush=True)
            drawn = len(rows)
            if prints and left <= prints[0]:
                prints.pop(0)
        if left == 0:
            return
        time.sleep(min(1.0, left))  # pace of the display


def sum_up(received, agent_exit, simulator_log, seconds):
    right = 0
    for line, _, _, _, expected, what in LINES:
        state = STATES.get(received.line(line).get("line.status"), "nothing")
        if state == expected:
            right += 1
        else:
            print(f"demo: line {line} ({what}) should be {expected} and is {state}")
    events = [json.loads(raw) for raw in open(simulator_log, encoding="utf-8") if raw.startswith("{")]
    kinds = {}
    for event in events:
        kinds[event.get("event")] = kinds.get(event.get("event"), 0) + 1
    logins, commands = kinds.get("login", 0), kinds.get("command", 0)
    rejections = sum(event.get("event") == "auth_failed" and event.get("method") == "password" for event in events)
    print(f"{right} of {len(LINES)} lines are in the state they were simulated in; {received.count} values delivered "
          f"in {seconds} s")
    print(f"the routers saw {logins} logins, {rejections} rejected passwords and {commands} commands; "
          f"the agent stopped with exit code {agent_exit}")
    return right == len(LINES) and agent_exit == 0


def main():
    binaries = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 20
    programs = []
    with tempfile.TemporaryDirectory(prefix="linewatch-demo-") as folder:
        def start(name, *arguments):
            program = Program(name, [os.path.join(binaries, name), *arguments], folder)
            programs.append(program)
            return program
        try:
            events = os.path.join(folder, "events.ndjson")
            write(os.path.join(folder, "sim.yml"), simulator_config())
            simulator = start("linewatch-sim", "--config", os.path.join(folder, "sim.yml"), "--events", events)
            routers = simulator.ready()["routers"]
            trapper = start("linewatch-trapper", "--listen", "127.0.0.1:0", "--json")
            port = trapper.ready()["port"]
            received = Received(trapper)

            config = os.path.join(folder, "linewatch.yml")
            write(os.path.join(folder, "secret"), PASSWORD + "\n", 0o600)
            write(os.path.join(folder, "known_hosts"), "".join(router["known_hosts"] + "\n" for router in routers))
            write(config, agent_config(routers, port))
            check = subprocess.run([os.path.join(binaries, "linewatch"), "check", "-c", config], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if check.returncode != 0:
                sys.exit("demo: the demo's own configuration is refused:\n" + check.stdout)

            print(f"4 simulated routers, {len(LINES)} lines, one agent, one trapper; watch for {seconds} s\n", flush=True)
            agent = start("linewatch", "run", "-c", config)
            show(received, seconds, agent)
            agent_exit = agent.stop()
            simulator.stop()
            trapper.stop()
            received.thread.join(5)
            print("\nfrom the agent's log:")
            lines = agent.log().splitlines()
            for text in lines[:3] + ["  ..."] * (len(lines) > 18) + lines[max(3, len(lines) - 15):]:
                print("  " + text.replace(folder, ".")[:150])
            print()
            good = sum_up(received, agent_exit, events, seconds)
        finally:
            for program in reversed(programs):
                program.stop()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
