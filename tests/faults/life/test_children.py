"""Children that leave by `os._exit`: multiprocessing, process pools, billiard, Celery."""

from __future__ import annotations

import sys
from typing import Any

import pytest

METHODS = ["fork", "spawn", "forkserver"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("configured", ["by the first line", "in the main module"])
def test_a_multiprocessing_child_loses_nothing(
    programs: Any, bodies: Any, method: Any, configured: Any
) -> None:
    done = programs.run(f"""
        import multiprocessing, otbridge
        if {configured == "in the main module"}:
            otbridge.configure("x")

        def work():
            for number in range(100):
                otbridge.get_logger("x").info("child")
            with otbridge.span("child span"):
                pass

        if __name__ == "__main__":
            otbridge.get_logger("x").info("parent")
            processes = [
                multiprocessing.get_context("{method}").Process(target=work) for _ in range(2)
            ]
            for process in processes: process.start()
            for process in processes: process.join()
            print([process.exitcode for process in processes])
    """)
    assert (done.stdout, done.stderr) == ("[0, 0]\n", "")
    assert bodies() == {"parent": 1, "child": 200}


def test_a_childs_threads_are_waited_for_as_the_interpreter_waits_for_them(
    programs: Any, bodies: Any
) -> None:
    """Python runs a child's finalizers before it joins its threads."""
    done = programs.run("""
        import multiprocessing, otbridge, threading, time
        from concurrent.futures import ThreadPoolExecutor

        def later(main):
            time.sleep(0.2)
            otbridge.get_logger("x").info("thread")

        def work():
            otbridge.get_logger("x").info("child")
            threading.Thread(target=later, args=(threading.main_thread(),)).start()
            ThreadPoolExecutor().submit(later, None)

        if __name__ == "__main__":
            process = multiprocessing.get_context("fork").Process(target=work)
            otbridge.configure()
            process.start(); process.join()
            assert process.exitcode == 0
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"child": 1, "thread": 2}


def test_a_child_that_fails_or_is_told_to_end_loses_nothing(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import multiprocessing, otbridge, sys, time

        def fail():
            otbridge.get_logger("x").info("fails")
            sys.exit(3)

        def wait(said):
            otbridge.get_logger("x").info("terminated")
            said.set()
            while True: time.sleep(0.05)

        if __name__ == "__main__":
            otbridge.configure()
            context = multiprocessing.get_context("fork")
            failing = context.Process(target=fail)
            failing.start(); failing.join()
            said = context.Event()
            waiting = context.Process(target=wait, args=(said,))
            waiting.start(); said.wait(); waiting.terminate(); waiting.join()
            print(failing.exitcode, waiting.exitcode)
    """)
    assert (done.stdout, done.stderr) == ("3 -15\n", "")
    assert bodies() == {"fails": 1, "terminated": 1}


@pytest.mark.parametrize("method", METHODS)
def test_a_process_pool_executor_loses_nothing(programs: Any, bodies: Any, method: Any) -> None:
    done = programs.run(f"""
        import multiprocessing, otbridge
        from concurrent.futures import ProcessPoolExecutor

        def work(number):
            otbridge.get_logger("x").info("task")
            return number

        if __name__ == "__main__":
            otbridge.get_logger("x").info("parent")
            context = multiprocessing.get_context("{method}")
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                print(sum(pool.map(work, range(100))))
    """)
    assert (done.stdout, done.stderr) == ("4950\n", "")
    assert bodies() == {"parent": 1, "task": 100}


def test_a_pool_that_replaces_its_workers_after_each_task_loses_nothing(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import multiprocessing, otbridge

        def work(number):
            otbridge.get_logger("x").info("task")

        if __name__ == "__main__":
            otbridge.configure()
            pool = multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1)
            pool.map(work, range(20), chunksize=1)
            pool.close(); pool.join()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"task": 20}


def test_a_billiard_child_loses_nothing(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import billiard, otbridge

        def child():
            otbridge.get_logger("x").info("child")

        if __name__ == "__main__":
            otbridge.get_logger("x").info("parent")
            process = billiard.Process(target=child)
            process.start(); process.join()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"parent": 1, "child": 1}


@pytest.mark.parametrize("durability", ["memory", "process"])
def test_the_workers_of_a_bare_billiard_pool_lose_nothing(
    programs: Any, bodies: Any, durability: Any
) -> None:
    """They run no hook of any kind, and leave by `os._exit`."""
    done = programs.run(
        """
        import otbridge
        from billiard.pool import Pool

        def work(number):
            otbridge.get_logger("x").info(f"task {number}")

        if __name__ == "__main__":
            otbridge.get_logger("x").info("parent")
            pool = Pool(2, maxtasksperchild=1)
            pool.map(work, range(4), chunksize=1)
            pool.close(); pool.join()
        """,
        OTBRIDGE_DURABILITY=durability,
    )
    assert done.returncode == 0
    programs.replay()
    assert set(bodies()) == {"parent", *(f"task {number}" for number in range(4))}


TASKS = """
    import os, otbridge
    from celery import Celery
    otbridge.configure("worker", capture_stdlib=False)
    folder = os.path.dirname(os.path.abspath(__file__))
    app = Celery("tasks", broker="filesystem://")
    app.conf.update(
        broker_transport_options={
            "data_folder_in": folder + "/queue", "data_folder_out": folder + "/queue",
            "control_folder": folder + "/control",
        },
        worker_max_tasks_per_child=1,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
    )

    @app.task
    def work():
        for number in range(1000):
            otbridge.get_logger("x").info("task")
"""


def test_celery_with_one_task_per_child_loses_nothing(
    programs: Any, receiver: Any, bodies: Any
) -> None:
    """10,000 lines from ten children, each of which ends after its only task."""
    programs.write(TASKS, "tasks.py")
    for folder in ("queue", "control"):
        (programs.folder / folder).mkdir()
    send = "import tasks\nfor _ in range(10): tasks.work.delay()"
    assert programs.run(send).returncode == 0
    worker = programs.command(
        sys.executable, "-m", "celery", "-A", "tasks", "worker",
        "--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle",
        "--without-heartbeat", "--loglevel=ERROR",
    )  # fmt: skip
    receiver.wait_for(10_000, timeout=25)
    worker.terminate()
    _, err = worker.communicate(timeout=15)
    assert "Traceback" not in err
    assert bodies() == {"task": 10_000}
