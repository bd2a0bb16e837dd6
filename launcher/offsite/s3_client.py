"""The client of a bucket: address, region, certificates, deadlines."""

from __future__ import annotations

import os
import re
import ssl
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, InvalidRegionError

from launcher.offsite.records import Destination
from launcher.offsite.s3_answers import BoundedSession
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.s3_upload import PARTS_AT_ONCE
from launcher.offsite.troubles import RemoteError, Trouble

_CONNECT_S = 10
_BY_HOST = ("amazonaws.com", "aliyuncs.com", "myqcloud.com")
_REGION_OF_HOST = re.compile(r"s3[.-]([a-z]{2,}-[a-z0-9-]+)\.")


def new_client(destination: Destination, *, silent_s: float) -> Any:
    """Return a client for the bucket of a destination.

    Args:
        destination: with options and secrets as `open_s3` takes them.
        silent_s: after so many seconds without a byte a call is given up.

    Raises:
        RemoteError: `WRONG_OPTIONS`.
    """
    options, address = destination.options, endpoint_of(destination.options)
    try:
        client = _session().create_client(
            "s3",
            region_name=options.get("region", "") or region_of_host(address) or "us-east-1",
            endpoint_url=address or None,
            verify=options.get("ca_file") or authorities(),
            aws_access_key_id=destination.secrets["key_id"],
            aws_secret_access_key=destination.secrets["secret"],
            config=Config(
                connect_timeout=_CONNECT_S,
                read_timeout=silent_s,
                retries={"mode": "standard", "total_max_attempts": 2},
                max_pool_connections=PARTS_AT_ONCE,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": _style(options.get("path_style", ""), address)},
            ),
        )
    except InvalidRegionError:
        raise RemoteError(Trouble.WRONG_OPTIONS, option="region") from None
    except (BotoCoreError, ValueError):
        raise RemoteError(Trouble.WRONG_OPTIONS, option="endpoint") from None
    endpoint = client._endpoint  # noqa: SLF001 (boto takes no session of ours)
    endpoint.http_session = BoundedSession(endpoint.http_session)
    return client


@cache
def _session() -> botocore.session.Session:
    """Return what reads the description of the service, which takes a third of a second."""
    # What the environment and `~/.aws` say is for other programs.
    return botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )


def _style(wanted: str, endpoint: str) -> str:
    """Return where the bucket is named: almost all but Amazon take it in the path."""
    host = urlsplit(endpoint).hostname or ""
    by_host = not host or host.endswith(_BY_HOST)
    return {"on": "path", "off": "virtual"}.get(wanted, "virtual" if by_host else "path")


def region_of_host(endpoint: str) -> str:
    """Return the region that is part of many endpoints, "" where there is none."""
    found = _REGION_OF_HOST.match(urlsplit(endpoint).hostname or "")
    return found[1] if found else ""


def authorities() -> str | bool:
    """Return the file of the authorities that this machine trusts; True for those of boto."""
    path = ssl.get_default_verify_paths().cafile
    return path if path is not None and Path(path).is_file() else True
