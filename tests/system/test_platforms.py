"""What platforms can say, through real SSH connections: rights by `enable`, a ping of a session without them, profiles of
the site's own."""

import unittest

import agent
import support

ENABLE = "0pen-Sesame-77"


class Privilege(unittest.TestCase):
    def setUp(self):
        self.directory = support.temp_dir()
        self.simulator = agent.Simulator(self.directory, [
            {"name": "r1", "enable_password": ENABLE, "targets": {"198.51.100.2": {"delay": "2ms"}}}])
        (self.directory / "known_hosts").write_text(self.simulator.known_hosts())

    def config(self, enable=None, **line):
        credential = {"username": agent.USER, "password": agent.PASSWORD}
        if enable:
            credential["enable_password_file"] = agent.secret_file(self.directory, "enable", enable)
        return agent.write_config(self.directory, agent.settings(
            self.directory, support.free_port(), credentials={"netmon": credential}, routers=[self.simulator.router("r1")],
            lines=[{"id": "L-1", "router": "r1", "target": "198.51.100.2", "interval": "60s", **line}]))

    def test_a_session_is_given_its_rights_and_the_password_shows_nowhere(self):
        config = self.config(ENABLE, size=200, count=3)
        done = agent.linewatch("check", "-c", config)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("enable_password", done.stdout)  # it has an effect
        done = agent.linewatch("ping", "-c", config, "--alone", "--trace", "L-1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(ENABLE, done.stdout + done.stderr)
        self.assertIn("enable", done.stdout + done.stderr)
        self.assertEqual(self.simulator.pings("r1")[0]["text"], "ping 198.51.100.2 repeat 3 size 200 timeout 2")

    def test_a_wrong_enable_password_is_said(self):
        code, rows, errors = agent.ping_json(self.config("not-it"), "L-1")
        self.assertEqual(code, 2)
        self.assertEqual(rows["L-1"]["state"], "router_error")
        self.assertIn('"enable" was refused: the enable_password is not right', rows["L-1"]["error"])
        self.assertNotIn("not-it", errors + rows["L-1"]["error"])

    def test_without_rights_the_plain_ping_is_typed(self):
        code, rows, errors = agent.ping_json(self.config(), "L-1")
        self.assertEqual(code, 0, errors)
        self.assertEqual(rows["L-1"]["sent"], 5)
        self.assertEqual(self.simulator.pings("r1")[0]["text"], "ping 198.51.100.2")

    def test_a_wish_that_needs_rights_is_the_lines_error(self):
        code, rows, _ = agent.ping_json(self.config(size=200), "L-1")
        self.assertEqual(code, 2)
        self.assertEqual(rows["L-1"]["state"], "line_error")
        self.assertEqual(rows["L-1"]["error"], "a session of cisco_iosxe without 'enable' cannot say a size (its credential "
                                               "needs an enable_password)")
        self.assertEqual(self.simulator.pings("r1"), [])


class OwnProfiles(unittest.TestCase):
    """Files in platforms/ beside the configuration."""

    def setUp(self):
        self.directory = support.temp_dir()
        (self.directory / "platforms").mkdir()

    def config(self, platform, **line):
        return agent.write_config(self.directory, agent.settings(
            self.directory, support.free_port(), credentials={"netmon": {"username": "netmon", "password": "x"}},
            routers=[{"name": "r1", "address": "192.0.2.1", "platform": platform, "credentials": "netmon"}],
            lines=[{"id": "L-1", "router": "r1", "target": "198.51.100.2", **line}]))

    def profile(self, name, text):
        (self.directory / "platforms" / f"{name}.yaml").write_text(text)

    def check(self, platform, **line):
        done = agent.linewatch("check", "-c", self.config(platform, **line))
        return done.returncode, done.stdout

    def test_one_is_added_that_extends_another(self):
        self.profile("acme", "extends: cisco_iosxe\nname: acme_os\naliases: [acme]\ndescription: Acme\n"
                             "ping:\n  options: {count: {text: ' times {value}'}, df: null}\n")
        self.assertEqual(self.check("acme")[0], 0)
        code, text = self.check("acme", df=True)
        self.assertEqual(code, 3)
        self.assertIn("the ping of acme_os can't say df", text)
        done = agent.linewatch("platforms", "-c", self.config("acme"))
        self.assertIn("Acme (acme)", done.stdout)
        done = agent.linewatch("parse", "acme", "-c", self.config("acme"), input="Success rate is 80 percent (4/5)\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"sent":5,"received":4', done.stdout)

    def test_one_overrides_a_built_in_one(self):
        self.profile("linux", "extends: linux\nname: linux\nping: {options: {vrf: null}}\n")
        code, text = self.check("linux", vrf="CUST-A")
        self.assertEqual(code, 3)
        self.assertIn("the ping of linux can't say a VRF", text)

    def test_what_is_wrong_with_one_is_said_with_its_place(self):
        self.profile("acme", "extends: cisco_iosex\nname: acme\n")
        code, text = self.check("cisco_iosxe")
        self.assertEqual(code, 3)
        self.assertIn("acme.yaml:1:10: error: extends: no platform 'cisco_iosex' is known (did you mean 'cisco_iosxe'?)", text)

    def test_what_a_platform_cannot_say_is_an_error_of_check(self):
        cases = [("mikrotik_routeros", {"source": "ether1"}, "a source interface"),
                 ("paloalto_panos", {"vrf": "CUST-A"}, "a VRF"),
                 ("cisco_aireos", {"df": True}, "df"),
                 ("cisco_nxos", {"dscp": 46}, "a dscp"),
                 ("frr", {"size": 100}, "a size"),
                 ("juniper_junos", {"timeout": "1500ms"}, "a fraction of a second"),
                 ("vpp", {"source": "192.0.2.9"}, "a source address"),
                 ("vpp", {"vrf": "CUST-A"}, "'CUST-A'")]
        for platform, wish, what in cases:
            with self.subTest(platform=platform, **wish):
                code, text = self.check(platform, **wish)
                self.assertEqual(code, 3)
                self.assertIn(f"the ping of {platform} can't say {what}", text)
        for platform in ("vpp", "paloalto_panos", "frr"):  # what it cannot say of these the agent imposes
            with self.subTest(platform=platform):
                self.assertEqual(self.check(platform, count=7, timeout="1500ms"), (0, self.check(platform)[1]))

    def test_several_commands_need_a_session(self):
        config = self.config("fortinet_fortios")
        text = config.read_text().replace("platform: fortinet_fortios", "protocol: exec\n    platform: fortinet_fortios")
        config.write_text(text)
        done = agent.linewatch("check", "-c", config)
        self.assertEqual(done.returncode, 3)
        self.assertIn("needs protocol: cli", done.stdout)

    def test_an_unknown_platform_gets_the_nearest_known_name(self):
        code, text = self.check("juniper_juno")
        self.assertEqual(code, 3)
        self.assertIn("did you mean 'juniper_junos'?", text)


class SeveralCommands(unittest.TestCase):
    """A ping whose wishes are commands of their own, as on FortiOS; the simulator's IOS takes them under other names."""

    def ping(self, before):
        directory = support.temp_dir()
        (directory / "platforms").mkdir()
        (directory / "platforms" / "acme.yaml").write_text(
            f"extends: cisco_iosxe\nname: acme\nping:\n  ipv4: ['{before}', '{{size}}', '{{timeout}}', 'ping {{target}}{{count}}']\n"
            "  options: {timeout: {text: 'terminal width {value}'}, size: {text: 'terminal length {value}'}}\n")
        simulator = agent.Simulator(directory, [{"name": "r1", "targets": {"198.51.100.2": {"delay": "2ms"}}}])
        (directory / "known_hosts").write_text(simulator.known_hosts())
        router = simulator.router("r1")
        router["platform"] = "acme"
        config = agent.write_config(directory, agent.settings(
            directory, support.free_port(), credentials={"netmon": {"username": agent.USER, "password": agent.PASSWORD}},
            routers=[router], lines=[{"id": "L-1", "router": "r1", "target": "198.51.100.2", "count": 3, "timeout": "2s"}]))
        code, rows, errors = agent.ping_json(config, "L-1")
        return code, rows["L-1"], [row["text"] for row in simulator.events("command", "r1")]

    def test_they_are_typed_in_order_and_those_not_wished_are_not(self):
        code, row, typed = self.ping("show clock")
        self.assertEqual(code, 0, row)
        self.assertEqual(row["sent"], 3)
        self.assertEqual([text for text in typed if text.strip()][-4:-1], ["show clock", "terminal width 2", "ping 198.51.100.2 repeat 3"])

    def test_one_that_is_rejected_is_the_lines_error_and_no_ping_is_typed(self):
        code, row, typed = self.ping("show nothing")
        self.assertEqual(code, 2)
        self.assertEqual(row["state"], "line_error")
        self.assertEqual(row["error"], "show nothing: % Invalid input detected at '^' marker.")
        self.assertFalse([text for text in typed if text.startswith("ping")])


if __name__ == "__main__":
    support.need(programs=["ssh-keygen"], variables=["LINEWATCH", "LINEWATCH_SIM"])
    support.main(limit=110)
