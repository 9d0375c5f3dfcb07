"""HTTP Basic authentication (RFC 7617) against hashed passwords."""

import base64
import binascii
import hashlib
import hmac
import inspect
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._options import Options, shown
from .._threads import Threads
from .._types import Scope
from ..exceptions import MissingExtra
from .identity import AuthError, User, credentials

# A good password is hashed once a minute, not on every request.
_REMEMBERED = 60  # seconds
_MOST_REMEMBERED = 1024
# bcrypt at cost 12 takes a quarter of a second of a core: more at once would only starve the rest.
_AT_ONCE = 2
# Beyond this nothing was typed; bcrypt itself reads 72 bytes.
_LONGEST = 1024  # bytes of credentials, encoded

_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$v=[0-9]+\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


class Basic:
    """Identifies by user name and password.

    - `users`: a mapping of names to bcrypt or argon2 hashes; or `htpasswd`: the path of a file with such lines
      (`htpasswd -B`), read once; or `check(name, password) -> bool | User | None`, sync or async.
    - `clock`: seconds; how long a good password is remembered is measured on it.

    An unknown user costs what a wrong password costs of a user with the first hash. Hashing runs in threads, two at a
    time. Raises ConfigError with every problem, MissingExtra without the packages for the hashes.
    """

    scheme = "Basic"
    reads = (b"authorization",)

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        htpasswd: str | os.PathLike[str] | None = None,
        check: Callable[[str, str], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options = Options("Basic")
        if sum(source is not None for source in (users, htpasswd, check)) != 1:
            options.problem("users", "", "exactly one of `users`, `htpasswd` and `check` is needed", "give one of them")
        hashes: dict[str, str] = {}
        if users is not None:
            if isinstance(users, Mapping):
                hashes = dict(users)
            else:
                options.problem(
                    "users", type(users).__name__, "must map names to hashes", "write {'ada': '$2b$12$...'}"
                )
        if htpasswd is not None:
            hashes = _read(options, htpasswd)
        for name, value in hashes.items():
            _check_hash(options, "users" if htpasswd is None else "htpasswd", name, value)
        if not hashes and check is None and not options.problems:
            option = "users" if htpasswd is None else "htpasswd"
            options.problem(option, "", "names no user", "add some")
        options.function("check", check)
        options.function("clock", clock, optional=False, plain=True)
        options.raise_problems()
        self._check = check
        self._clock = clock
        self._hashes = {name: value.encode() for name, value in hashes.items()}
        # What an unknown user's password is checked against: some user's own hash, so that it costs the same.
        self._decoy = next(iter(self._hashes.values()), b"")
        self._verify = _verifier(self._hashes.values())
        self._digest_key = os.urandom(32)
        self._good: dict[bytes, float] = {}
        self._threads = Threads("asgi_middleware.auth.basic", _AT_ONCE)

    async def identify(self, scope: Scope) -> Any:
        """The user, or None where there are no Basic credentials. AuthError if they are not good."""
        found = credentials(scope)
        if found is None or found[0] != b"basic":
            return None
        name, password = _parse(found[1])
        if self._check is not None:
            verdict: Any = self._check(name, password)
            if inspect.isawaitable(verdict):
                verdict = await verdict
            if not verdict or not getattr(verdict, "is_authenticated", True):
                raise AuthError(401, None, "Wrong user name or password")
            return User(name, scheme=self.scheme) if verdict is True else verdict
        if not await self._is_good(name, password.encode()):
            raise AuthError(401, None, "Wrong user name or password")
        return User(name, scheme=self.scheme)

    async def _is_good(self, name: str, password: bytes) -> bool:
        digest = hmac.digest(self._digest_key, name.encode() + b"\0" + password, hashlib.sha256)
        now = self._clock()
        if self._good.get(digest, now) > now:
            return True
        good = await self._threads.run(self._verify, self._hashes.get(name, self._decoy), password)
        if not good or name not in self._hashes:
            return False
        if len(self._good) >= _MOST_REMEMBERED:
            self._good.clear()
        self._good[digest] = now + _REMEMBERED
        return True

    def __repr__(self) -> str:
        return f"Basic(<{len(self._hashes)} users>)" if self._check is None else "Basic(check=...)"


def _parse(value: bytes) -> tuple[str, str]:
    """Name and password (RFC 7617, 2): UTF-8, at the first colon, without control characters."""
    if len(value) <= _LONGEST:
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pass
        else:
            name, colon, password = text.partition(":")
            if colon and not any(character < " " or character == "\x7f" for character in text):
                return name, password
    raise AuthError(400, "invalid_request", "The Basic credentials are malformed")


def _read(options: Options, path: str | os.PathLike[str]) -> dict[str, str]:
    """The lines of an htpasswd file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, TypeError, ValueError) as error:
        options.problem("htpasswd", shown(str(path)), f"cannot be read ({type(error).__name__})", "mend the path")
        return {}
    users: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, hashed = line.strip().partition(":")
        if not colon or name in users:
            rule = "names a user again" if colon else "has no colon"
            options.problem("htpasswd", f"line {number}", rule, "mend the file")
        users[name] = hashed
    return users


def _check_hash(options: Options, option: str, name: str, value: object) -> None:
    if not isinstance(name, str) or not name or ":" in name:
        options.problem(option, shown(name), "is no user name", "use a text without colon")
    if not isinstance(value, str) or not (_BCRYPT.fullmatch(value) or _ARGON2.fullmatch(value)):
        options.problem(
            option,
            f"the password of {shown(name)}",
            "is no bcrypt or argon2 hash (MD5, SHA-1 and plain text are not safe)",
            "make one: htpasswd -nB NAME",
        )


def _verifier(hashes: Any) -> Callable[[bytes, bytes], bool]:
    """The function that checks a password against a hash. Raises MissingExtra for the kinds in use."""
    kinds = {hashed.startswith(b"$argon2") for hashed in hashes}
    checkpw: Callable[[bytes, bytes], bool] | None = None
    verify: Callable[[bytes, bytes], Any] | None = None
    argon2_error: type[Exception] = ValueError
    if False in kinds:
        try:
            from bcrypt import checkpw
        except ImportError:
            raise MissingExtra("Basic", "users", "basic", "bcrypt") from None
    if True in kinds:
        try:
            from argon2 import PasswordHasher
            from argon2.exceptions import Argon2Error as argon2_error  # noqa: N813  # a type, bound to a variable
        except ImportError:
            raise MissingExtra("Basic", "users", "basic", "argon2-cffi") from None
        verify = PasswordHasher().verify

    def is_right(hashed: bytes, password: bytes) -> bool:
        try:
            if verify is not None and hashed.startswith(b"$argon2"):
                return bool(verify(hashed, password))
            # bcrypt reads 72 bytes and refuses more; what is longer cannot be the password that was hashed.
            return checkpw is not None and len(password) <= 72 and checkpw(password, hashed)
        except (ValueError, argon2_error):
            return False

    return is_right


def from_options(
    *,
    htpasswd: Path | None = None,
    users: Mapping[str, str] | None = None,
) -> Basic:
    """A `Basic` from a config list."""
    return Basic(users, htpasswd=htpasswd)
