"""Mutation testing: the package is broken in one small place at a time, and its tests must tell.

    python -m tests.mutation cors _origins           these folders and modules, with the tests that bear their name
    python -m tests.mutation errors --every 10       one mutant of ten
    python -m tests.mutation errors --only _page     those whose name has this in it

Prints each mutant that survives, with its line, and the score of each file. A survivor whose change cannot be told from
outside is listed in `equivalent.py` with its reason; one that is killed after all, or is no longer there, is told too.

Each mutant runs in a fork. Where a function differs, it is the fork of a process that has collected the tests, and the
function's code is exchanged: a tenth of a second. For what stands outside functions, and for what survives there,
everything of the project's is imported and collected anew. Of the tests those are run that reach the mutant's line
(coverage.py knows), first those that told before, then the quickest.

That is why this is our own: mutmut 3 leaves alone what stands outside functions and what is decorated (patterns,
limits, defaults, the dataclass of a policy, the `send` of a responder), and cosmic-ray starts pytest anew for every
mutant.
"""
