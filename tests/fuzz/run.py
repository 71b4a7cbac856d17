"""Runs the fuzzer for a while, from the project's transcripts and the cases it found before.

    run.py PROGRAM SECONDS [SEED]

What it finds is written to the current directory as crash-*, timeout-* or oom-*: without its first two octets (the
profile and the size of the pieces) it belongs to tests/fuzz/cases/, where every build replays it with all profiles.
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
TRANSCRIPTS = HERE.parent / "scheduler" / "task" / "transcripts"
PLATFORMS = HERE.parent.parent / "config" / "platforms"


def write_seeds(folder):
    """One file per transcript, for its own profile; one per case, for some."""
    names = sorted(path.stem for path in PLATFORMS.glob("*.yaml"))
    number = 0
    for path in sorted(TRANSCRIPTS.glob("*/*.txt")):
        number += 1
        (folder / f"{number:04}").write_bytes(bytes([names.index(path.parent.name), 0]) + path.read_bytes())
    for path in sorted((HERE / "cases").iterdir()):
        for profile in range(0, len(names), 7):
            number += 1
            (folder / f"{number:04}").write_bytes(bytes([profile, 0]) + path.read_bytes())
    return number


def main():
    program, seconds = sys.argv[1], sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else "20260701"
    with tempfile.TemporaryDirectory() as folder:
        count = write_seeds(pathlib.Path(folder))
        print(f"{count} seeds, {seconds} s, random seed {seed}", flush=True)
        return subprocess.run(
            [program, f"-seed={seed}", f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10",
             "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0", folder]).returncode


sys.exit(main())
