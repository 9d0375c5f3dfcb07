"""YAML as stack files have it: the core schema of YAML 1.2, so that a value means what it means in JSON.

`yes`, `no`, `on` and `off` are text, as are dates and `0o17`: by YAML 1.1, which PyYAML follows by itself, the
`server_timing: off` of a file would be `false`. Keys are text and stand once. Anchors, aliases and merges (`<<`) work;
tags that would build objects are refused, and so is what refers to itself or grows beyond measure.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

# What a file may hold, aliases counted wherever they stand: more than any stack, and done in a moment.
_MOST_VALUES = 20_000
_TAG = "tag:yaml.org,2002:"
_NUMBER = r"[-+]?(?:0|[1-9][0-9]*)"
# A tag, what it is written like, and the characters that begins with.
_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _NUMBER, list("-+0123456789")),
    ("float", rf"{_NUMBER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-+0123456789")),
    ("merge", "<<", ["<"]),
)
_KEYS = (f"{_TAG}str", f"{_TAG}merge")
# What PyYAML quotes may be a secret; only tokens, or single characters, may not.
_HARMLESS = re.compile(r"(?:'(?:<[a-z ]+>|\\?[^'])'[a-z, ]*)+")


def read_yaml(text: str) -> tuple[Any, list[int]]:
    """The document, and the line of each entry of its `middleware`.

    Raises ValueError, whose text holds no value of the file, and ImportError without PyYAML.
    """
    import yaml

    try:
        loader = _loader()(text)
        node = loader.get_single_node()
        document = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(_why(error)) from None
    except (ValueError, LookupError, AttributeError):  # as `!!bool maybe` raises, and quotes it
        raise ValueError("a value is not what its tag says, or is too long a number") from None
    return _plain(document, iter(range(_MOST_VALUES))), _lines(node)


@functools.cache
def _loader() -> Any:
    """PyYAML's own safe loader, with other scalars, and keys that stand once."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {}  # noqa: RUF012  # what `add_implicit_resolver` copies would be those of YAML 1.1

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key, _ in node.value:
                if key.tag not in _KEYS or key.id != "scalar":
                    raise yaml.MarkedYAMLError(problem="a key is no text; quote it", problem_mark=key.start_mark)
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem="a key stands twice in one table", problem_mark=key.start_mark)
                seen.add(key.value)
            return node

    for tag, pattern, first in _SCALARS:
        Loader.add_implicit_resolver(f"{_TAG}{tag}", re.compile(rf"(?:{pattern})\Z"), first)
    return Loader


def _why(error: Any) -> str:
    """What PyYAML says and where, without what it quotes."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return "it has a character that YAML does not allow"
    said, quoted = re.split("(?=['\"])", f"{error.problem}'", maxsplit=1)
    if _HARMLESS.fullmatch(quoted[:-1]):
        said += quoted[:-1]
    return f"{said.strip()} (at line {mark.line + 1}, column {mark.column + 1})"


def _plain(value: Any, left: Iterator[int]) -> Any:
    """The value, nothing in it shared. Raises ValueError for what JSON has no form for, RecursionError for circles."""
    if next(left, None) is None:
        raise ValueError(f"it holds more than {_MOST_VALUES} values")
    if isinstance(value, dict):
        return {key: _plain(item, left) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, left) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"it holds a {type(value).__name__}, which JSON has no form for")


def _lines(root: Any) -> list[int]:
    for key, value in root.value if root is not None and root.id == "mapping" else ():
        if key.value == "middleware" and value.id == "sequence":
            return [entry.start_mark.line + 1 for entry in value.value]
    return []
