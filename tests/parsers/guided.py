"""One target under atheris: `python -m tests.parsers.guided JOB`, which `engines.py` starts. Needs atheris."""

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

SLOWEST = 10  # seconds for one input, after which libFuzzer calls it a finding


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # which no extra brings
    job = json.loads(sys.argv[1])
    with atheris.instrument_imports(include=["asgi_middleware", "tests.parsers.models"]):
        from .targets import TARGETS

    target = TARGETS[job["name"]]

    def one(data: bytes) -> None:
        try:
            target.check(data)
        except Exception:
            sys.stderr.write(f"{traceback.format_exc()}for --input {data.hex()}\n")
            raise

    words = Path(job["folder"]) / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words))
    corpus = Path(job["folder"]) / "corpus"
    corpus.mkdir()
    for seed in Path(job["folder"]).glob("seed*"):
        seed.rename(corpus / seed.name)
    options = {
        "max_total_time": max(1, round(job["seconds"])),
        "seed": job["seed"],
        "max_len": 6_000,
        "timeout": SLOWEST,
        "print_final_stats": 1,
        "dict": words,
        "artifact_prefix": f"{job['folder']}/",
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
