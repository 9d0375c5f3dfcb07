"""Cookies: read one by name, write one, and check what would make a browser refuse it.

Reading never parses foreign cookies. A general parser undoes quoting for all of them, which CPython did in quadratic
time until 3.12.6 (CVE-2024-7592): one foreign cookie of 60 KB could stop a server for seconds.
"""

import functools
import re

from ._headers import is_token
from ._options import Options, shown

# How many cookies of one name are looked at: a client may send several (for other paths or domains).
MOST_CANDIDATES = 4
# Browsers keep no cookie above 4,096 bytes, so no honest one is longer.
LONGEST_VALUE = 4096

# RFC 6265, 4.1.1: path-value and domain-value hold no control characters and no semicolon.
_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]+")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def candidates(header: bytes, name: bytes) -> list[bytes]:
    """The values sent for the cookie `name`, in order; at most four, over-long ones left out.

    Work is linear in the length of the header. One pair of surrounding double quotes is taken off, and nothing else is
    undone.
    """
    values: list[bytes] = []
    for value in _pattern(name).findall(header):
        value = value.strip(b" \t")
        if len(value) > 1 and value.startswith(b'"') and value.endswith(b'"'):
            value = value[1:-1]
        if len(value) <= LONGEST_VALUE:
            values.append(value)
        if len(values) == MOST_CANDIDATES:
            break
    return values


@functools.cache  # one for each cookie that is configured
def _pattern(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:^|;)[ \t]*" + re.escape(name) + rb"=([^;]*)")


def attributes(
    *,
    path: str,
    max_age: int | None,
    same_site: str,
    secure: bool,
    domain: str | None,
    partitioned: bool,
    delete: bool = False,
) -> str:
    """Everything in Set-Cookie behind the value, in Starlette's spelling and order."""
    expires = "expires=Thu, 01 Jan 1970 00:00:00 GMT; " if delete else ""
    age = f"Max-Age={max_age}; " if max_age is not None and not delete else ""
    text = f"; path={path}; {expires}{age}httponly; samesite={same_site}"
    if secure:
        text += "; secure"
    if domain is not None:
        text += f"; domain={domain}"
    return text + "; partitioned" if partitioned else text


def check(
    options: Options,
    *,
    name_option: str,
    name: str,
    path: str,
    domain: str | None,
    same_site: str,
    secure: object,
    partitioned: bool,
) -> None:
    """Refuse what a browser would refuse (RFC 6265bis, 4.1). `secure` is True, False or "auto"."""
    if not isinstance(name, str) or not is_token(name):
        options.problem(name_option, shown(name), "is not a cookie name", "use letters, digits and hyphens")
    if not isinstance(path, str) or not path.startswith("/") or not _ATTRIBUTE.fullmatch(path):
        options.problem("path", shown(path), "must begin with a slash and hold no `;`", "write '/'")
    if domain is not None and not (isinstance(domain, str) and _DOMAIN.fullmatch(domain)):
        options.problem("domain", shown(domain), "is not a domain name", "write 'example.com', or leave it out")
    options.choice("same_site", same_site, ("lax", "strict", "none"))
    options.boolean("partitioned", partitioned)
    options.choice("https_only", secure, ("auto", True, False))
    lower = name.lower() if isinstance(name, str) else ""
    if secure is False:
        for why, wanted in (
            (lower.startswith(("__host-", "__secure-")), f"browsers refuse {shown(name)} without Secure"),
            (same_site == "none", "browsers refuse same_site='none' without Secure"),
            (partitioned is True, "browsers refuse partitioned cookies without Secure"),
        ):
            if why:
                options.problem("https_only", "False", wanted, "use https_only=True, or leave it out")
    if lower.startswith("__host-"):
        if domain is not None:
            options.problem("domain", shown(domain), "a `__Host-` cookie has no domain", "leave it out")
        if path != "/":
            options.problem("path", shown(path), "a `__Host-` cookie has the path '/'", "write '/'")


def forces_secure(name: str, same_site: str, partitioned: bool) -> bool:
    """Whether browsers accept this cookie only with Secure."""
    return same_site == "none" or partitioned or name.lower().startswith(("__host-", "__secure-"))
