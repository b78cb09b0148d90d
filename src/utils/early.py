"""Imported first by the scripts: until one of them runs, Ctrl-C ends it with a line.

Otherwise an interruption of the imports, which take seconds, ends in a traceback.
"""

from __future__ import annotations  # setup_checker.py must run on an old Python

import contextlib
import os
import signal
import sys
from pathlib import Path

INTERRUPTED = b"interrupted\n"


def _end(*_) -> None:
    with contextlib.suppress(OSError):  # no standard error
        os.write(2, INTERRUPTED)
    os._exit(130)


def take_over() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_script() -> bool:
    started = getattr(sys.modules["__main__"], "__file__", None)
    return bool(started) and Path(started).resolve().parent == Path(__file__).resolve().parents[1]


# Where somebody has it ignored, as for what runs behind a shell, it stays so.
if _is_script() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
