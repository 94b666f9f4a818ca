"""What a client's methods did, for the table of clients in docs/compat.md.

A recorder looks at the calls that a test makes and leaves the methods as they are. When the test has passed, each method that returned is
said to work; a method that the server answered with NotSupported is said to be refused, and ends its test as skipped. Without
SLUICE_COMPAT_RESULTS nothing is written.
"""

import functools
import inspect
import json
import os
import pathlib

import pytest
from aliyun.log import LogException

PASSED = pytest.StashKey[bool]()  # of a test whose body has run
DIRECTORY = os.environ.get("SLUICE_COMPAT_RESULTS")


class Recorder:
    """Collects the calls of one test at a time; a process has one for each client."""

    def __init__(self, client, version):
        self.client, self.version = client, version
        self.worked, self.refused = set(), set()

    def begin(self):
        self.worked.clear()
        self.refused.clear()

    def watch(self, cls):
        """Has every public method of cls tell this recorder when it returns, and when it is refused."""
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            if not name.startswith(("_", "set_")):
                setattr(cls, name, self._watched(name, method))

    def _watched(self, name, method):
        @functools.wraps(method)
        def call(*args, **kwargs):
            try:
                result = method(*args, **kwargs)
            except LogException as e:
                if is_refusal(e):
                    self.refused.add(name)
                raise
            self.worked.add(name)
            return result

        return call

    def end(self, passed, failed):
        """Writes what the test has shown. A call of a test that failed has not worked, and is not known to have failed."""
        rows = [(name, "refused") for name in self.refused]
        if passed:
            rows += [(name, "works") for name in self.worked - self.refused]
        if failed:
            rows += [(name, "fails") for name in self.worked - self.refused]
        write(self.client, self.version, rows)


def is_refusal(e):
    return isinstance(e, LogException) and e.get_error_code() == "NotSupported"


def write(client, version, rows):
    """Appends (operation, state) pairs to a file of this process."""
    if not DIRECTORY or not rows:
        return
    pathlib.Path(DIRECTORY).mkdir(parents=True, exist_ok=True)
    with open(pathlib.Path(DIRECTORY, f"python-{os.getpid()}.jsonl"), "a", encoding="utf-8") as f:
        for operation, state in sorted(rows):
            print(json.dumps({"client": client, "version": version, "operation": operation, "state": state}), file=f)
