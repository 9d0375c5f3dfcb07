"""Who makes the inputs: atheris, in a process of its own, or the mutator."""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ..serving import ROOT
from .mutating import mutated

_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@dataclass
class Result:
    inputs: int
    failure: str = ""


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def by_mutation(name: str, seed: int, seconds: float, most: float = float("inf")) -> Result:
    """Inputs of the mutator, until the time is over or one is found wrong."""
    from .targets import TARGETS

    target, ends, number = TARGETS[name], time.monotonic() + seconds, 0
    while number < most and time.monotonic() < ends:
        data = mutated(seed, number, target.seeds, target.words)
        number += 1
        try:
            target.check(data)
        except Exception as error:
            return Result(number, f"{error!r} for --input {data.hex()}")
    return Result(number)


def by_atheris(name: str, seed: int, seconds: float) -> Result:
    """The same, led by coverage, in a process that imports the package so that it can be seen."""
    from .targets import TARGETS

    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(TARGETS[name].seeds):
            (Path(folder) / f"seed{number}").write_bytes(data)
        job = json.dumps({"name": name, "seed": seed, "seconds": seconds, "folder": folder})
        command = [sys.executable, "-m", "tests.parsers.guided", job]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=ROOT, check=False)
    runs = _RUNS.search(ended.stderr)
    result = Result(int(runs[1]) if runs else 0)
    if ended.returncode:
        told = [line for line in ended.stderr.splitlines() if not line.startswith(("INFO", "#"))]
        result.failure = "\n".join(told[-40:])
    return result
