"""What the tests of stacks share: middlewares that leave a mark, and ways to ask a stack."""

import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Optional

import pytest

from asgi_middleware import (
    ConfigError,
    Stack,
)

from .apps import remembers, silent
from .asgi import App, drive

HERE = __name__
KEY = "k" * 40
BEARER = {"use": "bearer", "secret": KEY, "any_issuer": True, "any_audience": True}


class Marks:
    """Adds its mark to the scope, so that the order shows."""

    def __init__(self, app: App, *, mark: str = "?") -> None:
        self.app = app
        self.mark = mark

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "marks": [*scope.get("marks", ()), self.mark]}, receive, send)


async def an_app(scope: Any, receive: Any, send: Any) -> None:
    """Stands for an application; never called."""


def marks(app: App, **options: Any) -> Marks:
    return Marks(app, **options)


class Typed:
    """Keeps the options that it is given, of every declared type."""

    def __init__(  # type: ignore[no-untyped-def]  # one row is about a missing annotation
        self,
        app: App,
        *,
        number: int = 0,
        maybe: int | None = None,
        older: Optional[int] = None,  # noqa: UP045  # people still write it
        share: float = 0.0,
        either_number: int | float = 0,
        flag: bool = False,
        either: bool | Literal["auto"] = "auto",
        texts: Collection[str] = (),
        frozen: frozenset[str] = frozenset(),
        several: str | Collection[str] = (),
        text: str = "",
        file: Path = Path(),
        anything: Any = None,
        loose=None,
    ) -> None:
        self.given = {name: value for name, value in locals().items() if name not in ("self", "app")}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("never called")


def given(options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The options that arrive in a constructor."""
    built: Any = Stack([(Typed, options)], **more)(silent())
    kept: dict[str, Any] = built.given
    return kept


def order(stack: Stack, scope: dict[str, Any] | None = None) -> list[str]:
    """The marks that a scope has when it reaches the app, outermost first."""
    app, scopes = remembers()
    assert drive(stack(app), scope).error is None
    found: list[str] = scopes[0].get("marks", [])
    return found


def problems(entries: Any, **more: Any) -> list[str]:
    """Every problem as text, of a stack that is refused."""
    with pytest.raises(ConfigError) as caught:
        Stack(entries, **more)
    return [str(problem) for problem in caught.value.problems]


def unsigned(app: App) -> Marks:
    """Nobody can read what it takes."""
    return Marks(app)


unsigned.__signature__ = 5  # type: ignore[attr-defined]  # which `inspect` refuses with a TypeError


class Slotted:
    __slots__ = ("a",)


SLOTTED = Slotted()


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "stack.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def fails(*, kind: str = "ValueError", secret: str = "") -> Any:
    errors = {"ValueError": ValueError, "TypeError": TypeError, "KeyError": KeyError, "OSError": OSError}
    raise errors.get(kind, RuntimeError)(f"no good: {secret}")


SECRET = "ZqxjKvwy-Ppfgh7T3b"  # its letters stand together in no word


def leaks(text: str, *hidden: str) -> list[str]:
    """Every four characters of a secret (all of a shorter one) that are in the text, in any case."""
    pieces = {one[start : start + 4].lower() for one in hidden for start in range(max(1, len(one) - 3)) if one.strip()}
    return sorted(piece for piece in pieces if piece in text.lower())


def told(entries: Any, **more: Any) -> str:
    """Everything that a stack says of itself, or of why it was refused."""
    try:
        stack = Stack(entries, **more)
    except Exception as error:
        parts = [str(error), repr(error), repr(error.args), *traceback.format_exception(error)]
        if isinstance(error, ConfigError):
            parts += [repr(error.problems), repr(error.__reduce__())]
        return "\n".join(parts)
    return "\n".join([stack.describe(), repr(stack), str(stack), repr(list(stack)), *[str(entry) for entry in stack]])
