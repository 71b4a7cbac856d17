"""Many lines on few sessions, as the routers see it: a real sshd's own count, full routers, a shared account whose password
is rejected, a server that dies under hundreds of busy sessions.
"""

import os
import pathlib
import re
import time
import unittest

import agent
import support
from test_agent import GOOD, Lab, line

# A router that has failed is tried again soon, so that a test is short.
HASTY = {"backoff": {"first": "500ms", "max": "2s"}, "breaker": {"failures": 5, "cool_down": "2s"}, "retry_max_attempts": 1,
         "total": {"sessions": 5000, "logins": 64, "logins_per_second": 200}}


def status_of_all(values, lines):
    """The last line.status of each line that has one."""
    last = {value.key: value.value for value in sorted(values, key=lambda v: (v.clock, v.ns)) if value.key.startswith("line.status[")}
    return {name: last[f"line.status[{name}]"] for name in lines if f"line.status[{name}]" in last}


# Routers that come back do so on ports that nobody else took meanwhile: other programs' own ends are on 127.0.0.1.
FLEET = "127.0.77.1"


class Sshd(support.Process):
    """A real sshd on loopback that says when each of its sessions begins and ends."""

    def __init__(self, directory):
        self.port = support.free_port()
        self.host_key = agent.make_host_key(directory / "sshd_key")
        self.client_key = directory / "client_key"
        public = agent.make_host_key(self.client_key)
        (directory / "authorized").write_text(public + "\n")
        (directory / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory / 'sshd_key'}\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {directory / 'authorized'}\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
            "PrintMotd no\nPrintLastLog no\nMaxStartups 200\nLogLevel VERBOSE\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        super().__init__(["/usr/sbin/sshd", "-D", "-e", "-f", directory / "sshd_config"], directory, "sshd")
        support.wait_until(lambda: support.port_open("127.0.0.1", self.port), 20, "sshd listens", of=self)

    def known_hosts(self):
        return f"[127.0.0.1]:{self.port} {self.host_key}\n"

    def sessions(self):
        """(sessions now, at the worst moment, ever): logins accepted, and connections that ended."""
        now = worst = ever = 0
        open_ports = set()
        for text in self.err().splitlines():
            if accepted := re.search(r"Accepted publickey for \S+ from \S+ port (\d+)", text):
                open_ports.add(accepted[1])
                ever += 1
            elif ended := re.search(r"(?:Disconnected from|Connection closed by|Connection reset by)\D* (?:user \S+ )?\S+ port (\d+)", text):
                open_ports.discard(ended[1])
            now = len(open_ports)
            worst = max(worst, now)
        return now, worst, ever


class Maximum(Lab):
    def test_a_real_sshd_counts_no_more_sessions_than_allowed(self):
        sshd = Sshd(self.directory)
        (self.directory / "known_hosts").write_text(sshd.known_hosts())
        trapper = agent.Trapper(self.directory)
        names = [f"L-{i}" for i in range(200)]
        router = {"name": "r1", "address": "127.0.0.1", "port": sshd.port, "platform": "linux", "credentials": "key",
                  "connection": {"max_connections": 3, "max_uses": 40, "max_lifetime": "5s"}}
        config = agent.write_config(self.directory, agent.settings(
            self.directory, trapper.port, credentials={"key": {"username": "root", "private_key_file": sshd.client_key}},
            routers=[router], lines=[line(name, "r1", "127.0.0.1", interval="10s", count=1) for name in names]))
        process = agent.Agent(config, self.directory)
        trapper.wait_values(lambda values: all(len(agent.runs(values, name)) >= 2 for name in names), 90, "two runs of each line")
        self.assertEqual(process.stop(), 0, process.tail())
        support.wait_until(lambda: sshd.sessions()[0] == 0, 10, "all sessions are logged out", of=sshd)
        _, worst, ever = sshd.sessions()
        self.assertLessEqual(worst, 3, "as the router counts them, closing ones included")
        self.assertGreater(ever, 5, "worn sessions were replaced meanwhile, or this shows little")
        self.assertEqual(set(status_of_all(trapper.values(), names).values()), {"1"})

    def test_a_full_router_is_not_stormed(self):
        self.simulate([{"name": "r1", "max_sessions": 2, "targets": {GOOD: {"delay": "300ms"}}}])
        trapper = agent.Trapper(self.directory)
        names = [f"L-{i}" for i in range(6)]
        config = self.write([self.sim.router("r1", connection={"max_connections": 5, "retry_max_attempts": 1})],
                            [line(name, "r1", interval="8s", count=3) for name in names], trapper.port)
        process = agent.Agent(config, self.directory)
        trapper.wait_values(lambda values: all(len(agent.runs(values, name)) >= 3 for name in names), 60, "three runs of each line")
        self.assertEqual(process.stop(), 0, process.tail())
        refused = len(self.sim.events("connected", "r1")) - len({row["session"] for row in self.sim.events("command", "r1")})
        self.assertLessEqual(refused, 4, "told once that it is full, the agent asks no more for ten minutes")
        results = [keys for name in names for _, keys in agent.runs(trapper.values(), name)]
        self.assertNotIn("3", {keys["line.status"] for keys in results}, "the lines are measured over the sessions that there are")


class SharedAccount(Lab):
    ROUTERS = 500

    def simulate_fleet(self, password, ports):
        directory = self.directory / f"fleet-{len(ports)}-{password[:2]}"
        directory.mkdir()
        return agent.Simulator(directory, [
            {"name": f"r{i}", "address": FLEET, "password": password, "port": ports.get(f"r{i}", 0), "targets": {GOOD: {"delay": "1ms"}}}
            for i in range(self.ROUTERS)])

    def test_a_rejected_password_is_tried_twice_and_one_canary_frees_all(self):
        names = [f"r{i}" for i in range(self.ROUTERS)]
        first = self.simulate_fleet("An0ther-Harbour-5", {})
        trapper = agent.Trapper(self.directory)
        credentials = {"netmon": {"username": agent.USER, "password_file": agent.secret_file(self.directory, "password", agent.PASSWORD),
                                  "lockout": {"retry": "30s"}}}
        config = agent.write_config(self.directory, agent.settings(
            self.directory, trapper.port, credentials=credentials, host_keys={"policy": "off"}, connection=HASTY,
            routers=[first.router(name) for name in names], lines=[line(name, name, interval="10s", count=1) for name in names]))
        process = agent.Agent(config, self.directory)
        trapper.wait_values(lambda values: set(status_of_all(values, names).values()) == {"3"} and
                            len(status_of_all(values, names)) == len(names), 60, "every line says that the login was refused")
        self.assertEqual(sum(len(first.events("auth_failed", name)) for name in names), 2, "the account was rejected twice, on whichever routers")
        # The password is right again: the routers come back with it, the agent does not know.
        ports = {name: router["port"] for name, router in first.routers.items()}
        first.kill()
        second = self.simulate_fleet(agent.PASSWORD, ports)
        support.wait_until(lambda: any(second.logins(name) for name in names), 60, "the canary tries", of=process)
        canary = time.monotonic()
        trapper.wait_values(lambda values: list(status_of_all(values, names).values()) == ["1"] * len(names), 90, "every line is up")
        self.assertLess(time.monotonic() - canary, 60 * support.PATIENCE, "all are back within a minute of the canary")
        self.assertEqual(sum(len(second.events("auth_failed", name)) for name in names), 0)
        self.assertEqual(process.stop(), 0, process.tail())


class Killed(Lab):
    def test_a_server_killed_under_three_hundred_busy_sessions(self):
        names = [f"r{i}" for i in range(150)]
        routers = lambda ports: [{"name": name, "address": FLEET, "port": ports.get(name, 0), "targets": {GOOD: {"delay": "400ms"}}} for name in names]
        (self.directory / "one").mkdir()
        (self.directory / "two").mkdir()
        first = agent.Simulator(self.directory / "one", routers({}))
        trapper = agent.Trapper(self.directory)
        lines = [line(f"{name}-{i}", name, interval="20s", count=25) for name in names for i in (1, 2)]
        ids = [each["id"] for each in lines]
        config = self.write([first.router(name, connection={"min_connections": 2}) for name in names], lines, trapper.port,
                            host_keys={"policy": "off"}, connection=HASTY)
        process = agent.Agent(config, self.directory)
        busy = lambda: sum(len(first.pings(name)) for name in names) >= 300
        support.wait_until(busy, 90, "a ping runs on each of 300 sessions", of=process)
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
        first.kill()
        trapper.wait_values(lambda values: "1" not in status_of_all(values, ids).values() and len(status_of_all(values, ids)) == len(ids),
                            60, "every line says that its router is gone")
        self.assertTrue(process.running())
        second = agent.Simulator(self.directory / "two", routers({name: router["port"] for name, router in first.routers.items()}))
        support.wait_until(lambda: sum(len(second.pings(name)) for name in names) >= 300, 90, "all are pinged again", of=process)
        self.assertLessEqual(len(os.listdir(f"/proc/{process.pid}/fd")), descriptors + 8, "no descriptor is left behind")
        self.assertEqual(process.stop(), 0, process.tail())


if __name__ == "__main__":
    support.need(programs=("ssh-keygen", "sshd", "ping"), root=True, variables=("LINEWATCH", "LINEWATCH_SIM", "LINEWATCH_TRAPPER"))
    support.main(limit=480)
