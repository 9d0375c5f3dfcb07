"""What a browser does with one request under a policy, in words: the steps of the Fetch standard, one after another.

    print(CORSPolicy(allow_origins=["https://app.example.com"]).explain("https://app.example.com", "PUT", ["X-Token"]))

The verdicts are the policy's own; what stands here is the browser's side (https://fetch.spec.whatwg.org/, 2.2 and 4.8)
and the names of the options that decided.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .._headers import is_token
from .._origins import wrong_with
from .policy import FORBIDDEN_METHODS, CORSPolicy

# fetch() writes these in capitals, and no others.
_NORMALISED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
# A form or a link could send these too, so no browser asks first.
_SIMPLE_METHODS = frozenset({"GET", "HEAD", "POST"})
_SIMPLE_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_SIMPLE_RANGE = re.compile(r"bytes=[0-9]+-[0-9]*")
_LONGEST_SIMPLE = 128  # bytes of a value
# What a script cannot set.
_FORBIDDEN_HEADERS = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
# What a script may always read.
_READABLE = (
    "Cache-Control",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Expires",
    "Last-Modified",
    "Pragma",
)

_READ = "the page reads the answer: status, body, {headers}."
_UNREAD = (
    "The browser sends the request and the application answers it, but the page cannot read the answer: "
    "fetch() rejects with a TypeError."
)
_NULL = "serve the page from an origin of its own: sandboxed frames and files of every site send 'null'"
_UNSENT = "The browser does not send the request: fetch() rejects with a TypeError."
_ASKED = "It depends on allow_origin_func(origin, scope), which is asked for each request. Where it says yes: "


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a browser does with one request. `str()` of it is the whole text."""

    request: str
    steps: tuple[str, ...]
    outcome: str
    # Whether the page can read the answer; None where `allow_origin_func` decides.
    readable: bool | None
    # What to change, in the policy or in the page, if the page should read it.
    remedies: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.request, *(f"  {number}. {step}" for number, step in enumerate(self.steps, 1)), self.outcome]
        return "\n".join([*lines, *(f"To change that: {remedy}." for remedy in self.remedies)])


def explain(policy: CORSPolicy, origin: str, method: str, headers: Iterable[str], *, credentials: bool) -> Explanation:
    """See `CORSPolicy.explain`."""
    if isinstance(headers, str):
        headers = (headers,)
    told = _Told(policy)
    sent = method.upper() if method.upper() in _NORMALISED else method
    given = [(name.strip(), value.strip()) for name, _, value in (header.partition(":") for header in headers)]
    unsafe = told.page(sent, given)
    asks = sent not in _SIMPLE_METHODS or bool(unsafe)
    if told.sendable:
        if asks:
            why = [] if sent in _SIMPLE_METHODS else [f"the method {sent}"]
            kept = {None: "for 5 s, its default", 0: "for no time"}.get(policy.max_age, f"for {policy.max_age} s")
            told.say(f"The browser asks first, by a preflight, for {_and([*why, *unsafe])}; it keeps a yes {kept}.")
        else:
            told.say("The browser asks nothing first: a form or a link could send the same.")
        told.origin(origin)
        if asks:
            told.method(sent)
            told.headers(unsafe)
        if credentials:
            told.with_credentials()
    names = [name if is_token(name) else ascii(name) for name, _ in given]
    request = f"{sent if is_token(sent) else ascii(sent)} from {origin!r}"
    request += f" with {_and(names)}" if names else ""
    return told.explanation(request + (", with credentials" if credentials else ""), asks=asks)


class _Told:
    """The steps so far, and what they came to."""

    def __init__(self, policy: CORSPolicy) -> None:
        self._policy = policy
        self._steps: list[str] = []
        self._remedies: list[str] = []
        self._asks_function = False
        self.sendable = True

    def say(self, step: str, *remedies: str) -> None:
        self._steps.append(step)
        self._remedies += remedies

    def page(self, method: str, headers: list[tuple[str, str]]) -> list[str]:
        """What the page may ask for at all; returns the names, in lower case, for which a browser asks first."""
        if not is_token(method) or method.upper() in FORBIDDEN_METHODS:
            self.sendable = False
            self.say(f"The method {method!r} is one that no script can send.", "use another method")
        unsafe: list[str] = []
        for name, value in headers:
            lower = name.lower()
            if not is_token(name):
                self.sendable = False
                self.say(f"{name!r} is no header name.", "use another name")
            elif lower in _FORBIDDEN_HEADERS or lower.startswith(("sec-", "proxy-")):
                self.say(f"{name} is set by the browser alone; what a script gives for it is dropped.")
            elif not _is_simple(lower, value) and lower not in unsafe:
                unsafe.append(lower)
        return sorted(unsafe)

    def origin(self, origin: str) -> None:
        policy = self._policy
        misspelt = _misspelt(origin)
        rule = None if misspelt else policy.rule_for(origin)
        if misspelt:
            self.say(f"The origin is refused: no browser sends {origin!r}: {misspelt[0]}.", misspelt[1])
        elif rule is not None:
            self.say(f"The origin is allowed: {rule}.")
        elif origin == "null":
            self.say("The origin is refused: dangerously_allow_null_origin is off.", _NULL)
        elif policy.allow_origin_func is not None:
            self._asks_function = True
            self.say("The origin is in no list; allow_origin_func decides.")
        else:
            near = _near(policy, origin)
            self.say(f"The origin is refused: no rule allows {origin!r}{near}.", f"add {origin!r} to allow_origins")

    def method(self, method: str) -> None:
        policy = self._policy
        if not policy.refused_method(method.encode()):
            self.say(f"The method is allowed: {_listed(policy.allow_methods, method, 'allow_methods')}.")
        elif method != method.upper() and not policy.refused_method(method.upper().encode()):
            self.say(
                f"The method is refused: methods are case-sensitive, and fetch() writes {method!r} as it is.",
                f"write method: {method.upper()!r} in the page",
            )
        else:
            self.say(f"The method is refused: {method!r} is not in allow_methods.", f"add {method!r} to allow_methods")

    def headers(self, names: list[str]) -> None:
        policy = self._policy
        for name in names:
            if policy.requested_headers([name.encode()])[1] is None:
                self.say(f"The header {name} is allowed: {_listed(policy.allow_headers, name, 'allow_headers')}.")
            else:
                self.say(f"The header {name} is refused: it is not in allow_headers.", f"add {name!r} to allow_headers")
        if not self._remedies and policy.requested_headers([",".join(names).encode()])[1] is not None:
            self.say("The headers are refused: there are too many of them.", "send fewer")

    def with_credentials(self) -> None:
        if self._policy.allow_credentials:
            self.say("Credentials are allowed: allow_credentials is on.")
        elif self._policy.any_origin:
            self.say(
                "Credentials are refused: allow_credentials is off, and an answer for '*' is for nobody in particular.",
                "list the origins instead of '*', and set allow_credentials=True",
            )
        else:
            self.say("Credentials are refused: allow_credentials is off.", "set allow_credentials=True")

    def explanation(self, request: str, *, asks: bool) -> Explanation:
        remedies = tuple(self._remedies)
        if remedies:
            outcome = _UNSENT if asks or not self.sendable else _UNREAD
            return Explanation(request, tuple(self._steps), outcome, readable=False, remedies=remedies)
        exposed = list(self._policy.expose_headers)
        if exposed == ["*"]:
            headers = "and every header but Set-Cookie"
        else:
            headers = f"and the headers {_and([*_READABLE, *exposed])}"
        read = _READ.format(headers=headers)
        outcome = _ASKED + read if self._asks_function else read[0].upper() + read[1:]
        readable = None if self._asks_function else True
        return Explanation(request, tuple(self._steps), outcome, readable=readable, remedies=())


def _misspelt(origin: str) -> tuple[str, str] | None:
    """Rule and remedy for what no browser sends as an origin; None for what one does."""
    if origin == "null":
        return None
    if "*" in origin:
        return "it is a pattern", "ask again, with one origin that it stands for"
    wrong = wrong_with(origin, credentials=False)
    return None if wrong is None else (wrong[0], f"ask again: {wrong[1]}")


def _near(policy: CORSPolicy, origin: str) -> str:
    """What nearly allows it, as a clause; empty where nothing does."""
    scheme, _, rest = origin.partition("://")
    host, _, port = rest.partition(":")
    for listed in policy.allow_origins or ():
        its_scheme, _, its_rest = listed.partition("://")
        its_host, _, its_port = its_rest.partition(":")
        if its_host == host and (its_port in (port, "*") or its_scheme == scheme):
            return f"; {listed!r} has another {'port' if its_scheme == scheme else 'scheme'}"
        if its_host == f"*.{host}":
            return f"; {listed!r} stands for the hosts below, not for {host} itself"
    if policy.allow_origin_regex is not None and re.search(policy.allow_origin_regex, origin):
        return "; allow_origin_regex matches a part of it, and must match the whole"
    return ""


def _is_simple(name: str, value: str) -> bool:
    """Whether a header needs no preflight (Fetch, CORS-safelisted request-header). `name` in lower case."""
    if len(value) > _LONGEST_SIMPLE:
        return False
    if name == "content-type":
        return value.partition(";")[0].strip().lower() in _SIMPLE_TYPES
    if name == "range":
        return _SIMPLE_RANGE.fullmatch(value) is not None
    return name in ("accept", "accept-language", "content-language")


def _listed(values: Iterable[str], wanted: str, option: str) -> str:
    """Which rule of a list has let a name pass."""
    if wanted.lower() in (value.lower() for value in values):
        return f"{option} lists it"
    return f"{option} is '*'" if "*" in values else "it always is"


def _and(items: Iterable[str]) -> str:
    """The items as a sentence lists them."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
