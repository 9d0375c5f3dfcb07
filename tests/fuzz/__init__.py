"""Two-sided fuzz: seeded legal applications and clients, driven without an event loop, checked on both sides.

    python -m tests.fuzz                              20,000 cases for every middleware and for the stack of six
    python -m tests.fuzz --cases 500 --subject gzip   fewer, one
    python -m tests.fuzz --seed 7 --case 123          one case again, with everything that it is made of

A failure prints its seed, what was found, and the smallest case that still shows it.
"""
