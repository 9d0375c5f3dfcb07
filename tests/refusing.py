"""What CORS refuses at construction."""

from collections.abc import Callable

import pytest

from asgi_middleware import ConfigError, CORSMiddleware

from .apps import text
from .test_cors import Options


def problems(build: Callable[[], object]) -> list[tuple[str, str]]:
    """The (option, remedy) of each problem that refuses a configuration."""
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.owner == "CORSMiddleware"
    return [(problem.option, problem.remedy) for problem in caught.value.problems]


def refusals(options: Options) -> list[tuple[str, str]]:
    return problems(lambda: CORSMiddleware(text(b"ok"), **options))


HOST_REMEDY = "write 'https://example.com' or 'https://*.example.com'"
