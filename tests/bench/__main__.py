"""The command: `python -m tests.bench`, from the project's folder."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from ..writing import Command, say, write
from . import auth, bodies, live, memory, report, scenes, sessions, sinks
from .measuring import Scene, Times, measure

IN_PROCESS: dict[str, Callable[[], Scene]] = {
    "stack": scenes.stack,
    "observability": scenes.observability,
    "sinks": sinks.sinks,
    "cors": scenes.cors,
    "errors": scenes.errors,
    "small": bodies.small,
    "whole": bodies.whole,
    "codec": bodies.codec,
    "codec-long": bodies.codec_long,
    "sizes": bodies.sizes,
    "sessions": sessions.in_cookies,
    "auth": auth.auth,
    "stalls": bodies.stalls,
}
# These start a server or more, or need a place on the disk.
WITH_SERVERS: dict[str, Callable[[], AbstractContextManager[Scene]]] = {
    "sessions-stores": sessions.in_stores,
    "sessions-redis": sessions.in_redis,
    "uvicorn": live.requests,
    "uvicorn-each": live.each,
    "pages": live.pages,
}
# These are text already, in absolute figures, of a share of the streams or requests.
AS_TEXT: dict[str, Callable[[float], str]] = {
    "sessions-commands": sessions.commands,
    "memory": memory.table,
}
QUICK = 0.1  # of the rounds


def run(name: str, share: float) -> Times:
    if name in IN_PROCESS:
        return measure(IN_PROCESS[name](), share)
    with WITH_SERVERS[name]() as scene:
        return measure(scene, share)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Command(report.WORD, "What a request costs, in ratios.")
    names = [*IN_PROCESS, *WITH_SERVERS, *AS_TEXT]
    parser.add_argument("--only", metavar="NAME", choices=names, help="one table: %(choices)s")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, a twentieth of the streams")
    options = parser.options(arguments)
    if options.write is not None and options.only is not None:
        parser.error("--write needs all tables, so it does not go with --only")
    # What a middleware logs it makes into a record, which is part of its cost, but nobody writes it out.
    logging.getLogger().addHandler(logging.NullHandler())

    say(f"{report.RATIOS}\n\n{report.about()}")
    measured: dict[str, Times] = {}
    failed = False
    for name in [options.only] if options.only else names:
        try:
            if name in AS_TEXT:
                say(AS_TEXT[name](memory.QUICK if options.quick else 1.0))
                continue
            times = run(name, QUICK if options.quick else 1.0)
        except RuntimeError as error:
            failed = True
            say(f"### {name}\n\nNot measured: {error}")
            continue
        measured[name] = times
        say(report.table(times))
        if name == "uvicorn":
            say(report.throughput(times))
    if options.write is not None and (failed or any(times.missing for times in measured.values())):
        say("Nothing was written: the file gets figures only where every table is whole.")
        return 1
    if options.write is not None:
        write(options.write, report.main_table(measured), report.WORD)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
