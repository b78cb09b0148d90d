"""Crash-safe writing: every file and folder appears complete or not at all."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import socket
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"


@contextlib.contextmanager
def atomic_file(path: Path):
    """Yield a binary file object whose content replaces path when the block succeeds.

    The temporary file lies in path's own folder, so that os.replace never crosses a file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def atomic_folder(path: Path, keep_others: bool = False, flush: bool = True):
    """Yield a new empty folder that becomes path when the block succeeds.

    A folder already there is replaced; with keep_others, only its files of the same names are.
    Without flush a power cut may leave its files empty: for what is checked and made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
    try:
        os.chmod(folder, 0o777 & ~_umask())
        yield folder
        # Or a power cut could leave whole folders of empty files.
        for file in folder.iterdir() if flush else ():
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
        if keep_others and path.is_dir():
            for file in folder.iterdir():
                os.replace(file, path / file.name)
            folder.rmdir()
            return
        try:
            os.replace(folder, path)
        except OSError:
            if not path.is_dir():
                raise
            # A full folder cannot be replaced in one step: move it aside, then delete it.
            old = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
            os.replace(path, old / "old")
            os.replace(folder, path)
            shutil.rmtree(old)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def only_run(folder: Path, name: str, rivals: str = ""):
    """Hold folder/.<name>.lock for a block, while none of those runs holds its own whose names the
    pattern rivals matches. Raises FileExistsError, naming the run that is in the way.

    The lock of a process that is gone, on this machine, is taken over.
    """
    path = folder / f".{name}.lock"
    mine = f"process {os.getpid()} on {socket.gethostname()}"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        _take_over(path)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(handle, mine.encode())
    os.close(handle)
    try:
        for other in set(folder.glob(f".{rivals}.lock")) - {path}:
            _take_over(other)
        yield
    finally:
        path.unlink(missing_ok=True)


def _take_over(path: Path) -> None:
    """Delete the lock of a run that is gone. Raises FileExistsError when it is not."""
    holder = path.read_text(encoding="utf-8")
    if not _is_gone(holder):
        raise FileExistsError(
            f"{path.parent} is being written by {holder}: wait for it, or delete {path}"
        )
    path.unlink(missing_ok=True)


def _is_gone(holder: str) -> bool:
    _, number, _, host = [*holder.split(), "", "", "", ""][:4]
    if host != socket.gethostname() or not number.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def remove_leftovers(root: Path) -> None:
    """Delete what writers that were killed left half-written anywhere below root."""
    for folder, subfolders, names in os.walk(root):
        for name in [name for name in subfolders if name.startswith(TEMPORARY_PREFIX)]:
            shutil.rmtree(Path(folder, name), ignore_errors=True)
            subfolders.remove(name)
        for name in names:
            if name.startswith(TEMPORARY_PREFIX):
                Path(folder, name).unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise OSError now rather than after hours of work when folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(prefix=TEMPORARY_PREFIX, dir=folder):
        pass


def write_json(path: Path, value, indent: int | None = 2) -> None:
    """Write value as UTF-8 JSON, atomically. The same value gives the same bytes."""
    with atomic_file(path) as stream:
        stream.write(json_bytes(value, indent))


def json_bytes(value, indent: int | None = 2) -> bytes:
    """Value as UTF-8 JSON. The same value gives the same bytes."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    # A file name that is not valid UTF-8 arrives as lone surrogates; keep it readable.
    return (text + "\n").encode("utf-8", "backslashreplace")


def write_json_lines(path: Path, rows: list) -> None:
    """Write one row of JSON a line, atomically."""
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    with atomic_file(path) as stream:
        stream.write("".join(lines).encode())


def write_csv(path: Path, head: list[str], rows: list[list]) -> None:
    """Write head and rows as UTF-8 CSV, atomically."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    with atomic_file(path) as stream:
        stream.write(text.getvalue().encode("utf-8", "backslashreplace"))


def equal_contents(items: Iterable, size_of: Callable, digest_of: Callable) -> list[list]:
    """Those of equal content together, as a list for each content that two or more have.

    Only those of equal size are read. What is empty or cannot be read (OSError) is nobody's copy.
    """
    by_size, by_content = defaultdict(list), defaultdict(list)
    for item in items:
        with contextlib.suppress(OSError):
            by_size[size_of(item)].append(item)
    for size, alike in by_size.items():
        for item in alike if size and len(alike) > 1 else ():
            with contextlib.suppress(OSError):
                by_content[digest_of(item)].append(item)
    return [alike for alike in by_content.values() if len(alike) > 1]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content as 64 hex digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
