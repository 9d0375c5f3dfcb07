"""The ID and the trace in requests that the application sends itself: as headers, or by a hook for httpx."""

from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

from .._options import Options
from .._types import Strings
from .context import current
from .generators import spans
from .hosts import Hosts, host_of, known
from .trace import traceparent


def propagation_headers(url: object, *, allow: Strings) -> dict[str, str]:
    """The headers to send to `url`, a str or anything whose str() is the URL; none where there is nothing to tell.

    `allow` names the hosts that may know: `"api.example.com"`, `"*.example.com"` (what is below, not the domain
    itself), addresses; any port of them. Nothing is sent to any other host, to a URL that can be read in two ways (a
    user name, a backslash, an odd spelling of an address), or outside of a request. With a trace, every call is a
    child of its own of this request. Raises ConfigError for an `allow` that is no collection of hosts.
    """
    return _merged(_outgoing()) if _hosts("propagation_headers", allow).allow(host_of(str(url))) else {}


def propagate(*, allow: Strings) -> Callable[[Any], Awaitable[None]]:
    """The same as a hook for httpx and httpx2: `Client(event_hooks={"request": [propagate(allow=[...])]})`.

    One for both kinds of client: AsyncClient awaits what it returns. A header that the request has already stays, and
    of a trace then neither is added. A redirect to a host that is not allowed does not take along what was added for
    an earlier one.
    """
    hosts = _hosts("propagate", allow)
    # where a request, and each that it is redirected to, keeps what this hook has added
    key = f"asgi_middleware.request_id.{id(hosts)}"

    def hook(request: Any) -> _Done:
        headers = request.headers
        for name, value in request.extensions.get(key, {}).items():
            if headers.get(name) == value:
                del headers[name]
        added: dict[str, str] = {}
        if hosts.allow(known(request.url.raw_host.decode("ascii", "replace"))):
            added = _merged(lines for lines in _outgoing() if not any(name in headers for name in lines))
            headers.update(added)
        request.extensions = {**request.extensions, key: added}
        return _Done()

    return hook


class _Done:
    """Done already, for those who await it."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


def _hosts(owner: str, allow: Strings) -> Hosts:
    options = Options(owner)
    hosts = Hosts(options, "allow", allow)
    options.raise_problems()
    return hosts


def _outgoing() -> Iterator[dict[str, str]]:
    """The headers that tell of the request under way, those together that go only together."""
    holder = current.get()
    if holder is None:
        return
    yield {holder.header: holder.value}
    trace = holder.trace
    if trace is not None:
        lines = {"traceparent": traceparent(trace.trace_id, spans.take(), trace.flags)}
        yield {**lines, "tracestate": trace.state} if trace.state else lines


def _merged(groups: Iterator[dict[str, str]]) -> dict[str, str]:
    return {name: value for lines in groups for name, value in lines.items()}
