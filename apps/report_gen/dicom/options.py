"""How the node is set up, read from the environment."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.report_gen.clinical.errors import KeyRefused
from loupe.host import environment

LARGEST_PDU: Final = 1 << 20
"""Bytes of one PDU that peers may send; DCMTK sends 131,072 at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Seconds, bytes and counts of the node.

    `sync_each`: whether a sender is answered only when the disk itself has the object, which
    outlives a loss of power. Without, it is answered when the operating system has it, which
    outlives a kill of the node; the disk has it within about a second, before the database does.
    `anyone`: whether unknown AE titles may send; then their studies go to `project`.
    """

    title: str
    host: str
    port: int
    anyone: bool
    project: str
    quiet_seconds: int
    associations: int
    each: int
    in_memory: int
    most_bytes: int
    network_timeout: int
    processes: int
    sync_each: bool
    certificate: str
    private_key: str
    authorities: str


def read_options() -> Options:
    """The options; a wrong value is refused with a sentence (ImproperlyConfigured)."""
    return Options(
        title=environment.text("LOUPE_DICOM_TITLE", "LOUPE")[:16],
        host=environment.text("LOUPE_DICOM_HOST", "127.0.0.1"),
        port=environment.number("LOUPE_DICOM_PORT", 11112),
        anyone=environment.flag("LOUPE_DICOM_ANYONE", False),
        project=environment.text("LOUPE_DICOM_PROJECT", ""),
        quiet_seconds=environment.number("LOUPE_DICOM_QUIET_SECONDS", 60, at_least=1),
        associations=environment.number("LOUPE_DICOM_ASSOCIATIONS", 32, at_least=1),
        each=environment.number("LOUPE_DICOM_ASSOCIATIONS_EACH", 16, at_least=1),
        in_memory=environment.number("LOUPE_DICOM_MEMORY_BYTES", 2 << 30, at_least=1 << 20),
        most_bytes=environment.number("LOUPE_DICOM_MAX_OBJECT_BYTES", 1 << 30, at_least=1),
        network_timeout=environment.number("LOUPE_DICOM_TIMEOUT_SECONDS", 60, at_least=1),
        sync_each=environment.flag("LOUPE_DICOM_SYNC_EACH", True),
        processes=environment.number("LOUPE_DICOM_PROCESSES", 2, at_least=1),
        certificate=environment.text("LOUPE_DICOM_TLS_CERTIFICATE", ""),
        private_key=environment.text("LOUPE_DICOM_TLS_KEY", ""),
        authorities=environment.text("LOUPE_DICOM_TLS_AUTHORITIES", ""),
    )


def server_tls(options: Options) -> ssl.SSLContext | None:
    """For those who connect; with authorities they must show a certificate of theirs.

    Raises:
        KeyRefused: a file is missing or is no certificate or key.
    """
    if not options.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, options)
    if options.authorities:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(options: Options) -> ssl.SSLContext:
    """For those that are connected to: their certificate must be signed by the authorities.

    Raises:
        KeyRefused: a file is missing or is no certificate or key.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, options)
    return context


def _load(context: ssl.SSLContext, options: Options) -> None:
    try:
        if options.certificate:
            context.load_cert_chain(options.certificate, options.private_key or None)
        if options.authorities:
            context.load_verify_locations(Path(options.authorities))
    except (OSError, ssl.SSLError) as error:
        raise KeyRefused(
            "A file of LOUPE_DICOM_TLS_CERTIFICATE, LOUPE_DICOM_TLS_KEY or "
            f"LOUPE_DICOM_TLS_AUTHORITIES cannot be used ({error}): give PEM files that are there."
        ) from None
