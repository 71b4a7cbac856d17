#!/usr/bin/env python3
"""Breaks the pool's core by hand, one rule at a time, and demands that its tests notice: `make mutants`.

Each mutant replaces one piece of text, which must stand exactly once in its file, so that a mutant that no longer
fits is told. Prints one row a mutant; exits 0 only if the tests pass unchanged and every mutant is killed.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE, DEMAND, GATE = "connection/pool/core.cpp", "connection/pool/demand.cpp", "connection/pool/gate.cpp"
WAITERS, LOGINS = "connection/pool/core_waiters.cpp", "connection/pool/core_logins.cpp"
RETIRING = "connection/pool/core_retiring.cpp"
SOURCES = [CORE, WAITERS, LOGINS, RETIRING, DEMAND, GATE, "connection/error.cpp"]
TESTS = ["tests/connection/pool/core_test.cpp", "tests/connection/pool/core_worlds_test.cpp",
         "tests/connection/pool/gate_test.cpp", "tests/support/main.cpp"]
COMPILER = os.environ.get("CXX", "clang++-19")
FLAGS = ["-std=c++23", "-O1", "-w", "-DFMT_SHARED", "-DBOOST_ASIO_NO_DEPRECATED"]
LIMIT = 120  # seconds for one run of the tests: a mutant that hangs is killed, too

MUTANTS = [
    ("the maximum is not looked at", LOGINS, "std::clamp(maximum() - live(), 0, count(SlotState::vacant))",
     "std::clamp(policy_.max_connections + 1 - live() + count(SlotState::closing), 0, 1000)"),
    ("a closing session does not count", LOGINS, "std::clamp(maximum() - live(), 0,",
     "std::clamp(maximum() - live() + count(SlotState::closing), 0,"),
    ("waiters are served last come first", WAITERS,
     "const Waiter waiter = waiters_.front();\n    waiters_.erase(waiters_.begin());",
     "const Waiter waiter = waiters_.back();\n    waiters_.pop_back();"),
    ("a late report is honoured", CORE, "slot.generation == ticket.generation && slot.state == expected",
     "slot.state == expected"),
    ("a failed login keeps its slot", LOGINS,
     "  if (!honour(ticket, SlotState::connecting)) return;\n  enter(ticket.slot, SlotState::vacant, now);",
     "  if (!honour(ticket, SlotState::connecting)) return;"),
    ("a session left in mid-command is handed on", CORE,
     "actions_.push_back({Action::Kind::recover, enter(ticket.slot, SlotState::recovering, now)});",
     "make_usable(ticket.slot, now);"),
    ("a lost session is handed on", CORE, "close(ticket.slot, now, CloseReason::lost);\n      break;",
     "make_usable(ticket.slot, now);\n      break;"),
    ("a worn session is granted", CORE, "idle >= 0 && !worn(slots_[static_cast<std::size_t>(idle)], now)",
     "idle >= 0"),
    ("a waiter out of time is forgotten", WAITERS, "++statistics_.wait_timeouts;",
     "++statistics_.wait_timeouts;\n    if (waiters_.size() > 1) { waiter = waiters_.erase(waiter); continue; }"),
    ("a cancelled waiter stays in the queue", WAITERS, "  waiters_.erase(found);\n", ""),
    ("no back-off after a failure", LOGINS, "if (wanted > 0 && now < next_login_) {", "if (false) {"),
    ("a router in trouble is stormed", LOGINS,
     "if (last_login_error_) wanted = std::min(wanted, count(SlotState::connecting) == 0 ? 1 : 0);", ""),
    ("the breaker never opens", LOGINS, "if (!breaker_open()) return;", "return;"),
    ("a session limit is a failure like any other", LOGINS,
     "if (error.code == ErrorCode::session_limit) note_session_limit(now, sessions);", ""),
    ("the lowered maximum never returns", LOGINS, "    ++limit_;\n", ""),
    ("old credentials' sessions stay", CORE, "slot.epoch != epoch_ ||", ""),
    ("a lower maximum disturbs nobody for ever", CORE, "if (worn(session, now) || surplus()) return close",
     "if (worn(session, now)) return close"),
    ("a drain forgets the logins under way", LOGINS,
     "if (state(i) == SlotState::connecting) actions_.push_back({Action::Kind::abort_login, ticket(i)});", ""),
    ("a drain ends too early", CORE, "if (draining_ && !drained_ && live() == 0) {",
     "if (draining_ && !drained_ && count(SlotState::leased) == 0) {"),
    ("the timer is armed in the past", LOGINS, "if (then > now) reconsider_at_ = then;", "reconsider_at_ = then;"),
    ("every waiter gets a login", DEMAND, "return std::clamp(missing, overdue ? 1 : 0, unserved);",
     "return unserved;"),
    ("who waits long waits for ever", DEMAND, "overdue ? 1 : 0", "0"),
    ("a router at rest keeps its sessions", RETIRING, "resting_ ? std::min", "false ? std::min"),
    ("a router at rest is kept warm", CORE, "  started_ = false;\n  resting_ = true;", "  resting_ = true;"),
    ("what is lost unused is replaced at once", RETIRING, "if (slot->uses == 0) note_unused_loss(now);", ""),
    ("the gate lets everybody in", GATE, "if (logins_ >= limits_.logins) return -1;", ""),
    ("the gate knows no rate", GATE, "next_start_ = std::max(next_start_, now - made_up) + apart;", ""),
    ("the gate forgets the sessions", GATE, "needs_session && sessions_ >= limits_.sessions", "false"),
]


def compile_to(folder: pathlib.Path, source: pathlib.Path, tree: pathlib.Path) -> pathlib.Path:
    target = folder / (str(source.relative_to(tree)).replace("/", "_") + ".o")
    subprocess.run([COMPILER, *FLAGS, "-I", str(tree), "-c", str(source), "-o", str(target)], check=True)
    return target


def killed(objects: list[pathlib.Path], program: pathlib.Path) -> bool:
    subprocess.run([COMPILER, *map(str, objects), "-lfmt", "-o", str(program)], check=True)
    try:
        return subprocess.run([str(program), "--abort-after=1"], capture_output=True, timeout=LIMIT).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main() -> int:
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="linewatch-mutants-") as name:
        tree, program = pathlib.Path(name) / "tree", pathlib.Path(name) / "test"
        for room in ("config", "connection", "tests/support", "tests/connection"):
            shutil.copytree(ROOT / room, tree / room)
        folder = pathlib.Path(name)
        objects = {file: compile_to(folder, tree / file, tree) for file in SOURCES + TESTS}
        if killed(list(objects.values()), program):
            print("the tests fail without a mutant")
            return 1
        for what, file, old, new in MUTANTS:
            text = (ROOT / file).read_text()
            if text.count(old) != 1:
                print(f"{'unfit':10} {what}: its text stands {text.count(old)} times in {file}")
                survivors += 1
                continue
            mutant = tree / "mutant" / pathlib.Path(file).name
            mutant.parent.mkdir(exist_ok=True)
            mutant.write_text(text.replace(old, new))
            changed = {**objects, file: compile_to(folder, mutant, tree)}
            dead = killed(list(changed.values()), program)
            survivors += not dead
            print(f"{'killed' if dead else 'SURVIVED':10} {what}", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
