"""Schemas compiled by several threads at once in a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import threading
from bus.edxml import schema_types
from bus.edxml.catalogue import SchemaName, source
from lxml import etree

texts = [etree.fromstring(source(SchemaName.QCVN102_INBOUND)) for _ in range(8)]
together = threading.Barrier(8)
compiled = []

def compile_one(text):
    together.wait()
    compiled.append(schema_types.compiled(text))

threads = [threading.Thread(target=compile_one, args=(text,)) for text in texts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(compiled))
"""


@pytest.mark.parametrize("attempt", range(12))
def test_the_first_requests_of_a_process_may_come_together(attempt: int) -> None:
    """Eight threads that compile the first schemas of a process at once all get theirs."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "8", (attempt, ran.stderr)
