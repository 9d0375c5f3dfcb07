"""The command line of the fuzzed parsers."""

import argparse
import sys
import time

from .engines import by_atheris, by_mutation, has_atheris
from .targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parsers")
    parser.add_argument("--seconds", type=float, default=10, help="for each target (%(default)s)")
    parser.add_argument("--target", help="only those whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("atheris", "random"), default="atheris" if has_atheris() else "random")
    parser.add_argument("--input", help="this one alone, in hexadecimal; its exception is shown")
    arguments = parser.parse_args()
    run = by_atheris if arguments.engine == "atheris" else by_mutation
    failed = 0
    for name, target in TARGETS.items():
        if arguments.target and arguments.target not in name:
            continue
        if arguments.input is not None:
            target.check(bytes.fromhex(arguments.input))
            continue
        began = time.monotonic()
        result = run(name, arguments.seed, arguments.seconds)
        took = time.monotonic() - began
        print(f"{name}: {result.inputs:,} inputs in {took:.0f} s by {arguments.engine}", flush=True)
        if result.failure:
            failed += 1
            print(result.failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
