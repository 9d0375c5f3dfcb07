"""`CORSPolicy`: what is allowed, checked when it is made, and asked for each request."""

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import _headers
from .._options import Options, shown
from .._origins import Origins, may_be_origin
from .._types import Scope, Strings

if TYPE_CHECKING:
    from .explanation import Explanation

logger = logging.getLogger("asgi_middleware.cors")

# The longest registered method name (UPDATEREDIRECTREF) has 17 bytes.
_LONGEST_METHOD = 64
# What Access-Control-Request-Headers may be under "*": far beyond what browsers send, far below what hurts.
_LONGEST_REQUEST_HEADERS = 4096
_MOST_REQUEST_HEADER_LINES = 32
_MOST_REQUEST_HEADERS = 64
# Lines of Access-Control-Request-Headers that a policy remembers, and the longest of them.
_MOST_REMEMBERED = 256
_LONGEST_REMEMBERED = 256  # bytes
# Chromium caps at 2 hours and Firefox at 24, so more is a mistake.
_LONGEST_MAX_AGE = 86400

# Fetch: CORS-safelisted request-header names that need no preflight; always allowed, as in Starlette.
SAFELISTED = ("Accept", "Accept-Language", "Content-Language", "Content-Type")
# Fetch: forbidden methods, which no script can send.
FORBIDDEN_METHODS = ("CONNECT", "TRACE", "TRACK")

# Origins that nobody has listed: a regular expression that takes one of them takes anybody's.
_STRANGERS = (
    "https://nobody-listed-this.com",
    "https://nobodylistedthis.net",
    "https://nobodylistedthis.io",
    "https://nobodylistedthis.com:8443",
    "https://nobodylistedthis",
    "http://www.nobodylistedthis.org",
)


@dataclass(frozen=True, slots=True)
class CORSPolicy:
    """What is allowed: frozen, checked, comparable, printable. The options are those of CORSMiddleware.

    Raises ConfigError with every problem.
    """

    allow_origins: Strings | None = None
    allow_methods: Strings = ("GET", "HEAD", "POST")
    allow_headers: Strings = ()
    allow_credentials: bool = False
    allow_origin_regex: str | None = None
    allow_private_network: bool = False
    expose_headers: Strings = ()
    max_age: int | None = 600
    allow_origin_func: Callable[[str, Scope], Any] | None = None
    dangerously_allow_null_origin: bool = False
    dangerously_allow_any_origin_with_credentials: bool = False

    _origins: Origins = field(init=False, repr=False, compare=False)
    _origin_regex: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _method_set: frozenset[bytes] = field(init=False, repr=False, compare=False)
    _header_set: frozenset[bytes] = field(init=False, repr=False, compare=False)
    _remembered: dict[bytes, tuple[Sequence[bytes], str | None]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    # "*": one constant reply for all. Never together with credentials.
    any_origin: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = Options("CORSMiddleware")
        keep = object.__setattr__  # the way to derive fields of a frozen dataclass
        origins = options.strings(
            "allow_origins",
            () if self.allow_origins is None else self.allow_origins,
            example="['https://app.example.com']",
        )
        methods = options.strings("allow_methods", self.allow_methods, example="['GET', 'POST']")
        headers = options.strings("allow_headers", self.allow_headers, example="['Authorization']")
        exposed = options.strings("expose_headers", self.expose_headers, example="['X-Request-ID']")
        for option in (
            "allow_credentials",
            "allow_private_network",
            "dangerously_allow_null_origin",
            "dangerously_allow_any_origin_with_credentials",
        ):
            options.boolean(option, getattr(self, option))
        if self.max_age is not None:
            options.integer(
                "max_age",
                self.max_age,
                minimum=0,
                maximum=_LONGEST_MAX_AGE,
                unit="seconds, or None",
                remedy="write 600",
            )
        options.function("allow_origin_func", self.allow_origin_func)
        every = "*" in origins
        listed = [origin for origin in origins if origin != "*"]
        allowed = Origins(options, "allow_origins", listed, credentials=self.allow_credentials)
        regex = _check_regex(options, self)
        _check_whether_any(options, self, origins)
        _check_names(options, self, methods, headers, exposed)
        options.raise_problems()
        keep(self, "allow_origins", None if self.allow_origins is None else origins)
        keep(self, "allow_methods", methods)
        keep(self, "allow_headers", headers)
        keep(self, "expose_headers", exposed)
        keep(self, "any_origin", every and not self.allow_credentials)
        keep(self, "_origins", allowed)
        keep(self, "_origin_regex", re.compile(r".+") if every else regex)
        keep(self, "_method_set", frozenset(method.encode() for method in methods))
        keep(self, "_header_set", frozenset(name.lower().encode() for name in (*SAFELISTED, *headers)))

    def allows_by_list(self, origin: bytes) -> bool:
        """Whether `origin`, as sent, is allowed by list, pattern or regular expression."""
        if self.any_origin or self._origins.allow(origin):
            return True
        if origin == b"null":
            return self.dangerously_allow_null_origin
        if self._origin_regex is None or not may_be_origin(origin):
            return False
        return self._origin_regex.fullmatch(origin.decode("latin-1")) is not None

    async def allows(self, origin: bytes, scope: Scope) -> bool:
        """Whether `origin` is allowed: by list, or else by `allow_origin_func`, whose exception denies."""
        if self.allows_by_list(origin):
            return True
        if self.allow_origin_func is None or origin == b"null" or not may_be_origin(origin):
            return False
        try:
            verdict = self.allow_origin_func(origin.decode("latin-1"), scope)
            return bool(await verdict if inspect.isawaitable(verdict) else verdict)
        except Exception:  # the user's own check failed: an origin nobody vouched for is not allowed
            logger.exception("allow_origin_func raised; the origin is refused")
            return False

    def rule_for(self, origin: str) -> str | None:
        """Which option allows `origin`, in words; None where none does. `allow_origin_func` is not asked."""
        if not origin.isascii() or not self.allows_by_list(origin.encode()):
            return None
        if "*" in (self.allow_origins or ()):
            return "allow_origins is '*'"
        if origin in (self.allow_origins or ()):
            return "allow_origins lists it"
        pattern = self._origins.pattern_for(origin.encode())
        if pattern is not None:
            return f"{pattern!r} in allow_origins stands for it"
        return "dangerously_allow_null_origin is on" if origin == "null" else "allow_origin_regex matches it"

    def explain(
        self, origin: str, method: str = "GET", headers: Iterable[str] = (), *, credentials: bool = False
    ) -> "Explanation":
        """What a browser does with a page's `fetch()` of another origin, which rules decide, and what to change.

        `origin`: the page's, as browsers send it. `headers`: those that the script sets, as `"X-Token"` or
        `"Content-Type: text/plain"`; without a value Content-Type counts as one that no form could send.
        `credentials`: whether the page writes `credentials: "include"`.
        """
        from .explanation import explain  # here, because it is made of this class

        return explain(self, origin, method, headers, credentials=credentials)

    def refused_method(self, method: bytes) -> bool:
        """Whether a preflight's method is not allowed; compared as it is, for methods are case-sensitive."""
        if method in self._method_set:
            return False
        if b"*" not in self._method_set or len(method) > _LONGEST_METHOD:
            return True
        return not _headers.TOKEN.fullmatch(method) or method.decode().upper() in FORBIDDEN_METHODS

    def requested_headers(self, lines: Sequence[bytes]) -> tuple[Sequence[bytes], str | None]:
        """A preflight's header names in lower case, and which of them is refused, as text, or None.

        A page asks with the same line each time, so what came of short ones is remembered.
        """
        if len(lines) != 1 or len(lines[0]) > _LONGEST_REMEMBERED:
            return self._read(lines)
        known = self._remembered.get(lines[0])
        if known is None:
            known = self._read(lines)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[lines[0]] = known
        return known

    def _read(self, lines: Sequence[bytes]) -> tuple[Sequence[bytes], str | None]:
        """`requested_headers`; bounded before anything is split."""
        any_header = b"*" in self._header_set
        most = _LONGEST_REQUEST_HEADERS
        if not any_header:
            # every allowed name once, each with a comma and blanks, and room for one wrong name to be told
            most = sum(map(len, self._header_set)) + 4 * len(self._header_set) + 256
        if len(lines) > _MOST_REQUEST_HEADER_LINES or sum(map(len, lines)) > most:
            return (), "(too many)"
        if any_header and sum(line.count(b",") for line in lines) >= _MOST_REQUEST_HEADERS:
            return (), "(too many)"
        names = [name.lower() for name in _headers.members(lines)]
        for name in names:
            if name not in self._header_set and not (any_header and _headers.TOKEN.fullmatch(name)):
                return (), told(name)
        return tuple(dict.fromkeys(names)), None


def _check_whether_any(options: Options, policy: CORSPolicy, origins: tuple[str, ...]) -> None:
    """Something must say which origins are allowed, and not every one together with credentials."""
    given = (policy.allow_origins, policy.allow_origin_regex, policy.allow_origin_func)
    if all(source is None for source in given) and not policy.dangerously_allow_null_origin:
        options.problem(
            "allow_origins", "", "says nowhere which origins are allowed", "list them, or write [] to allow none"
        )
    if "*" in origins and len(origins) > 1:
        options.problem("allow_origins", shown(origins), "'*' already allows every origin", "list '*' alone")
    if "*" in origins and policy.allow_credentials and not policy.dangerously_allow_any_origin_with_credentials:
        options.problem(
            "allow_origins",
            "'*'",
            "with allow_credentials any site could read what the signed-in user can",
            "list the origins, or leave credentials off",
        )


def _check_regex(options: Options, policy: CORSPolicy) -> re.Pattern[str] | None:
    regex = policy.allow_origin_regex
    if regex is None:
        return None
    if not isinstance(regex, str):
        options.problem("allow_origin_regex", shown(regex), "must be text", "pass the pattern, not compiled")
        return None
    try:
        pattern = re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        options.problem("allow_origin_regex", shown(regex), f"is no regular expression ({error})", "mend it")
        return None
    matters = policy.allow_credentials and not policy.dangerously_allow_any_origin_with_credentials
    if matters and any(pattern.fullmatch(stranger) for stranger in _STRANGERS):
        options.problem(
            "allow_origin_regex",
            shown(regex),
            "matches any site, and with allow_credentials any site could read what the signed-in user can",
            "name the domain, as in r'https://[a-z0-9-]+\\.example\\.com'",
        )
    return pattern


def _check_names(
    options: Options,
    policy: CORSPolicy,
    methods: tuple[str, ...],
    headers: tuple[str, ...],
    exposed: tuple[str, ...],
) -> None:
    for method in methods:
        if not _headers.is_token(method):
            options.problem("allow_methods", shown(method), "is not a method name", "write for example 'PUT'")
        elif method.upper() in FORBIDDEN_METHODS:
            options.problem("allow_methods", shown(method), "no browser lets a script send it", "leave it out")
        elif method != method.upper() and method.upper() in (
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
        ):
            options.problem("allow_methods", shown(method), "methods are case-sensitive", f"write {method.upper()!r}")
    for name in headers:
        options.header_name("allow_headers", name)
    for name in exposed:
        options.header_name("expose_headers", name)
    if "*" in exposed and policy.allow_credentials:
        options.problem("expose_headers", "'*'", "means nothing with credentials", "list the header names")


def told(name: bytes) -> str:
    """An item of a request as a reason may name it: escaped, cut."""
    return ascii(name[:64].decode("latin-1"))
