"""A job may fail in any way; the others do not notice."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from conftest import HANG_SECONDS, ROOT

from utils import workers
from utils.workers import FatalError, JobError, run_jobs

INFINITY = -1  # as on Linux


def make_job(power: int):
    """What a worker builds once: a function that fails as its job says."""

    def job(value):
        if value == "crash":
            os._exit(7)
        if value == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if value == "hang":
            time.sleep(HANG_SECONDS)
        if value == "refuse":
            raise JobError("it is broken")
        if value == "bug":
            raise ZeroDivisionError("oops")
        if value == "memory":
            return len(bytearray(64 << 30))
        if value == "fatal":
            raise FatalError("disk full")
        return value**power

    return job


def outcomes(jobs, workers):
    return {done.job: done for done in run_jobs(make_job, (2,), jobs, workers, HANG_SECONDS)}


def test_every_kind_of_failure_is_reported_and_the_rest_is_done():
    jobs = [1, "crash", 2, 3, "refuse", "killed", 4, "bug", "memory", 5]
    done = outcomes(jobs, workers=2)
    assert set(done) == set(jobs)
    assert {n: done[n].result for n in range(1, 6)} == {1: 1, 2: 4, 3: 9, 4: 16, 5: 25}
    assert all(done[n].failure is None for n in range(1, 6))
    assert "exit code 7" in done["crash"].failure
    assert "exit code -9" in done["killed"].failure
    assert done["refuse"].failure == "it is broken"
    assert "oops" in done["bug"].failure
    assert done["memory"].failure == "ran out of memory"


def test_jobs_that_hang_are_given_up_one_after_the_other():
    # Good jobs beside them would fail as well where starting a worker takes longer than this.
    done = list(run_jobs(make_job, (2,), ["hang", "hang"], workers=1, timeout_seconds=2.0))
    assert [one.failure for one in done] == ["took longer than 2 s"] * 2


def test_a_fatal_error_ends_the_run():
    with pytest.raises(FatalError, match="disk full"):
        outcomes(["fatal", *range(20)], workers=1)


def test_no_jobs_start_no_workers():
    assert outcomes([], workers=4) == {}


@pytest.mark.parametrize(
    "soft, hard, wanted",
    [
        (INFINITY, INFINITY, 4 << 30),
        (INFINITY, 1 << 30, 1 << 30),
        (2 << 30, INFINITY, 2 << 30),
        (2 << 30, 3 << 30, 2 << 30),
        (6 << 30, 8 << 30, 4 << 30),
    ],
)
def test_no_worker_asks_for_more_memory_than_is_allowed(monkeypatch, soft, hard, wanted):
    asked = []
    fake = SimpleNamespace(
        RLIMIT_AS=9,
        RLIM_INFINITY=INFINITY,
        getrlimit=lambda kind: (soft, hard),
        setrlimit=lambda kind, limits: asked.append(limits),
    )
    monkeypatch.setattr(workers, "resource", fake)
    workers._limit_memory()
    assert asked == [(wanted, hard)]


def test_where_limits_are_refused_work_goes_on(monkeypatch):
    def refuse(kind, limits):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(workers.resource, "setrlimit", refuse)
    workers._limit_memory()


def test_workers_start_below_a_lower_hard_limit(tmp_path):
    """As a batch system sets it for all that it starts."""
    (tmp_path / "job.py").write_text("def make():\n    return lambda number: number * number\n")
    code = (
        f"import resource, sys; sys.path[:0] = ['{ROOT}/src', '{tmp_path}']; import job; "
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); "
        "from utils.workers import run_jobs; "
        f"print([done.result for done in run_jobs(job.make, (), [3], 1, {HANG_SECONDS})])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[9]\n", 0), done.stderr
