"""Type-checked, never executed: `tests/test_typed.py` runs mypy --strict and pyright over these files.

    positions.py, with_<host>.py    every middleware in every position of a host; each function is one position
    names.py                        the types of the public names
    natural.py                      what users write, and must not be troubled for
    must_fail.py                    what is wrong, and must be reported

The files named `with_` need packages that are not in the extra `dev`; without theirs, each is left out by name.
"""
