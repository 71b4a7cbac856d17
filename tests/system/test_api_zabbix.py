"""`linewatch discover` against a real Zabbix 6.0: templates, macros of all kinds, hosts of all kinds, accounts of all rights.
"""

import json
import os
import unittest

import agent
import lab_zabbix
import support

SECRET, VAULT_PASSWORD = "s3cret-Harbour", "not-shown-7"
TRAPPER_PORT = 10051


class ApiZabbix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab_zabbix.ZabbixLab()
        cls.lab.__enter__()
        cls.api = cls.lab.api
        cls.directory = support.temp_dir()
        cls.hosts = cls.lab.make_group("Lines")
        cls.templates = cls.lab.make_group("Line templates")
        cls.others = cls.lab.make_group("Hidden templates")
        cls.proxy = cls.api("proxy.create", {"host": "proxy-1", "status": 5})["proxyids"][0]
        cls.api("proxy.create", {"host": "proxy-2", "status": 5})
        cls.make_macros_and_templates()
        cls.make_hosts()
        cls.token = cls.make_reader("reader", [cls.hosts, cls.templates])

    # --- what is in this Zabbix ---

    @classmethod
    def template(cls, name, macros, linked=(), group=None, items=(), **more):
        made = cls.api("template.create", {
            "host": name, "groups": [{"groupid": group or cls.templates}], "templates": [{"templateid": each} for each in linked],
            "macros": [{"macro": "{$" + key + "}", "value": value} for key, value in macros.items()], **more})["templateids"][0]
        for key in items:
            cls.api("item.create", {"hostid": made, "name": key, "key_": key, "type": 2, "value_type": 3})
        return made

    @classmethod
    def make_macros_and_templates(cls):
        for key, value in {"LINE_ROUTER_CREDENTIALS": "backbone", "LINE_COUNT": "2", "LINE_VRF": "global", "SITE": "203.0.113"}.items():
            cls.api("usermacro.createglobal", {"macro": "{$" + key + "}", "value": value})
        root = cls.template("T root", {"LINE_ROUTER_PLATFORM": "huawei_vrp", "LINE_CHECK_INTERVAL": "5m", "LINE_VRF": "root"})
        middle = cls.template("T middle", {"LINE_ROUTER_PLATFORM": "cisco_iosxe", "LINE_VRF": "middle"}, [root])
        cls.line = cls.template("T line", {"LINE_CHECK_INTERVAL": "2m", "LINE_VRF": "line"}, [middle],
                                tags=[{"tag": "TempType", "value": "LINE"}], items=["line.status"])
        cls.later = cls.template("T later", {"LINE_VRF": "later", "LINE_ROUTER_PORT": "2022"})
        cls.hidden = cls.template("T hidden", {"LINE_ROUTER_IP": "192.0.2.66"}, group=cls.others, items=["line.loss"])

    @classmethod
    def host(cls, name, macros=None, templates=(), proxy=None, tags=(), secret=None, **more):
        values = [{"macro": "{$" + key + "}", "value": value} for key, value in (macros or {}).items()]
        values += [{"macro": "{$" + key + "}", "value": value, "type": 1} for key, value in (secret or {}).items()]
        return cls.api("host.create", {
            "host": name, "name": f"Line {name}", "groups": [{"groupid": cls.hosts}], "templates": [{"templateid": each} for each in templates],
            "proxy_hostid": proxy or cls.proxy, "macros": values, "tags": [{"tag": tag, "value": value} for tag, value in tags],
            "interfaces": [{"type": 1, "main": 1, "useip": 1, "ip": "198.51.100.50", "dns": "", "port": "10050"}], **more})["hostids"][0]

    @classmethod
    def make_hosts(cls):
        router, line, tag = {"LINE_ROUTER_IP": "192.0.2.1"}, [cls.line], [("TempType", "LINE")]
        cls.host("inherits", router, line)
        cls.host("own-macros", {**router, "LINE_CHECK_INTERVAL": "30", "LINE_VRF": "own", "LINE_ID": "L-own", "LINE_TARGET": "{$SITE}.9",
                                "LINE_VRF:ctx": "context"}, [cls.later, cls.line])
        cls.host("198.51.100.77", router, [cls.later, cls.line])
        cls.host("no-templates", {**router, "LINE_ROUTER_PORT": "2023", "LINE_ROUTER_PLATFORM": "linux", "LINE_VRF": ""}, tags=tag)
        cls.host("secret", {"LINE_ROUTER_IP": "192.0.2.9", "LINE_ROUTER_CREDENTIALS": "", "LINE_ROUTER_USERNAME": "netmon"}, line,
                 secret={"LINE_ROUTER_PASSWORD": SECRET})
        cls.host("account", {"LINE_ROUTER_IP": "192.0.2.10", "LINE_ROUTER_CREDENTIALS": "", "LINE_ROUTER_USERNAME": "netmon",
                             "LINE_ROUTER_PASSWORD": VAULT_PASSWORD}, line)
        cls.host("bad-target", {**router, "LINE_TARGET": "8.8.8.8; reload"}, line)
        cls.host("disabled", router, line, status=1)
        cls.resting = cls.host("resting", router, line)
        cls.host("other-proxy", router, line, proxy=cls.api("proxy.get", {"filter": {"host": "proxy-2"}})[0]["proxyid"])
        cls.host("other-tag", router, tags=[("TempType", "LINE-OLD"), ("Temp", "LINE")])
        cls.host("substring", router, tags=[("TempType", "MY LINE")])

    @classmethod
    def make_reader(cls, name, groups):
        return cls.lab.make_reader(name, groups, SECRET)

    def config(self, token=None, layout="discovery", **api):
        directory = support.temp_dir()
        login = {} if "username" in api else {"token_file": agent.secret_file(directory, "token", token or self.token)}
        data = agent.settings(directory, TRAPPER_PORT, zabbix={
            "layout": layout, "api": {"url": self.lab.api_url, "proxy": "proxy-1", "tag": {"TempType": "LINE"}, **login, **api}},
            credentials={"backbone": {"username": "u", "password_file": agent.secret_file(directory, "password", agent.PASSWORD)}})
        (directory / "known_hosts").write_text("")
        return agent.write_config(directory, data)

    def discover(self, config, *words, code=0):
        done = agent.linewatch("discover", "--json", "-c", config, *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for secret in (SECRET, VAULT_PASSWORD, self.token):
            self.assertNotIn(secret, done.stdout + done.stderr)
        if code:
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            return done.stderr
        return json.loads(done.stdout)

    # --- tests ---

    def test_lines_and_who_is_left_out(self):
        found = self.discover(self.config())
        lines = {line["host"]: line for line in found["lines"]}
        self.assertEqual(sorted(lines), ["198.51.100.77", "account", "inherits", "no-templates", "own-macros", "resting"])
        picked = {host: tuple(line[key] for key in ("line", "target", "interval_s", "router", "platform", "vrf")) for host, line in lines.items()}
        self.assertEqual(picked, {
            # By depth: T line before T middle before T root; of one depth the older template (T line).
            "inherits": ("inherits", "198.51.100.50", 120, "192.0.2.1", "cisco_iosxe", "line"),
            "own-macros": ("L-own", "203.0.113.9", 30, "192.0.2.1:2022", "cisco_iosxe", "own"),
            "198.51.100.77": ("198.51.100.77", "198.51.100.77", 120, "192.0.2.1:2022", "cisco_iosxe", "line"),
            "no-templates": ("no-templates", "198.51.100.50", 180, "192.0.2.1:2023", "linux", None),
            "account": ("account", "198.51.100.50", 120, "192.0.2.10", "cisco_iosxe", "line"),
            "resting": ("resting", "198.51.100.50", 120, "192.0.2.1", "cisco_iosxe", "line")})
        reasons = {row["host"]: row["reason"] for row in found["left_out"]}
        self.assertEqual(sorted(reasons), ["bad-target", "disabled", "secret"])
        self.assertIn("8.8.8.8; reload", reasons["bad-target"])
        self.assertIn("disabled in Zabbix", reasons["disabled"])
        self.assertIn("{$LINE_ROUTER_CREDENTIALS}", reasons["secret"])

    def test_table(self):
        done = agent.linewatch("discover", "-c", self.config())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for text in ("L-own", "203.0.113.9", "192.0.2.1:2022", "LEFT OUT", "disabled: the host is disabled in Zabbix", "6 lines, 3 hosts left out"):
            self.assertIn(text, done.stdout)

    def test_maintenance(self):
        made = self.lab.begin_maintenance(self.resting)
        try:
            measured = {line["host"]: line["measured"] for line in self.discover(self.config())["lines"]}
            self.assertTrue(measured["resting"])
            measured = {line["host"]: line["measured"] for line in self.discover(self.config(maintenance="pause"))["lines"]}
            self.assertFalse(measured["resting"])
            self.assertTrue(measured["inherits"])
        finally:
            self.api("maintenance.delete", made)

    def test_user_and_password(self):
        config = self.config(username="reader", password_file=agent.secret_file(self.directory, "reader", SECRET))
        self.assertEqual(len(self.discover(config)["lines"]), 6)
        self.assertEqual(self.sessions("reader"), 0, "logged out")
        config = self.config(username="reader", password_file=agent.secret_file(self.directory, "wrong", "wrong-Word-3"))
        error = self.discover(config, code=2)
        self.assertIn("user.login", error)
        self.assertIn("Incorrect user name or password", error)
        self.assertNotIn("wrong-Word-3", error)

    def sessions(self, user):
        number = self.api("user.get", {"filter": {"username": user}, "output": ["userid"]})[0]["userid"]
        return int(self.lab.select(f"select count(*) from sessions where userid = {number} and status = 0"))

    def test_wrong_token_and_unknown_proxy(self):
        error = self.discover(self.config(token="0" * 64), code=2)
        self.assertIn("proxy.get", error)
        self.assertIn("Not authori", error)
        self.assertNotIn("0" * 64, error)
        self.assertIn("'proxy-9'", self.discover(self.config(proxy="proxy-9"), code=2))
        data = self.config(proxy_group="g", proxy=None)
        self.assertIn("6.0", self.discover(data, code=2))

    def test_no_right_on_the_templates(self):
        """Their macros would be missed without a word: the API leaves out the templates themselves."""
        blind = self.config(token=self.make_reader("blind", [self.hosts]))
        self.assertIn("the right to read their template groups", self.discover(blind, code=2))

    def test_no_right_on_one_template(self):
        for templates in ([self.hidden], [self.template("T half", {}, [self.hidden])]):
            host = self.host("half-seen", {}, templates, tags=[("TempType", "LINE")])
            try:
                self.assertIn("the right to read their template groups", self.discover(self.config(), code=2))
            finally:
                self.api("host.delete", [host])

    def test_no_right_on_the_hosts(self):
        found = self.discover(self.config(token=self.make_reader("stranger", [self.templates])))
        self.assertEqual(found["lines"], [])

    def test_plan_that_loses_too_much(self):
        config = self.config()
        self.discover(config, "--accept")
        plan = config.parent / "state" / "api-plan.json"
        self.assertEqual(oct(plan.stat().st_mode & 0o777), "0o600")
        self.assertEqual(plan.stat().st_uid, os.stat(plan.parent).st_uid)
        kept = plan.read_bytes()
        self.assertIsNone(self.discover(config)["not_taken"])
        token = agent.secret_file(config.parent, "token", self.make_reader("poor", [self.templates]))
        self.assertTrue(token)
        done = agent.linewatch("discover", "--json", "-c", config)
        self.assertEqual(done.returncode, 0)
        self.assertIn("7 of the 7 hosts", json.loads(done.stdout)["not_taken"])
        self.assertIn("--accept", done.stderr)
        self.assertEqual(plan.read_bytes(), kept, "nothing changes without --accept")
        self.discover(config, "--accept")
        self.assertNotEqual(plan.read_bytes(), kept)
        self.assertIsNone(self.discover(config)["not_taken"])


if __name__ == "__main__":
    lab_zabbix.need()
    support.need(variables=("LINEWATCH",))
    support.main(limit=280)
