"""One file of the package: its mutants, and which tests are run for each of them."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType

from .mutants import Mutant, has_functions, mutants, planted

ROOT = Path(__file__).parents[2]


@dataclass
class Clean:
    """What a run without any mutant showed."""

    failed: str = ""  # the last test that failed
    collecting: float = 0.0  # seconds, imports and all
    files: dict[str, str] = field(default_factory=dict)  # of each test
    seconds: dict[str, float] = field(default_factory=dict)  # of each test
    reached: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # the tests, by file and line
    imported: list[str] = field(default_factory=list)  # modules

    def takes(self, tests: Iterable[str]) -> float:
        """Seconds."""
        return sum(map(self.seconds.__getitem__, tests))


@dataclass
class Subject:
    path: Path
    killers: list[str] = field(default_factory=list)  # the tests that told last are asked first

    @cached_property
    def source(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def mutants(self) -> list[Mutant]:
        return mutants(self.tree)

    @cached_property
    def planted(self) -> Mutant | None:
        return planted(self.tree) if has_functions(self.tree) else None

    def mutant(self, number: int) -> Mutant:
        """By its place; what is planted comes last."""
        return ([*self.mutants, self.planted] if self.planted else self.mutants)[number]

    @cached_property
    def code(self) -> CodeType:
        """As it is without any mutant."""
        return self.compiled()

    @property
    def name(self) -> str:
        """The path as the table has it."""
        return str(self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path.name)

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def compiled(self) -> CodeType:
        """The tree as it is now."""
        return compile(ast.fix_missing_locations(self.tree), str(self.path), "exec")

    def tests(self, mutant: Mutant, clean: Clean) -> list[str]:
        """Those that may tell: whoever reaches the line; where it is one of several of an expression, the function."""
        if not mutant.inside:
            return list(clean.seconds)
        reached = clean.reached.get(str(self.path), {})
        return reached.get(mutant.line) or list(
            dict.fromkeys(test for line in self._function(mutant.line) for test in reached.get(line, ()))
        )

    def _function(self, line: int) -> Iterable[int]:
        """The lines of the innermost function that has this one; of the file, where it is in none."""
        functions = [
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        return min((one for one in functions if line in one), key=len, default=range(len(self.source)))

    def ordered(self, tests: Iterable[str], clean: Clean) -> list[str]:
        """Those that told before, then the quickest."""
        places = {test: place for place, test in enumerate(self.killers)}
        return sorted(tests, key=lambda test: (places.get(test, len(places)), clean.seconds.get(test, 0.0)))

    def told(self, test: str) -> None:
        self.killers = [test, *(one for one in self.killers if one != test)]
