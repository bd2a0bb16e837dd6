"""Clients that are slow, gone or hostile hold neither the site nor a restore.

gunicorn itself is what is tested: who reads a request, and for how long.
"""

from __future__ import annotations

import http.client
import re
import select
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from launcher import demo
from launcher import serving as serving_
from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups
from launcher.db.settings import change_settings
from launcher.models import Role
from launcher.serving import ClientSocket
from tests.support.server import Server, run_flask, serving
from tests.support.visitor import Visitor

PASSWORD = "a long enough password"
FORM_TYPE = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /login HTTP/1.1\r\nHost: a\r\n" + FORM_TYPE
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GET = b"GET /login HTTP/1.1\r\nHost: a\r\n\r\n"

# What a client sends before it falls silent, and leaves what comes back unread.
SILENCES = {
    "nothing": b"",
    "an empty line": b"\r\n\r\n",
    "half a head": b"GET /login HTTP/1.1\r\nHost: a\r\nX-Half: ",
    "a head without its form": POST + b"Content-Length: 10\r\n\r\n",
    "half a form": POST + b"Content-Length: 10\r\n\r\nuser",
    "the head of a form over the limit": POST + b"Content-Length: 3000000\r\n\r\nuser",
    "the head of a huge form": POST + b"Content-Length: 99999999999999999999\r\n\r\nuser",
    "a form in chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nuser\r\n",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nuser",
    "a form that is to be asked for": POST + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
    "a large form that is to be asked for": (
        POST + b"Content-Length: 900000\r\nExpect: 100-continue\r\n\r\n"
    ),
    "an upload of a stranger": POST.replace(b"/login", b"/admin/backups/upload")
    + b"Content-Length: 90000000\r\n\r\n--x\r\n",
    "one request and half of the next": GET + GET[:20],
    "many requests": GET * 30,
    "a request of long ago": b"GET /login HTTP/1.0\r\n\r\n",
}


@pytest.fixture(scope="module")
def filled(new_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled site with a backup, an admin, and open to guests."""
    data_dir = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(new_data, data_dir)
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        demo.fill(now=datetime.now(UTC), seed=1)
        users.create_user("dora", PASSWORD, role=Role.ADMIN, actor=COMMAND_LINE)
        change_settings({"guest_access": "on"}, actor=COMMAND_LINE)
        current_backups().create(by="test")
    return data_dir


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    client = socket.socket()
    # What is left unread soon fills it.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(60)
    client.connect((parts.hostname, parts.port))
    return client


def test_a_restore_and_the_pages_do_not_wait_for_any_of_them(filled: Path) -> None:
    with serving(filled, workers="2", threads="4") as server, ExitStack() as crowd:
        visitor = Visitor(server.url)
        sheet = re.search(r"/assets/launcher-[^\"]+", visitor.get("/login")[1])
        assert sheet
        sheets = f"GET {sheet[0]} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 100
        for said in [*SILENCES.values(), sheets] * 3:
            crowd.enter_context(connect(server)).sendall(said)
        for _ in range(10):
            assert visitor.get("/")[0] == 200
        assert visitor.sign_in("dora", PASSWORD) == 303
        run_flask(filled, "backup", "restore", "latest", "--yes")
        assert visitor.get("/")[0] == 200
    assert "Traceback" not in server.log_path.read_text()
    assert "requests were still running" not in (filled / "journal.jsonl").read_text()


def read_all(client: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    read = b""
    try:
        while piece := client.recv(65536):
            read += piece
    except ConnectionResetError:
        pass
    return read


@pytest.fixture(scope="module")
def impatient(filled: Path) -> Iterator[Server]:
    """A server that waits for one second where others wait for thirty."""
    with serving(filled, workers="1", threads="2", app="tests.support.impatient:app") as server:
        yield server


def test_a_connection_without_a_whole_request_is_closed(impatient: Server) -> None:
    with ExitStack() as crowd:
        waiting = []
        for what, said in SILENCES.items():
            client = crowd.enter_context(connect(impatient))
            client.sendall(said)
            waiting.append((what, client))
        for what, client in waiting:
            assert b"500 Internal" not in read_all(client), what


def test_uploads_that_stop_leave_threads_for_everybody_else(filled: Path) -> None:
    said = run_flask(filled, "token", "create", "x", "--user", "dora", "--expires", "1d",
                     "--scope", "backups:create")  # fmt: skip
    head = (
        "POST /api/v1/backups HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"
        f"Authorization: Bearer {said.split()[0]}\r\nContent-Length: 90000000\r\n\r\nSQLite"
    )
    with serving(filled, workers="1", threads="2") as server, ExitStack() as crowd:
        clients = [crowd.enter_context(connect(server)) for _ in range(5)]
        for client in clients:
            client.sendall(head.encode())
        assert Visitor(server.url).get("/login")[0] == 200
        answers: list[bytes] = []
        while len(answers) < 4:  # whichever came first has the one place, and no answer yet
            for client in select.select(clients, [], [])[0]:
                answers.append(client.recv(12))
                clients.remove(client)
        assert answers == [b"HTTP/1.1 503"] * 4
        assert Visitor(server.url).get("/login")[0] == 200


def test_a_form_that_drips_is_closed_unanswered(impatient: Server) -> None:
    with connect(impatient) as client:
        client.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        client.settimeout(0.1)
        while True:
            try:
                client.sendall(b"x")
                assert client.recv(100) == b""
            except TimeoutError:
                continue
            except OSError:
                pass
            break


def test_a_form_that_comes_in_pieces_is_answered(impatient: Server) -> None:
    body = b"username=dora&password=x"
    said = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connect(impatient) as client:
        for at in range(0, len(said), 30):
            client.sendall(said[at : at + 30])
            time.sleep(0.02)
        assert read_all(client).startswith(b"HTTP/1.1 400 ")  # it has no token


def test_a_long_form_has_longer_than_a_short_one(impatient: Server) -> None:
    body = b"username=" + b"x" * 20_000
    with connect(impatient) as client:
        client.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 2000):
            time.sleep(0.15)
            client.sendall(body[at : at + 2000])
        assert read_all(client).startswith(b"HTTP/1.1 400 ")


def test_a_form_that_is_to_be_asked_for_is_asked_for_once(impatient: Server) -> None:
    with connect(impatient) as client:
        head = b"Connection: close\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(POST + head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"username=x")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"100 Continue" not in answer


def test_a_large_file_that_will_be_refused_is_not_asked_for(
    filled: Path, impatient: Server
) -> None:
    said = run_flask(filled, "token", "create", "y", "--user", "dora", "--expires", "1d",
                     "--scope", "backups:create")  # fmt: skip

    def head(token: str, length: int = 1_000_000) -> bytes:
        return (
            "POST /api/v1/backups HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()

    good = said.split()[0]
    refused = {401: head("wrong"), 413: head(good, length=10**12)}
    for status, sent in refused.items():
        with connect(impatient) as client:
            client.sendall(sent)
            assert client.recv(12) == f"HTTP/1.1 {status}".encode()
    with connect(impatient) as client:
        client.sendall(head(good))
        assert client.recv(len(CONTINUE)) == CONTINUE
        client.sendall(b"x" * 1_000_000)
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"100 Continue" not in answer


def test_requests_in_one_piece_are_all_answered(impatient: Server) -> None:
    with connect(impatient) as client:
        client.sendall(GET * 20 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(client).count(b"HTTP/1.1 200 OK") == 21


def test_an_upload_in_chunks_arrives(impatient: Server) -> None:
    parts = urlsplit(impatient.url)
    visitor = Visitor(impatient.url)
    assert visitor.sign_in("dora", PASSWORD) == 303
    form = (
        b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n'
        + token_of(visitor).encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + b"no backup" * 100_000
        + b"\r\n--x--\r\n"
    )
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    cookies = "; ".join(f"{each.name}={each.value}" for each in visitor.jar)
    pieces = [form[at : at + 50_000] for at in range(0, len(form), 50_000)]
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": cookies}
    connection.request("POST", "/admin/backups/upload", iter(pieces), headers, encode_chunked=True)
    with closing(connection):
        assert connection.getresponse().status == 303


def test_who_is_refused_while_they_upload_gets_the_answer_afterwards(impatient: Server) -> None:
    head = POST.replace(b"/login", b"/admin/backups/upload").replace(
        b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"
    )
    with connect(impatient) as client:
        client.sendall(head + b"Content-Length: 1200000\r\n\r\n")
        for _ in range(16):
            time.sleep(0.1)  # in all longer than silence is borne with
            client.sendall(b"x" * 75_000)
        assert read_all(client).startswith(b"HTTP/1.1 302 ")


def token_of(visitor: Visitor) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/account")[1])
    assert found
    return found[1]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The socket of a server with the patience of a fifth of a second, and that of its client."""
    monkeypatch.setattr(serving_, "PATIENCE_S", 0.2)
    monkeypatch.setattr(serving_, "SLOWEST_BYTES_PER_S", 1000)
    ours, theirs = socket.socketpair()
    with ClientSocket(fileno=ours.detach()) as server, theirs as client:
        server.setblocking(True)
        yield server, client


def sent_slowly(client: socket.socket, pieces: list[bytes]) -> threading.Thread:
    def send() -> None:
        for piece in pieces:
            time.sleep(0.05)
            client.sendall(piece)

    sender = threading.Thread(target=send)
    sender.start()
    return sender


def receive(server: ClientSocket, count: int) -> int:
    """Receive so many bytes; return how many pieces they came in."""
    pieces = 0
    while count > 0:
        count -= len(server.recv(1000))
        pieces += 1
    return pieces


def test_an_upload_may_be_slow_but_not_stop(
    pair: tuple[ClientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_, "PATIENCE_S", 1.0)
    server, client = pair
    server.setblocking(True)
    sender = sent_slowly(client, [b"x" * 100] * 25)  # in all longer than its patience
    assert receive(server, 2500) > 1
    sender.join()
    with pytest.raises(ConnectionResetError):
        server.recv(1000)


def test_an_upload_that_drips_is_broken_off(pair: tuple[ClientSocket, socket.socket]) -> None:
    server, client = pair
    sender = sent_slowly(client, [b"x"] * 20)
    with pytest.raises(ConnectionResetError):
        receive(server, 20)
    sender.join()


def test_a_download_that_no_one_takes_is_broken_off(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    server, _client = pair
    with pytest.raises(ConnectionResetError):
        server.sendall(b"x" * 10_000_000)


def test_a_page_that_no_one_takes_holds_no_thread(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    server, client = pair
    page = bytes(range(256)) * 4000
    server.sendall(page)
    assert server.unsent
    left = bytes(server.unsent)
    client.settimeout(60)
    assert client.recv(len(page) - len(left), socket.MSG_WAITALL) + left == page
