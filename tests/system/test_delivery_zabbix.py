"""The oracle of delivery (delivery_oracle.py) with a real Zabbix server: stopped, restarted, killed, behind a network that swallows
what is sent, and the agent killed meanwhile. The rows are read from the server's database in the order in which they came there.
"""

import os
import signal
import time
import unittest

import lab_path
import lab_zabbix
import namespaces
import support
from delivery_oracle import Oracle, ZabbixHistory, kills

KILLS = kills(default=3)
OUTAGE = float(os.environ.get("LINEWATCH_TEST_OUTAGE", "8"))  # seconds


class DeliveryZabbix(Oracle):
    @classmethod
    def setUpClass(cls):
        cls.path = lab_path.Path()
        cls.inside = cls.path.at_agent
        cls.lab = lab_zabbix.ZabbixLab(inside=cls.path.at_zabbix, address=lab_path.ZABBIX)
        cls.lab.__enter__()
        cls.history = ZabbixHistory(cls.lab)
        cls.lab.reload()
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.write_config(f"{lab_path.ZABBIX}:{self.lab.port}", layout="per_line")

    def arrived(self):
        return self.history.rows()

    def count(self):
        return sum(len(rows) for rows in self.arrived().values())

    def test_server_stopped_restarted_and_killed(self):
        self.launch()
        for _ in range(KILLS):
            self.kill_at_random()

        self.lab.server.send_signal(signal.SIGTERM)
        self.kill_at_random()
        self.lab.server.wait(60)
        self.lab.stop_server()
        back = time.monotonic() + OUTAGE
        while time.monotonic() < back:
            self.kill_at_random()
        self.assertGreater(self.destination()["queued"], 0, "values wait on the disk")
        self.lab.start_server()
        self.kill_at_random()

        self.wait_each(1)
        self.lab.stop_server()
        self.lab.start_server()

        self.wait_each(1)
        self.lab.kill_server()
        self.kill_at_random()
        self.lab.start_server()
        self.assertEqual(self.account()["failed"], 0, "Zabbix refuses nothing")

    def request_waits(self):
        """Whether a request lies at the server, unread."""
        return any(state == support.TCP_ESTABLISHED and unread for state, unread in support.tcp_sockets(self.lab.server.pid, self.lab.port))

    def wait_error(self, text):
        """The agent answers all the while."""
        self.wait(lambda: text in (self.destination()["last_error"] or ""), 60, text)

    def test_black_hole_amid_an_exchange_and_while_connecting(self):
        self.launch()
        # The server has a request and takes its values, but its answer does not get through.
        self.lab.freeze_trappers()
        self.wait(self.request_waits, 30, "an exchange is under way")
        self.path.cut()
        before = self.count()
        self.lab.thaw_trappers()
        self.wait(lambda: self.count() > before, 30, "the server takes the values of the exchange")
        self.wait_error("reading the answer")
        self.wait_error("connecting to")
        queued, taken = self.destination()["queued"], self.count()
        self.wait(lambda: self.destination()["queued"] > queued, 30, "the lines are measured all the while")
        self.assertEqual(self.count(), taken, "nothing gets through")
        self.path.mend()
        self.assertEqual(self.account()["failed"], 0, "what came again, since its answer was lost, is not refused")


if __name__ == "__main__":
    lab_zabbix.need()
    namespaces.need()
    support.need(programs=("zabbix_sender", "ssh-keygen", "setpriv"), variables=("LINEWATCH", "LINEWATCH_SIM"))
    support.main(limit=280 + 3 * KILLS + OUTAGE)
