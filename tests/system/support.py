"""What all system tests share: temporary folders, free ports, processes ended by their pid, waiting for conditions.

Everything a test makes is registered on one stack of undo steps, which runs when the test ends in any way:
normally, by an exception, by SIGTERM/SIGINT/SIGHUP or by the test's own time limit (`guard`). Children
also ask the kernel to end them should this process be killed hard.
"""

import atexit
import contextlib
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

_TEMP = "linewatch-system-"
SKIP = 77  # what ctest takes as "skipped" (SKIP_RETURN_CODE)
# Sanitizer builds and busy machines are slow; every generous limit goes through this.
PATIENCE = float(os.environ.get("LINEWATCH_TEST_PATIENCE", "1"))


# --- the stack of undo steps ---------------------------------------------------------------------

_undo = []


def defer(what, *args, **kwargs):
    """Runs `what(...)` when the test program ends, last registered first. Returns a handle for `undo_now`."""
    handle = (what, args, kwargs)
    _undo.append(handle)
    return handle


def undo_now(handle):
    """Runs one registered step now, and never again."""
    for index, known in enumerate(_undo):
        if known is handle:
            del _undo[index]
            what, args, kwargs = handle
            what(*args, **kwargs)
            return


LEAVING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


def undo_all():
    while _undo:
        what, args, kwargs = _undo.pop()
        try:
            what(*args, **kwargs)
        except Exception as error:  # the other steps must run all the same
            print(f"clean-up: {what}: {error}", file=sys.stderr)


def _leave(number, _frame):
    for each in LEAVING:  # a second one must not end the clean-up
        signal.signal(each, signal.SIG_IGN)
    print(f"ended by signal {number}" + (" (the test's own time limit)" if number == signal.SIGALRM else ""),
          file=sys.stderr, flush=True)
    undo_all()
    os._exit(1)


def guard(seconds):
    """Arms the clean-up for every way out, and ends the program after `seconds` (below ctest's TIMEOUT)."""
    atexit.register(undo_all)
    for number in LEAVING:
        signal.signal(number, _leave)
    signal.alarm(int(seconds))
    sweep_temp()


# --- skipping and running ------------------------------------------------------------------------

def skip_program(reason):
    """The whole test program can't run here: says why, ctest shows it as skipped."""
    print(f"skipped: {reason}", flush=True)
    undo_all()
    sys.exit(SKIP)


def need(programs=(), root=False, variables=()):
    """Skips the whole program unless the tools, the rights and the built programs are there."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/frr"
    os.environ["PATH"] = search
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        skip_program("not installed: " + ", ".join(missing))
    if root and os.geteuid() != 0:
        skip_program("needs root")
    for name in variables:
        program(name)


def program(variable):
    """The path of a built program, from the environment variable that ctest sets."""
    path = os.environ.get(variable)
    if not path:
        skip_program(f"the environment variable {variable} does not name the built program")
    if not os.access(path, os.X_OK):
        # Named by ctest but not built: skipping here would hide that nothing was tested.
        sys.exit(f"{variable}={path} is not there or can't be run (not built?)")
    return os.path.abspath(path)


def main(module="__main__", limit=280):
    """Runs the unittest cases of `module`; exit code 0, 1, or 77 if every case was skipped."""
    guard(limit)
    result = unittest.main(module=module, verbosity=2, exit=False).result
    undo_all()
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        print("skipped: " + "; ".join(sorted({reason for _, reason in result.skipped})))
        sys.exit(SKIP)
    sys.exit(0)


# --- places --------------------------------------------------------------------------------------

def temp_dir(mode=0o755):
    """A folder that is gone after the test. 755 by default: sshd's users and database users must get in."""
    path = tempfile.mkdtemp(prefix=f"{_TEMP}{os.getpid()}-")
    os.chmod(path, mode)
    if not os.environ.get("LINEWATCH_TEST_KEEP"):
        defer(shutil.rmtree, path, ignore_errors=True)
    return pathlib.Path(path)


def sweep_temp():
    """Removes the folders of test programs that were killed hard."""
    for path in pathlib.Path(tempfile.gettempdir()).glob(f"{_TEMP}*"):
        pid = path.name.removeprefix(_TEMP).split("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(path, ignore_errors=True)


def free_port(address="127.0.0.1"):
    """A TCP port that is free now: below the range that outgoing connections draw from (and zabbix_server takes no other).

    Ports given out by one test program are all different.
    """
    for port in random.sample(range(12000, 32000), 2000):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
        if port not in free_port.given:
            free_port.given.add(port)
            return port
    raise AssertionError("no free port")


free_port.given = set()


# --- waiting -------------------------------------------------------------------------------------

def wait_until(condition, seconds, what, of=None, step=0.05):
    """Polls until `condition()` is true and returns its value; fails with `what` when the time is over.

    `of` is the process it waits for: its end fails at once, and its output is shown.
    """
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if of is not None and not of.running():
            raise AssertionError(f"{what}: the program has ended\n{of.tail()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds * PATIENCE:g} s" + (f"\n{of.tail()}" if of else ""))
        time.sleep(step)


def port_open(address, port):
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


TCP_ESTABLISHED, TCP_LISTEN = 1, 10


def tcp_sockets(pid, port):
    """[(state, octets unread)] of the IPv4 sockets on the local port, in the network namespace of the process."""
    try:
        rows = [row.split() for row in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except OSError:  # it has ended
        return []
    return [(int(row[3], 16), int(row[4].split(":")[1], 16)) for row in rows if int(row[1].split(":")[1], 16) == port]


# --- processes -----------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A child with its output in files; `stop` asks politely first. Never ended by name, only by pid."""

    def __init__(self, command, directory, name, stdin=subprocess.DEVNULL, **options):
        self.name = name
        self.out_path = pathlib.Path(directory) / f"{name}.out"
        self.err_path = pathlib.Path(directory) / f"{name}.err"
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self._child = subprocess.Popen([str(word) for word in command], stdin=stdin, stdout=out, stderr=err,
                                           preexec_fn=_die_with_parent, **options)
        self._undo = defer(self._end)

    @property
    def pid(self):
        return self._child.pid

    @property
    def stdin(self):
        return self._child.stdin

    def running(self):
        return self._child.poll() is None

    def send_signal(self, number):
        self._child.send_signal(number)

    def wait(self, seconds):
        """The exit code; AssertionError if it is still running after `seconds`."""
        try:
            return self._child.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} (pid {self.pid}) still runs after {seconds * PATIENCE:g} s\n{self.tail()}")

    def stop(self, seconds=15, number=signal.SIGTERM):
        """SIGTERM, then the exit code; killed and an AssertionError if it does not end."""
        if self.running():
            self.send_signal(number)
        try:
            return self.wait(seconds)
        finally:
            undo_now(self._undo)

    def kill(self):
        """SIGKILL, as a crash ends it; returns when it has ended."""
        self._child.kill()
        self._child.wait()
        undo_now(self._undo)

    def _end(self):
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def tail(self, lines=25):
        text = "".join(f"  {stream}: {line}\n" for stream, content in (("out", self.out()), ("err", self.err()))
                       for line in content.splitlines()[-lines:])
        return f"--- {self.name} ---\n{text}"


def run(command, seconds=30, check=False, **options):
    """Runs to the end with a time limit; returns CompletedProcess with text output."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        options.pop("stdin")
    options.setdefault("preexec_fn", _die_with_parent)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace",
                          timeout=seconds * PATIENCE, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(w) for w in command)}: exit {done.returncode}: {done.stderr or done.stdout}")
    return done


# --- NDJSON --------------------------------------------------------------------------------------

def parse_ndjson(text):
    """Every complete line as an object. A last line without its newline is still being written: left out."""
    lines = text.split("\n")[:-1]
    return [json.loads(line) for line in lines if line.strip()]


class Ndjson:
    """A growing NDJSON file, for instance the trapper's output."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def rows(self):
        if not self.path.exists():
            return []
        return parse_ndjson(self.path.read_text(errors="replace"))

    def wait(self, condition, seconds, what):
        """Waits until `condition(rows)` is true; returns the rows."""
        def check():
            rows = self.rows()
            return rows if condition(rows) else None
        try:
            return wait_until(check, seconds, what)
        except AssertionError as error:
            last = "\n".join(json.dumps(row) for row in self.rows()[-10:])
            raise AssertionError(f"{error}; last rows of {self.path.name}:\n{last}") from None


class BadServer:
    """A TCP server on loopback that misbehaves: `talk(connection)` runs in a thread for each connection."""

    def __init__(self, talk, address="127.0.0.1"):
        self.address = address
        self._talk = talk
        self._listener = socket.create_server((address, 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()
        defer(self.close)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            self._talk(connection)

    def close(self):
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
