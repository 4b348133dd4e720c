"""Children that do not end as processes do.

A child of `multiprocessing` (and so of `concurrent.futures`) leaves by `os._exit`, which passes
over `atexit`. It runs finalizers of its own before; so does billiard's, which is Celery's copy of
multiprocessing. The workers of Celery's pool do not even run those, but say good-bye by a signal of
Celery's.

None of these libraries is imported here first: who has not loaded one is not its child.
"""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Children"]

_FAMILIES: Final = ("multiprocessing", "billiard")
_FIRST: Final = 0
"""Priority of a finalizer: from 0 on they run before the child waits for children of its own."""


class Children:
    """Lets this process finish, should it be such a child, and the children that it forks.

    Args:
        finish: Called at their ends, perhaps by several of these for one end.
    """

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish
        self._prepared: set[str] = set()

    def begin(self) -> None:
        """Prepare this process; after `forked`, too."""
        for family in _FAMILIES:
            process: Any = sys.modules.get(f"{family}.process")
            if process is None:
                continue
            # In a child of billiard's it is not loaded yet, but will be.
            util = importlib.import_module(f"{family}.util")
            if family not in self._prepared:
                # A child forgets all finalizers before it begins, and runs these right after;
                # a spawned one as well, which has by then imported the program's main module.
                self._prepared.add(family)
                util.register_after_fork(self, lambda mine, util=util: mine.finalize(util))
            if _is_child(process):
                self.finalize(util)
        celery: Any = sys.modules.get("celery.signals")
        if celery is not None:
            celery.worker_process_shutdown.connect(
                self._worker_ends, weak=False, dispatch_uid="otbridge"
            )

    def finalize(self, util: Any) -> None:
        """Finish when the child runs its finalizers.

        Args:
            util: The library's module of that name.
        """
        joins_threads = util.__name__.startswith(_FAMILIES[0])  # billiard does not wait for them
        end = self._after_threads if joins_threads else self._finish
        util.Finalize(None, end, exitpriority=_FIRST)

    def _worker_ends(self, **_: Any) -> None:
        self._finish()

    def _after_threads(self) -> None:
        """Finish when the child's own threads have ended.

        The finalizers come before that. A thread of ours that is no daemon makes the interpreter
        wait for it as for the others, until the last of those has ended.
        """
        if not _others():
            self._finish()
            return
        try:
            threading.Thread(target=self._wait, name="otbridge-end", daemon=False).start()
        except RuntimeError:  # no thread to be had: most of the lines are better than none
            self._finish()

    def _wait(self) -> None:
        while others := _others():
            others[0].join()
        self._finish()


def _is_child(process: Any) -> bool:
    if hasattr(process, "parent_process"):
        return process.parent_process() is not None
    return bool(process.current_process().name != "MainProcess")  # billiard


def _others() -> list[threading.Thread]:
    """Return the threads for which the interpreter will wait, but for this one."""
    ours = {threading.main_thread(), threading.current_thread()}
    return [thread for thread in threading.enumerate() if not thread.daemon and thread not in ours]
