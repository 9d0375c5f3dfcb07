"""`stack.reach`: what it says of two entries is what their own conditions do with every path."""

import itertools

import pytest

from asgi_middleware._options import Options
from asgi_middleware._paths import Paths
from asgi_middleware.stack.reach import Reach, of_conditions

from .asgi import http

PATTERNS = ["/", "/*", "/a", "/a/*", "/a/b", "/a/b/*", "/ab/*", "/b/*"]
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/c", "/ab", "/b", "/b/a", "/c"]
# One or two patterns for `paths`, none or one for `exclude`.
CHOICES: list[tuple[str, ...] | None] = [None, (), *((one,) for one in PATTERNS), ("/a", "/b/*"), ("/a/b/*", "/b/*")]
LEFT_OUT: list[tuple[str, ...] | None] = [None, *((one,) for one in PATTERNS)]
CONDITIONS = list(itertools.product(CHOICES, LEFT_OUT))


def matcher(patterns: tuple[str, ...] | None) -> Paths | None:
    return None if patterns is None else Paths(Options("test"), "paths", patterns)


def served(paths: tuple[str, ...] | None, exclude: tuple[str, ...] | None) -> set[str]:
    """The paths that an entry with these conditions is for, asked one by one."""
    named, left_out = matcher(paths), matcher(exclude)
    return {
        path
        for path in PATHS
        if (named is None or named.covers(http(path))) and not (left_out is not None and left_out.exempts(http(path)))
    }


SERVED = {conditions: served(*conditions) for conditions in CONDITIONS}
REACH = {(paths, exclude): of_conditions(matcher(paths), matcher(exclude), None) for paths, exclude in CONDITIONS}


@pytest.mark.parametrize("own", CONDITIONS, ids=str)
def test_it_is_what_the_conditions_do(own: tuple[tuple[str, ...] | None, tuple[str, ...] | None]) -> None:
    for other in CONDITIONS:
        both = SERVED[own] & SERVED[other]
        assert REACH[own].meets(REACH[other]) == bool(both), other
        assert REACH[own].covers(REACH[other]) == (SERVED[own] >= SERVED[other]), other


HTTP, WEBSOCKET, BOTH = frozenset({"http"}), frozenset({"websocket"}), frozenset({"http", "websocket"})


def of_types(types: frozenset[str] | None) -> Reach:
    return of_conditions(None, None, types)


def test_types_count_too() -> None:
    assert not of_types(HTTP).meets(of_types(WEBSOCKET))
    assert of_types(HTTP).meets(of_types(None))
    assert of_types(None).covers(of_types(HTTP))
    assert not of_types(HTTP).covers(of_types(None))
    assert of_types(BOTH) == of_types(None)


def test_what_is_for_lifespan_alone_meets_nothing() -> None:
    assert not of_types(frozenset({"lifespan"})).meets(of_types(None))


def test_what_is_mounted_is_below_its_path() -> None:
    assert Reach().below("/sub") == Reach(("/sub/*",))
    assert Reach(("/a", "/b/*"), ("/b/c",)).below("/sub") == Reach(("/sub/a", "/sub/b/*"), ("/sub/b/c",))


def test_one_within_another_is_for_what_both_are_for() -> None:
    inner, outer = Reach(("/a/*", "/c")), Reach(("/a/b", "/c/*"), ("/c/d",), HTTP)
    assert inner.within(outer) == Reach(("/c", "/a/b"), ("/c/d",), HTTP)
    assert Reach().within(Reach()) == Reach()
