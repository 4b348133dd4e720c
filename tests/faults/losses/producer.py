"""The program that loses log lines: sets an SDK up, logs, and ends in one way or another.

    python producer.py SDK PROGRAM [NUMBER…]

Standard library and one SDK only, for it runs in that SDK's environment. It writes one byte to
the descriptor in LOSSES_SENT for every log call that has returned, so that whoever watches knows
what was handed over, even of a process that is killed.
"""

from __future__ import annotations

import atexit
import itertools
import json
import logging
import multiprocessing
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

warnings.simplefilter("ignore")  # deprecations would look as if the SDK spoke of losses
sys.path.insert(0, str(Path(__file__).parent))

import setups  # type: ignore[import-not-found]  # noqa: E402 - the file beside this one

if TYPE_CHECKING:
    from collections.abc import Callable

_sent = int(os.environ["LOSSES_SENT"])
_numbers = itertools.count()
log = logging.getLogger("shop")


def order(text: str = "order placed") -> None:
    """Log one line that can be told from every other."""
    log.info(text, extra={"n": f"{os.getpid()}-{next(_numbers)}"})
    os.write(_sent, b".")


def orders(count: int) -> None:
    for _ in range(count):
        order()


def until_told() -> None:
    """Live until standard input ends."""
    sys.stdin.read()


# ---------------------------------------------------------------------- programs


def paced(per_second: float, count: float) -> None:
    """Log at a steady pace, then end."""
    begin = time.perf_counter()
    for number in range(int(count)):
        ahead = number / per_second - (time.perf_counter() - begin)
        if ahead > 0.001:
            time.sleep(ahead)
        order()


def burst(count: float) -> None:
    """Log as fast as possible, then end normally."""
    orders(int(count))


def then_wait(count: float) -> None:
    """Log, then wait; normally for a signal."""
    orders(int(count))
    until_told()


def then_os_exit(count: float) -> None:
    """Log, then leave without any cleaning up."""
    orders(int(count))
    os._exit(0)


def poison(count: float) -> None:
    """Log lines of which one holds half of a surrogate pair, as broken input does."""
    for number in range(int(count)):
        order("name \ud83d" if number == int(count) // 2 else "order placed")


def child_process(count: float) -> None:
    """Let a child of multiprocessing log, and end normally."""
    child = multiprocessing.get_context("fork").Process(target=orders, args=(int(count),))
    child.start()
    child.join()


def pool_of_short_lives(tasks: float, count: float) -> None:
    """Let a pool work whose processes end after one task each, as Celery's can."""
    context = multiprocessing.get_context("fork")
    with context.Pool(2, maxtasksperchild=1) as pool:
        pool.map(orders, [int(count)] * int(tasks), chunksize=1)
        pool.close()
        pool.join()


def fork_both(count: float) -> None:
    """Fork while there is a connection; let parent and child log at the same time."""
    orders(10)
    time.sleep(1.5)  # everybody's first batch is sent by then: a connection is there
    pid = os.fork()
    for _ in range(int(count) // 10):
        orders(10)
        time.sleep(0.01)
    if pid:
        os.waitpid(pid, 0)


def late(count: float) -> None:
    """Log from a hook of the interpreter's end that runs after the SDK's own."""
    # Nothing to do here: the hook was registered before the SDK was set up, see main.


PROGRAMS = {
    program.__name__.replace("_", "-"): program
    for program in (
        paced, burst, then_wait, then_os_exit, poison, child_process, pool_of_short_lives,
        fork_both, late,
    )
}  # fmt: skip


def main() -> None:
    sdk, name, *numbers = sys.argv[1:]
    account: list[Callable[[], dict[str, int] | None]] = []

    def tell() -> None:
        found = account[0]() if account else None
        if found is not None:
            Path(f"account-{os.getpid()}.json").write_text(json.dumps(found))

    atexit.register(tell)  # hooks run in reverse: this one after the SDK's
    if name == "late":
        atexit.register(orders, int(numbers[0]))
    account.append(setups.SETUPS[sdk]())
    PROGRAMS[name](*(float(number) for number in numbers))


if __name__ == "__main__":
    main()
