"""The label of a route: what the router left in the scope, never the path of the request.

    scope["route"]          a text, as Django's `resolver_match.route`; or a route with a `path`, Starlette's and
                            FastAPI's, behind the paths of the mounts that it stands in
    scope["path_template"]  Litestar's
    scope["endpoint"]       where nobody left a route (Starlette before 1.7; FastAPI's mounts, and its plain routes):
                            the one of this endpoint in the router's own list

Mounts are found by identity: what the router left is looked for in the tree of its routes, once, and remembered.
Nothing is matched again; only where one object stands at several places are these compared with the path. A mount of a
wrapper that has neither `routes` nor `app` hides what is inside of it, whose label is then without the mount.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .record import OTHER

UNMATCHED = "unmatched"
MOST_LABELS = 1000  # of one middleware; a route function that makes up one for each request gets no more
_LONGEST = 200  # characters of one label
_MOST_KNOWN = 4096  # objects that are remembered
_DEEPEST = 10  # mounts in mounts, and wrappers around what is mounted


class Labels:
    """Hands out labels: at most so many, besides `_OTHER`, and each one short and printable as UTF-8."""

    def __init__(self, most: int = MOST_LABELS) -> None:
        self._most = most
        self._given: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        text = text[:_LONGEST]
        label = self._given.get(text)
        if label is not None:
            return label
        if len(self._given) >= self._most:
            return OTHER
        # Half a character would break the whole text that a scrape gets.
        label = self._given[text] = text.encode("utf-8", "backslashreplace").decode()[:_LONGEST]
        return label


class Routes:
    """Reads the label from a scope, once the application has returned."""

    def __init__(self) -> None:
        self._labels = Labels()
        # What was found of an object, which is kept alive with it, so that no other one can get its identity: the
        # router that it stands below, the templates, and the label, if it is but one.
        self._known: dict[int, tuple[Any, Any, tuple[str, ...], str | None]] = {}

    def label(self, scope: Mapping[str, Any], arrived: Mapping[str, Any]) -> str:
        """`arrived` is the scope as it was on entry: frameworks rewrite the path."""
        route, router = scope.get("route"), scope.get("router")
        if route is None:
            return self.bounded(self._without_route(scope, router, arrived))
        if isinstance(route, str):
            return self._labels(route if route.startswith("/") else f"/{route}")
        subject = _effective(scope["fastapi"], route) if "fastapi" in scope else route
        known = self._known.get(id(subject))
        if known is None or known[0] is not subject or known[1] is not router:
            known = self._learn(subject, router, _with_mounts(subject, router))
        return known[3] or self.bounded(_nearest(known[2], arrived))

    def bounded(self, template: str | None) -> str:
        return UNMATCHED if template is None else self._labels(template)

    def _without_route(self, scope: Mapping[str, Any], router: Any, arrived: Mapping[str, Any]) -> str | None:
        litestars = scope.get("path_template")
        if isinstance(litestars, str) and litestars:
            return litestars
        endpoint = scope.get("endpoint")
        if router is None or endpoint is None:
            return None
        known = self._known.get(id(endpoint))
        if known is None or known[0] is not endpoint or known[1] is not router:
            known = self._learn(endpoint, router, _by_endpoint(endpoint, router))
        return _nearest(known[2], arrived)

    def _learn(
        self, subject: Any, router: Any, templates: tuple[str, ...]
    ) -> tuple[Any, Any, tuple[str, ...], str | None]:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        label = self._labels(templates[0]) if len(templates) == 1 else None
        known = self._known[id(subject)] = (subject, router, templates, label)
        return known


def _effective(fastapis: Any, route: Any) -> Any:
    """The object that says where a route stands.

    FastAPI from 0.137 on keeps an included router as it is, and says in the scope with which prefix a route was found.
    """
    if isinstance(fastapis, dict):
        found = fastapis.get("effective_route_context")
        if route is getattr(found, "original_route", None) or route is getattr(found, "starlette_route", None):
            return found
    return route


def _with_mounts(subject: Any, router: Any) -> tuple[str, ...]:
    """The templates of a route, behind the mounts that it stands in; last, if these are several, by itself."""
    own = _path(getattr(subject, "starlette_route", None)) or _path(subject)
    if own is None:
        return ()
    route = getattr(subject, "original_route", subject)
    found = [place.mounts + own for place in _below(router, "", "", 0) if place.route is route]
    return _distinct([*found, own] if len(set(found)) != 1 else found)


def _by_endpoint(endpoint: Any, router: Any) -> tuple[str, ...]:
    """The templates of the routes that lead to an endpoint."""
    return _distinct(
        [
            place.mounts + place.prefix + (_path(place.route) or "")
            for place in _below(router, "", "", 0)
            if getattr(place.route, "endpoint", None) is endpoint or getattr(place.route, "app", None) is endpoint
        ]
    )


def _distinct(templates: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(template or "/" for template in templates))


def _path(route: Any) -> str | None:
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


class _Place(NamedTuple):
    """Where a route stands: behind the paths of its mounts, and the prefix of a router that FastAPI has included."""

    route: Any
    mounts: str
    prefix: str


def _below(router: Any, mounts: str, prefix: str, depth: int) -> Iterator[_Place]:
    if depth > _DEEPEST:
        return
    for route in getattr(router, "routes", None) or ():
        yield _Place(route, mounts, prefix)
        included = getattr(route, "original_router", None)
        if included is not None:
            further = getattr(getattr(route, "include_context", None), "prefix", "")
            yield from _below(included, mounts, prefix + further, depth + 1)
        else:
            yield from _below(_mounted(route), mounts + prefix + (_path(route) or ""), "", depth + 1)


def _mounted(route: Any) -> Any:
    """What a mount holds, below the wrappers around it, which keep it as `app` by custom."""
    for _ in range(_DEEPEST):
        if route is None or getattr(route, "routes", None):
            break
        route = getattr(route, "app", None)
    return route


def _nearest(templates: tuple[str, ...], arrived: Mapping[str, Any]) -> str | None:
    """The first of the templates that the path fits, segment by segment."""
    asked = arrived["path"].removeprefix(arrived.get("root_path") or "").split("/")
    for template in templates:
        segments = template.split("/")
        if len(segments) <= len(asked) and all(
            segment == given or "{" in segment for segment, given in zip(segments, asked, strict=False)
        ):
            return template
    return None
