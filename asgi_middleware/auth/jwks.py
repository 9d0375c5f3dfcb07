"""Sources of keys that the issuer publishes: `JWKS(url)`, `OIDC(issuer)`, and `Issuers({...})` for several at once.

    JWT(OIDC("https://idp.example/"), audience="api")
    JWT(JWKS("https://idp.example/keys"), issuer="https://idp.example/", audience="api")
    JWT(Issuers({"https://a.example/": OIDC("https://a.example/"), "b": HMACKey(secret)}), audience="api")

Keys are fetched when the first token comes, and again behind the back of requests: who has a token of a known key never
waits for the network. When the issuer cannot be reached the keys that are known serve on, for a day; without any the
answer is 503, because the fault is not the client's. Neither a bad signature nor any number of tokens with invented key
IDs makes more than one fetch in 30 seconds.

                        age of the keys   known key          unknown `kid`
    fresh               up to 5 min       verifies           waits for a fetch, if one is due
    stale               up to 24 h        verifies; fetches  the same
                                          in the background
    none, or too old                      waits for a fetch, if one is due; then as above, or 503
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .._options import Options, shown
from .._threads import Threads
from .fetching import LARGEST, Fetch, FetchError, check_url, why_not, without_query
from .fetching import fetch as fetch_default
from .identity import AuthError
from .material import ALGORITHMS, Key, KeySet, is_source, jose, jwk_entry, parsed

logger = logging.getLogger("asgi_middleware.auth")

# How soon a key that was taken back stops, for issuers rotate within hours and ask for caches of minutes.
_FRESH = 5 * 60  # seconds
# An outage over a night is survived; after a day nobody can tell any more whose keys these are.
_STALE = 24 * 60 * 60  # seconds
# Between the starts of two fetches, failed ones included: what unknown key IDs can do to the issuer.
_INTERVAL = 30  # seconds
# Issuers have 2 to 10; every one costs a moment to make.
_MOST_KEYS = 64
_WELL_KNOWN = "/.well-known/openid-configuration"
_NEVER = float("-inf")


class JWKS:
    """The keys at an address: `JWKS("https://idp.example/keys")` (RFC 7517, 5).

    - `url`: https, or http on this machine. Redirects are not followed.
    - `fetch(url) -> bytes`: how to get it, in place of the standard library; plain, for it runs in a thread. It should
      end within seconds, and raise for every answer but 200.
    - `clock`: seconds.

    Keys that cannot be used (for encryption, secret, private, weak, of unknown kinds, beyond the 64th) are left out and
    logged; of keys that cannot be told apart by `kid` and algorithm none is used. Raises ConfigError with
    every problem.
    """

    _option = "url"

    def __init__(self, url: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        options = Options(type(self).__name__)
        self._url = self._checked(options, url)
        options.function("fetch", fetch, plain=True)
        options.function("clock", clock, optional=False, plain=True)
        options.raise_problems()
        jose(options.owner, self._option)
        self._fetch: Fetch = fetch_default if fetch is None else fetch
        self._clock = clock
        self._keys = KeySet()
        self._text: bytes | None = None
        self._fetched = self._tried = _NEVER
        # changes whenever the keys do, so that others know what to forget
        self.version = 0
        # whoever holds it fetches
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._threads = Threads("asgi_middleware.auth.jwks", 1)

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The one key that fits, or None. AuthError 503 if there are no keys to be had."""
        age = self._clock() - self._fetched
        if age >= _STALE or not self._keys:
            await self._wait()
            if self._clock() - self._fetched >= _STALE or not self._keys:
                raise AuthError(503, None, "The keys to verify tokens are not available")
        elif age >= _FRESH:
            self._refresh_in_background()
        keys = self._keys
        key = keys.find(alg, kid)
        # What can be no key's is not worth a fetch, nor is a key that does not fit its token.
        if key is None and kid is not None and alg in ALGORITHMS and not keys.names(kid):
            await self._wait()
            key = self._keys.find(alg, kid)
        return key

    @property
    def _due(self) -> bool:
        return self._clock() - self._tried >= _INTERVAL

    async def _wait(self) -> None:
        """Fetch if it is time to, or wait for the fetch that is under way."""
        self._mind_forks()
        if self._due or self._turn.locked():
            # One thread, however many wait: the others wait for its place, and find the work done. The thread of one
            # who is cancelled goes on to its end, for all.
            await self._threads.run(self._refresh)

    def _refresh(self) -> None:
        with self._turn:
            self._replace()

    def _refresh_in_background(self) -> None:
        self._mind_forks()
        if not self._due or not self._turn.acquire(blocking=False):
            return

        def work() -> None:
            try:
                self._replace()
            finally:
                self._turn.release()

        try:
            # A daemon: nobody waits for it, not even the end of the process.
            threading.Thread(target=work, name="asgi_middleware.auth.jwks", daemon=True).start()
        except RuntimeError:  # no more threads; the known keys serve on
            self._turn.release()

    def _mind_forks(self) -> None:
        """A fork in the middle of a fetch copies the lock, but not the thread that would release it."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._turn = threading.Lock()

    def _replace(self) -> None:
        """Fetch, if it still is time to, and take over. What goes wrong leaves the keys as they are, and is logged."""
        if not self._due:
            return
        self._tried = self._clock()
        try:
            text = self._get()
            if text != self._text:
                self._keys = self._read(text)
                self._text = text
                self.version += 1
            self._fetched = self._tried
        except Exception as error:  # noqa: BLE001  # a `fetch` from outside raises what it likes
            why = str(error) if isinstance(error, FetchError) else type(error).__name__
            logger.warning("%s: the keys could not be fetched (%s)", self, why)

    def _get(self) -> bytes:
        """The text of the JWKS."""
        return self._download(self._url)

    def _download(self, url: str) -> bytes:
        text = self._fetch(url)
        if not isinstance(text, bytes) or len(text) > LARGEST:
            raise FetchError(f"the answer is not bytes, {LARGEST} at most")
        return text

    def _read(self, text: bytes) -> KeySet:
        """The usable keys of a JWKS. FetchError if it is none."""
        listed = _object(text).get("keys")
        if not isinstance(listed, list):
            raise FetchError("the answer is no JWKS")
        options = Options(type(self).__name__)
        keys = KeySet()
        for item in listed[:_MOST_KEYS]:
            for entry in jwk_entry(options, "keys", item):
                keys.add(options, "keys", entry)
        left_out = {problem.rule for problem in options.problems}
        if len(listed) > _MOST_KEYS:
            left_out.add(f"is beyond the first {_MOST_KEYS}")
        if left_out:
            reasons = "; ".join(sorted(left_out))
            logger.info("%s: %d of %d keys are used; left out is what %s", self, len(keys), len(listed), reasons)
        return keys

    def _checked(self, options: Options, url: Any) -> str:
        return check_url(options, self._option, url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({without_query(self._url)!r})"


class OIDC(JWKS):
    """The keys of an OpenID provider, found through its discovery document (OpenID Connect Discovery 1.0, 4).

    - `issuer`: as it stands in the tokens, to the letter; https, or http on this machine. What the document says of
      itself must be the same, or it is not taken (4.3).
    - `fetch`, `clock`: as for JWKS.
    """

    _option = "issuer"

    def __init__(self, issuer: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(issuer, fetch=fetch, clock=clock)
        self.issuers: Mapping[str, JWKS] = {issuer: self}

    def _get(self) -> bytes:
        document = _object(self._download(self._url.rstrip("/") + _WELL_KNOWN))
        if document.get("issuer") != self._url:
            raise FetchError("the discovery document is of another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str) or why_not(url) is not None:
            raise FetchError("the discovery document's jwks_uri is no https address")
        return self._download(url)

    def _checked(self, options: Options, url: Any) -> str:
        issuer = super()._checked(options, url)
        if "?" in issuer and not options.problems:
            options.problem("issuer", shown(without_query(issuer)), "has a query", "leave it out")
        return issuer


class Issuers:
    """Several issuers, each with a source of its own: `Issuers({"https://a.example/": JWKS(...), "b": HMACKey(...)})`.

    A token goes by its exact `iss` to that source alone, so a key of one issuer never verifies a token of another.
    Raises ConfigError with every problem.
    """

    def __init__(self, sources: Mapping[str, Any]) -> None:
        options = Options("Issuers")
        issuers: dict[str, Any] = {}
        if not isinstance(sources, Mapping) or not sources:
            seen = "" if isinstance(sources, Mapping) else type(sources).__name__
            options.problem("sources", seen, "must map issuers to keys", "write {'https://idp.example/': JWKS(...)}")
        else:
            for issuer, source in sources.items():
                options.text("sources", issuer, example="'https://idp.example/'")
                issuers[issuer] = _source_for(options, issuer, source)
        options.raise_problems()
        self.issuers: Mapping[str, Any] = issuers

    def __repr__(self) -> str:
        return f"Issuers({dict(self.issuers)!r})"


def _source_for(options: Options, issuer: str, source: Any) -> Any:
    if not is_source(source):
        options.problem("sources", type(source).__name__, "is no source of keys", "pass JWKS(...) or StaticKeys(...)")
        return source
    known: Mapping[str, Any] = getattr(source, "issuers", {issuer: source})
    if issuer not in known:
        options.problem("sources", shown(issuer), "is not the issuer that its source is for", "make them the same")
    return known.get(issuer)


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object. FetchError for everything else."""
    content = parsed(text)
    if not isinstance(content, dict):
        raise FetchError("the answer is no JSON object")
    return content
