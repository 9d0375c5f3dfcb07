"""Independent pure-ASGI middleware: each wraps any application, and composes with every other.

See the module of each for its manual: `asgi_middleware.cors`, `.errors`, `.compression`, `.sessions`, `.auth`,
`.request_id`, `.timing`, `.lint`, and `.stack` for config lists.
"""

from .auth import AuthenticationMiddleware, AuthMiddleware
from .compression import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from .cors import CORSMiddleware, CORSPolicy
from .errors import ErrorsMiddleware
from .exceptions import ConfigError, MissingExtra
from .lint import LintMiddleware
from .request_id import RequestIDMiddleware, get_request_id
from .sessions import SessionMiddleware
from .stack import Stack
from .timing import TimingMiddleware, measure

__all__ = [
    "AuthMiddleware",
    "AuthenticationMiddleware",
    "BrotliMiddleware",
    "CORSMiddleware",
    "CORSPolicy",
    "CompressionMiddleware",
    "ConfigError",
    "ErrorsMiddleware",
    "GZipMiddleware",
    "LintMiddleware",
    "MissingExtra",
    "RequestIDMiddleware",
    "SessionMiddleware",
    "Stack",
    "TimingMiddleware",
    "get_request_id",
    "measure",
]
