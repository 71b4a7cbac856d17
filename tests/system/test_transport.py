"""What lies between the agent and a router: a jump host on the way, single commands instead of a command line."""

import pathlib
import unittest

import agent
import support


class Sshd(support.Process):
    """OpenSSH's sshd on loopback; root logs in by key, to root's own shell."""

    def __init__(self, directory, name, client_key):
        self.port = support.free_port()
        agent.make_host_key(directory / f"{name}.key")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        config = directory / f"{name}.conf"
        config.write_text(f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {directory}/{name}.key\nPidFile none\n"
                          f"AuthorizedKeysFile {client_key}.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                          "PasswordAuthentication no\nPrintMotd no\nPrintLastLog no\nAcceptEnv LC_ALL\n")
        super().__init__(["/usr/sbin/sshd", "-D", "-e", "-f", config], directory, name)
        support.wait_until(lambda: support.port_open("127.0.0.1", self.port), 20, f"{name} listens", of=self)

    def logins(self):
        return self.err_path.read_text().count("Accepted publickey")


class Transport(unittest.TestCase):
    def setUp(self):
        self.directory = support.temp_dir()
        agent.make_host_key(self.directory / "client")
        self.bastion, self.router = (Sshd(self.directory, name, self.directory / "client") for name in ("bastion", "router"))
        routers = [{"name": "bastion", "address": "127.0.0.1", "port": self.bastion.port}]
        lines = []
        for name, protocol, jump in (("shell", "cli", "bastion"), ("single", "exec", "bastion"), ("direct", "exec", None)):
            routers.append({"name": name, "address": "127.0.0.1", "port": self.router.port, "protocol": protocol, "jump": jump})
            lines.append({"id": f"L-{name}", "router": name, "target": "127.0.0.1", "count": 2})
        self.config = agent.write_config(self.directory, agent.settings(
            self.directory, support.free_port(),
            credentials={"lab": {"username": "root", "private_key_file": self.directory / "client"}},
            defaults={"router": {"platform": "linux", "credentials": "lab"}, "line": {"interval": "60s", "timeout": "2s"}},
            routers=routers, lines=lines))

    def test_host_keys_and_pings_through_a_jump_host(self):
        done = agent.linewatch("check", "-c", self.config)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("jump", done.stdout)
        self.assertNotIn("protocol", done.stdout)

        # The key of the router behind cannot be asked for before that of the jump host is known.
        done = agent.linewatch("hostkey", "scan", "shell", "-c", self.config)
        self.assertEqual(done.returncode, 2)
        self.assertIn("linewatch hostkey accept bastion", done.stderr)
        self.assertEqual(self.bastion.logins(), 0)
        done = agent.linewatch("hostkey", "accept", "--all", "-c", self.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.router.logins(), 0)

        before = self.bastion.logins()
        code, rows, errors = agent.ping_json(self.config, "--all")
        self.assertEqual(code, 0, errors)
        self.assertEqual({line: row["received"] for line, row in rows.items()}, {"L-shell": 2, "L-single": 2, "L-direct": 2})
        self.assertEqual(self.bastion.logins() - before, 1)

    def test_a_jump_host_that_is_down_is_named(self):
        done = agent.linewatch("hostkey", "accept", "bastion", "-c", self.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.bastion.stop()
        code, rows, _ = agent.ping_json(self.config, "L-shell")
        self.assertEqual(code, 2)
        self.assertEqual(rows["L-shell"]["state"], "router_error")
        self.assertIn("jump host bastion", rows["L-shell"]["error"])
        self.assertIn("connection refused", rows["L-shell"]["error"])


if __name__ == "__main__":
    support.need(programs=["sshd", "ssh-keygen", "ping"], root=True, variables=["LINEWATCH"])
    support.main()
