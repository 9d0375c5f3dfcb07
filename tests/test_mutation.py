"""The mutation testing put to the test: what it counts as killed, what survives, and that it can fail."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .mutation.equivalent import EQUIVALENT
from .mutation.mutants import mutants

ROOT = Path(__file__).parents[1]
TINY = '''"""A module with three mutants in its one line."""


def is_adult(age: int) -> bool:
    return age >= 18
'''


def said(folder: Path, test: str, source: str = TINY, patience: float = 60) -> tuple[int, list[str]]:
    """The exit status and the lines of a run over a module, told by these tests."""
    (folder / "tiny.py").write_text(source)
    (folder / "test_tiny.py").write_text(f"import tiny\n\n\n{test}\n")
    command = [sys.executable, "-m", "tests.mutation", f"{folder}/tiny.py", "--tests", f"{folder}/test_tiny.py"]
    command += ["--patience", str(patience)]
    # Of the plugins that are installed, tests as small as these need none.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, result.stdout.splitlines()


WHOLE = "def test_it():\n    assert [tiny.is_adult(age) for age in (17, 18, 19)] == [False, True, True]"
HALF = "def test_it():\n    assert [tiny.is_adult(age) for age in (3, 90)] == [False, True]"
EMPTY = "def test_it():\n    pass"
WRONG = "def test_it():\n    assert tiny.is_adult(17)"
LINE = "    return age >= 18"

# A sentence, the tests, the exit status, the lines.
RUNS: list[tuple[str, str, int, list[str]]] = [
    ("whole tests kill everything", WHOLE, 0, ["tiny.py: 5 of 5 killed: 100.0 %; besides, 0 equivalent"]),
    (
        "half tests leave the limit open",
        HALF,
        1,
        [
            "tiny.py:5: survives: is_adult: age >= 18 -> age > 18",
            LINE,
            "tiny.py:5: survives: is_adult: 18 -> 19",
            LINE,
            "tiny.py:5: survives: is_adult: 18 -> 17",
            LINE,
            "tiny.py: 2 of 5 killed: 40.0 %; besides, 0 equivalent",
        ],
    ),
    (
        "emptied tests have the score 0",
        EMPTY,
        1,
        ["tiny.py: the tests pass though every function raises: 0 of 5 killed: 0.0 %"],
    ),
    (
        "tests that fail by themselves tell nothing",
        WRONG,
        1,
        ["test_tiny.py::test_it fails without any mutant"],
    ),
]


@pytest.mark.parametrize(("sentence", "test", "status", "lines"), RUNS, ids=[row[0] for row in RUNS])
def test_a_run_tells(sentence: str, test: str, status: int, lines: list[str], tmp_path: Path) -> None:
    found = said(tmp_path, test)
    assert (found[0], sorted(found[1])) == (status, sorted(lines))


def test_a_mutant_that_never_ends_is_killed_and_one_that_cannot_be_imported_is_none(tmp_path: Path) -> None:
    # Who never ends sleeps: a loop would only keep others from the processor.
    (tmp_path / "sleeper.py").write_text("import time\n\n\ndef zero():\n    time.sleep(0.01)\n    return 0\n")
    source = "import sleeper\n\nLIMIT = {0: 0}[0]\n\n\ndef last() -> int:\n    return sum(iter(sleeper.zero, LIMIT))\n"
    test = "def test_it():\n    assert tiny.last() == 0"
    line = "tiny.py: 3 of 3 killed (2 by the time limit): 100.0 %; besides, 0 equivalent"
    assert said(tmp_path, test, source, patience=2) == (0, [line])


CHANGES: list[tuple[str, str, list[str]]] = [
    ("a comparison", "a < b", ["a < b -> a <= b", "a < b -> a >= b"]),
    ("a membership", "a in b", ["a in b -> a not in b"]),
    ("an identity keeps its None", "a is None", ["a is None -> a is not None"]),
    ("an and", "a and b", ["a and b -> a or b", "a and b -> b", "a and b -> a"]),
    ("a not", "not a", ["not a -> a"]),
    ("a sum", "a + b", ["a + b -> a - b"]),
    ("a number", "f(7)", ["7 -> 8", "7 -> 6"]),
    ("a truth", "f(True)", ["True -> False"]),
    ("nothing", "f(None)", ["None -> True"]),
    ("a text", "f('ab')", ["'ab' -> ''"]),
    (
        "a text outside functions that looks like a pattern",
        "'a[b]'",
        ["'a[b]' -> ''", "'a[b]' -> '[b]'", "'a[b]' -> 'ab]'"],
    ),
    ("an empty text", "f(b'')", ["b'' -> b'mutant'"]),
    ("a pattern", "re.match('[a]', b)", ["'[a]' -> ''", "'[a]' -> 'a]'"]),
    ("a slice", "a[b:]", ["b: -> :"]),
    ("a condition", "a if b else c", ["b -> True", "b -> False"]),
    ("a filter", "[a for a in b if a]", ["a -> True", "a -> False"]),
    ("a keyword", "f(a=b)", ["f(a=b) -> f()"]),
    ("a method's call", "a.b()", ["a.b() -> a"]),
    ("an any", "any(a)", ["any -> all"]),
]


@pytest.mark.parametrize(("sentence", "source", "expected"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_may_stand_in_the_place_of(sentence: str, source: str, expected: list[str]) -> None:
    names = [mutant.name for mutant in mutants(ast.parse(f"x = {source}"))]
    assert names == [f"module: {change}" for change in expected]


STATEMENTS: list[tuple[str, str, list[str]]] = [
    ("a call", "a()", ["a() -> pass"]),
    ("an assignment", "a = b", ["a = b -> pass"]),
    ("a raise", "raise a", ["raise a -> pass"]),
    ("a result", "return a", ["return a -> return None"]),
    ("a result that is false already", "return False", ["False -> True"]),
    ("a block with a context", "with a:\n        b", ["with a: -> if True:", "b -> pass"]),
    ("a branch", "if a:\n        return", ["a -> True", "a -> False"]),
    ("a loop", "while a:\n        break", ["a -> False", "break -> pass"]),
    ("an annotation is left alone", "a: 'int' = b", []),
    ("a docstring is left alone", "'text'", []),
]


@pytest.mark.parametrize(("sentence", "source", "expected"), STATEMENTS, ids=[row[0] for row in STATEMENTS])
def test_what_may_stand_in_the_place_of_a_statement(sentence: str, source: str, expected: list[str]) -> None:
    names = [mutant.name for mutant in mutants(ast.parse(f"def f():\n    {source}"))]
    assert names == [f"f: {change}" for change in expected]


def test_names_are_told_apart_and_each_change_is_its_own() -> None:
    source = "a = f(1, 1)"
    names = [mutant.name for mutant in mutants(ast.parse(source))]
    assert names == ["module: 1 -> 2", "module: 1 -> 0", "module: 1 -> 2 (2)", "module: 1 -> 0 (2)"]
    changed = []
    for place in range(4):
        tree = ast.parse(source)
        mutants(tree)[place].apply()
        changed.append(ast.unparse(tree))
    assert changed == ["a = f(2, 1)", "a = f(0, 1)", "a = f(1, 2)", "a = f(1, 0)"]


def test_each_equivalent_has_its_file_and_its_reason() -> None:
    """Whether it is a mutant still, and survives still, is told by each run."""
    assert [
        path for path, reasons in EQUIVALENT.items() if not (ROOT / path).exists() or not all(reasons.values())
    ] == []
