"""The command line: run an existing app inside a stack, check a stack, show it, and say what may stand in one.

    asgi-middleware run module:app --stack stack.toml
    asgi-middleware check stack.toml
    asgi-middleware show stack.toml
    asgi-middleware list cors
    asgi-middleware schema > stack.schema.json
    asgi-middleware explain stack.toml --origin https://app.example.com --method PUT --header X-Token

Exit status: 0, 1 if something is wrong with the stack or the app, 2 for wrong words on the command line. Errors go to
standard error, a line each, with the remedy; no traceback, nothing secret. `check --json` prints all on standard
output instead. Colours only on a terminal, and not where `NO_COLOR` is set.

`run` has the options of uvicorn that most need. For the others, and for other servers, see `asgi_middleware.main`.
"""

import argparse
import contextlib
import copy
import dataclasses
import errno
import importlib.util
import io
import ipaddress
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from ._loading import load
from ._options import Options
from ._types import ASGIApp
from .cors import CORSMiddleware
from .exceptions import ConfigError, MissingExtra, Problem
from .stack import Finding, Stack, listing, registry
from .stack.catalogue import catalogue
from .stack.schema import schema

__all__ = ["main"]

_BOLD, _RED, _GREEN, _YELLOW = "1", "31", "32", "33"
_STACK = "the stack, a TOML, JSON or YAML file"
_LOG_LEVELS = ("critical", "error", "warning", "info", "debug", "trace")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line on `argv` (by default the process's own) and return the exit status."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may hold what the terminal cannot show
    # As `python -m` does: apps and middlewares are most often in the folder where the command is given.
    sys.path.insert(0, os.getcwd())
    try:
        status: int = arguments.command(arguments)
        sys.stdout.flush()
    except ConfigError as error:
        print(f"{_coloured('asgi-middleware:', _RED, sys.stderr)} {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read it has seen enough; the interpreter would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _coloured(text: str, colour: str, stream: TextIO) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return text if plain else f"\x1b[{colour}m{text}\x1b[0m"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="asgi-middleware", description="ASGI middleware from a config list.")
    parser.add_argument("--version", action="version", version=metadata.version("asgi-middleware"))
    commands = parser.add_subparsers(metavar="{run,check,show,list,schema,explain}", required=True)
    _add_run(commands)

    check = commands.add_parser("check", help="say what is wrong with a stack")
    check.add_argument("stack", metavar="FILE", help=_STACK)
    check.add_argument(
        "--app", help="the app that the stack is for, as module:name, to look at its own middlewares too"
    )
    check.add_argument("--json", action="store_true", help="a JSON object on standard output, with every problem")
    check.set_defaults(command=_check)

    show = commands.add_parser("show", help="print a stack: order and options, secrets hidden")
    show.add_argument("stack", metavar="FILE", help=_STACK)
    show.add_argument("--json", action="store_true", help="a JSON object, with a list of the entries")
    show.set_defaults(command=_show)

    list_ = commands.add_parser("list", help="print every middleware, its options, their types and defaults")
    list_.add_argument("words", nargs="*", metavar="WORD", help="only these")
    list_.add_argument("--json", action="store_true", help="a JSON list, one object for each")
    list_.set_defaults(command=_list)

    schema_ = commands.add_parser("schema", help="print a JSON Schema, by which editors complete and check stack files")
    schema_.set_defaults(command=_schema)
    _add_explain(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="serve an app inside a stack, with uvicorn",
        epilog="All other options, and other servers: ASGI_APP=module:app ASGI_STACK=stack.toml "
        "uvicorn asgi_middleware.main:app ...",
    )
    run.add_argument("app", help="the app, as module:name; what makes it, as 'module:name()'")
    run.add_argument("--stack", required=True, metavar="FILE", help=_STACK)
    run.add_argument("--factory", action="store_true", help="module:name is a function without arguments that makes it")
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    run.add_argument("--port", type=_port, default=8000, help="port to listen on (%(default)s); 0 takes a free one")
    processes = run.add_mutually_exclusive_group()
    processes.add_argument(
        "--reload", action="store_true", help="start anew whenever a module changes, for development"
    )
    processes.add_argument("--workers", type=_workers, default=1, metavar="N", help="so many processes (%(default)s)")
    run.add_argument("--root-path", default="", metavar="PATH", help="below which path a proxy has mounted the app")
    run.add_argument("--forwarded-allow-ips", metavar="IPS", help="proxies whose word on client and scheme counts")
    run.add_argument("--log-level", choices=_LOG_LEVELS, default="info", help="(%(default)s)")
    run.set_defaults(command=_run)


def _add_explain(commands: Any) -> None:
    explain = commands.add_parser("explain", help="say what a browser does with a page's request of another origin")
    explain.add_argument("stack", metavar="FILE", help=_STACK)
    explain.add_argument("--origin", required=True, help="where the page is from, such as https://app.example.com")
    explain.add_argument("--method", default="GET", help="what its script asks with (%(default)s)")
    explain.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME[: VALUE]",
        dest="headers",
        help="a header that its script sets; may be given again",
    )
    explain.add_argument("--credentials", action="store_true", help='its script writes credentials: "include"')
    explain.add_argument("--json", action="store_true", help="a JSON list, one object for each entry that is cors")
    explain.set_defaults(command=_explain)


def _port(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; give one from 1 to 1024")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        import uvicorn
    except ImportError:
        raise MissingExtra("run", "serving", "server", "uvicorn") from None
    name = f"{arguments.app.removesuffix('()')}()" if arguments.factory else arguments.app
    with _warnings() as warned:
        app, stack = load(name, arguments.stack, owner="run", log=False)
    for warning in warned:
        print(f"asgi-middleware: warning: {warning}", file=sys.stderr)
    # Where a proxy is to be believed, there is one, and it may well speak https.
    plain_http = arguments.forwarded_allow_ips is None and not _is_this_machine(arguments.host)
    findings = stack.check(app, plain_http=plain_http)
    for finding in findings:
        print(f"asgi-middleware: {arguments.stack}: {finding}", file=sys.stderr)
    if _has_errors(findings):
        return 1
    _check_address(arguments.host, arguments.port)
    with _warnings():  # the same ones again
        served: Any = stack(app)
    if arguments.reload or arguments.workers > 1:
        # Each process loads it for itself. It was loaded here as well so that mistakes are told, once and in one line.
        os.environ.update(ASGI_APP=name, ASGI_STACK=arguments.stack)
        served = "asgi_middleware.main:app"
    try:
        uvicorn.run(
            served,
            host=arguments.host,
            port=arguments.port,
            workers=arguments.workers,
            root_path=arguments.root_path,
            forwarded_allow_ips=arguments.forwarded_allow_ips,
            log_level=arguments.log_level,
            log_config=_log_config(),
            **(_reloading(arguments.stack) if arguments.reload else {}),
        )
    except SystemExit:  # uvicorn's way to say that it could not start, after it has said why
        return 1
    return 0


def _check_address(host: str, port: int) -> None:
    """Raises ConfigError for an address that the server could not have, before the app is started for nothing."""
    options = Options("run")
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as listener:
                if os.name == "posix":  # elsewhere this would let two listen at once
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
    except (socket.gaierror, UnicodeError):  # of what is no name of a host, such as one that begins with a dot
        options.problem("--host", repr(host), "is no address of this machine", "give 127.0.0.1, or 0.0.0.0 for all")
    except OSError as error:
        # Whatever else there is may be this socket's trouble alone, and uvicorn will say it.
        if error.errno == errno.EADDRINUSE:
            remedy = "stop what listens there, or take another one; 0 is a free one"
            options.problem("--port", str(port), "is in use", remedy)
        elif error.errno == errno.EACCES:
            options.problem("--port", str(port), "is for the system's own servers", "give one from 1024 up")
    options.raise_problems()


def _is_this_machine(host: str) -> bool:
    """Whether a server that listens there is reached from this machine alone, for which browsers trust plain http."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _reloading(stack: str) -> dict[str, Any]:
    """uvicorn's options: what it watches. Files that are no modules it sees only by the package watchfiles."""
    if importlib.util.find_spec("watchfiles") is None:
        return {"reload": True}
    folders = {os.getcwd(), str(Path(stack).absolute().parent)}
    return {"reload": True, "reload_dirs": sorted(folders), "reload_includes": [Path(stack).name]}


def _log_config() -> dict[str, Any]:
    """uvicorn's own logging, with the request's ID at the end of each line; `-` outside of a request."""
    from uvicorn.config import LOGGING_CONFIG

    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    config["filters"] = {"request_id": {"()": "asgi_middleware.request_id.RequestIDFilter"}}
    for formatter in config["formatters"].values():
        formatter["fmt"] += " [%(request_id)s]"
    for handler in config["handlers"].values():
        handler["filters"] = ["request_id"]
    return config


def _check(arguments: argparse.Namespace) -> int:
    app: ASGIApp | None = None
    try:
        with _warnings() as warned:
            if arguments.app is None:
                stack = Stack.from_file(arguments.stack, create_files=False, log=False)
            else:
                app, stack = load(arguments.app, arguments.stack, owner="check", create_files=False, log=False)
    except ConfigError as error:
        if not arguments.json:
            raise
        problems = [{"entry": None, "line": None, **dataclasses.asdict(problem)} for problem in error.problems]
        _print_json({"stack": arguments.stack, "problems": problems, "findings": []})
        return 1
    findings = stack.check(app)
    if arguments.json:
        _print_json({"stack": arguments.stack, "problems": [], "findings": [*map(dataclasses.asdict, findings)]})
        return int(_has_errors(findings))
    told = [*(f"warning: {warning}" for warning in warned), *map(str, findings)]
    for line in told:
        print(f"{arguments.stack}: {line}")
    count = "no problems" if not told else "1 problem" if len(told) == 1 else f"{len(told)} problems"
    entries = f"{len(stack)} {'entry' if len(stack) == 1 else 'entries'}"
    colour = _RED if _has_errors(findings) else _YELLOW if told else _GREEN
    print(_coloured(f"{arguments.stack}: {count} in {entries}", colour, sys.stdout))
    return int(_has_errors(findings))


@contextlib.contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the middlewares log while they are made, which is not told otherwise."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]  # one method is no class
    package = logging.getLogger(__package__)
    package.addHandler(handler)
    try:
        yield told
    finally:
        package.removeHandler(handler)


def _show(arguments: argparse.Namespace) -> int:
    stack = Stack.from_file(arguments.stack, create_files=False, log=False)
    if arguments.json:
        _print_json({"stack": arguments.stack, "middleware": stack.as_json()})
    else:
        print(re.sub(r"(?<=└─ )\S+", lambda name: _coloured(name[0], _BOLD, sys.stdout), stack.describe()))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    found = list(catalogue())
    known = [described.word for described in found]
    unknown = [word for word in arguments.words if word not in known]
    if unknown:
        problems = [Problem(word, "", "is no known name", registry.nearest(word, known)) for word in unknown]
        raise ConfigError("list", problems)
    chosen = [described for described in found if not arguments.words or described.word in arguments.words]
    if arguments.json:
        _print_json([listing.as_json(described) for described in chosen])
    else:
        blocks = (
            re.sub(r"^\w+", lambda word: _coloured(word[0], _BOLD, sys.stdout), listing.as_text(d)) for d in chosen
        )
        print("\n\n".join(blocks))
    return 0


def _schema(_arguments: argparse.Namespace) -> int:
    _print_json(schema())
    return 0


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2))


def _explain(arguments: argparse.Namespace) -> int:
    stack = Stack.from_file(arguments.stack, create_files=False, log=False)
    told = []
    for entry in stack:
        if isinstance(entry.factory, type) and issubclass(entry.factory, CORSMiddleware):
            policy = entry.middleware().policy
            explanation = policy.explain(
                arguments.origin, arguments.method, arguments.headers, credentials=arguments.credentials
            )
            told.append((entry, explanation))
    if arguments.json:
        found = [{"entry": entry.label, **dataclasses.asdict(explanation)} for entry, explanation in told]
        _print_json(found)
    elif not told:
        print(f"{arguments.stack}: no entry is cors, so browsers let no page of another origin read an answer")
    else:
        blocks = ((", ".join([entry.label, *entry.conditions()]), explanation) for entry, explanation in told)
        print("\n\n".join(f"{where}: {explanation}" for where, explanation in blocks))
    return 0
