"""Stacks: several middlewares from one list, in code or in a file.

    app = Stack(["request_id", ("cors", {"allow_origins": ["https://app.example.com"]}), "errors"])(app)
    app = Stack.from_file("stack.toml")(app)
    app = Starlette(middleware=Stack.from_file("stack.toml"))

The first entry is the outermost, and the order is never changed. The recommended one is: request_id, timing, cors,
errors, compression, sessions, auth. In a file:

    [[middleware]]
    use = "cors"                                # a word, or "package.module:Class"
    allow_origins = ["https://app.example.com"]
    exclude = ["/internal/*"]                   # or paths = [...], types = ["http"], enabled = false

    [[middleware]]
    use = "sessions"
    secret_key = { file = "session.key", create = 32 }    # or { env = "SESSION_KEY" }

Values may stand elsewhere: `{ env = "NAME" }`, with `default` where the variable may be missing; `{ file = "path" }`,
with `create = 32` to make a missing one with that many random bytes; `{ import = "package.module:name" }`. Relative
paths start at the config file. Such text becomes what the option is declared as, a collection split at commas. What
has options of its own is a table with `use`, made once: `store = { use = "redis", url = { env = "REDIS_URL" } }`.

JSON and YAML (extra `yaml`) say the same in their own way; the file's suffix tells which it is. Editors complete and
check all three by a schema: `asgi-middleware schema > stack.schema.json`, and as the file's first line

    #:schema ./stack.schema.json                              in TOML, for Taplo and Even Better TOML
    # yaml-language-server: $schema=./stack.schema.json       in YAML
    "$schema": "./stack.schema.json",                         in JSON, the first in the object

`asgi-middleware list` prints all words and their options. A package adds a word of its own by an entry point:

    [project.entry-points.asgi_middleware]
    word = "package.module:Class"

The order is checked too. What another one breaks is logged when the stack is built, and told by `stack.check()` and
`asgi-middleware check`: an error where that is unsafe or fails on every request, else a warning. `stack.check(app)` and
`check --app module:app` look into an application as well, which may have a CORS of its own. What you know better is
silenced by its code: `Stack([...], silence=["two-auth"])`, in a file `silence = ["two-auth"]` above the first entry.
Starlette's classes, and others that are in wide use, are known. A class of yours joins the rules by its kind, as in
`middleware_kind = "auth"`: request_id, timing, cors, errors, compression, sessions, auth, scopes, forwarded,
trusted_host, https_redirect or limits; a backend of auth that reads the session is `"session_user"`.

In Starlette and FastAPI, which answer crashes outside of their own list, end the list with "errors", or wrap the
application itself: `stack(app)`.

Everything is checked when the stack is built, and all problems are told at once. Nothing secret is ever printed.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, cast, overload

from .._options import Options
from .._types import Application, ASGIApp, Strings
from ..exceptions import ConfigError, Problem
from .entry import Entry, EntryProblem
from .files import StackFile, read_file
from .findings import Finding, check_codes, judge
from .inside import Inside
from .layers import Layer, of_entry
from .lifespan import shielded
from .references import Resolver

__all__ = ["Finding", "Stack"]

logger = logging.getLogger("asgi_middleware.stack")
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING}


class Stack(Sequence[Any]):
    """A checked list of middlewares: `stack(app)` wraps an app; frameworks take it as their list of middlewares.

    - `entries`, outermost first. Each is a word (`"cors"`), an import string (`"package.module:Class"`), a class or
      any `factory(app, **options)`, a pair of one of these and a mapping of options, a mapping `{"use": ...,
      **options}`, or Starlette's `Middleware`. The keys `use name enabled paths exclude types options` of a mapping
      are the entry's own.
    - `base`: the folder at which relative paths in references start.
    - `create_files`: whether `{ file = ..., create = ... }` may make its file; False to look only.
    - `silence`: codes of rules of the order that nothing is to be said of.
    - `log`: whether what the order breaks is logged now, by `asgi_middleware.stack`; `check` gives it at any time.

    Raises ConfigError with every problem of every entry.
    """

    def __init__(
        self,
        entries: Iterable[Any],
        *,
        base: str | os.PathLike[str] = ".",
        create_files: bool = True,
        silence: Strings = (),
        log: bool = True,
    ) -> None:
        # A mapping would lose its options, and a set has no order.
        if isinstance(entries, (str, bytes, Mapping, Set)) or not isinstance(entries, Iterable):
            remedy = 'write ["errors", ("cors", {...})], or Stack.from_file(...) for a file'
            raise ConfigError("Stack", [Problem("entries", type(entries).__name__, "must be a list", remedy)])
        self._build("Stack", StackFile(list(entries), [], silence), Path(base), create_files=create_files, log=log)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, create_files: bool = True, log: bool = True) -> "Stack":
        """The stack of a file, TOML, JSON or YAML by its suffix.

        Raises ConfigError that names the file, and for each problem the entry and its line; MissingExtra for YAML
        without PyYAML.
        """
        file = Path(path)
        stack = cls.__new__(cls)
        stack._build(str(file), read_file(file), file.parent, create_files=create_files, log=log)
        return stack

    def _build(self, source: str, content: StackFile, base: Path, *, create_files: bool, log: bool) -> None:
        self._source = source
        options = Options(source)
        self._silence = check_codes(options, content.silence)
        problems = [*content.problems, *options.problems]
        checked: list[Entry] = []
        # The layers of the stack, and of each entry of it.
        self._layers: list[Layer] = []
        self._known = {id(self): self._layers}
        for number, raw in enumerate(content.entries, 1):
            entry = Entry(raw, number, Resolver(base, create_files=create_files))
            line = content.lines[number - 1] if content.lines else None
            problems += [EntryProblem.at(entry, number, line, problem) for problem in entry.problems]
            checked.append(entry)
            if entry.enabled and not entry.problems:
                self._known[id(entry)] = of_entry(entry.where(line), entry, entry.label)
                self._layers += self._known[id(entry)]
        if problems:
            raise ConfigError(source, problems)
        self._entries = tuple(entry for entry in checked if entry.enabled)
        if log:
            for finding in self.check():
                logger.log(_LEVELS[finding.severity], "%s: %s", source, finding)

    def __call__(self, app: ASGIApp) -> Application:
        """The app, wrapped: the first entry is the outermost. Lifespan is answered for an app that refuses it."""
        wrapped: Any = shielded(app) if self._entries else app
        made = getattr(wrapped, "made", {})
        for entry in reversed(self._entries):
            wrapped = entry(wrapped)
            made[id(wrapped)] = entry
        return cast("Application", wrapped)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._entries[index]

    def check(self, app: ASGIApp | None = None, *, plain_http: bool = False) -> list[Finding]:
        """What the order breaks, by place, without what is silenced.

        - `app`: the application that the stack is for, or that has the stack in its own list of middlewares; what can
          be seen of its other middlewares is looked at too.
        - `plain_http`: whether the server speaks http, not https, to other machines.
        """
        chains: list[list[Layer]] = [self._layers]
        if app is not None:
            chains = list(Inside(self._known).chains(app))
            own = set(map(id, self._layers))
            if not any(id(layer) in own for chain in chains for layer in chain):
                chains = [self._layers + chain for chain in chains]
        if plain_http:
            chains = [[Layer("plain http", frozenset({"plain_http"})), *chain] for chain in chains]
        return judge(chains, self._silence)

    def describe(self) -> str:
        """The onion as text: order, options, and where each value came from; secrets are hidden.

        What the order breaks stands below the entry that should move.
        """
        lines = [self._source]
        findings = self.check()
        for depth, entry in enumerate(self._entries):
            first, *rest = entry.lines()
            own = {layer.where for layer in self._known[id(entry)]}
            rest += [f"! {finding.told}" for finding in findings if finding.where in own]
            lines.append(f"{'  ' * depth}└─ {first}")
            lines += [f"{'  ' * depth}     {line}" for line in rest]
        lines.append(f"{'  ' * len(self._entries)}└─ app")
        return "\n".join(lines)

    def as_json(self) -> list[dict[str, Any]]:
        """The same in the types of JSON, an object for each entry."""
        return [entry.as_json() for entry in self._entries]

    def __repr__(self) -> str:
        return f"Stack([{', '.join(entry.name for entry in self._entries)}])"
