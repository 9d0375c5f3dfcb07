"""The parsers of what clients and files say, fuzzed: each against a second implementation, or what must be true of it.

    python -m tests.parsers                           ten seconds for each target
    python -m tests.parsers --seconds 60 --target cookie
    python -m tests.parsers --engine random           although atheris is there

With `atheris` (`pip install atheris`) the inputs are led by what of the package they reach; without it a small seeded
mutator makes them, so that the command works everywhere. A failure prints the input, which `--input` runs once more.

`targets.py` says what is fed, `checks.py` what must come of it, `models.py` has the second implementations that
`tests/negotiation_model.py` does not have, `mutating.py` the mutator; `engines.py` runs one or the other.
"""
