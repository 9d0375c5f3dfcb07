"""What an application has around and inside it, as far as that can be seen without running it.

Middlewares that wrap it (their `.app`), the lists of Starlette and FastAPI and of what is mounted there, Litestar's
list and configurations, Quart's wrapped `asgi_app` and sessions, Django's MIDDLEWARE. Frameworks are known by import
path, and never imported. Of what is hidden, such as a middleware in a closure, nothing is said.
"""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .entry import Entry, _Selective
from .layers import STRANGERS, Layer, lineage, made_already, made_by, name_of, of_entry
from .reach import of_conditions

# An application that gives another one for ever, as a mock does, is left there.
_DEEPEST = 100
# What is mounted: the path of each and the application there.
_Mounts = list[tuple[str, Any]]


class Inside:
    """Finds the chains of an application. `known`: the layers of a stack and of its entries, by their `id`."""

    def __init__(self, known: Mapping[int, list[Layer]]) -> None:
        self._known = known

    def chains(self, app: Any, where: str = "app", seen: frozenset[int] = frozenset()) -> Iterator[list[Layer]]:
        """One list of layers, outermost first; several where applications are mounted, one for each."""
        layers: list[Layer] = []
        mounts: _Mounts = []
        made = _made_by_stacks(app)
        while app is not None and id(app) not in seen and len(seen) < _DEEPEST:
            seen |= {id(app)}
            framework = next((_FRAMEWORKS[path] for path in lineage(type(app)) if path in _FRAMEWORKS), None)
            if framework is not None:
                found, mounts = framework(self, app, where)
                layers += found
                break
            if id(app) in made:
                layers += self._of_entry(made[id(app)], where)
            else:
                layers += self._wrapper(app, where)
            app = _wrapped(app)
        yield layers
        for prefix, mounted in mounts:
            for chain in self.chains(mounted, f"{where} at {prefix}" if prefix else where, seen):
                yield layers + [_below(prefix, layer) for layer in chain]

    def _wrapper(self, app: Any, where: str) -> list[Layer]:
        """What wraps something, if its kind is known."""
        if isinstance(app, _Selective):
            own = of_conditions(app._paths, app._exclude, app._types)
            return [dataclasses.replace(layer, reach=own) for layer in self._wrapper(app._wrapped, where)]
        layer = made_already(f"{where}: {name_of(type(app))}", app)
        return [layer] if layer.kinds else []

    def _of_entry(self, entry: Entry, where: str) -> list[Layer]:
        """What a stack has made of an entry: one that is known is meant itself."""
        known = self._known.get(id(entry))
        return of_entry(f"{where}: {entry.label}", entry) if known is None else known

    def _listed(self, items: Any, where: str) -> list[Layer]:
        """The layers of a framework's list of middlewares."""
        layers: list[Layer] = []
        for number, item in enumerate(items, 1):
            factory = _factory(item)
            name = factory.name if isinstance(factory, Entry) else name_of(factory)
            place = f"{where}: middleware {number} ({name})"
            if id(factory) in self._known:
                layers += self._known[id(factory)]
            elif isinstance(factory, Entry):
                layers += of_entry(place, factory)
            elif isinstance(factory, Sequence):  # a stack
                layers += [layer for part in factory for layer in of_entry(f"{place}: {part.label}", part)]
            else:
                layers.append(made_by(place, factory, getattr(item, "args", ()), getattr(item, "kwargs", {})))
        return layers


def _made_by_stacks(app: Any) -> dict[int, Entry]:
    """Which of what wraps the application stacks have made, by its id: they note it on what stands innermost."""
    made: dict[int, Entry] = {}
    seen: set[int] = set()
    while app is not None and id(app) not in seen and len(seen) < _DEEPEST:
        seen.add(id(app))
        noted = vars(app).get("made") if inspect.isfunction(app) else None
        if isinstance(noted, dict):
            made.update((key, entry) for key, entry in noted.items() if isinstance(entry, Entry))
        app = _wrapped(app)
    return made


def _factory(item: Any) -> Any:
    """What a framework's entry makes its middleware with: Starlette's `Middleware`, Litestar's `DefineMiddleware`."""
    if isinstance(item, Entry):
        return item
    return getattr(item, "cls", None) or getattr(item, "middleware", None) or item


def _wrapped(app: Any) -> Any:
    """What a middleware wraps, if it is where they have it."""
    inner = app._bare if isinstance(app, _Selective) else getattr(app, "app", None)
    return inner if callable(inner) else None


def _below(prefix: str, layer: Layer) -> Layer:
    """The layer of a mounted application. One mounted at a pattern may be anywhere."""
    return layer if "{" in prefix else dataclasses.replace(layer, reach=layer.reach.below(prefix))


def _starlette(inside: Inside, app: Any, where: str) -> tuple[list[Layer], _Mounts]:
    layers = inside._listed(app.user_middleware, where)
    if not any("errors" in layer.kinds for layer in layers):
        layers.insert(0, Layer(f"{where}: {name_of(type(app))}'s own answer to crashes", frozenset({"own_errors"})))
    return layers, _mounts(app)


def _router(inside: Inside, app: Any, where: str) -> tuple[list[Layer], _Mounts]:
    return [], _mounts(app)


def _mounts(app: Any) -> _Mounts:
    routes = [route for route in app.routes if not _MOUNTS.isdisjoint(lineage(type(route)))]
    return [(getattr(route, "path", ""), route.app) for route in routes]


def _litestar(inside: Inside, app: Any, where: str) -> tuple[list[Layer], _Mounts]:
    options = {"cors_config": "cors", "compression_config": "compression"}
    layers = [Layer(f"{where}: {name}", frozenset({kind})) for name, kind in options.items() if getattr(app, name)]
    return layers + inside._listed(app.middleware, where), []


def _quart(inside: Inside, app: Any, where: str) -> tuple[list[Layer], _Mounts]:
    layers = next(inside.chains(vars(app).get("asgi_app"), where))
    if app.config.get("SECRET_KEY"):
        layers.append(_cookie_only(f"{where}: the sessions of Quart", app.config.get("SESSION_COOKIE_NAME")))
    return layers, []


def _django(inside: Inside, app: Any, where: str) -> tuple[list[Layer], _Mounts]:
    settings: Any = sys.modules["django.conf"].settings
    layers: list[Layer] = []
    for number, path in enumerate(settings.MIDDLEWARE, 1):
        kind = STRANGERS.get(path)
        place = f"{where}: middleware {number} ({path.rpartition('.')[2]})"
        if kind == "sessions":
            layers.append(_cookie_only(place, settings.SESSION_COOKIE_NAME))
        elif kind is not None:
            layers.append(Layer(place, frozenset({kind})))
    return layers, []


def _cookie_only(where: str, name: object) -> Layer:
    """A framework's own session, which is not in the scope."""
    return Layer(where, frozenset({"sessions"}), {"session_cookie": name, "scope_key": None})


_FRAMEWORKS: dict[str, Callable[[Inside, Any, str], tuple[list[Layer], _Mounts]]] = {
    "starlette.applications.Starlette": _starlette,
    "starlette.routing.Router": _router,
    "litestar.app.Litestar": _litestar,
    "quart.app.Quart": _quart,
    "django.core.handlers.asgi.ASGIHandler": _django,
}
_MOUNTS = frozenset({"starlette.routing.Mount", "starlette.routing.Host"})
