"""`linewatch discover` against a stand-in of Zabbix: what 7.x does otherwise, and everything that can go wrong on the way.

Whatever is there in place of a Zabbix: one sentence that says what, exit code 2, within the time limit, and no secret.
"""

import json
import unittest

import agent
import support
import zabbix_stand_in as bad
from zabbix_stand_in import TOKEN, ZabbixStandIn

PASSWORD = "Front-End-Word-5"
ROUTER = {"LINE_ROUTER_IP": "192.0.2.1", "LINE_ROUTER_PLATFORM": "cisco_iosxe", "LINE_ROUTER_CREDENTIALS": "backbone"}


class Api(unittest.TestCase):
    def world(self, version="7.0.0", **options):
        zabbix = ZabbixStandIn(version, **options)
        zabbix.proxies = [{"proxyid": "7", "name": "proxy-1", "host": "proxy-1", "proxy_groupid": "0"},
                          {"proxyid": "8", "name": "grouped", "host": "grouped", "proxy_groupid": "5"}]
        zabbix.groups = [{"proxy_groupid": "5", "name": "group-1"}]
        zabbix.add_template("20", {"LINE_CHECK_INTERVAL": "1m"}, ["30"])
        zabbix.add_template("30", {**ROUTER, "LINE_CHECK_INTERVAL": "2m"}, ["20"])  # in a circle
        zabbix.add_host(1, "z-1", templates=["20"])
        zabbix.add_host(2, "z-2", templates=["20"], monitored_by="2", proxyid="0", proxy_groupid="5", assigned_proxyid="7", proxy_hostid="0")
        zabbix.users = {"reader": PASSWORD}
        return zabbix

    def config(self, url, directory=None, **api):
        directory = directory or support.temp_dir()
        if not {"token_file", "username"} & set(api):
            api["token_file"] = agent.secret_file(directory, "token", TOKEN)
        api.setdefault("proxy", None if "proxy_group" in api else "proxy-1")
        return agent.write_config(directory, agent.settings(
            directory, 10051, zabbix={"api": {"url": url, "tag": {"TempType": "LINE"}, **api}}, host_keys={"policy": "accept_new", "known_hosts_file": None},
            credentials={"backbone": {"username": "u", "password_file": agent.secret_file(directory, "password", agent.PASSWORD)}}))

    def discover(self, config, *words, code=0, seconds=30):
        done = agent.linewatch("discover", "--json", "-c", config, *words, seconds=seconds)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for secret in (TOKEN, PASSWORD, agent.PASSWORD, "session-"):
            self.assertNotIn(secret, done.stdout + done.stderr)
        if code == 0:
            return json.loads(done.stdout)
        self.assertEqual((done.stdout, len(done.stderr.strip().splitlines())), ("", 1), done.stderr)
        return done.stderr

    # --- versions ---

    def test_every_version(self):
        """Token in the body before 6.4, in the header from then on, and nowhere else."""
        for version in ("6.0.14", "6.2.9", "6.4.0", "7.0.0rc1", "7.2.3", "7.4.0alpha1", "8.0.0"):
            with self.subTest(version):
                zabbix = self.world(version)
                found = self.discover(self.config(zabbix.url))
                self.assertEqual([(line["line"], line["interval_s"], line["router"]) for line in found["lines"]], [("z-1", 60, "192.0.2.1")])
                self.assertEqual(zabbix.calls, ["apiinfo.version", "proxy.get", "host.get", "template.get", "template.get", "usermacro.get"])
                self.assertEqual(zabbix.connections, 1, "one connection for all calls")

    def test_login_by_name(self):
        for version in ("5.0.30", "6.0.14", "7.2.0"):
            with self.subTest(version):
                zabbix = self.world(version)
                directory = support.temp_dir()
                config = self.config(zabbix.url, directory, username="reader", password_file=agent.secret_file(directory, "reader", PASSWORD))
                self.assertEqual(len(self.discover(config)["lines"]), 1)
                self.assertEqual((zabbix.calls[1], zabbix.calls[-1], zabbix.sessions), ("user.login", "user.logout", set()))
        self.assertIn("5.0.30 has no API tokens", self.discover(self.config(self.world("5.0.30").url), code=2))
        self.assertIn("too old", self.discover(self.config(self.world("4.4.1").url), code=2))

    def test_proxy_groups(self):
        zabbix = self.world()
        self.assertEqual([line["line"] for line in self.discover(self.config(zabbix.url, proxy_group="group-1"))["lines"]], ["z-2"])
        self.assertIn("proxy_group", self.discover(self.config(zabbix.url, proxy="grouped"), code=2))
        self.assertIn("'group-2'", self.discover(self.config(zabbix.url, proxy_group="group-2"), code=2))

    def test_templates_that_the_account_may_not_read(self):
        zabbix = self.world()
        del zabbix.templates[1]
        self.assertIn("the right to read their template groups", self.discover(self.config(zabbix.url), code=2))

    def test_filter_that_is_ignored(self):
        """A parameter that a version does not know is ignored without a word."""
        zabbix = self.world()
        everything = list(zabbix.hosts)
        zabbix.host_get = lambda params: everything
        self.assertEqual([line["line"] for line in self.discover(self.config(zabbix.url))["lines"]], ["z-1"])

    def test_many_hosts(self):
        zabbix = self.world()
        for number in range(10, 5010):
            zabbix.add_host(number, f"z-{number}", {"LINE_ROUTER_IP": f"192.0.2.{number % 250 + 1}"}, ["20"])
        self.assertEqual(len(self.discover(self.config(zabbix.url))["lines"]), 5001)
        self.assertLessEqual(len(zabbix.calls), 6, "templates are asked for once, not by host")

    def test_connection_that_is_closed_between_calls(self):
        zabbix = self.world()
        def close_after(http_request, _request):
            http_request.close_connection = True  # without saying so in the answer
        zabbix.bad = close_after
        self.assertEqual(len(self.discover(self.config(zabbix.url))["lines"]), 1)

    # --- what goes wrong ---

    def test_bad_answers(self):
        html = b"<html><body>Bad gateway</body></html>"
        cases = [
            ("cut", bad.cut, "reading the answer failed"), ("hung up", bad.hang_up, "closed without an answer"),
            ("huge", bad.announced_huge, "larger than"),
            ("502", bad.answer(html, 502, "text/html"), "HTTP 502"), ("404", bad.answer(html, 404, "text/html"), "api_jsonrpc.php"),
            ("redirect", bad.answer(b"", 301, Location="https://elsewhere.example.net/"), "elsewhere.example.net"),
            ("a page", bad.answer(html, 200, "text/html"), "no JSON-RPC"), ("garbage", bad.answer(b"\xff\x00\x1b[2J" * 100), "no JSON-RPC"),
            ("nothing", bad.answer(b""), "no JSON-RPC"), ("a list", bad.answer(b"[]"), "no JSON-RPC"), ("no result", bad.answer(b"{}"), "no result"),
            ("an odd error", bad.answer(b'{"error":[1]}'), "refused"), ("no version", bad.answer(b'{"result":{"a":1}}'), "no version"),
            ("deep", bad.answer(b"[" * 3_000_000), "no JSON-RPC"),
        ]
        for name, way, words in cases:
            with self.subTest(name):
                zabbix = self.world()
                zabbix.bad = way
                error = self.discover(self.config(zabbix.url), code=2)
                self.assertIn(words, error)
                self.assertIn(f"{zabbix.url}: apiinfo.version: ", error)
                self.assertNotIn("\x1b", error)

    def test_bad_answers_later_on(self):
        for method, result in (("host.get", {"a": 1}), ("host.get", [{"host": "x"}]), ("host.get", ["x"]), ("host.get", "x"), ("template.get", "x"),
                               ("template.get", ["x"]), ("usermacro.get", None), ("proxy.get", [[]])):
            with self.subTest(method=method, result=result):
                zabbix = self.world()
                zabbix.bad = bad.on(method, bad.answer(json.dumps({"jsonrpc": "2.0", "result": result, "id": 1}).encode()))
                self.assertIn(f"{method}: ", self.discover(self.config(zabbix.url), code=2))

    def test_refusals_are_quoted_without_secrets(self):
        zabbix = self.world()
        refusal = {"error": {"code": -32500, "message": "Application error.", "data": f"No permissions for {TOKEN} to call \"host.get\"."}}
        zabbix.bad = bad.on("host.get", bad.answer(json.dumps(refusal).encode()))
        self.assertIn('host.get: Application error. No permissions for ******** to call "host.get"', self.discover(self.config(zabbix.url), code=2))

    def test_nobody_there(self):
        url = f"http://127.0.0.1:{support.free_port()}/api_jsonrpc.php"
        self.assertIn("Connection refused", self.discover(self.config(url), code=2))
        self.assertIn("cannot be resolved", self.discover(self.config("http://no-such-host.invalid/"), code=2, seconds=60))

    # --- TLS ---

    @staticmethod
    def certificate(directory, name, alternative, days=2):
        """A certificate that is its own authority; (certificate, key)."""
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        support.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                     "-days", days, "-subj", "/CN=front end", "-addext", f"subjectAltName={alternative}"], check=True)
        return certificate, key

    def test_tls(self):
        directory = support.temp_dir()
        right = self.certificate(directory, "right", "IP:127.0.0.1,DNS:localhost")
        wrong = self.certificate(directory, "wrong", "DNS:other.example.net")
        zabbix = self.world(tls=right)
        self.assertEqual(len(self.discover(self.config(zabbix.url, ca_file=right[0]))["lines"]), 1)
        by_name = zabbix.url.replace("127.0.0.1", "localhost")
        self.assertEqual(len(self.discover(self.config(by_name, ca_file=right[0]))["lines"]), 1)
        error = self.discover(self.config(zabbix.url), code=2)  # not among the system's authorities
        self.assertIn("certificate", error)
        self.assertIn("zabbix.api.ca_file", error)
        self.assertIn("certificate", self.discover(self.config(zabbix.url, ca_file=wrong[0]), code=2))
        elsewhere = self.world(tls=wrong)
        for url in (elsewhere.url, elsewhere.url.replace("127.0.0.1", "localhost")):
            self.assertRegex(self.discover(self.config(url, ca_file=wrong[0]), code=2), "mismatch")
        self.assertEqual(elsewhere.calls, [], "nothing was sent to it")
        self.assertIn("TLS", self.discover(self.config(self.world().url.replace("http:", "https:")), code=2))

    # --- configuration ---

    def test_configuration(self):
        directory = support.temp_dir()
        done = agent.linewatch("discover", "-c", agent.write_config(directory, agent.settings(directory, 10051)))
        self.assertEqual(done.returncode, 3)
        self.assertIn("zabbix.api", done.stderr)
        done = agent.linewatch("discover", "-c", self.config("http://u:w0rd@127.0.0.1/", token_file="no-such-file"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("zabbix.api.url", done.stderr)
        self.assertIn("no-such-file", done.stderr)
        self.assertNotIn("w0rd", done.stderr)
        self.assertEqual(agent.linewatch("discover", "L-1", "-c", "x").returncode, 3)

    def test_clash_with_a_file(self):
        zabbix = self.world()
        config = self.config(zabbix.url)
        config.write_text(config.read_text() + "routers: [{name: r1, address: 192.0.2.1, platform: huawei_vrp, credentials: backbone}]\n")
        found = self.discover(config)
        self.assertEqual(found["lines"], [])
        self.assertIn(f"router 'r1' of {config}:", found["left_out"][0]["reason"])

    def test_plan_file(self):
        """Broken or foreign, it is no plan; a fetch that is accepted replaces it."""
        zabbix = self.world()
        config = self.config(zabbix.url)
        plan = config.parent / "state" / "api-plan.json"
        for text in ("", "{", "[]", '{"format":"other"}', '{"format":"linewatch-api-plan","version":99}', '{"format":"linewatch-api-plan","version":1}'):
            plan.write_text(text)
            self.assertIsNone(self.discover(config)["not_taken"])
            self.discover(config, "--accept")
            self.assertEqual(json.loads(plan.read_text())["hosts"][0]["host"], "z-1")
            self.assertEqual(plan.stat().st_mode & 0o777, 0o600)
        zabbix.hosts.clear()
        self.assertIn("1 of the 1 host", self.discover(config)["not_taken"])
        config.write_text(config.read_text().replace("TempType", "Another"))
        self.assertIsNone(self.discover(config)["not_taken"], "another question: no loss")


if __name__ == "__main__":
    support.need(programs=("openssl",), variables=("LINEWATCH",))
    support.main(limit=280)
