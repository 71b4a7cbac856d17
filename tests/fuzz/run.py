"""Runs a fuzzer for a while, from what the project has and the cases that were found before.

    run.py PROGRAM SECONDS [SEED]

What fuzz_router_text finds is written to the current directory as crash-*, timeout-* or oom-*: without its first two
octets (the profile and the size of the pieces) it belongs to tests/fuzz/cases/, where every build replays it with all
profiles. What fuzz_zabbix_answer finds belongs, without its first octet (the size of the pieces), to
tests/fuzz/answers/.
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
TRANSCRIPTS = HERE.parent / "scheduler" / "task" / "transcripts"
PLATFORMS = HERE.parent.parent / "config" / "platforms"


def router_seeds():
    """One per transcript, for its own profile; one per case, for some."""
    names = sorted(path.stem for path in PLATFORMS.glob("*.yaml"))
    for path in sorted(TRANSCRIPTS.glob("*/*.txt")):
        yield bytes([names.index(path.parent.name), 0]) + path.read_bytes()
    for path in sorted((HERE / "cases").iterdir()):
        for profile in range(0, len(names), 7):
            yield bytes([profile, 0]) + path.read_bytes()


def answer_seeds():
    for path in sorted((HERE / "answers").iterdir()):
        for piece in (0, 6):
            yield bytes([piece]) + path.read_bytes()


SEEDS = {"fuzz_router_text": router_seeds, "fuzz_zabbix_answer": answer_seeds}


def main():
    program, seconds = sys.argv[1], sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else "20260701"
    with tempfile.TemporaryDirectory() as folder:
        count = 0
        for count, octets in enumerate(SEEDS[pathlib.Path(program).name](), 1):
            (pathlib.Path(folder) / f"{count:04}").write_bytes(octets)
        print(f"{count} seeds, {seconds} s, random seed {seed}", flush=True)
        return subprocess.run(
            [program, f"-seed={seed}", f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10",
             "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0", folder]).returncode


sys.exit(main())
