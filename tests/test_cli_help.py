"""`cli`: the whole of what `--help` says."""

import pytest

from .commanding import Run

# A command, and its help on a wide terminal.
HELP = {
    "": """
usage: asgi-middleware [-h] [--version] {run,check,show,list,schema,explain} ...

ASGI middleware from a config list.

positional arguments:
  {run,check,show,list,schema,explain}
    run                 serve an app inside a stack, with uvicorn
    check               say what is wrong with a stack
    show                print a stack: order and options, secrets hidden
    list                print every middleware, its options, their types and defaults
    schema              print a JSON Schema, by which editors complete and check stack files
    explain             say what a browser does with a page's request of another origin

options:
  -h, --help            show this help message and exit
  --version             show program's version number and exit
""",
    "run": """
usage: asgi-middleware run [-h] --stack FILE [--factory] [--host HOST] [--port PORT] [--reload | \
--workers N] [--root-path PATH] [--forwarded-allow-ips IPS] [--log-level \
{critical,error,warning,info,debug,trace}] app

positional arguments:
  app                   the app, as module:name; what makes it, as 'module:name()'

options:
  -h, --help            show this help message and exit
  --stack FILE          the stack, a TOML, JSON or YAML file
  --factory             module:name is a function without arguments that makes it
  --host HOST           address to listen on (127.0.0.1)
  --port PORT           port to listen on (8000); 0 takes a free one
  --reload              start anew whenever a module changes, for development
  --workers N           so many processes (1)
  --root-path PATH      below which path a proxy has mounted the app
  --forwarded-allow-ips IPS
                        proxies whose word on client and scheme counts
  --log-level {critical,error,warning,info,debug,trace}
                        (info)

All other options, and other servers: ASGI_APP=module:app ASGI_STACK=stack.toml uvicorn asgi_middleware.main:app ...
""",
    "check": """
usage: asgi-middleware check [-h] [--app APP] [--json] FILE

positional arguments:
  FILE        the stack, a TOML, JSON or YAML file

options:
  -h, --help  show this help message and exit
  --app APP   the app that the stack is for, as module:name, to look at its own middlewares too
  --json      a JSON object on standard output, with every problem
""",
    "show": """
usage: asgi-middleware show [-h] [--json] FILE

positional arguments:
  FILE        the stack, a TOML, JSON or YAML file

options:
  -h, --help  show this help message and exit
  --json      a JSON object, with a list of the entries
""",
    "list": """
usage: asgi-middleware list [-h] [--json] [WORD ...]

positional arguments:
  WORD        only these

options:
  -h, --help  show this help message and exit
  --json      a JSON list, one object for each
""",
    "schema": """
usage: asgi-middleware schema [-h]

options:
  -h, --help  show this help message and exit
""",
    "explain": """
usage: asgi-middleware explain [-h] --origin ORIGIN [--method METHOD] [--header NAME[: VALUE]] \
[--credentials] [--json] FILE

positional arguments:
  FILE                  the stack, a TOML, JSON or YAML file

options:
  -h, --help            show this help message and exit
  --origin ORIGIN       where the page is from, such as https://app.example.com
  --method METHOD       what its script asks with (GET)
  --header NAME[: VALUE]
                        a header that its script sets; may be given again
  --credentials         its script writes credentials: "include"
  --json                a JSON list, one object for each entry that is cors
""",
}


@pytest.mark.parametrize("command", HELP)
def test_help(command: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(*command.split(), "--help") == (0, HELP[command].lstrip("\n"), "")
