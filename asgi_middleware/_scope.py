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
"""

from collections.abc import Iterable, MutableMapping
from typing import Any, cast

from . import _headers
from ._types import Scope

# How the lines of a field are joined (RFC 9110, 5.3). HTTP/2 may split Cookie, which joins otherwise (RFC 9113, 8.2.3).
_SEPARATORS = {b"cookie": b"; "}
# Stands in an index for a name that has several lines. Compared by identity: no header's value is this object.
_DOUBLED = bytes(bytearray(b"doubled"))


class OwnScope(dict[str, Any]):
    """A copy of a scope that passes on what others write. Made by `extend` only."""

    __slots__ = ("_added", "_given", "_index", "_indexed", "_length")

    _given: MutableMapping[str, Any]
    _added: set[str]
    _index: dict[bytes, bytes] | None
    _indexed: Any
    _length: int

    def __setitem__(self, key: str, value: Any) -> None:
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
        super().update(changes)
        if self._added.isdisjoint(changes):
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

    def _index_for(self, headers: Any) -> dict[bytes, bytes]:
        """Values by lower-case name; made anew when `headers` was replaced or has grown."""
        if self._index is None or headers is not self._indexed or len(headers) != self._length:
            index: dict[bytes, bytes] = dict(headers)
            if len(index) != len(headers) or not b"".join(index).islower():
                # Doubled names, or some in another case: the ordinary request has neither.
                index = {}
                for key, value in headers:
                    key = key.lower()
                    index[key] = _DOUBLED if key in index else value
            self._index, self._indexed, self._length = index, headers, len(headers)
        return self._index


def extend(scope: Scope, **additions: Any) -> Any:
    """The scope to hand inwards, with `additions` that nobody outside sees."""
    if type(scope) is OwnScope and additions.keys().isdisjoint(scope):
        dict.update(scope, additions)
        scope._added.update(additions)
        return scope
    own = OwnScope(scope)
    dict.update(own, additions)
    own._given = scope
    own._added = set(additions)
    own._index = None
    return own


def readable(scope: Scope) -> Any:
    """The scope with headers that can be read more than once: itself, unless they are a one-shot iterator."""
    headers = scope.get("headers")
    if type(headers) is list or headers is None or isinstance(headers, (list, tuple)):
        return scope
    return extend(scope, headers=_headers.listed(cast("Iterable[Any]", headers)))


def header(scope: Scope, name: bytes) -> bytes | None:
    """One request header, its lines joined where it has several, or None. `name` is lower-case."""
    headers = scope.get("headers")
    if not headers:
        return None
    if type(scope) is OwnScope:
        found = scope._index_for(headers).get(name)
        return _joined(headers, name) if found is _DOUBLED else found
    return _joined(headers, name)


def _joined(headers: Iterable[Any], name: bytes) -> bytes | None:
    values = _headers.get_all(headers, name)
    if len(values) < 2:
        return values[0] if values else None
    return _SEPARATORS.get(name, b", ").join(values)


def is_secure(scope: Scope) -> bool:
    """Whether the client's connection is encrypted, as far as the server says; a missing scheme is plain."""
    return scope.get("scheme") in ("https", "wss")
