"""Stack files in TOML, JSON and YAML, told apart by their suffix; what is written in them means the same in all three.

    stack.toml      [[middleware]] above each entry
    stack.json      {"middleware": [{"use": "cors", "allow_origins": []}]}
    stack.yaml      middleware:
                      - use: cors
                        allow_origins: []

At the top stand `middleware`, the list of entries, outermost first; `silence`, a list of the codes of findings that are
not to be told; and `$schema`, which is for editors alone. A key that stands twice is refused in all three.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from .._options import shown
from .._types import Strings
from ..exceptions import ConfigError, MissingExtra, Problem
from . import registry
from .yaml_files import read_yaml

_TOP = ("middleware", "silence", "$schema")
_ENTRY_LINE = re.compile(r"^[ \t]*\[\[[ \t]*(?:middleware|\"middleware\"|'middleware')[ \t]*\]\]")
# What tomllib calls an invalid value is most often text without quotes.
_QUOTES = 'mend it; text stands in quotes, as in use = "cors"'
_BETWEEN = re.compile(r"[\s,:]*")


@dataclass(frozen=True, slots=True)
class StackFile:
    """What a stack file says. `lines` has the line of each entry, from 1, or is empty where they are not known."""

    entries: list[Any]
    lines: list[int]
    silence: Strings = ()
    problems: tuple[Problem, ...] = ()


def read_file(path: Path) -> StackFile:
    """The content of a stack file. Raises ConfigError, which names it, where it cannot be read at all."""

    def refuse(rule: str, remedy: str) -> NoReturn:
        raise ConfigError(str(path), [Problem("file", "", rule, remedy)]) from None

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        refuse("does not exist", _nearest_file(path))
    except IsADirectoryError:
        refuse("is a folder", f"name the file in it, such as {path / 'stack.toml'}")
    except UnicodeError:
        refuse("is not UTF-8", "save it as that")
    except OSError as error:
        refuse(f"cannot be read ({error.strerror})", "mend it")
    if path.suffix.lower() not in _KINDS:
        refuse("has a suffix of no known kind", f"name it {path.stem}.toml, .json or .yaml")
    kind = _KINDS[path.suffix.lower()]
    try:
        document, lines = kind.read(text)
    except ImportError:
        raise MissingExtra(str(path), "file", "yaml", "PyYAML") from None
    except RecursionError:
        refuse(f"is not {kind.name}: it is nested too deeply", "mend it")
    except ValueError as error:
        refuse(f"is not {kind.name}: {error}", _QUOTES if str(error).startswith("Invalid value") else "mend it")
    if document is None:  # an empty YAML file
        document = {}
    if not isinstance(document, dict):
        refuse(f"is a {type(document).__name__}, not a table", kind.remedy)
    return _checked(document, lines, kind)


def _nearest_file(path: Path) -> str:
    """A remedy for a name that no file has: the stack file in that folder that was probably meant."""
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix.lower() in _KINDS]
    except OSError:
        return "mend the path"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {str(path.with_name(close[0]))!r}?" if close else "mend the path"


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    read: Callable[[str], tuple[Any, list[int]]]
    remedy: str


def _checked(document: dict[str, Any], lines: list[int], kind: _Kind) -> StackFile:
    problems = [
        Problem(key, "", "is not known at the top of a stack file", _meant_top(key, kind))
        for key in document
        if key not in _TOP
    ]
    entries = document.get("middleware", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.append(Problem("middleware", "", "must be a list of tables", kind.remedy))
        entries = []
    elif not entries and not problems:
        problems.append(Problem("middleware", "", "is missing", kind.remedy))
    silence = document.get("silence", [])
    if not isinstance(silence, list) or not all(isinstance(code, str) for code in silence):
        problems.append(
            Problem("silence", type(silence).__name__, "must be a list of texts", "list codes of findings in it")
        )
        silence = []
    return StackFile(entries, lines if len(lines) == len(entries) else [], tuple(silence), tuple(problems))


def _meant_top(key: str, kind: _Kind) -> str:
    """A remedy for a key that has no place there. The word of a middleware stands in the list of them."""
    return kind.remedy.replace("cors", key) if key in registry.MIDDLEWARE else registry.nearest(key, _TOP[:2])


def _read_toml(text: str) -> tuple[Any, list[int]]:
    lines = [number for number, line in enumerate(text.split("\n"), 1) if _ENTRY_LINE.match(line)]
    return tomllib.loads(text), lines


def _read_json(text: str) -> tuple[Any, list[int]]:
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} (at line {error.lineno}, column {error.colno})") from None
    lines = _json_lines(text) if isinstance(document, dict) and isinstance(document.get("middleware"), list) else []
    return document, lines


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _json_lines(text: str) -> list[int]:
    """The line of each entry of a document that is known to be good."""
    decoder = json.JSONDecoder()

    def beyond(at: int) -> int:
        found = _BETWEEN.match(text, at)
        return at if found is None else found.end()

    at = beyond(text.index("{") + 1)
    key, at = decoder.raw_decode(text, at)
    while key != "middleware":
        _, at = decoder.raw_decode(text, beyond(at))
        key, at = decoder.raw_decode(text, beyond(at))
    lines = []
    at = beyond(text.index("[", at) + 1)
    while text[at] != "]":
        lines.append(text.count("\n", 0, at) + 1)
        _, at = decoder.raw_decode(text, at)
        at = beyond(at)
    return lines


_YAML = _Kind("YAML", read_yaml, "write `middleware:`, and `- use: cors` below it")
_KINDS = {
    ".toml": _Kind("TOML", _read_toml, 'write [[middleware]] and use = "cors"'),
    ".json": _Kind("JSON", _read_json, 'write {"middleware": [{"use": "cors"}]}'),
    ".yaml": _YAML,
    ".yml": _YAML,
}
