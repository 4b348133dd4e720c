"""The ends of a process: normal exit, SIGTERM, fork, and the exit of a multiprocessing child.

Only hooks; what happens at each is given by the composition root. Registered once in a process,
and again by a forked child for itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["watch"]


class _Hooks:
    at_exit: Callable[[], None] | None = None
    at_warning: Callable[[], None] | None = None
    in_child: Callable[[], None] | None = None
    registered = False
    ended = False


_hooks: Final = _Hooks()


def watch(
    *,
    at_exit: Callable[[], None],
    at_warning: Callable[[], None],
    in_child: Callable[[], None],
) -> None:
    """Call *at_exit* when this process ends, and *in_child* in every child forked from it.

    Process 1, as in a container, is not ended by a SIGTERM that it has no handler for, but
    usually killed soon after: there *at_warning* is called, and the program goes on.

    SIGTERM is only taken where nobody has taken it: Python would die of it without a word. The
    process still dies of the signal, so that its parent sees the right status. A handler that the
    program has set is left in charge: it ends the program its own way, and that way passes
    through a normal exit.
    """
    _hooks.at_exit = at_exit
    _hooks.at_warning = at_warning
    _hooks.in_child = in_child
    _hooks.ended = False
    if not _hooks.registered:
        _hooks.registered = True
        # Runs after the program's own threads have ended, while our daemon threads still live.
        atexit.register(_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forked)
        if _is_multiprocessing_child():
            _finalize_child(None)
    _take_sigterm()


def _exit() -> None:
    """Run the hook; once, although several ends may come together."""
    if _hooks.at_exit is not None and not _hooks.ended:
        _hooks.ended = True
        _hooks.at_exit()


def _is_multiprocessing_child() -> bool:
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _take_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set a handler
    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminated)
    except (ValueError, OSError):  # an interpreter inside another program
        return


def _terminated(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal handler's signature
    if os.getpid() == 1:
        if _hooks.at_warning is not None:
            _hooks.at_warning()
        return
    _exit()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _forked() -> None:
    _hooks.ended = False
    if _hooks.in_child is not None:
        _hooks.in_child()
    # A multiprocessing child ends with os._exit and runs its own finalizers instead of atexit's.
    # It clears those first of all, and calls what is registered here right after.
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_hooks, _finalize_child)


def _finalize_child(_hooks_object: Any) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, _exit, exitpriority=0)
