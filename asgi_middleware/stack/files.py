"""Stack files."""

import re
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from ..exceptions import ConfigError, Problem
from . import registry

_ENTRY_LINE = re.compile(r"^[ \t]*\[\[[ \t]*(?:middleware|\"middleware\"|'middleware')[ \t]*\]\]")


def read_file(path: Path) -> tuple[list[Any], list[int]]:
    """The entries of a TOML stack file and the line of each. Raises ConfigError that names the file."""

    def refuse(rule: str, remedy: str) -> NoReturn:
        raise ConfigError(str(path), [Problem("file", "", rule, remedy)]) from None

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        refuse("does not exist", "mend the path")
    except (OSError, ValueError) as error:
        refuse(f"cannot be read ({error})", "mend it")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        refuse(f"is not TOML: {error}", "mend it")
    problems = [
        Problem(key, "", "is not known at the top of a stack file", registry.nearest(key, ["middleware"]))
        for key in document
        if key != "middleware"
    ]
    entries = document.get("middleware", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.append(Problem("middleware", "", "must be a list of tables", "write [[middleware]] above each entry"))
    elif not entries and not problems:
        problems.append(Problem("middleware", "", "is missing", 'write [[middleware]] and use = "cors"'))
    if problems:
        raise ConfigError(str(path), problems)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if _ENTRY_LINE.match(line)]
    return entries, lines if len(lines) == len(entries) else []
