"""The command line: run an existing app inside a stack, check a stack, show it.

    asgi-middleware run module:app --stack stack.toml
    asgi-middleware check stack.toml
    asgi-middleware show stack.toml
    asgi-middleware explain stack.toml --origin https://app.example.com --method PUT --header X-Token

Exit status: 0, 1 if something is wrong with the stack or the app, 2 for wrong words on the command line. Errors go to
standard error, a line each, with the remedy; no traceback, nothing secret.
"""

import argparse
import copy
import dataclasses
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from ._options import Options
from ._types import ASGIApp
from .cors import CORSMiddleware
from .exceptions import ConfigError, MissingExtra, Problem
from .stack import Stack, registry
from .stack.hiding import without_secrets

__all__ = ["main"]


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
        return status
    except ConfigError as error:
        print(f"asgi-middleware: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="asgi-middleware", description="ASGI middleware from a config list.")
    parser.add_argument("--version", action="version", version=metadata.version("asgi-middleware"))
    commands = parser.add_subparsers(metavar="{run,check,show,explain}", required=True)

    run = commands.add_parser("run", help="serve an app inside a stack, with uvicorn")
    run.add_argument("app", help="the app, as module:name")
    run.add_argument("--stack", required=True, metavar="FILE", help="the stack, a TOML file")
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    run.add_argument("--port", type=_port, default=8000, help="port to listen on (%(default)s); 0 takes a free one")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="say what is wrong with a stack")
    check.add_argument("stack", metavar="FILE", help="the stack, a TOML file")
    check.set_defaults(command=_check)

    show = commands.add_parser("show", help="print a stack: order and options, secrets hidden")
    show.add_argument("stack", metavar="FILE", help="the stack, a TOML file")
    show.set_defaults(command=_show)

    explain = commands.add_parser("explain", help="say what a browser does with a page's request of another origin")
    explain.add_argument("stack", metavar="FILE", help="the stack, a TOML file")
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
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        import uvicorn
    except ImportError:
        raise MissingExtra("run", "serving", "server", "uvicorn") from None
    try:
        app: ASGIApp = registry.load(arguments.app)
    except registry.UnresolvedError as error:
        rule = without_secrets(error.rule)
        raise ConfigError("run", [Problem("app", repr(arguments.app), rule, error.remedy)]) from None
    options = Options("run")
    options.app(app)
    options.raise_problems()
    stack = Stack.from_file(arguments.stack)  # last, because it may make files
    try:
        uvicorn.run(stack(app), host=arguments.host, port=arguments.port, log_config=_log_config())
    except SystemExit:  # uvicorn's way to say that it could not start, after it has said why
        return 1
    return 0


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
    stack = Stack.from_file(arguments.stack, create_files=False)
    print(f"{arguments.stack}: no problems in {len(stack)} {'entry' if len(stack) == 1 else 'entries'}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    print(Stack.from_file(arguments.stack, create_files=False).describe())
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    stack = Stack.from_file(arguments.stack, create_files=False)
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
        print(json.dumps(found, indent=2))
    elif not told:
        print(f"{arguments.stack}: no entry is cors, so browsers let no page of another origin read an answer")
    else:
        blocks = ((", ".join([entry.label, *entry.conditions()]), explanation) for entry, explanation in told)
        print("\n\n".join(f"{where}: {explanation}" for where, explanation in blocks))
    return 0
