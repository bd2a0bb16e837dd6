"""Certificates of an authority of our own, as a home network has them."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


def authority(folder: Path) -> Path:
    """Return the certificate of a new authority; its key is beside it."""
    _openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        " -keyout ca.key -out ca.pem -subj /CN=Home",
    )
    return folder / "ca.pem"


def server_context(
    folder: Path, *, name: str = "127.0.0.1", expired: bool = False
) -> ssl.SSLContext:
    """Return the context of a server whose certificate the authority in `folder` issued."""
    stem = "expired" if expired else "server"
    _openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        f" -keyout {stem}.key -out {stem}.csr -subj /CN={name}",
    )
    (folder / "names.txt").write_text(f"subjectAltName=IP:{name}\n")
    if expired:
        _issue_expired(folder, stem)
    else:
        _openssl(
            folder,
            f"x509 -req -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
            f" -out {stem}.pem -extfile names.txt -days 30",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{stem}.pem", folder / f"{stem}.key")
    return context


def _issue_expired(folder: Path, stem: str) -> None:
    """`openssl ca` alone takes dates in every version."""
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    _openssl(
        folder,
        f"ca -batch -config ca.cnf -rand_serial -in {stem}.csr -cert ca.pem -keyfile ca.key"
        f" -out {stem}.pem -extfile names.txt -notext"
        " -startdate 20200101000000Z -enddate 20200201000000Z",
    )


def _openssl(folder: Path, words: str) -> None:
    done = subprocess.run(
        ["openssl", *words.split()], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
