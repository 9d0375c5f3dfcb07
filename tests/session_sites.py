"""What the tests of sessions in a browser have in common: applications to log in to, and the cookies that are kept."""

import datetime
import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FORTNIGHT = 14 * 24 * 60  # minutes: how long a session lasts by default
WITH_BROWSER = -1  # as playwright says that a cookie ends with the browser


class Site:
    """One application of a server. `<name>` in its options is where it is mounted."""

    _numbers = itertools.count(1)

    def __init__(self, client: httpx2.Client, origin: str, **options: Any) -> None:
        self.name = f"m{next(self._numbers)}"
        self.url = f"{origin}/{self.name}"
        self._client = client
        told = {key: f"/{self.name}" if value == "<name>" else value for key, value in options.items()}
        client.put(f"/{self.name}", json=told).raise_for_status()

    def get(self, page: "Page", path: str) -> Any:
        """The session, after the page has gone there."""
        response = page.goto(self.url + path)
        assert response is not None
        assert response.status == 200
        return response.json()

    def seen(self) -> list[str]:
        lines: list[str] = self._client.get(f"/{self.name}/seen").raise_for_status().json()
        return lines

    def later(self, seconds: int) -> None:
        self._client.get(f"/{self.name}/later/{seconds}").raise_for_status()


class Servers(NamedTuple):
    """The same server with and without TLS, and clients that control it."""

    http: httpx2.Client
    https: httpx2.Client

    def mount(self, origin: str, **options: Any) -> Site:
        """`origin` as "https://localhost", without the port."""
        client = self.https if origin.startswith("https:") else self.http
        return Site(client, f"{origin}:{client.base_url.port}", **options)


def own_certificate() -> bytes:
    """Signed by itself, with its key, as PEM."""
    pytest.importorskip("cryptography", reason="cryptography is not installed: the extra `crypto`")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def cookies(context: "BrowserContext") -> list[dict[str, Any]]:
    """All that the browser keeps, without the values; `expires` in minutes from now."""
    found: list[dict[str, Any]] = []
    for each in context.cookies():
        cookie: dict[str, Any] = {
            name: value for name, value in each.items() if name != "value" and not name.startswith("_")
        }
        if cookie["expires"] != WITH_BROWSER:
            cookie["expires"] = round((cookie["expires"] - time.time()) / 60)
        found.append(cookie)
    return found


def cookie(**other: Any) -> dict[str, Any]:
    """What the browser keeps with the options as they are, on http."""
    return {
        "name": "session",
        "domain": "localhost",
        "path": "/",
        "expires": FORTNIGHT,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
        **other,
    }


def the_cookie(context: "BrowserContext") -> Any:
    """The only one that it keeps, value and all."""
    (found,) = context.cookies()
    return found
