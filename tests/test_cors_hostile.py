"""`cors`: requests that nobody sends in good faith: bounded work, bounded replies, nothing raw."""

from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import remembers
from .asgi import drive
from .browser_model import preflight
from .test_cors import ANY_HEADER, LISTED, MY, NAMES, Options, refusal, whole


class Unsplittable(bytes):
    """A hostile field value that tells when somebody starts to take it apart."""

    def split(self, *args: Any, **kwargs: Any) -> list[bytes]:
        raise AssertionError("taken apart before it was measured")

    lower = strip = replace = decode = split  # type: ignore[assignment]  # each of them walks the whole value  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("options", [LISTED, NAMES, ANY_HEADER], ids=["the default", "a list", "any header"])
@pytest.mark.parametrize(
    "hostile",
    [b"," * 65536, b"x-b," * 16384, b" " * 65536, b"\t ," * 22000, b"x" * 65536],
    ids=["commas", "one name again and again", "blanks", "blanks and commas", "one long name"],
)
def test_a_hostile_list_of_headers_is_measured_before_it_is_split(options: Options, hostile: bytes) -> None:
    scope = preflight()
    scope["headers"].append((b"access-control-request-headers", Unsplittable(hostile)))
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **options), scope)) == refusal("headers (too many)", MY)
    assert scopes == []
