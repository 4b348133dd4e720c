"""A certificate authority of one's own, made by the `openssl` command, for certificates of any age."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION = """
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Authority:
    """Signs certificates; its own is in `certificate`, PEM.

    Args:
        folder: A folder for its files; made here.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.certificate = str(folder / "authority.pem")
        (folder / "ca.conf").write_text(_CONFIGURATION)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01")
        self._openssl(
            "req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={folder.name}",
            "-keyout", "authority.key", "-out", "authority.pem",
        )  # fmt: skip

    def issue(
        self, name: str, *, hosts: str = "DNS:localhost,IP:127.0.0.1", days: float = 1
    ) -> str:
        """Return a PEM file with a new certificate for *hosts* and its key.

        Args:
            name: Of the file.
            hosts: Alternative names, as OpenSSL writes them.
            days: Until it expires; less than 0: it expired so long ago.
        """
        now = datetime.now(UTC)
        self._openssl(
            "req", *_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "ca", "-batch", "-notext", "-config", "ca.conf", "-keyfile", "authority.key",
            "-cert", "authority.pem", "-in", f"{name}.csr", "-out", f"{name}.crt",
            "-startdate", _stamp(now - timedelta(days=30)),
            "-enddate", _stamp(now + timedelta(days=days)),
        )  # fmt: skip
        whole = self._folder / f"{name}.pem"
        parts = [self._folder / f"{name}.{kind}" for kind in ("crt", "key")]
        whole.write_text("".join(part.read_text() for part in parts))
        return str(whole)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self._folder, check=True, capture_output=True, timeout=20
        )


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%SZ}"
