"""Fails when an include runs to the right: config <- connection <- aggregator <- scheduler <- agent <- tests.

    include_order.py SOURCE_DIR
"""

import pathlib
import re
import sys
import tempfile

ROOMS = ["config", "connection", "aggregator", "scheduler", "agent", "tests"]
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"/]+)/[^"]*"')


def wrong_arrows(source):
    """["file:line: ..."] for each include that points to a room to the right of its own, or to none."""
    found, read = [], 0
    for own, room in enumerate(ROOMS):
        for path in sorted((source / room).rglob("*")):
            if path.suffix not in (".cpp", ".hpp", ".in"):
                continue
            read += 1
            for number, text in enumerate(path.read_text(errors="replace").splitlines(), 1):
                match = INCLUDE.match(text)
                if match and match[1] in ROOMS and ROOMS.index(match[1]) > own:
                    found.append(f"{path.relative_to(source)}:{number}: {room} must not include from {match[1]}: {text.strip()}")
    if read == 0:
        found.append(f"{source}: no sources found")
    return found


def self_test():
    """The check itself sees a wrong arrow, and lets right ones pass."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        (source / "config" / "deep").mkdir(parents=True)
        (source / "agent").mkdir()
        (source / "agent" / "main.cpp").write_text('#include <vector>\n#include "config/a.hpp"\n#include "agent/b.hpp"\n')
        (source / "config" / "a.hpp").write_text('#pragma once\n#include "config/b.hpp"\n')
        assert wrong_arrows(source) == [], wrong_arrows(source)
        (source / "config" / "deep" / "b.cpp").write_text('#include "config/a.hpp"\n  # include "connection/error.hpp"\n')
        found = wrong_arrows(source)
        assert len(found) == 1 and found[0].startswith("config/deep/b.cpp:2:"), found
        (source / "config" / "deep" / "b.cpp").write_text('#include "tests/sim/router/config.hpp"\n')
        assert len(wrong_arrows(source)) == 1
    assert wrong_arrows(pathlib.Path("/nonexistent")), "an empty tree is no success"


if __name__ == "__main__":
    self_test()
    problems = wrong_arrows(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "all includes run to the left")
    sys.exit(1 if problems else 0)
