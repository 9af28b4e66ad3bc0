"""TLS from files that may be replaced while the server runs."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from notify_grpc.domain.errors import FailedPrecondition

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate chain, its key and, for mutual TLS, who signs clients' certificates."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class ReloadingCredentials:
    """Server credentials that follow their files: every handshake looks at them, so renewing needs no signal.

    Files that cannot be read, or do not (yet) belong together, change nothing: the last good ones stay.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen: object = None

    def credentials(self) -> grpc.ServerCredentials:
        """Raises FailedPrecondition if the files cannot be used."""
        self._seen = self._signature()
        try:
            initial = self._load()
        except (OSError, ssl.SSLError) as exc:
            raise FailedPrecondition(f"TLS cannot use {self._files.certificate} with {self._files.key}") from exc
        return grpc.dynamic_ssl_server_credentials(
            initial,
            self._reload,  # type: ignore[arg-type]  # None means "no change"; the stubs leave that out
            require_client_authentication=self._files.client_ca is not None,
        )

    def _reload(self) -> grpc.ServerCertificateConfiguration | None:
        """The files' configuration if they changed. Called on a thread of gRPC's; must not raise."""
        signature = self._signature()
        if signature == self._seen:
            return None
        self._seen = signature
        try:
            return self._load()
        except (OSError, ssl.SSLError) as exc:
            log.warning("changed TLS files cannot be used", extra={"reason": f"{type(exc).__name__}: {exc}"})
            return None

    def _load(self) -> grpc.ServerCertificateConfiguration:
        files = self._files
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)  # do they match?
        if files.client_ca is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(files.client_ca)
        return grpc.ssl_server_certificate_configuration(
            [(files.key.read_bytes(), files.certificate.read_bytes())],
            root_certificates=files.client_ca.read_bytes() if files.client_ca else None,
        )

    def _signature(self) -> object:
        """What tells one set of files from another."""
        return [_stamp(path) for path in (self._files.certificate, self._files.key, self._files.client_ca) if path]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Follows links, as a mounted secret is one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
