"""A file system in memory that remembers every call, and what each of them left on the disk.

A model, not a disk: it knows which bytes and names were synced, and can be asked what is left
after any number of calls, if the process was killed, the power was lost, or the last write was
cut off.
"""

from __future__ import annotations

import copy
import errno
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otbridge.delivery.spool.files import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "/spool"


@dataclass
class Node:
    """A file or a folder; for a file both what was written and what was synced."""

    number: int
    is_folder: bool
    data: bytes = b""
    synced: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    synced_names: dict[str, Node] = field(default_factory=dict)


class SimulatedDisk:
    """Implements `Files`.

    Args:
        log: Gets an entry for every call that changes something; shared with the test, which
            puts its own entries between them.
    """

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log: list[Any] = [] if log is None else log
        self.root = Node(0, is_folder=True)
        self.root.synced_names = self.root.names
        self.free = 1 << 40
        self._nodes = 0
        self._every: dict[int, Node] = {0: self.root}
        self._open: dict[int, Node] = {}
        self._locks: dict[int, int] = {}
        self._next_fd = 100
        self.write: Callable[[int, bytes, int], int] = self._write

    # ------------------------------------------------------------------ what the spool calls

    def create(self, path: str) -> int:
        folder, name = self._parent(path)
        if name in folder.names:
            raise FileExistsError(errno.EEXIST, "exists", path)
        self._change("create", path)
        return self._descriptor(folder.names[name])

    def open(self, path: str) -> int:
        node = self._find(path)
        if node.is_folder:
            raise IsADirectoryError(errno.EISDIR, "a folder", path)
        return self._descriptor(node)

    def open_folder(self, path: str) -> int:
        node = self._find(path)
        if not node.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        return self._descriptor(node)

    def _write(self, fd: int, data: bytes, offset: int) -> int:
        self._change("write", self._node(fd).number, offset, bytes(data))
        return len(data)

    def read(self, fd: int, size: int, offset: int) -> bytes:
        return self._node(fd).data[offset : offset + size]

    def truncate(self, fd: int, size: int) -> None:
        self._change("truncate", self._node(fd).number, size)

    def sync(self, fd: int) -> None:
        self._change("sync", self._node(fd).number)

    def close(self, fd: int) -> None:
        self._node(fd)
        del self._open[fd]
        self._locks = {node: by for node, by in self._locks.items() if by != fd}

    def lock(self, fd: int) -> bool:
        return self._locks.setdefault(self._node(fd).number, fd) == fd

    def facts(self, path: str) -> FileFacts:
        return self._facts(self._find(path))

    def facts_of(self, fd: int) -> FileFacts:
        return self._facts(self._node(fd))

    def names(self, path: str) -> list[str]:
        node = self._find(path)
        if not node.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        return list(node.names)

    def make_folder(self, path: str) -> None:
        folder, name = self._parent(path)
        if name in folder.names:
            raise FileExistsError(errno.EEXIST, "exists", path)
        self._change("mkdir", path)

    def remove_folder(self, path: str) -> None:
        if self._find(path).names:
            raise OSError(errno.ENOTEMPTY, "not empty", path)
        self._change("rmdir", path)

    def rename(self, path: str, target: str) -> None:
        self._find(path)
        self._parent(target)
        self._change("rename", path, target)

    def unlink(self, path: str) -> None:
        self._find(path)
        self._change("unlink", path)

    def free_bytes(self, path: str) -> int:
        return self.free

    # ------------------------------------------------------------------ what the tests call

    @property
    def descriptors(self) -> int:
        """How many files and folders are open."""
        return len(self._open)

    def files(self) -> dict[str, bytes]:
        """Return path and content of every file."""
        found: dict[str, bytes] = {}

        def walk(node: Node, path: str) -> None:
            for name, child in node.names.items():
                if child.is_folder:
                    walk(child, f"{path}/{name}")
                else:
                    found[f"{path}/{name}"] = child.data

        walk(self.root, "")
        return found

    def replace(self, path: str, data: bytes) -> None:
        """Give a file other content, behind everybody's back."""
        self._find(path).data = data

    def apply(self, change: tuple[Any, ...], part: float = 1.0) -> None:
        """Do what a log entry says; of a write only its first *part*."""
        kind, *of = change
        if kind == "create":
            folder, name = self._parent(of[0])
            folder.names[name] = self._new_node(is_folder=False)
        elif kind == "mkdir":
            folder, name = self._parent(of[0])
            folder.names[name] = self._new_node(is_folder=True)
        elif kind in {"unlink", "rmdir"}:
            folder, name = self._parent(of[0])
            del folder.names[name]
        elif kind == "rename":
            folder, name = self._parent(of[0])
            target, new = self._parent(of[1])
            target.names[new] = folder.names.pop(name)
        else:
            self._apply_to_content(kind, of, part)

    def killed(self) -> SimulatedDisk:
        """Return the disk as the next process finds it: nothing is open, nothing is locked."""
        left = SimulatedDisk()
        left.root, left._every = copy.deepcopy((self.root, self._every))
        left._nodes = self._nodes
        return left

    def power_lost(self, *, names: bool) -> SimulatedDisk:
        """Return the disk with the bytes that were synced; *names*: as they were, or synced too."""
        left = self.killed()

        def forget(node: Node) -> None:
            node.data = node.synced
            if not names:
                node.names = dict(node.synced_names)
            for child in node.names.values():
                forget(child)

        forget(left.root)
        return left

    # ------------------------------------------------------------------ inside

    def _change(self, *change: Any) -> None:
        self.log.append(change)
        self.apply(change)

    def _apply_to_content(self, kind: str, of: list[Any], part: float) -> None:
        node = self._by_number(of[0])
        if kind == "write":
            _, offset, data = of
            data = data[: int(len(data) * part)]
            old = node.data.ljust(offset, b"\0")
            node.data = old[:offset] + data + old[offset + len(data) :]
        elif kind == "truncate":
            node.data = node.data[: of[1]].ljust(of[1], b"\0")
        elif node.is_folder:
            node.synced_names = dict(node.names)
        else:
            node.synced = node.data

    def _new_node(self, *, is_folder: bool) -> Node:
        self._nodes += 1
        node = Node(self._nodes, is_folder=is_folder)
        self._every[node.number] = node
        return node

    def _by_number(self, number: int) -> Node:
        """Return a node, also one whose name is gone while somebody has it open."""
        return self._every[number]

    def _descriptor(self, node: Node) -> int:
        self._next_fd += 1
        self._open[self._next_fd] = node
        return self._next_fd

    def _node(self, fd: int) -> Node:
        if fd not in self._open:
            raise OSError(errno.EBADF, "not open", str(fd))
        return self._open[fd]

    def _find(self, path: str) -> Node:
        node = self.root
        for name in path.strip("/").split("/"):
            if not node.is_folder:
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
            if name not in node.names:
                raise FileNotFoundError(errno.ENOENT, "not there", path)
            node = node.names[name]
        return node

    def _parent(self, path: str) -> tuple[Node, str]:
        above, _, name = path.rpartition("/")
        return (self._find(above) if above else self.root), name

    def _facts(self, node: Node) -> FileFacts:
        mode = stat.S_IFDIR | 0o700 if node.is_folder else stat.S_IFREG | 0o600
        return FileFacts(len(node.data), 0, os.geteuid(), mode, (1, node.number))
