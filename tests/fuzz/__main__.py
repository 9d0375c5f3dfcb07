"""The command line of the fuzz."""

import argparse
import logging
import re
import sys
import time

from ..subjects import SUBJECTS
from .check import Served, check, shrunk
from .scenario import generate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--cases", type=int, default=20_000, help="for each subject (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, with everything that it is made of")
    parser.add_argument("--subject", help="only those whose name has this in it")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many for each subject")
    arguments = parser.parse_args()
    logging.getLogger().addHandler(logging.NullHandler())  # sinks that fail are reported, thousands of times
    failed = 0
    for name, wrap in SUBJECTS.items():
        if arguments.subject and arguments.subject not in name:
            continue
        began = time.monotonic()
        cases = range(arguments.cases) if arguments.case is None else [arguments.case]
        done = 0
        served = Served(wrap)
        for number in cases:
            if time.monotonic() - began > arguments.seconds:
                break
            scenario = generate(arguments.seed, number)
            found = check(served, scenario)
            done += 1
            if arguments.case is not None:
                print(scenario)
            if found:
                failed += 1
                print(f"{name}: seed {arguments.seed}, case {number}", *found, sep="\n  ")
                if check(wrap, scenario):
                    smallest = repr(shrunk(wrap, scenario, found[0].partition(":")[0]))
                    print("  smallest:", re.sub(r"b'[^']{100,}'", "b'...'", smallest))
                else:
                    print("  only after the cases before it: something is left by one request to the next")
                break
        print(f"{name}: {done} cases in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
