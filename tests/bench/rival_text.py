"""The same job in Python: microseconds of CPU to read a ping's answer with `re`, and with TextFSM; nanoseconds an octet to
strip what a router draws with `re`. Texts come in as JSON; figures go out as JSON."""

import io
import json
import re
import sys
import time

import textfsm

COUNTS = {  # counts, times, each probe: compiled once, as the agent's
    "huawei_vrp": (re.compile(r"^\s*(\d+) packet\(s\) transmitted\s+(\d+) packet\(s\) received", re.M),
                   re.compile(r"round-trip min/avg/max = (\d+)/(\d+)/(\d+) ms"), re.compile(r"Sequence=(\d+) ttl=\d+ time=(\d+) ms")),
    "cisco_iosxe": (re.compile(r"Success rate is \d+ percent \((\d+)/(\d+)\)"),
                    re.compile(r"round-trip min/avg/max = (\d+)/(\d+)/(\d+) ms"), None),
    "linux": (re.compile(r"^(\d+) packets transmitted, (\d+) received", re.M),
              re.compile(r"min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms"), re.compile(r"icmp_seq=(\d+) ttl=\d+ time=([\d.]+) ms")),
}
TEMPLATES = {
    "huawei_vrp": r"""Value List SEQ (\d+)
Value List RTT (\d+)
Value SENT (\d+)
Value RECEIVED (\d+)
Value MIN (\d+)
Value AVG (\d+)
Value MAX (\d+)

Start
  ^.*Sequence=${SEQ} ttl=\d+ time=${RTT} ms
  ^\s+${SENT} packet\(s\) transmitted
  ^\s+${RECEIVED} packet\(s\) received
  ^\s+round-trip min/avg/max = ${MIN}/${AVG}/${MAX} ms -> Record
""",
    "cisco_iosxe": r"""Value SENT (\d+)
Value RECEIVED (\d+)
Value MIN (\d+)
Value AVG (\d+)
Value MAX (\d+)

Start
  ^Success rate is \d+ percent \(${RECEIVED}/${SENT}\), round-trip min/avg/max = ${MIN}/${AVG}/${MAX} ms -> Record
""",
    "linux": r"""Value List SEQ (\d+)
Value List RTT ([\d.]+)
Value SENT (\d+)
Value RECEIVED (\d+)
Value MIN ([\d.]+)
Value AVG ([\d.]+)
Value MAX ([\d.]+)

Start
  ^.*icmp_seq=${SEQ} ttl=\d+ time=${RTT} ms
  ^${SENT} packets transmitted, ${RECEIVED} received
  ^rtt min/avg/max/mdev = ${MIN}/${AVG}/${MAX}/[\d.]+ ms -> Record
""",
}
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00\r]")
BACKSPACES = re.compile(r"[^\b\n]\b")


def with_re(name, text):
    counts, times, probes = COUNTS[name]
    found = [int(x) for x in counts.search(text).groups()]
    found += [float(x) for x in times.search(text).groups()]
    return found, {int(n): float(t) for n, t in probes.findall(text)} if probes else {}


def strip(text):
    text = CONTROLS.sub("", text)
    while "\b" in text:
        text, count = BACKSPACES.subn("", text)
        if not count:
            break
    return text


def best(work, turns, rounds=3):
    taken = []
    for _ in range(rounds):
        before = time.process_time()
        for _ in range(turns):
            work()
        taken.append((time.process_time() - before) / turns)
    return min(taken)


def main():
    figures = {}
    for name, text in json.load(sys.stdin).items():
        table = textfsm.TextFSM(io.StringIO(TEMPLATES[name]))
        assert with_re(name, text)[0][0] in (5, 300) and table.ParseText(text)
        figures[f"{name}.re"] = best(lambda: with_re(name, text), 5000) * 1e6

        def fsm():
            table.Reset()
            return table.ParseText(text)

        figures[f"{name}.textfsm"] = best(fsm, 1000) * 1e6
    line = "GigabitEthernet0/0/7 is up, line protocol is up, 0 input errors, 0 CRC"
    more = "\x1b[7m --More-- \x1b[m" + "\b" * 10 + " " * 10 + "\b" * 10
    raw = "".join(line + (more if i % 50 == 0 else "") + "\r\n" for i in range(20000))
    figures["strip.re"] = best(lambda: strip(raw), 1) / len(raw) * 1e9
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
