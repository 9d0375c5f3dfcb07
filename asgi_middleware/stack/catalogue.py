"""Every word that a stack file may use, with its options, read from signatures and docstrings.

What `asgi-middleware list` prints, and what the schema for editors is made of.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import registry
from .signatures import Option, signature

# `name`, or several of them, and what is said of them: "`path`, `domain`: attributes of the cookie."
_MENTION = re.compile(r"((?:`\w+(?:\([^`]*)?`(?:, | and )?)+):\s+")


@dataclass(frozen=True, slots=True)
class Described:
    """What a word stands for: an import string, a sentence, its options each with a sentence, and `parts` for some.

    `parts` are, by the name of the option, the words that `{ use = "..." }` may name there. `broken` says why a word of
    another package is of no use; there are no options then.
    """

    word: str
    target: str
    summary: str
    options: tuple[Option, ...]
    sentences: Mapping[str, str]
    parts: Mapping[str, "tuple[Described, ...]"]
    takes_any: bool
    broken: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is of this package, whose signatures hold nothing secret."""
        return self.target.startswith("asgi_middleware.")


def catalogue() -> Iterator[Described]:
    """Our words, and then those of other packages that are installed."""
    for word, target in registry.MIDDLEWARE.items():
        yield _read(word, target, registry.load(target), wraps=True)
    others, _ = registry.installed()
    for word in sorted(others.keys() - registry.MIDDLEWARE):
        try:
            factory = registry.load_installed(others[word])
        except registry.UnresolvedError as error:
            yield _broken(word, f"{error.rule}; {error.remedy}")
            continue
        if callable(factory):
            yield _read(word, _import_string(factory), factory, wraps=True)
        else:
            yield _broken(word, f"is a {type(factory).__name__}, not a class or factory(app, ...)")


def _broken(word: str, why: str) -> Described:
    return Described(word, "", "", (), {}, {}, takes_any=True, broken=why)


def _import_string(factory: Any) -> str:
    return f"{getattr(factory, '__module__', '?')}:{getattr(factory, '__qualname__', type(factory).__qualname__)}"


def _read(word: str, target: str, factory: Any, *, wraps: bool) -> Described:
    accepted = signature(factory, wraps=wraps)
    names = {option.name for option in accepted.options}
    text = inspect.getdoc(factory) or ""
    parts = {
        name: tuple(_read(each, path, registry.load(path), wraps=False) for each, path in registry.PARTS[name].items())
        for name in sorted(names & registry.PARTS.keys())
    }
    return Described(
        word, target, first_sentence(text), accepted.options, sentences(text, names), parts, accepted.takes_any
    )


def first_sentence(text: str) -> str:
    """The first sentence of a docstring or a paragraph, on one line, without the mark at its end."""
    flat = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"\.(?:\s|$)", flat, maxsplit=1)[0].rstrip(" ,;")


def sentences(text: str, names: set[str]) -> dict[str, str]:
    """What a docstring says of each of these options, as far as it does: the first sentence behind its name."""
    found: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n|\n- ", text):
        flat = " ".join(paragraph.split())
        mentions = [
            (match, mentioned)
            for match in _MENTION.finditer(flat)
            if (mentioned := set(re.findall(r"`(\w+)", match[1]))) <= names
        ]
        ends = [*(match.start() for match, _ in mentions[1:]), len(flat)]
        for (match, mentioned), end in zip(mentions, ends, strict=False):
            for name in mentioned:
                found.setdefault(name, first_sentence(flat[match.end() : end]))
    return found
