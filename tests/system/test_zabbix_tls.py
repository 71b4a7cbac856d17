"""TLS to a real Zabbix server (GnuTLS): pre-shared keys and certificates, what is refused, and files mended while the agent runs."""

import secrets
import shutil
import unittest

import agent
import lab_zabbix
import support

UNSIGNED, TEXT = 3, 4
KEYS = {"line.status": UNSIGNED, "line.error": TEXT}
IDENTITY = "edge-mon-1"
UP = "198.51.100.1"


class Authority:
    """A CA in a folder of its own, by the openssl command, as an operator would make it."""

    def __init__(self, directory):
        self.home = directory
        self.file = directory / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", "/DC=net/DC=example/O=Linewatch test/CN=Root",
                      "-keyout", "ca.key", "-out", "ca.pem")
        (directory / "index.txt").touch()
        (directory / "crlnumber").write_text("01\n")
        (directory / "ca.conf").write_text("[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\n"
                                           "default_crl_days = 30\ncertificate = ca.pem\nprivate_key = ca.key\n")

    def _openssl(self, *words):
        return support.run(["openssl", *words], cwd=self.home, check=True).stdout

    def issue(self, name):
        """(certificate, key), as files."""
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/DC=net/DC=example/O=Linewatch test/CN={name}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 30, "-sha256",
                      "-out", f"{name}.pem")
        (self.home / f"{name}.key").chmod(0o600)
        return self.home / f"{name}.pem", self.home / f"{name}.key"

    def revoke(self, certificate):
        self._openssl("ca", "-config", "ca.conf", "-revoke", certificate)

    def revocations(self):
        return self._openssl("ca", "-config", "ca.conf", "-gencrl")


class ZabbixTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority(support.temp_dir())
        cls.server_certificate, key = cls.authority.issue("zabbix")
        shutil.chown(key, "zabbix", "zabbix")
        cls.lab = lab_zabbix.ZabbixLab({"TLSCAFile": cls.authority.file, "TLSCertFile": cls.server_certificate, "TLSKeyFile": key})
        cls.lab.__enter__()
        cls.group = cls.lab.make_group()
        cls.sim = agent.Simulator(support.temp_dir(), [{"name": "edge-1", "targets": {UP: {"delay": "5ms"}}}])
        cls.key = secrets.token_hex(32)

    def make_host(self, name, **tls):
        """A host with a line's items that accepts only what `tls` says; {key: item id}."""
        items = self.lab.make_host(name, self.group, KEYS)
        host = self.lab.api("host.get", {"filter": {"host": [name]}, "output": ["hostid"]})[0]["hostid"]
        self.lab.api("host.update", {"hostid": host, **tls})
        self.lab.reload()
        return items

    def make_psk_host(self, name):
        return self.make_host(name, tls_accept=2, tls_psk_identity=IDENTITY, tls_psk=self.key)

    def start_agent(self, line, tls, files=None):
        """An agent with one line, on its own host, every two seconds."""
        directory = support.temp_dir()
        (directory / "known_hosts").write_text(self.sim.known_hosts())
        for name, text in (files or {}).items():
            agent.secret_file(directory, name, text)
        data = agent.settings(
            directory, self.lab.port, zabbix={"layout": "per_line", "tls": tls}, agent={"name": line},
            credentials={"netmon": {"username": agent.USER, "password_file": agent.secret_file(directory, "password", agent.PASSWORD)}},
            routers=[self.sim.router("edge-1")], lines=[{"id": line, "router": "edge-1", "target": UP, "interval": "2s", "count": 1, "timeout": "1s"}])
        return directory, agent.Agent(agent.write_config(directory, data), directory, name=f"agent-{line}")

    def statuses(self, items):
        return self.lab.history(items["line.status"], UNSIGNED)

    def wait_rows(self, items, count, of):
        return support.wait_until(lambda: (rows := self.statuses(items)) and len(rows) >= count and rows, 60, f"{count} values in Zabbix", of=of, step=0.3)

    @staticmethod
    def wait_said(process, text, what):
        return support.wait_until(lambda: text in process.err() + process.out(), 60, what, of=process)

    def test_a_wrong_key_is_said_and_what_waited_arrives_once_it_is_mended(self):
        items = self.make_psk_host("psk-line")
        wrong, before = secrets.token_hex(32), len(self.sim.pings("edge-1"))
        directory, process = self.start_agent("psk-line", {"connect": "psk", "psk_identity": IDENTITY, "psk_file": "psk.key"}, {"psk.key": wrong})
        self.wait_said(process, f"PSK identity '{IDENTITY}' is unknown there, its key is another", "the agent says what is wrong")
        self.assertEqual(self.statuses(items), [])
        typed = len(self.sim.pings("edge-1")) - before
        agent.secret_file(directory, "psk.key", self.key)
        self.wait_rows(items, typed + 2, process)  # those from before, too
        self.assertEqual(process.stop(), 0, process.tail())
        said = process.err() + process.out()
        self.assertNotIn(self.key, said)
        self.assertNotIn(wrong, said)
        self.assertIn("dropped=0", said)

    def test_a_host_that_accepts_only_psk_refuses_what_comes_in_the_clear(self):
        items = self.make_psk_host("psk-only")
        _, process = self.start_agent("psk-only", {"connect": "unencrypted"})
        self.wait_said(process, "zabbix refused values", "the agent says that Zabbix refused values")
        process.stop()
        self.assertEqual(self.statuses(items), [])

    def test_certificates_and_a_server_that_is_revoked_meanwhile(self):
        subject = "CN=zabbix,O=Linewatch test,DC=example,DC=net"
        items = self.make_host("cert-line", tls_accept=4, tls_issuer="CN=Root,O=Linewatch test,DC=example,DC=net",
                               tls_subject="CN=agent,O=Linewatch test,DC=example,DC=net")
        certificate, key = self.authority.issue("agent")
        tls = {"connect": "cert", "ca_file": self.authority.file, "cert_file": certificate, "key_file": key, "crl_file": "crl.pem",
               "server_cert_subject": subject, "server_cert_issuer": "CN=Root,O=Linewatch test,DC=example,DC=net"}
        directory, process = self.start_agent("cert-line", tls, {"crl.pem": self.authority.revocations()})
        self.wait_rows(items, 2, process)
        self.authority.revoke(self.server_certificate)
        agent.secret_file(directory, "crl.pem", self.authority.revocations())
        self.wait_said(process, "is not accepted: certificate revoked", "the agent does not speak to a revoked server")
        process.stop()
        self.assertNotIn("PRIVATE KEY", process.err() + process.out())

    def test_a_certificate_of_another_name_is_refused(self):
        certificate, key = self.authority.issue("other")
        tls = {"connect": "cert", "ca_file": self.authority.file, "cert_file": certificate, "key_file": key, "server_cert_subject": "CN=elsewhere"}
        _, process = self.start_agent("nobody", tls)
        self.wait_said(process, "has the subject 'CN=zabbix,O=Linewatch test,DC=example,DC=net', not 'CN=elsewhere'", "both names are said")
        process.stop()


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(programs=("zabbix_sender", "ssh-keygen", "openssl"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=280)
