"""Log lines as JSON, each with the request's ID: how a server is made to write them, and how its tests read them.

`Line.ids` says what each policy (see `apps.logged_app`) held for the current ID when the line was written.
"""

import json
import logging
import re
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from asgi_middleware.request_id import RequestIDFilter

# What a request is called in its path, in its exception and in its own lines; a call made inside of it adds an `n`.
TOKEN = re.compile(r"tok-\d+n?")
NONE = "-"  # the ID outside of a request

# The variables of the naive policies.
NAIVE: dict[str, ContextVar[str]] = {name: ContextVar(name, default=NONE) for name in ("never", "always", "kept")}

# Those of the servers that keep their lines from the root, where they exist.
_APART = ("uvicorn", "uvicorn.access", "gunicorn.access", "gunicorn.error", "_granian", "granian.access")


class _NaiveFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.update({name: variable.get() for name, variable in NAIVE.items()})
        return True


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = record.__dict__
        error = record.exc_info[1] if record.exc_info else None
        ids = {"ours": told["request_id"], **{name: told[name] for name in NAIVE}}
        text = record.getMessage()
        if record.name == "django.request":
            text += f" [{told['request'].scope['token']}]"  # it tells no more than a path
        return json.dumps({"logger": record.name, "text": text, "error": repr(error) if error else "", "ids": ids})


def install() -> None:
    """Let the root, and every logger that keeps its lines from it, write each line as JSON to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    handler.addFilter(RequestIDFilter())
    handler.addFilter(_NaiveFilter())
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the outer request's line about the inner one
    for name in _APART:
        logger = logging.getLogger(name)
        if not logger.propagate:
            logger.addHandler(handler)


@dataclass(frozen=True)
class Line:
    """One line of one logger. `error`: the exception that it reports."""

    logger: str
    text: str
    error: str
    ids: dict[str, str]

    @property
    def tokens(self) -> set[str]:
        """The requests that it is about."""
        return set(TOKEN.findall(self.text + self.error))


def read(printed: str) -> list[Line]:
    """The lines in what a server has printed, among whatever else it printed."""
    return [Line(**json.loads(line)) for line in printed.splitlines() if line.startswith('{"logger"')]
