"""A job may fail in any way; the others do not notice."""

import os
import signal
import time

import pytest

from utils.workers import FatalError, JobError, run_jobs


def make_job(power: int):
    """What a worker builds once: a function that fails as its job says."""

    def job(value):
        if value == "crash":
            os._exit(7)
        if value == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if value == "hang":
            time.sleep(60)
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


def outcomes(jobs, workers, timeout=30.0):
    return {done.job: done for done in run_jobs(make_job, (2,), jobs, workers, timeout)}


def test_every_kind_of_failure_is_reported_and_the_rest_is_done():
    jobs = [1, "crash", 2, "hang", 3, "refuse", "killed", 4, "bug", "memory", 5]
    done = outcomes(jobs, workers=2, timeout=2.0)
    assert set(done) == set(jobs)
    assert {n: done[n].result for n in range(1, 6)} == {1: 1, 2: 4, 3: 9, 4: 16, 5: 25}
    assert all(done[n].failure is None for n in range(1, 6))
    assert "exit code 7" in done["crash"].failure
    assert "exit code -9" in done["killed"].failure
    assert "longer than 2 s" in done["hang"].failure
    assert done["refuse"].failure == "it is broken"
    assert "oops" in done["bug"].failure
    assert done["memory"].failure == "ran out of memory"


def test_a_fatal_error_ends_the_run():
    with pytest.raises(FatalError, match="disk full"):
        outcomes(["fatal", *range(20)], workers=1)


def test_no_jobs_start_no_workers():
    assert outcomes([], workers=4) == {}
