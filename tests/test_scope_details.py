"""`_scope`: several headers at once, and what else survivors of mutation testing asked for."""

from typing import Any

import pytest

from asgi_middleware._scope import _MOST_NAMES, _layout, _layout_of, _layouts, extend, fields, has_any

PAIRS = [(b"Cookie", b"a=1"), (b"X-One", b"1"), (b"cookie", b"b=2"), (b"accept", b"x"), (b"ACCEPT", b"y")]
NAMES = (b"cookie", b"missing", b"x-one", b"accept")
FOUND = [b"a=1; b=2", None, b"1", b"x, y"]
BOTH = pytest.mark.parametrize("own", [False, True], ids=["the server's scope", "our copy"])


def scope_of(own: bool, **keys: Any) -> Any:
    scope = {"type": "http", **keys}
    return extend(scope, {"auth": 1}) if own else scope


@BOTH
@pytest.mark.parametrize("make", [list, tuple])
def test_several_fields_at_once(make: Any, own: bool) -> None:
    scope = scope_of(own, headers=make(PAIRS))
    assert fields(scope, NAMES) == FOUND
    assert fields(scope, NAMES[::-1]) == FOUND[::-1]  # the second time from the layout
    assert fields(scope, ()) == []


@BOTH
@pytest.mark.parametrize("keys", [{}, {"headers": None}, {"headers": []}, {"headers": ()}])
def test_no_headers_hold_no_fields(keys: dict[str, Any], own: bool) -> None:
    scope = scope_of(own, **keys)
    assert fields(scope, NAMES) == [None] * 4
    assert has_any(scope, NAMES) is False


@BOTH
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((b"missing", b"x-one"), True),
        ((b"cookie",), True),
        ((b"accept", b"missing"), True),
        ((b"missing", b"x"), False),
        ((), False),
    ],
)
def test_whether_any_was_sent(names: tuple[bytes, ...], expected: bool, own: bool) -> None:
    assert has_any(scope_of(own, headers=PAIRS), names) is expected


def test_a_list_that_somebody_writes_stays_the_same_list() -> None:
    for headers in ([(b"a", b"1")], ((b"a", b"1"),), 5):
        scope = extend({"type": "http"}, {"auth": 1})
        scope["headers"] = headers
        assert scope["headers"] is headers
        scope.update(headers=headers)
        assert scope["headers"] is headers


def test_a_layout_of_an_ordinary_size_is_made_once() -> None:
    most, more = ([(b"x-%d-%d" % (count, number), b"") for number in range(count)] for count in (64, 65))
    assert len(most) == _MOST_NAMES
    _layouts.clear()
    assert _layout_of(most) is _layout_of([(name, b"another") for name, _ in most])
    assert _layout_of(more) is not _layout_of(more)
    other = _layout_of([(b"x-other", b"")])
    assert _layout_of(most) is _layout_of(most)
    assert _layout_of([(b"x-other", b"")]) is other


def test_our_copy_keeps_a_layout_of_any_size() -> None:
    headers = [(b"x-%d" % number, b"") for number in range(100)]
    scope = extend({"type": "http", "headers": headers}, {"auth": 1})
    assert _layout(scope, headers) is _layout(scope, headers)
    assert _layout({"headers": headers}, headers) is not _layout({"headers": headers}, headers)
