"""A ClickHouse cluster for tests: two shards of two replicas, each a server of its own.

`python -m tests.contract.store.cluster` holds it to the whole contract, and to what a cluster is
for: each trace on one shard, a node killed while records come in, nothing lost or twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.contract.store.front import Front
from tests.contract.store.server import Server, free_port

NAME = "main"

HALVED = "halved"
"""The same servers as a cluster for tables that replicate by themselves, which ours do not."""

VARIABLE = "OTBRIDGE_TEST_CLICKHOUSE_CLUSTER"
"""Environment variable that has the cluster tested too: it takes four servers' time and memory."""

_NODE = "<replica><host>127.0.0.1</host><port>{port}</port></replica>"


class Cluster:
    """Four servers that know each other: nodes 0 and 1 are one shard, 2 and 3 the other.

    Args:
        folder: For all that they keep.
        mortal: Whether nodes may be taken away one by one; what they say to each other then goes
            through this process.
    """

    def __init__(self, folder: Path, *, mortal: bool = False) -> None:
        config = folder / "cluster.xml"
        self.nodes = [
            Server(folder / str(number), tcp_port=free_port(), config=config) for number in range(4)
        ]
        self._config = config
        self._mortal = mortal
        # Where the others speak to each.
        self._ports = [free_port() if mortal else node.tcp_port for node in self.nodes]
        self._fronts: dict[int, Front] = {}

    def start(self) -> None:
        """Start all nodes."""
        # Without ZooKeeper: the node that takes an insert writes it to both replicas.
        clusters = self._shards(NAME, "false") + self._shards(HALVED, "true")
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            f"<clickhouse><remote_servers>{clusters}</remote_servers></clickhouse>"
        )
        for number in range(len(self.nodes)):
            self.bring_back(number)

    def bring_back(self, number: int) -> None:
        """Start a node, with what it had on disk."""
        node = self.nodes[number]
        node.start()
        if self._mortal:
            front = Front(node.tcp_port, port=self._ports[number])
            self._fronts[number] = front.__enter__()

    def take_away(self, number: int) -> None:
        """End a node at once, as a power switch does."""
        front = self._fronts.pop(number, None)
        if front is not None:
            front.__exit__()
        self.nodes[number].kill()

    def _shards(self, name: str, internal_replication: str) -> str:
        shards = "".join(
            f"<shard><internal_replication>{internal_replication}</internal_replication>"
            + "".join(_NODE.format(port=port) for port in pair)
            + "</shard>"
            for pair in (self._ports[:2], self._ports[2:])
        )
        return f"<{name}>{shards}</{name}>"

    def address(self, database: str, cluster: str = NAME) -> str:
        """Return the store's address for this database."""
        hosts = ",".join(f"127.0.0.1:{node.http_port}" for node in self.nodes)
        return f"clickhouse://{hosts}/{database}?cluster={cluster}"

    def kill(self) -> None:
        """End all nodes."""
        for number in range(len(self.nodes)):
            self.take_away(number)


def main() -> int:
    """Run the contract's tests on a cluster; return pytest's exit code."""
    folder = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", str(folder), "-q", "-k", "cluster", "--durations=5"]
    environment = {**os.environ, VARIABLE: "1", "OTBRIDGE_TEST_CLICKHOUSE": "required"}
    return subprocess.run(command, env=environment, cwd=folder.parents[2], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
