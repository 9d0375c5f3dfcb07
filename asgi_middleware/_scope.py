"""The scope: how our additions travel inwards, and other people's writes outwards.

The specification has middleware copy a scope before it changes it, so that nothing leaks into what stands outside.
A plain copy also cuts the other way: what a router writes (`route`, `endpoint`, `path_params`, `state`) no longer
reaches the tools outside that read it after the call. `OwnScope` is a copy that is transparent in that direction:

    who writes                          | our copy | the dict we were given
    we, through `extend`                |   yes    | never
    anyone else, a key that we added    |   yes    | never
    anyone else, any other key          |   yes    | yes, as if we had not been there

A chain of our middlewares copies once: `extend` adds in place to a copy that we made, as long as the key is new in it.
`dict(scope)` by someone else is a plain dict again, and so are copies and pickles: we only add to dicts that we made.

The headers of a scope that we made can be read more than once, whatever the server gave or somebody wrote into it.
"""

from collections import Counter
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any

from . import _headers
from ._types import Scope

# How the lines of a field are joined (RFC 9110, 5.3). HTTP/2 may split Cookie, which joins otherwise (RFC 9113, 8.2.3).
_SEPARATORS = {b"cookie": b"; "}
# Stands in a layout for a name that has several lines.
_SEVERAL = -1
# What is remembered of layouts: at the most 1 MB of names, some 20 KB in ordinary service.
_MOST_LAYOUTS = 256
_MOST_NAMES = 64
_LONGEST_NAMES = 4096  # bytes, of all names of one layout
_layouts: dict[tuple[bytes, ...], dict[bytes, int]] = {}


class OwnScope(dict[str, Any]):
    """A copy of a scope that passes on what others write. Made by `extend` only."""

    __slots__ = ("_added", "_given", "_laid_out", "_layout", "_length")

    _given: MutableMapping[str, Any]
    _added: dict[str, Any]
    _layout: dict[bytes, int]  # of the headers `_laid_out`, when they had `_length` lines
    _laid_out: Any
    _length: int

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "headers":
            value = _rereadable(value)
        super().__setitem__(key, value)
        if key not in self._added:
            self._given[key] = value

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        if key not in self._added:
            self._given.pop(key, None)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, /, *args: Any, **kwargs: Any) -> None:
        changes: dict[str, Any] = dict(*args, **kwargs)
        if "headers" in changes:
            changes["headers"] = _rereadable(changes["headers"])
        super().update(changes)
        if self._added.keys().isdisjoint(changes):
            self._given.update(changes)
        else:
            self._given.update({key: value for key, value in changes.items() if key not in self._added})

    def __ior__(self, other: Any) -> "OwnScope":  # type: ignore[override,misc]  # dict's own overloads say less
        self.update(other)
        return self

    def pop(self, key: str, *default: Any) -> Any:
        value = super().pop(key, *default)
        if key not in self._added:
            self._given.pop(key, None)
        return value

    def popitem(self) -> tuple[str, Any]:
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def __reduce_ex__(self, protocol: Any) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, (dict(self),)


def extend(scope: Scope, additions: dict[str, Any]) -> Any:
    """The scope to hand inwards, with `additions` that nobody outside sees: a dict that the caller gives away."""
    if type(scope) is OwnScope and scope.keys().isdisjoint(additions):
        dict.update(scope, additions)
        scope._added.update(additions)
        return scope
    own = OwnScope(scope)
    if "headers" not in additions:
        headers = own.get("headers")
        if type(headers) is not list and (listed := _rereadable(headers)) is not headers:
            additions["headers"] = listed
    dict.update(own, additions)
    own._given = scope
    own._added = additions
    own._laid_out = None
    return own


def readable(scope: Scope) -> Any:
    """The scope with headers that can be read more than once: itself, unless they are a one-shot iterator."""
    if type(scope) is OwnScope:
        return scope
    headers = scope.get("headers")
    if type(headers) is list or headers is None or isinstance(headers, (list, tuple)):
        return scope
    return extend(scope, {})


def _rereadable(headers: Any) -> Any:
    """The value of `headers` itself, or a list of what any other iterable gives, which may be a one-shot iterator."""
    known = isinstance(headers, (list, tuple)) or not isinstance(headers, Iterable)
    return headers if known else _headers.listed(headers)


def header(scope: Scope, name: bytes) -> bytes | None:
    """One request header, its lines joined where it has several, or None. `name` is lower-case."""
    headers = scope.get("headers")
    if not headers:
        return None
    at = _layout(scope, headers).get(name)
    return None if at is None else headers[at][1] if at >= 0 else _joined(headers, name)


def fields(scope: Scope, names: tuple[bytes, ...]) -> list[bytes | None]:
    """Several request headers, as `header` gives each."""
    headers = scope.get("headers")
    if not headers:
        return [None] * len(names)
    layout = _layout(scope, headers)
    return [
        None if (at := layout.get(name)) is None else headers[at][1] if at >= 0 else _joined(headers, name)
        for name in names
    ]


def has_any(scope: Scope, names: tuple[bytes, ...]) -> bool:
    """Whether one of the request headers `names` was sent at all. In a scope that keeps no layout this is a scan."""
    headers = scope.get("headers")
    if not headers:
        return False
    sent = _layout(scope, headers) if type(scope) is OwnScope else {name.lower() for name, _ in headers}
    for name in names:  # noqa: SIM110  # a generator for `any` costs more than the scan
        if name in sent:
            return True
    return False


def _joined(headers: Any, name: bytes) -> bytes:
    return _SEPARATORS.get(name, b", ").join(_headers.get_all(headers, name))


def _layout(scope: Scope, headers: Any) -> dict[bytes, int]:
    """The layout of `headers`; a scope of ours keeps it until somebody replaces them, or adds to them."""
    if type(scope) is not OwnScope:
        return _layout_of(headers)
    if headers is not scope._laid_out or len(headers) != scope._length:
        scope._layout = _layout_of(headers)
        scope._laid_out, scope._length = headers, len(headers)
    return scope._layout


def _layout_of(headers: list[Any] | tuple[Any, ...]) -> dict[bytes, int]:
    """Where each name stands, by its lower-case form; `_SEVERAL` for one that has several lines.

    A browser sends the same names in the same order again and again, so layouts are remembered, as far as they are of
    an ordinary size.
    """
    if len(headers) > _MOST_NAMES:
        return _lay_out([name for name, _ in headers])
    names = tuple([name for name, _ in headers])
    layout = _layouts.get(names)
    if layout is None:
        layout = _lay_out(names)
        if sum(map(len, names)) <= _LONGEST_NAMES:
            if len(_layouts) >= _MOST_LAYOUTS:
                _layouts.clear()
            _layouts[names] = layout
    return layout


def _lay_out(names: Sequence[bytes]) -> dict[bytes, int]:
    lower = [name.lower() for name in names]
    layout = dict(zip(lower, range(len(lower)), strict=True))
    if len(layout) < len(lower):
        layout |= {name: _SEVERAL for name, count in Counter(lower).items() if count > 1}
    return layout


def is_secure(scope: Scope) -> bool:
    """Whether the client's connection is encrypted, as far as the server says; a missing scheme is plain."""
    return scope.get("scheme") in ("https", "wss")
