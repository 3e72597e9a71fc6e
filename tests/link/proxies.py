"""Proxies as hospitals have them: tinyproxy forwards, haproxy opens TLS and cuts what is quiet."""

import datetime
import ipaddress
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.system_packages import path_of


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[int]:
    """A proxy as a process of its own, once it listens."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()


@contextmanager
def tinyproxy(folder: Path, login: str = "") -> Iterator[int]:
    """A forward proxy: CONNECT for HTTPS, whole addresses for HTTP."""
    port, config = free_port(), folder / "tinyproxy.conf"
    lines = [f"Port {port}", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 60", "LogLevel Connect"]
    lines += [f"BasicAuth {login}"] if login else []
    config.write_text("\n".join(lines) + "\n")
    with running([path_of("tinyproxy"), "-d", "-c", str(config)], port, folder / "tinyproxy.log") as ready:
        yield ready


@contextmanager
def haproxy(
    folder: Path, hub: int, *, mode: str = "http", cut_ms: int = 60_000, pem: Path | None = None
) -> Iterator[int]:
    """A box in front of the hub that cuts what is quiet for `cut_ms`, and speaks TLS with the certificate
    in `pem`."""
    port, config = free_port(), folder / f"haproxy-{mode}.cfg"
    tls = f" ssl crt {pem}" if pem else ""
    config.write_text(
        f"""
defaults
    mode {mode}
    timeout connect 2s
    timeout client {cut_ms}ms
    timeout server {cut_ms}ms
listen hub
    bind 127.0.0.1:{port}{tls}
    server hub 127.0.0.1:{hub}
"""
    )
    with running(
        [path_of("haproxy"), "-db", "-f", str(config)], port, folder / f"haproxy-{mode}.log"
    ) as ready:
        yield ready


def authority(folder: Path) -> tuple[Path, Path]:
    """A hospital's own authority (its PEM bundle), and a certificate with its key that it gave to
    127.0.0.1."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Hospital CA", ca_key, "Hospital CA", ca_key, is_ca=True)
    leaf = _certificate("hub", key, "Hospital CA", ca_key, is_ca=False)
    bundle, pem = folder / "ca.pem", folder / "hub-tls.pem"
    bundle.write_bytes(ca.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(leaf.public_bytes(Encoding.PEM) + private)
    return bundle, pem


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
