"""Adapters, with real servers on the loopback that answer, refuse, hang, and drip."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from lifecycle_fsm.errors import ChannelError, DeliveryFailed, FileProblem
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store import channel_file
from lifecycle_fsm.store.channel_file import channels
from lifecycle_fsm.store.channels import Email, JsonLines, Webhook
from tests.store.outbox import START, Clock, asked

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOON = 0.3
HUGE = "ü" * 5_000_000


# ------------------------------------------------------------------ webhooks


class Web(ThreadingHTTPServer):
    """Keeps what is posted, and answers as the path says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.done = threading.Event()
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what the tests are about."""


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        web = cast(Web, self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        web.came.append((self.path, headers, body))
        if self.path == "/hang":
            web.done.wait(30)
        elif self.path == "/drip":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000)
        elif self.path == "/drip-body":
            self._drip(b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000, 45)
        elif self.path == "/noise":
            self.wfile.write(b"\x00\xff" * 100)
        elif self.path != "/close":
            status, given, text = web.answer
            self.send_response(status)
            for name, value in {**given, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

    def _drip(self, answer: bytes, at_once: int = 10) -> None:
        self.wfile.write(answer[:at_once])
        for byte in answer[at_once:]:
            if cast(Web, self.server).done.wait(0.05):
                break
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """No words on the terminal."""


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.done.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_posts_what_is_asked_signed(web: Web) -> None:
    request = asked("ann/call/f-1", due_at=START, data={"country": "SE"}, text="Zoë")
    Webhook(f"{web.url}/in?a=1", SECRET, clock=Clock()).send(request)
    ((path, headers, body),) = web.came
    assert path == "/in?a=1"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "request.task",
        "timestamp": "2024-05-01T09:00:00+00:00",
        "data": {
            "id": "ann/call/f-1", "person": "ann", "rule": "call", "channel": "task",
            "to": "sdr.north", "text": "Zoë", "stage": None, "activity": None,
            "due_at": "2024-05-01T09:00:00+00:00", "state": "sent", "data": {"country": "SE"},
        },
    }  # fmt: skip
    assert headers["webhook-id"] == "ann/call/f-1"
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    signed = f"ann/call/f-1.{int(START.timestamp())}.".encode() + body
    assert headers["webhook-signature"] == signature(signed)


def signature(content: bytes) -> str:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    content = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    assert signature(content) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("id", "header"),
    [
        ("ann/call/2024-05-01T09:00:00.5Z", "ann/call/2024-05-01T09%3A00%3A00%2E5Z"),
        ("Zoë/call/1", "Zo%C3%AB/call/1"),
        ("a\r\nx: y/call/1", "a%0D%0Ax%3A%20y/call/1"),
        ("a\udcff/call/1", "a%3F/call/1"),
    ],
)
def test_an_id_cannot_break_the_headers_nor_what_is_signed(web: Web, id: str, header: str) -> None:
    Webhook(web.url, SECRET, clock=Clock()).send(asked(id))
    assert web.came[0][1]["webhook-id"] == header
    assert "x" not in web.came[0][1]
    assert json.loads(web.came[0][2])["data"]["id"] == id


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "after"),
    [
        (302, {"Location": "/elsewhere"}, False, None),
        (400, {}, True, None),
        (401, {}, True, None),
        (404, {}, True, None),
        (408, {}, False, None),
        (409, {}, False, None),
        (410, {}, True, None),
        (422, {"Retry-After": "5"}, True, 5),
        (425, {}, False, None),
        (429, {"Retry-After": "120"}, False, 120),
        (429, {"Retry-After": "soon"}, False, None),
        (429, {"Retry-After": "9" * 5000}, False, None),
        (429, {"Retry-After": "-5"}, False, None),
        (500, {}, False, None),
        (503, {"Retry-After": "Wed, 01 May 2024 09:30:00 GMT"}, False, 1800),
        (503, {"Retry-After": "Wed, 99 May 2024 09:30:00 GMT"}, False, None),
    ],
)
def test_what_an_answer_means(
    web: Web, status: int, headers: dict[str, str], permanent: bool, after: int | None
) -> None:
    web.answer = status, headers, b"because " + b"x" * 100_000
    with pytest.raises(DeliveryFailed, match=rf"/in: HTTP {status} .*: because x+$") as failed:
        Webhook(f"{web.url}/in", SECRET, clock=Clock()).send(asked("ann/call/1"))
    assert failed.value.permanent is permanent
    wait = failed.value.retry_after
    assert wait == (None if after is None else timedelta(seconds=after))
    assert len(str(failed.value)) < 500
    assert len(web.came) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_a_delivery(web: Web, status: int) -> None:
    web.answer = status, {}, b""
    Webhook(web.url, SECRET).send(asked("ann/call/1", text=""))
    assert [path for path, *_ in web.came] == ["/"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("hang", "no answer within 0.3 seconds"),
        ("drip", "no answer within 0.3 seconds"),
        ("drip-body", "HTTP 500 No|no answer within 0.3 seconds"),
        ("close", "closed connection without response"),
        ("noise", "."),
    ],
)
def test_a_server_that_does_not_answer_is_left(web: Web, path: str, message: str) -> None:
    with pytest.raises(DeliveryFailed, match=message) as failed:
        Webhook(f"{web.url}/{path}", SECRET, timeout=SOON).send(asked("ann/call/1"))
    assert not failed.value.permanent


def test_a_handshake_that_hangs_and_a_port_that_nobody_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DeliveryFailed, match=r"no answer within 0\.3 seconds"):
            Webhook(f"https://127.0.0.1:{port}", SECRET, timeout=SOON).send(asked("ann/call/1"))
    with pytest.raises(DeliveryFailed, match="refused"):
        Webhook(f"http://127.0.0.1:{port}", SECRET).send(asked("ann/call/1"))


def test_https_is_not_spoken_in_plain_text(web: Web) -> None:
    with pytest.raises(DeliveryFailed, match="SSL"):
        Webhook(web.url.replace("http", "https"), SECRET).send(asked("ann/call/1"))
    assert web.came == []


def test_a_long_text_arrives_whole(web: Web) -> None:
    Webhook(web.url, SECRET).send(asked("ann/call/1", text=HUGE))
    assert json.loads(web.came[0][2])["data"]["text"] == HUGE


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com", "https://", "https://ann:pw@example.com", 5,
     "https://example.com/a b", "https://example.com/\r\nx: y", "https://exämple.com",
     "https://example.com:99999", "https://[::1"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: Any) -> None:
    with pytest.raises(ChannelError, match=r"url should be an address such as https://"):
        Webhook(url, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_????", "whsec_c2hvcnQ=", SECRET[6:], 5])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: Any) -> None:
    with pytest.raises(ChannelError, match="secret should be whsec_ and the base64 of") as refused:
        Webhook("https://example.com", secret)
    assert not secret or str(secret) not in str(refused.value).replace("whsec_ and", "")
    assert SECRET not in repr(Webhook("https://example.com", SECRET))


# ------------------------------------------------------------------ e-mail


class Postbox:
    """Keeps mail, and refuses as the receiver's name says."""

    def __init__(self) -> None:
        self.came: list[tuple[str, list[str], EmailMessage]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        name = address.partition("@")[0]
        if name.isdigit():
            return f"{name} not today"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.mail_from is not None
        message = message_from_bytes(cast(bytes, envelope.content), policy=default)
        if envelope.rcpt_tos[0].startswith("data"):
            return f"{envelope.rcpt_tos[0][4:7]} not like this"
        self.came.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def email(postbox: Postbox) -> Iterator[Email]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(
        postbox, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True,
        data_size_limit=50_000_000,
    )  # fmt: skip
    server.start()
    yield Email(
        "127.0.0.1", "Leads <leads@example.com>", port, starttls=False, clock=Clock(),
        addresses={"sdr.north": "north@example.com"},
    )  # fmt: skip
    server.stop()


def test_a_mail_says_who_what_and_until_when(email: Email, postbox: Postbox) -> None:
    request = asked(
        "ann/call/f-1", text="Call Zoë\nShe asked for a demo", stage="mql", due_at=START,
        data={"country": "SE", "empty": None},
    )  # fmt: skip
    email.send(request)
    email.send(request)
    (sender, receivers, first), (_, _, second) = postbox.came
    assert (sender, receivers) == ("leads@example.com", ["north@example.com"])
    assert (first["From"], first["To"]) == ("Leads <leads@example.com>", "north@example.com")
    assert first["Subject"] == "Call Zoë"
    assert first["Date"] == "Wed, 01 May 2024 09:00:00 +0000"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content().splitlines() == [
        "Call Zoë", "She asked for a demo", "", "Person: ann", "Stage: mql", "Rule: call",
        "Due: 2024-05-01 09:00 UTC", "country: SE",
    ]  # fmt: skip
    email.send(asked("ann/call/f-2"))
    assert postbox.came[2][2]["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", "call"),
        (" \n\n", "call"),
        ("one\r\nBcc: eve@example.com", "one"),
        ("one\rBcc: eve@example.com", "one"),
        ("a\x00b\tc", "a b c"),
        ("half \udcff", "half ?"),
        ("x" * 1000, "x" * 150),
        (".", "."),
        (HUGE, "ü" * 150),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_no_text_breaks_a_mail(email: Email, postbox: Postbox, text: str, subject: str) -> None:
    email.send(asked("ann/call/1", text=text, person="a\r\nBcc: eve@example.com"))
    ((_, receivers, mail),) = postbox.came
    assert receivers == ["north@example.com"]
    assert mail["Subject"] == subject
    assert mail["Bcc"] is None
    content = mail.get_content()
    assert "Person: a Bcc: eve@example.com" in content.splitlines()
    expected = text.encode(errors="replace").decode().splitlines()
    assert content.splitlines()[: len(expected)] == expected


@pytest.mark.parametrize(
    ("receiver", "envelope"),
    [
        ("zoe@example.com", "zoe@example.com"),
        ("zoe@exämple.com", "zoe@xn--exmple-cua.com"),
        ("zoë@example.com", "zoë@example.com"),
    ],
)
def test_receivers_beyond_ascii(
    email: Email, postbox: Postbox, receiver: str, envelope: str
) -> None:
    email.send(asked("ann/call/1", to=receiver))
    assert postbox.came[0][1] == [envelope]


@pytest.mark.parametrize(
    "receiver",
    [None, "", "marketing", "a@b@c", "ann@", "@example.com", "a b@example.com", "a@b.c\r\nBcc: d@e",
     "Ann <ann@example.com>", "a@b.c, d@e.f", "ann@..", "ann@" + "x" * 300],
)  # fmt: skip
def test_a_receiver_without_an_address_is_told_at_once(
    email: Email, postbox: Postbox, receiver: str | None
) -> None:
    with pytest.raises(DeliveryFailed, match="is no e-mail address: give the channel") as failed:
        email.send(asked("ann/call/1", to=receiver))
    assert failed.value.permanent
    assert postbox.came == []


@pytest.mark.parametrize(
    ("name", "permanent"), [("550", True), ("450", False), ("data554", True), ("data451", False)]
)
def test_what_a_refusal_means(email: Email, name: str, permanent: bool) -> None:
    with pytest.raises(DeliveryFailed, match=rf"127.0.0.1: {name[-3:]} not") as failed:
        email.send(asked("ann/call/1", to=f"{name}@example.com"))
    assert failed.value.permanent is permanent


def test_a_server_without_encryption_gets_no_mail(email: Email, postbox: Postbox) -> None:
    secure = Email(email.host, email.sender, email.port)
    with pytest.raises(DeliveryFailed, match="STARTTLS") as failed:
        secure.send(asked("ann/call/1", to="ann@example.com"))
    assert not failed.value.permanent
    assert postbox.came == []


@contextmanager
def talking(*answers: bytes, pause: float = 0) -> Iterator[int]:
    """A server that says the next of its answers to whatever comes, byte for byte."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    for answer in answers:
                        for byte in answer:
                            connection.sendall(bytes([byte]))
                            done.wait(pause)
                        connection.recv(10_000)
                    done.wait(30)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("answers", "pause", "message"),
    [
        ([], 0, "no answer within"),
        ([b"220 " + b"x" * 1000], 0.05, "no answer within"),
        ([b"220 hello\r\n", b"250 OK\r\n", b"250 OK\r\n"], 0, "no answer within"),
        ([b"554 go away\r\n"], 0, "554"),
        ([b"220 hello\r\n", b"502 what\r\n", b"502 what\r\n"], 0, "502 what"),
    ],
    ids=["hangs", "drips", "hangs later", "refuses everybody", "knows no HELO"],
)
def test_a_server_that_takes_no_mail_is_tried_again(
    answers: list[bytes], pause: float, message: str
) -> None:
    with talking(*answers, pause=pause) as port:
        email = Email("127.0.0.1", "leads@example.com", port, starttls=False, timeout=SOON)
        with pytest.raises(DeliveryFailed, match=message) as failed:
            email.send(asked("ann/call/1", to="ann@example.com"))
    assert not failed.value.permanent


def test_a_mail_that_was_taken_is_delivered_whatever_comes_then() -> None:
    answers = [
        b"220 hello\r\n",
        *[b"250 OK\r\n"] * 3,
        b"354 go on\r\n",
        b"250 OK\r\n",
        b"421 no\r\n",
    ]
    with talking(*answers) as port:
        email = Email("127.0.0.1", "leads@example.com", port, starttls=False)
        email.send(asked("ann/call/1", to="ann@example.com"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": 5}, "host should be the name of a server, not 5"),
        ({"sender": "Leads"}, "sender should be an address such as"),
        ({"sender": "a@b.c\r\nBcc: d@e.f"}, "sender should be an address such as"),
        ({"port": "25"}, "port should be a number, not '25'"),
        ({"port": True}, "port should be a number"),
        ({"starttls": "yes"}, "starttls should be true or false"),
        ({"timeout": 0}, "timeout should be from 0 to 3600 seconds, not 0"),
        ({"timeout": float("nan")}, "timeout should be from"),
        ({"user": "ann", "starttls": False}, "user needs starttls = true"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ChannelError, match=message):
        Email(**{"host": "mail.example.com", "sender": "leads@example.com"} | options)


# ------------------------------------------------------------------ lines of a file


def test_lines_are_added(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text("half a line")
    adapter = JsonLines(path)
    adapter.send(asked("ann/call/1", text="two\nlines \u2028 and half \udcff", due_at=START))
    adapter.send(asked("bo/call/1"))
    first, *lines = path.read_bytes().split(b"\n")
    assert first == b"half a line"
    assert [json.loads(line)["id"] for line in lines[:2]] == ["ann/call/1", "bo/call/1"]
    assert lines[2:] == [b""]
    assert json.loads(lines[0])["due_at"] == "2024-05-01T09:00:00+00:00"


def test_processes_add_whole_lines_at_once(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    program = (
        "import sys; from lifecycle_fsm.files import append_line\n"
        "for n in range(20): append_line(sys.argv[1], sys.argv[2] * 100_000)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), letter]) for letter in "abc"
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(letter * 100_000 for letter in "abc" for _ in range(20))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
def test_a_file_that_takes_no_line_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "no/file", tmp_path, "/dev/full", "a\0b"):
        with pytest.raises(FileProblem, match="cannot be written"):
            JsonLines(path).send(asked("ann/call/1"))
    with pytest.raises(ChannelError, match="path should be the name of a file, not 5"):
        JsonLines(cast(Any, 5))


# ------------------------------------------------------------------ channels from a file


def written(folder: Path, text: str) -> Path:
    path = folder / "channels.toml"
    path.write_text(text, "utf-8")
    return path


def test_channels_are_read_from_a_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [task]
        adapter = "webhook"
        url = "https://crm.example.com/tasks"
        secret_env = "TASK_SECRET"
        timeout = 5

        [email]
        adapter = "email"
        host = "mail.example.com"
        sender = "Leads <leads@example.com>"
        user = "leads"
        password_env = "MAIL_PASSWORD"
        addresses = { "sdr.north" = "north@example.com" }

        ["*"]
        adapter = "json_lines"
        path = "requests.jsonl"
        """,
    )
    environment = {"TASK_SECRET": SECRET, "MAIL_PASSWORD": "secret"}
    assert channels(path, environment) == {
        "task": Webhook("https://crm.example.com/tasks", SECRET, 5),
        "email": Email(
            "mail.example.com", "Leads <leads@example.com>", user="leads", password="secret",
            addresses={"sdr.north": "north@example.com"},
        ),
        "*": JsonLines(str(tmp_path / "requests.jsonl")),
    }  # fmt: skip


WEB = 'adapter = "webhook"\nurl = "https://example.com"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"are empty: write a table such as \[task\]"),
        ("[task", "are no TOML: "),
        ("task = 1", r"\[task\]: it should be a table with adapter = "),
        ('[taks]\nadapter = "webhook"', r"\[taks\]: no model has this channel: .*mean 'task'\?"),
        ("[task]\nadapter = 1", r"\[task\]: it should be a table with adapter = "),
        ('[task]\nadapter = "webhok"', r"there is no adapter 'webhok': there are email, "
         r"json_lines, webhook; did you mean 'webhook'\?"),
        (f"[task]\n{WEB}", r"\[task\]: it needs secret"),
        (f"[task]\n{WEB}secret_env = 5", "secret_env should name an environment variable, not 5"),
        (f'[task]\n{WEB}secret_env = "NO"', "secret_env: the environment variable NO is not set"),
        (f'[task]\n{WEB}secret_env = "SHORT"', r"\[task\]: secret should be whsec_"),
        (f'[task]\n{WEB}secret_env = "SECRET"\ntimeuot = 5', "no option 'timeuot'; did you mean "
         "'timeout'"),
        ('[task]\nadapter = "json_lines"\npath = 5', r"path should be the name of a file"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_with_the_place_and_a_remedy(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FileProblem, match=message) as refused:
        channels(path, {"SECRET": SECRET, "SHORT": "whsec_c2hvcnQ="})
    assert str(path) in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"2 problems\n  \[task\]: .+\n  \[email\]: .+$"):
        channels(written(tmp_path, "task = 1\nemail = 1"))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    written(tmp_path, "").write_bytes(b"\xff")
    with pytest.raises(FileProblem, match=r"cannot be read"):
        channels(tmp_path / "channels.toml")
    with pytest.raises(FileProblem, match=r"do not exist; did you mean 'channels\.toml'\?"):
        channels(tmp_path / "chanels.toml")


class Printer:
    """An adapter of somebody's own."""

    def __init__(self, tray: int) -> None:
        self.tray = tray

    def send(self, request: Request) -> None:
        """Nothing comes out."""


def test_adapters_of_ones_own_come_by_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = EntryPoints(
        EntryPoint(name, place, channel_file.GROUP)
        for name, place in (("printer", f"{__name__}:Printer"), ("gone", "no_such_module:Adapter"))
    )
    find: Callable[..., EntryPoints] = lambda group: theirs.select(group=group)  # noqa: E731
    monkeypatch.setattr(channel_file, "entry_points", find)
    (adapter,) = channels(written(tmp_path, '[task]\nadapter = "printer"\ntray = 2')).values()
    assert cast(Printer, adapter).tray == 2
    with pytest.raises(FileProblem, match="'gone' does not load: No module named 'no_such_module'"):
        channels(written(tmp_path, '[task]\nadapter = "gone"'))
    with pytest.raises(FileProblem, match="there are email, gone, json_lines, printer, webhook"):
        channels(written(tmp_path, '[task]\nadapter = "fax"'))
