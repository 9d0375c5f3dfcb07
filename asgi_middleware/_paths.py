"""The one path grammar, used by every option that names paths.

    /docs      exactly that path
    /docs/*    it and everything below
    /          the root only
    /*         everything

Case-sensitive, on the decoded path without the root path. A path that two programs could read differently (dot
segments, `//`, a backslash, an encoded slash, control characters, no slash in front) is in doubt, and doubt never opens
a door: such a path is never exempt (`public`, `exclude`) and always covered (`paths`). Seen in the field: a check for
`/public/*` in front of a static file server that resolved `/public/../private/s.txt`, and one for `/admin/*` in front
of routers that take `GET admin/x HTTP/1.1`, which h11 lets through, for `/admin/x`.
"""

import re

from ._options import Options
from ._types import Scope, Strings

# On the decoded path. `;` ends a segment for some servers; `%` there means that it was encoded twice. What begins
# without a slash and is beyond doubt is the asterisk form of OPTIONS alone (RFC 9112, 3.2.4).
_DOUBT = re.compile(r"^(?!/|\*$)|//|\\|/\.{1,2}(?:/|;|$)|%(?:2[ef]|5c)|[\x00-\x1f\x7f]", re.IGNORECASE)
# On the raw path, where an encoded slash or backslash is still visible.
_RAW_DOUBT = re.compile(rb"%(?:2f|5c)", re.IGNORECASE)


def route_path(scope: Scope) -> str:
    """The decoded path that the application routes by: without the root path, `/` where nothing is left."""
    path: str = scope.get("path") or "/"
    root: str = (scope.get("root_path") or "").rstrip("/")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :] or "/"
    return path


class Paths:
    """A checked set of path patterns. `patterns` is a collection of strings in the grammar above."""

    __slots__ = ("_exact", "_prefixes", "patterns")

    def __init__(self, options: Options, option: str, patterns: Strings) -> None:
        self.patterns = options.strings(option, patterns, example="['/health', '/docs/*']")
        exact: set[str] = set()
        prefixes: list[str] = []
        for pattern in self.patterns:
            base = pattern.removesuffix("/*")
            if not pattern.startswith("/"):
                options.problem(option, repr(pattern), "a path begins with a slash", f"write {'/' + pattern!r}")
            elif "*" in base:
                options.problem(option, repr(pattern), "`*` stands only at the end, after a slash", "write '/docs/*'")
            elif "?" in base or "#" in base or "%" in base:
                options.problem(
                    option, repr(pattern), "patterns match the decoded path alone", "leave out query, fragment, escapes"
                )
            elif _DOUBT.search(pattern):
                options.problem(
                    option, repr(pattern), "dot segments, `//` and backslashes never match", "write the plain path"
                )
            elif base == pattern:
                exact.add(pattern)
            else:
                exact.add(base)
                prefixes.append(base + "/")
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)

    def exempts(self, scope: Scope) -> bool:
        """Whether the path is named, beyond doubt: for options that open (`public`, `exclude`)."""
        path = route_path(scope)
        return self._names(path) and not _doubtful(scope, path)

    def covers(self, scope: Scope) -> bool:
        """Whether the path is named, or in doubt: for options that apply something (`paths`)."""
        path = route_path(scope)
        return self._names(path) or _doubtful(scope, path)

    def _names(self, path: str) -> bool:
        return path in self._exact or path.startswith(self._prefixes)


def _doubtful(scope: Scope, path: str) -> bool:
    raw = scope.get("raw_path")
    return _DOUBT.search(path) is not None or (raw is not None and _RAW_DOUBT.search(raw) is not None)
