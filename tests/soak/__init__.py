"""A real server under mixed traffic with faults: nothing grows with the requests that it has served.

    python -m tests.soak                  20 seconds
    python -m tests.soak --seconds 600    longer: more rounds, so smaller slopes are seen
    python -m tests.soak --leak           an application that leaks: all four must be found, and the status is 1

uvicorn serves the stack of six with `errors`, a sink and sessions in a store, twice: in memory and in SQLite. Clients
ask for whole responses and streams in every coding, and for WebSockets; they go away in the middle, send half requests,
and headers that mean harm; the application crashes before and within its answer. After each round the server says,
once it has nothing to do any more, how many blocks of memory, tasks, descriptors and threads it has.

`served.py` is the server, `traffic.py` the clients, `judging.py` says what has grown.
"""
