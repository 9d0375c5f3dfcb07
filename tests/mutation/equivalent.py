"""Mutants that no test can tell from the original, by file and name, each with its reason."""

EQUIVALENT: dict[str, dict[str, str]] = {}
