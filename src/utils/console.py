"""What the scripts print: headings, status lines, progress, on any console."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import codecs
import contextlib
import os
import sys
import time
import unicodedata
from collections.abc import Callable

from utils import early

RULE = "━" * 26
GO_ON = "what is finished is kept, run the same command to go on"
GREEN, YELLOW, RED = "32", "33", "31"

_ASCII = {
    "🔴": "[!]",
    "🟢": "[+]",
    "🟡": "[?]",
    "✅": "[ok]",
    "⚠": "[!]",
    "❌": "[x]",
    "⚪": "[ ]",
    "📹": ">",
    "━": "-",
    "═": "=",
    "║": "|",
    "•": "*",
    "·": "-",
    "–": "-",
    "…": "...",
    "×": "x",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
}


def _plain_ascii(error: UnicodeError):
    """Codec error handler: a readable ASCII stand-in for what the console cannot print."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = "".join(map(_stand_in, error.object[error.start : error.end]))
    return text, error.end


def _stand_in(character: str) -> str:
    if character in _ASCII:
        return _ASCII[character]
    category = unicodedata.category(character)
    if category in ("Mn", "So"):  # nothing for variation selectors, a sign for other pictures
        return "#" if category == "So" else ""
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return letters or "?"


def setup() -> None:
    """Make printing safe on consoles without emoji, reading safe for undecodable paths, and both
    for services, which may have neither input nor output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None or getattr(sys, name).closed:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    codecs.register_error("plain-ascii", _plain_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain-ascii")
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")


def shown(path) -> str:
    """A path as it can be printed on one line: control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))


class Failure(Exception):
    """What a user can mend: the message says what is wrong, and what to do about it."""


def run_script(run: Callable[[], int], interrupted: str = "interrupted") -> int:
    """The exit code of run; 130 after Ctrl-C, 1 after a Failure or what the system refuses, each
    with its line on standard error. interrupted: the line, where KeyboardInterrupt has none."""
    try:
        early.take_over()
        code = run()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        error(str(stop) or interrupted)
        return 130
    except BrokenPipeError:  # nobody reads on, nor what Python flushes when it ends
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        error("memory is short: end other programs, or raise its limit (ulimit -v)")
        return 1
    except (Failure, OSError) as failure:
        error(shown(failure))
        return 1


def heading(text: str) -> None:
    print(f"\n{text}\n{RULE}")


def good(text: str) -> None:
    print(_coloured(f"✅ {text}", GREEN, sys.stdout))


def warn(text: str) -> None:
    print(_coloured(f"⚠️  {text}", YELLOW, sys.stdout))


def bad(text: str) -> None:
    print(_coloured(f"❌ {text}", RED, sys.stdout))


def error(text: str) -> None:
    """One line on standard error: what failed, and the remedy."""
    sys.stdout.flush()  # what was printed before stands before it in a log of both
    print(_coloured(f"❌ {text}", RED, sys.stderr), file=sys.stderr)


def _coloured(text: str, colour: str, stream) -> str:
    if stream.isatty() and "NO_COLOR" not in os.environ:
        return f"\033[{colour}m{text}\033[0m"
    return text


def progress(items, total: int, label: str, units: str = "videos", note=lambda: ""):
    """Iterate over items with a bar on a terminal, or a line every 10 s in a log file.

    note: gives what else to show at any moment.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, desc=label, unit=f" {units}", dynamic_ncols=True) as bar:
            for item in items:
                yield item
                bar.set_postfix_str(note(), refresh=False)
                bar.update()
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= 10 or done == total:
            last = now
            rate = done / max(now - start, 1e-9)
            left = (total - done) / rate
            text = ", ".join(filter(None, (f"{rate:.2f}/s, {left:.0f} s left", note())))
            print(f"{label}: {done}/{total} {units}, {text}", flush=True)
