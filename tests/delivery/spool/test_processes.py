"""Several processes and one spool: forks, exits without a word, and who takes over whom."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRELUDE = """
import os, signal, sys, threading, time
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.wire.otlp_request import Envelope

root = sys.argv[1]
envelope = Envelope(b"resource", b"scope")

def say(sentence):
    print(sentence, file=sys.stderr)

def make(**settings):
    return Spool(root, "shop", report=say, settings=SpoolSettings(**settings))

def drain(reader):
    found = []
    while (batch := reader.next_batch(1 << 20, 1000)) is not None:
        found += [record for _, record in batch.unpack()]
        reader.ack(batch)
    return sorted(found)

"""


def run(program: str, root: Path) -> list[str]:
    """Run a program that ends well and says nothing on stderr; return its lines."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program), str(root)],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


def test_a_forked_child_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Its parent's records are its parent's; what it writes survives `os._exit`."""
    lines = run(
        """
        # without the thread, which would take over what the child left whenever it came to it
        spool = Spool(root, "shop", report=say, background=False)
        reader = spool.reader("there", "logs")
        assert spool.append("logs", envelope, b"before")
        if (pid := os.fork()) == 0:
            assert spool.stats().written == {}
            assert drain(reader) == []
            assert spool.append("logs", envelope, b"child")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert spool.append("logs", envelope, b"after")
        assert drain(reader) == [b"after", b"before"]
        assert spool.adopt_orphans() == 1
        print(drain(reader), spool.stats().adopted, spool.stats().folders)
        spool.close()
        print(sorted(os.listdir(os.path.join(root, os.listdir(root)[0]))))
        """,
        tmp_path,
    )
    assert lines == ["[b'child'] {'logs': 1} 1", "['totals']"]


def test_a_child_does_not_keep_its_killed_parents_folder_locked(tmp_path: Path) -> None:
    """The inherited descriptor would: the lock goes when the last copy of it does."""
    lines = run(
        """
        hear, tell = os.pipe()
        if (parent := os.fork()) == 0:
            spool = make()
            assert spool.append("logs", envelope, b"parent's")
            if os.fork() == 0:
                os.write(tell, b"%d" % os.getpid())
                signal.pause()                  # outlives its parent
            signal.pause()
        child = int(os.read(hear, 20))
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        spool = make()
        reader = spool.reader("there", "logs")
        print(spool.adopt_orphans(), drain(reader))
        os.kill(child, signal.SIGKILL)
        spool.close()
        """,
        tmp_path,
    )
    assert lines == ['1 [b"parent\'s"]']


def test_forks_in_the_middle_of_writing_never_hang(tmp_path: Path) -> None:
    """Four busy threads, a keeper that syncs, and thirty children that write."""
    lines = run(
        """
        spool = make(sync_s=0.001, segment_bytes=20_000)
        reader = spool.reader("there", "logs")
        stop = threading.Event()
        counts = [0] * 4

        def write(which):
            while not stop.is_set():
                assert spool.append("logs", envelope, b"noise", 17 * (which % 2))
                counts[which] += 1
                stop.wait(0.0005)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for number in range(30):
            if (pid := os.fork()) == 0:
                os._exit(0 if spool.append("logs", envelope, b"child %d" % number) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, number
        stop.set()
        for thread in threads:
            thread.join()
        spool.adopt_orphans()
        found = drain(reader)
        children = [record for record in found if record != b"noise"]
        print(len(children), len(set(children)), len(found) - len(children) == sum(counts))
        spool.close()
        """,
        tmp_path,
    )
    assert lines == ["30 30 True"]


def test_two_processes_never_take_the_same_folder(tmp_path: Path) -> None:
    """Twenty orphans, four processes that look for them at once: every record once."""
    lines = run(
        """
        for number in range(20):
            if os.fork() == 0:
                make().append("logs", envelope, b"%03d" % number)
                os._exit(0)
        for _ in range(20):
            os.wait()
        out, into = os.pipe()
        for number in range(4):
            if os.fork() == 0:
                spool = make()
                reader = spool.reader("there", "logs")
                spool.adopt_orphans()
                os.write(into, b"".join(record + b" " for record in drain(reader)))
                spool.close()
                os._exit(0)
        for _ in range(4):
            os.wait()
        os.close(into)
        found = os.read(out, 10_000).split()
        print(len(found), len(set(found)))
        """,
        tmp_path,
    )
    assert lines == ["20 20"]


def test_a_process_that_just_ends_leaves_everything_to_the_next(tmp_path: Path) -> None:
    """Without closing, with its thread at work: no trace on stderr, nothing lost."""
    run(
        """
        spool = make(sync_s=0.001)
        for number in range(1000):
            assert spool.append("logs", envelope, b"%04d" % number)
        """,
        tmp_path,
    )
    lines = run(
        """
        spool = make()
        reader = spool.reader("there", "logs")
        spool.adopt_orphans()
        print(len(set(drain(reader))), spool.stats().torn, spool.stats().lost)
        """,
        tmp_path,
    )
    assert lines == ["1000 0 {}"]


def test_the_background_thread_syncs_and_takes_over(tmp_path: Path) -> None:
    """Nobody has to ask: a dead sibling's records come by themselves."""
    lines = run(
        """
        from otbridge.delivery.spool.files import SystemFiles

        class Telling(SystemFiles):
            synced = threading.Event()
            def sync(self, fd):
                super().sync(fd)
                self.synced.set()

        if os.fork() == 0:
            make().append("logs", envelope, b"sibling's")
            os._exit(0)
        os.wait()
        settings = SpoolSettings(sync_s=0.01)
        spool = Spool(root, "shop", report=say, settings=settings, files=Telling())
        reader = spool.reader("there", "logs")
        assert spool.append("logs", envelope, b"own")
        assert Telling.synced.wait(10)
        end = time.monotonic() + 10
        while reader.waiting < 2 and time.monotonic() < end:
            threading.Event().wait(0.01)
        print(drain(reader))
        spool.close()
        print(threading.active_count())
        """,
        tmp_path,
    )
    assert lines == ["[b'own', b\"sibling's\"]", "1"]


def test_the_spool_loads_nothing_that_a_log_call_should_not_load(tmp_path: Path) -> None:
    """No SDK, no protobuf, no asyncio, no logging: it lives below all of them."""
    lines = run(
        """
        spool = make()
        spool.append("logs", envelope, b"x")
        heavy = {"grpc", "google.protobuf", "asyncio", "logging", "opentelemetry", "structlog",
                 "pydantic", "http.client", "sqlite3"}
        print(sorted(heavy & set(sys.modules)))
        spool.close()
        """,
        tmp_path,
    )
    assert lines == ["[]"]
