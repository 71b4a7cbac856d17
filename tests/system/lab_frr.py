"""Real routers without hardware: FRR's zebra and vtysh behind OpenSSH, each in a network namespace of its own.

    lwt<pid>m  where the agent and the Zabbix end run        192.0.2.2, 2001:db8:f:1::2 ...
      |  veth pairs
    lwt<pid>a, lwt<pid>b   the routers: sshd + vtysh + zebra  192.0.2.1, 2001:db8:f:1::1 ...
      |  TUN
    far_end.py             the far ends of the lines          198.51.100.0/24, 2001:db8:100::/64 ...

This kernel has no netem; the TUN's far end gives exact loss and delay and counts what it saw. Needs root. The
router's user is a Unix account made for the lab and removed with it.
"""

import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys

import namespaces
import support

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("ip", "vtysh", "zebra", "sshd", "ssh-keygen", "useradd", "userdel", "chpasswd", "ping")
STATE = pathlib.Path("/run/frr")


def need():
    """Skips the test program where the lab can't be: no root, no packages, no namespaces, no TUN device."""
    support.need(programs=PROGRAMS, root=True)
    if not os.path.exists("/dev/net/tun"):
        support.skip_program("no /dev/net/tun")
    namespaces.need()
    sweep_stale()


def sweep_stale():
    """Removes what labs of test programs that were killed hard left behind (their pid is in each name)."""
    gone = lambda pid: not os.path.exists(f"/proc/{pid}")
    for line in pathlib.Path("/etc/passwd").read_text().splitlines():
        match = re.match(r"lwtest(\d+):", line)
        if match and gone(match[1]):
            support.run(["userdel", f"lwtest{match[1]}"])
    for folder in STATE.glob("lwt*"):
        match = re.fullmatch(r"lwt(\d+)[a-z]", folder.name)
        if match and gone(match[1]):
            shutil.rmtree(folder, ignore_errors=True)


class Router:
    """One FRR router of the lab. `tell` says what a far address answers, `seen` is the oracle."""

    def __init__(self, lab, letter, index, port):
        self.lab, self.letter, self.port = lab, letter, port
        self.name = f"frr-{letter}"  # the host name in its prompt
        self.namespace = namespaces.name(letter)
        self.address, self.address6 = f"192.0.2.{4 * index + 1}", f"2001:db8:f:{index + 1}::1"
        self.far4, self.far6 = f"{198 + 5 * index}.{51 - 51 * index}.{100 + 13 * index}", f"2001:db8:{index + 1}00::"
        self.host_key = None  # "ssh-ed25519 AAAA..."

    def start(self):
        self._network()
        self._zebra()
        self._sshd()
        self._far_end()

    def inside(self, *command):
        return namespaces.inside(self.namespace, *command)

    def _network(self):
        lab, here = self.lab, self.namespace
        index = self.address.split(".")[3]
        near, far = f"router-{self.letter}", "mgmt"
        namespaces.add(self.letter)
        support.run(["ip", "link", "add", "name", near, "netns", lab.namespace, "type", "veth", "peer", "name", far, "netns", here], check=True)
        for space, device, last in ((lab.namespace, near, int(index) + 1), (here, far, int(index))):
            six = self.address6[:-1] + ("1" if space == here else "2")
            support.run(["ip", "-n", space, "addr", "add", f"192.0.2.{last}/30", "dev", device], check=True)
            support.run(["ip", "-n", space, "addr", "add", f"{six}/64", "dev", device, "nodad"], check=True)
            support.run(["ip", "-n", space, "link", "set", device, "up"], check=True)

    def _zebra(self):
        state = STATE / self.namespace
        state.mkdir(parents=True, mode=0o755)
        support.defer(shutil.rmtree, state, ignore_errors=True)
        shutil.chown(state, "frr", "frr")
        self.config = self.lab.directory / self.name
        (self.config / self.namespace).mkdir(parents=True)
        (self.config / "zebra.conf").write_text(f"hostname {self.name}\n")
        # vtysh -N adds the name space's name to --config_dir. Without this file its prompt is the machine's name.
        (self.config / self.namespace / "vtysh.conf").write_text(f"hostname {self.name}\n")
        self.zebra = support.Process(
            self.inside(shutil.which("zebra"), "-N", self.namespace, "-f", self.config / "zebra.conf", "-i", state / "zebra.pid",
                        "-A", "127.0.0.1", "-P", "0", "--log", "stdout"), self.config, "zebra")
        support.wait_until(lambda: (state / "zebra.vty").exists(), 20, f"zebra of {self.name}: its socket", of=self.zebra)

    def _sshd(self):
        folder, lab = self.config, self.lab
        support.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True)
        self.host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
        # vtysh types "ping X" to the shell's path; the wrapper keeps a record of what was typed, and looks up no names.
        tools = folder / "bin"
        tools.mkdir()
        self.typed = folder / "typed"
        self.typed.touch()
        self.typed.chmod(0o666)
        for name in ("ping", "ping6"):
            option = "-6 " if name == "ping6" else ""
            (tools / name).write_text(f'#!/bin/bash\necho "{name} $*" >> {self.typed}\nexec -a {name} {lab.ping} -n {option}"$@"\n')
            (tools / name).chmod(0o755)
        shell = folder / "shell"
        shell.write_text(f"#!/bin/sh\nPATH={tools}:$PATH\nexport PATH\n"
                         f"exec {shutil.which('vtysh')} -N {self.namespace} --config_dir {folder}\n")
        shell.chmod(0o755)
        (folder / "sshd_config").write_text(f"""
Port {self.port}
ListenAddress {self.address}
ListenAddress [{self.address6}]
HostKey {folder / 'host_key'}
PidFile none
UsePAM no
PasswordAuthentication yes
PubkeyAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile {lab.public_key}
StrictModes no
AllowUsers {lab.user}
ForceCommand {shell}
PrintMotd no
LogLevel VERBOSE
MaxAuthTries 3
""")
        # Nicer than others to vtysh's ping: it measures from before its send, wherever it is interrupted then.
        self.sshd = support.Process(self.inside("nice", "-n", "-15", shutil.which("sshd"), "-D", "-e", "-f", folder / "sshd_config"), folder, "sshd")
        support.wait_until(lambda: "Server listening" in self.sshd.err() and f"{self.address} port" in self.sshd.err(), 20,
                           f"sshd of {self.name} listens", of=self.sshd)

    def _far_end(self):
        self.far = support.Process(self.inside(sys.executable, HERE / "far_end.py", "far"), self.config, "far_end",
                                   stdin=subprocess.PIPE)
        self._answers = 0
        self._answer()
        local = f"198.18.{ord(self.letter)}.1/30"
        six = f"2001:db8:fe:{ord(self.letter):x}::1/64"
        for words in (f"addr add {local} dev far", f"addr add {six} dev far nodad", "link set far up", "link set lo up",
                      f"route add {self.far4}.0/24 dev far", f"route add {self.far6}/64 dev far"):
            support.run(["ip", "-n", self.namespace, *(["-6"] if "route" in words and ":" in words else []), *words.split()], check=True)

    def _answer(self):
        """The next line of the far end's output."""
        wanted = self._answers
        self._answers += 1
        lines = support.wait_until(lambda: self.far.out().split("\n")[wanted:-1], 10, f"far end of {self.name} answers", of=self.far, step=0.01)
        return json.loads(lines[0])

    def _ask(self, **order):
        self.far.stdin.write((json.dumps(order) + "\n").encode())
        self.far.stdin.flush()
        return self._answer()

    def tell(self, host, pattern="!", delay_ms=0, six=False):
        """The far address number `host` of this router answers so from now on; returns the address."""
        address = f"{self.far6}{host:x}" if six else f"{self.far4}.{host}"
        self._ask(do="set", address=address, pattern=pattern, delay_ms=delay_ms)
        return address

    def seen(self, address):
        """Every echo request the far end saw for the address, in order: id, seq, size, mark, delay_ms (true)."""
        return self._ask(do="seen")["seen"].get(address, [])

    def known_host(self):
        """Its line of a known_hosts file."""
        return "".join(f"{address if self.port == 22 else f'[{address}]:{self.port}'} {self.host_key}\n"
                       for address in (self.address, self.address6))

    def sessions(self):
        """Processes inside beyond the lab's own: sshd's children, vtysh, ping."""
        own = {self.zebra.pid, self.sshd.pid, self.far.pid}
        return [pid for pid in namespaces.pids_in(self.namespace) if pid not in own]


class FrrLab:
    """Context manager: routers up at the end of __enter__, everything gone after __exit__ (or the program's end)."""

    def __init__(self, ports=(22, 2222)):
        self._ports = ports

    def __enter__(self):
        self.directory = support.temp_dir()
        self.ping = shutil.which("ping")
        self._sshd_folder()
        self._account()
        self.namespace = namespaces.add("m")
        self.routers = [Router(self, "ab"[index], index, port) for index, port in enumerate(self._ports)]
        for router in self.routers:
            router.start()
        return self

    def __exit__(self, *_):
        support.undo_all()

    def _sshd_folder(self):
        """sshd insists on /run/sshd, which only the init scripts make. Left in place: another sshd may have come to need it."""
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def _account(self):
        self.user, self.password = f"lwtest{os.getpid()}", "Zx9!" + secrets.token_hex(12)
        support.run(["useradd", "--no-create-home", "--home-dir", self.directory, "--shell", "/bin/sh", "--groups", "frrvty",
                     "--user-group", self.user], check=True)
        support.defer(support.run, ["userdel", self.user])
        support.run(["chpasswd"], input=f"{self.user}:{self.password}\n", check=True)
        self.private_key, self.public_key = self.directory / "user_key", self.directory / "user_key.pub"
        support.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.private_key], check=True)

    def command(self, *words):
        """The command as it runs where the agent is."""
        return namespaces.inside(self.namespace, *words)
