"""The far end of the leased lines: answers echo requests that arrive on a TUN device, exactly as it is told.

Runs as a process of its own inside a router's network namespace. Standard input takes commands, one JSON
object a line, and each is answered by one on standard output; the end of standard input ends the process.
  {"do": "set", "address": A, "pattern": "!!.!!", "delay_ms": [20, 30]}   what A answers, by icmp_seq (the first is 1)
  {"do": "seen"}                                                          what came and when it was answered
A pattern's marks: `!` reply, `.` silence, `D` two replies, `U` destination unreachable. Pattern and delays
start anew at their end. Addresses never set are silent, and counted too.
"""

import fcntl
import heapq
import ipaddress
import json
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
GATEWAY = {4: ipaddress.ip_address("198.18.255.1"), 6: ipaddress.ip_address("2001:db8:ff::1")}
ICMP, ICMPV6 = 1, 58


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(icmp, source, destination):
    """The ICMP message with its checksum; ICMPv6 counts a pseudo header too."""
    pseudo = b""
    if source.version == 6:
        pseudo = source.packed + destination.packed + struct.pack("!I3xB", len(icmp), ICMPV6)
    value = checksum(pseudo + icmp[:2] + b"\0\0" + icmp[4:])
    return icmp[:2] + struct.pack("!H", value) + icmp[4:]


def packet(source, destination, icmp):
    icmp = with_checksum(icmp, source, destination)
    if source.version == 6:
        return struct.pack("!IHBB", 0x60000000, len(icmp), ICMPV6, 64) + source.packed + destination.packed + icmp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0, 64, ICMP, 0) + source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + icmp


class Request:
    """An echo request, or None from `read` for anything else (neighbour discovery, multicast reports)."""

    def __init__(self, source, destination, icmp, whole):
        self.source, self.destination, self.icmp, self.whole = source, destination, icmp, whole
        self.identifier, self.sequence = struct.unpack("!HH", icmp[4:8])

    @staticmethod
    def read(data):
        version = data[0] >> 4
        if version == 4 and data[9] == ICMP:
            start = (data[0] & 15) * 4
            source, destination, kind = data[12:16], data[16:20], 8
        elif version == 6 and data[6] == ICMPV6:
            start, source, destination, kind = 40, data[8:24], data[24:40], 128
        else:
            return None
        icmp = data[start:]
        if len(icmp) < 8 or icmp[0] != kind:
            return None
        return Request(ipaddress.ip_address(source), ipaddress.ip_address(destination), icmp, data)

    def reply(self):
        kind = 0 if self.source.version == 4 else 129
        return packet(self.destination, self.source, bytes([kind]) + self.icmp[1:])

    def unreachable(self):
        kind, code = (3, 1) if self.source.version == 4 else (1, 3)
        quoted = self.whole[:28] if self.source.version == 4 else self.whole[:88]
        return packet(GATEWAY[self.source.version], self.source, struct.pack("!BBHI", kind, code, 0, 0) + quoted)


class FarEnd:
    def __init__(self, device):
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
        self.plans, self.seen, self.due, self.count = {}, {}, [], 0

    def arrived(self, data, now):
        request = Request.read(data)
        if request is None:
            return
        row = {"id": request.identifier, "seq": request.sequence, "size": len(data), "at": time.time(), "delay_ms": None}
        self.seen.setdefault(str(request.destination), []).append(row)
        plan = self.plans.get(request.destination)
        if plan is None:
            return
        turn = request.sequence - 1
        mark = plan["pattern"][turn % len(plan["pattern"])]
        delay = plan["delay_ms"][turn % len(plan["delay_ms"])] / 1000
        row["mark"] = mark
        answers = {"!": [request.reply()], "D": [request.reply()] * 2, "U": [request.unreachable()]}.get(mark, [])
        for answer in answers:
            self.count += 1
            heapq.heappush(self.due, (now + delay, self.count, now, answer, row))

    def answer_due(self, now):
        while self.due and self.due[0][0] <= now:
            _, _, came, answer, row = heapq.heappop(self.due)
            os.write(self.tun, answer)
            if row["delay_ms"] is None:  # the first of two counts
                row["delay_ms"] = (time.monotonic() - came) * 1000

    def command(self, line):
        order = json.loads(line)
        if order["do"] == "set":
            delays = order.get("delay_ms", 0)
            self.plans[ipaddress.ip_address(order["address"])] = {
                "pattern": order.get("pattern", "!"), "delay_ms": delays if isinstance(delays, list) else [delays]}
            return {"ok": True}
        return {"seen": self.seen}

    def run(self):
        print(json.dumps({"ready": True}), flush=True)
        pending = b""
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            readable, _, _ = select.select([self.tun, 0], [], [], wait)
            if self.tun in readable:
                try:
                    while True:
                        self.arrived(os.read(self.tun, 65536), time.monotonic())
                except BlockingIOError:
                    pass
            self.answer_due(time.monotonic())
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    print(json.dumps(self.command(line)), flush=True)


def hurry():
    """Ahead of whatever else the machine does: a delay that was told must be the delay that is given."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass


if __name__ == "__main__":
    hurry()
    FarEnd(sys.argv[1]).run()
