"""Stands by for test_kill.py: for each line on stdin it forks a process that remembers for ever.

Forked after the imports, so that a kill costs milliseconds. A child prints "id text" once the hub
has acknowledged a record; the parent prints the child's process id first.
"""

import os
import sys
from itertools import count

from marslab.memory.hub import MemoryHub


def remember(path: str, name: str) -> None:
    """Remember for ever; with so low a limit the neighbour graph is written all the time too."""
    with MemoryHub(path, exact_below=10) as hub:
        for number in count():
            text = f"record {number} of {name}"
            id = hub.remember(text)
            os.write(1, f"{id} {text}\n".encode())
            if number % 5 == 0:
                hub.recall("which record was it?")
                hub.keep_answer(f"question {number}?", text)


for line in sys.stdin:
    path, name = line.split()
    child = os.fork()
    if child == 0:
        remember(path, name)
    os.write(1, f"child {child}\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"ended\n")
