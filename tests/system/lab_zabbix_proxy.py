"""A real Zabbix proxy (SQLite, active) in front of a lab's server (lab_zabbix.py).

Its package conflicts with the server's, so it is not installed but unpacked (packaging/unpack-package.sh).
"""

import os
import pathlib
import shutil

import support


def need():
    """Skips the test program where the proxy has not been unpacked."""
    if not os.access(os.environ.get("LINEWATCH_ZABBIX_PROXY", ""), os.X_OK):
        support.skip_program("not unpacked: zabbix-proxy-sqlite3 (make deps-test; LINEWATCH_ZABBIX_PROXY names its zabbix_proxy)")


class ZabbixProxy:
    """Known to the server when it is made, with its id for `proxy_hostid`; begins with `start`."""

    def __init__(self, lab, name="proxy-1"):
        self._lab, self.name = lab, name
        self.port = support.free_port()
        self.id = lab.api("proxy.create", {"host": name, "status": 5})["proxyids"][0]
        lab.make_host(f"{name}-witness", lab.make_group(name), {"witness": 3}, proxy_hostid=self.id)
        self._home = lab.directory / name
        self._home.mkdir()
        shutil.chown(self._home, "zabbix", "zabbix")
        self._program = pathlib.Path(shutil.copy(os.environ["LINEWATCH_ZABBIX_PROXY"], lab.directory))  # where its user may enter

    def start(self):
        """The server must know by then all that the proxy is to know (`lab.reload`): it throws away values of what it does
        not, which the proxy took. Returns when the proxy takes values."""
        self._start(trappers=3)
        known = lambda: "failed: 0" in self._lab.send(f"{self.name}-witness", "witness", 1, port=self.port)
        support.wait_until(known, 60, "the proxy takes values", of=self.process, step=0.2)

    def stop(self):
        self.process.stop(seconds=60)

    def close(self):
        """From now on it takes no values; what it has it delivers."""
        self.stop()
        self._start(trappers=0)

    def _start(self, trappers):
        config = self._home / "zabbix_proxy.conf"
        config.write_text(f"""
ProxyMode=0
Server=127.0.0.1:{self._lab.port}
Hostname={self.name}
ListenIP=127.0.0.1
ListenPort={self.port}
LogType=console
PidFile={self._home}/proxy.pid
SocketDir={self._home}
DBName={self._home}/proxy.sqlite
ConfigFrequency=1
DataSenderFrequency=1
StartPollers=1
StartTrappers={trappers}
StartDiscoverers=0
StartHTTPPollers=0
StartPingers=0
""")
        self.process = support.Process([self._program, "-f", "-c", config], self._lab.directory, f"{self.name}_log", **self._lab.as_user("zabbix"))
