"""C14: http and https are stronger than `insecure`, which only serves addresses without either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.testing.doors import Tls
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]


def _arrives(scheme: str, insecure: str, *, secure: bool) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        environment = {"OTEL_EXPORTER_OTLP_INSECURE": insecure}
        tls = None
        if secure:
            if bench.certificates is None:
                return not_applicable("there is no openssl command to make certificates with")
            pair = bench.certificates.receiver
            tls = Tls(pair.certificate, pair.key)
            environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] = pair.certificate
        with OtlpReceiver(tls=tls) as receiver:
            address = bench.endpoint(receiver).partition("://")[2]
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = scheme + address
            with bench.start(receiver, environment=environment) as running:
                seen = running.finish()
        kind = "a TLS" if secure else "a plain"
        words = f"{seen.arrived} of {seen.task.total} records arrived at {kind} receiver"
        return passed(words) if seen.arrived >= seen.task.total else failed(words)

    return run


def _check(scheme: str, insecure: str, *, secure: bool) -> Check:
    what = f"uses {'TLS' if secure else 'no TLS'} for {scheme or '(no scheme)'} with INSECURE={insecure}"
    return Check("C14", what, _arrives(scheme, insecure, secure=secure), protocols=("grpc",))


CHECKS: Final = (
    _check("https://", "true", secure=True),
    _check("http://", "false", secure=False),
    _check("", "true", secure=False),
    _check("", "false", secure=True),
)
