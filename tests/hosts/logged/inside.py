"""What the halves of the application share: a line of a request, and where its ID can be read."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from asgi_middleware import get_request_id

from .lines import NAIVE


class Crash(Exception):
    """Raised with the request's token."""


def say(scope: Any, word: str) -> None:
    """One line about this request, which the formatter gives the current ID."""
    logging.getLogger("site").info("%s [%s]", word, scope["token"])


def seen(scope: Any) -> dict[str, Any]:
    """The current ID by every policy, and what else tells this request's."""
    current = {"ours": get_request_id(), **{name: variable.get() for name, variable in NAIVE.items()}}
    header = [value.decode() for name, value in scope["headers"] if name == b"x-request-id"]
    return {**current, "scope": scope.get("request_id"), "header": header}


async def chunks(scope: Any) -> AsyncIterator[str]:
    """A body of which each part is the current ID."""
    for number in range(3):
        say(scope, f"chunk-{number}")
        await asyncio.sleep(0)
        yield str(get_request_id())
