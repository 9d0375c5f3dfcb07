"""What a request costs: ours beside every peer, in ratios.

    python -m tests.bench                    all tables, as Markdown, in about five minutes
    python -m tests.bench --only cors        one of them
    python -m tests.bench --quick            a fifth of the rounds, a twentieth of the streams
    python -m tests.bench --write            and the main figures into README.md, between its markers

In process an application is called by hand, without an event loop unless a store waits for one, and what counts is the
cost that a middleware adds to the bare application, beside that of an empty pass-through wrapper and of the peer. Under
uvicorn each variant is a server process of its own. Only ratios within one run mean anything: seconds are never
printed. Memory is: it hardly depends on the machine. So is what a Redis is asked: it depends on nothing.

Peers are the packages of the extra `bench`; one that is not installed is left out by name.

    measuring.py     interleaved rounds, costs and ratios
    calls.py         requests, the bare application, calls without an event loop
    peers.py         the peers, by name
    scenes.py        the tables in process: who is timed with what, and the budgets
    sessions.py      the same for sessions, in a cookie and in stores, and what each request asks of a Redis
    bodies.py        the same for compressed bodies, and for what they do to the event loop
    live.py          the tables under uvicorn; served.py is what it serves, load.py who asks
    memory.py        the memory of streams, each in a process of its own, in MiB and KiB
    report.py        Markdown, and the writing between markers
"""
