"""Worker processes that may crash or hang without taking the run along."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

# Of address space, far above what a 4K video takes: a broken header must not claim the machine's.
MEMORY_LIMIT_BYTES = 4 << 30


def usable_cores() -> int:
    """The cores that this process may use, which in a container can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class JobError(Exception):
    """Raised by a job whose failure concerns only itself; the message is the reason."""


class FatalError(Exception):
    """Raised by a job when going on is pointless (a full disk); ends the whole run."""


@dataclass(frozen=True)
class Done:
    """What became of one job: its result, or the reason why there is none."""

    job: Any
    result: Any = None
    failure: str | None = None


class _Worker:
    def __init__(self, context, make_function: Callable, arguments: tuple):
        self.pipe, remote = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(remote, make_function, arguments), daemon=True
        )
        with _no_interrupt():
            self.process.start()
        remote.close()
        self.job = None
        self.deadline = 0.0

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_jobs(
    make_function: Callable,
    arguments: tuple,
    jobs: Sequence,
    workers: int,
    timeout_seconds: float,
) -> Iterator[Done]:
    """Apply make_function(*arguments) to every job in worker processes; yield as they complete.

    Each worker builds the function once. A job that raises, outlasts timeout_seconds or kills its
    worker yields a Done with the reason, and a fresh worker takes over. FatalError is raised here.
    """
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    waiting = deque(jobs)
    pool: list[_Worker] = []
    try:
        while waiting or pool:
            while waiting and len(pool) < workers:
                pool.append(_Worker(context, make_function, arguments))
                _give(pool[-1], waiting.popleft(), timeout_seconds)
            nearest = min(worker.deadline for worker in pool)
            ready = wait([w.pipe for w in pool], max(0.0, nearest - time.monotonic()))
            for worker in list(pool):
                if worker.pipe in ready:
                    outcome = _receive(worker)
                elif time.monotonic() >= worker.deadline:
                    outcome = Done(worker.job, failure=f"took longer than {timeout_seconds:g} s")
                    worker.stop()
                else:
                    continue
                if worker.process.is_alive() and waiting:
                    _give(worker, waiting.popleft(), timeout_seconds)
                else:
                    worker.stop() if worker.process.is_alive() else None
                    pool.remove(worker)
                yield outcome
    finally:
        for worker in pool:
            worker.stop()


def _give(worker: _Worker, job, timeout_seconds: float) -> None:
    worker.job = job
    worker.deadline = time.monotonic() + timeout_seconds
    worker.pipe.send(job)


def _receive(worker: _Worker) -> Done:
    try:
        kind, value = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        return Done(worker.job, failure=f"crashed its worker (exit code {worker.process.exitcode})")
    if kind == "fatal":
        raise FatalError(value)
    return Done(worker.job, **{kind: value})


def _serve(pipe, make_function: Callable, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    _limit_memory()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    function = make_function(*arguments)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(("result", function(job)))
        except FatalError as error:
            pipe.send(("fatal", str(error)))
        except MemoryError:
            pipe.send(("failure", "ran out of memory"))
        except Exception as error:  # one bad video must not end the run
            text = str(error) if isinstance(error, JobError) else repr(error)
            pipe.send(("failure", text.partition("\n")[0]))


def _limit_memory() -> None:
    """Claim at most MEMORY_LIMIT_BYTES, or less where less is allowed; macOS refuses any limit."""
    if resource:
        limits = resource.getrlimit(resource.RLIMIT_AS)
        allowed = [limit for limit in limits if limit != resource.RLIM_INFINITY]
        with contextlib.suppress(ValueError, OSError):
            wanted = min([MEMORY_LIMIT_BYTES, *allowed])
            resource.setrlimit(resource.RLIMIT_AS, (wanted, limits[1]))


@contextlib.contextmanager
def _no_interrupt():
    """What starts within is deaf to Ctrl-C from its first moment: the parent decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _die_with_parent() -> None:
    """A run that was killed must not leave workers that write beside the next run's."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
