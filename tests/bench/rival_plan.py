"""Seconds of CPU that Python's yaml with its reader in C takes to read all files of a folder, the best of two rounds."""

import json
import os
import resource
import sys

import yaml


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read(folder):
    lines = 0
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            lines += len(yaml.load(file, Loader=yaml.CSafeLoader)["lines"])
    return lines


def main():
    rounds = []
    for _ in range(2):
        before = cpu()
        if read(sys.argv[1]) != 100_000:
            sys.exit("the plan is not read")
        rounds.append(cpu() - before)
    print(json.dumps({"seconds": min(rounds)}))


if __name__ == "__main__":
    main()
