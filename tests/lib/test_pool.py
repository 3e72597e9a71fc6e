"""Batches on several processes: results in order, problems passed on, nobody left behind."""

import operator
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from hanse.lib import pool


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_batches(processes: int) -> None:
    batches = list(range(-9, 9))
    assert list(pool.ordered(operator.neg, batches, processes)) == [(one, -one) for one in batches]


def test_what_a_batch_raises_is_raised_here() -> None:
    with pytest.raises(TypeError):
        list(pool.ordered(operator.neg, [1, "two"], 2))


def test_workers_end_with_a_parent_that_is_killed() -> None:
    work = "list(pool.ordered(time.sleep, [60, 60], 2))"
    code = f"import time; from hanse.lib import pool\nif __name__ == '__main__': {work}"
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        workers: list[psutil.Process] = []
        while len(workers) < 3:  # two workers and the tracker of their resources
            time.sleep(0.05)
            workers = psutil.Process(parent.pid).children()
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert psutil.wait_procs(workers, timeout=20)[1] == []
