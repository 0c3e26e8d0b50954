"""Adapters that send the requests of a channel: webhook, e-mail, JSON lines, or a custom adapter
with the same method. Each sends one request and returns, or raises an error.

No other module of the package opens a connection, and this one only to configured addresses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr, parsedate_to_datetime
from os import PathLike
from typing import Any, Protocol
from urllib.parse import SplitResult, quote, urlsplit

import attrs

from lifecycle_fsm.errors import ChannelError, DeliveryFailed
from lifecycle_fsm.files import append_line
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store.tables import plain

Clock = Callable[[], datetime]
#: HTTP errors that may pass with time: timeout, conflict, too early, too many requests.
_PASSING = {408, 409, 425, 429}
_SECRET = "whsec_"  # noqa: S105 - the prefix that every secret has
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\\"]{1,255}")
_SUBJECT_LENGTH = 150


class Adapter(Protocol):
    """Sends requests."""

    def send(self, request: Request) -> None:
        """Send one request, and return when it has arrived. It may come again with the same id.

        Raises:
            DeliveryFailed: it could not be sent. Any other exception counts as this one.
        """


def _now() -> datetime:
    return datetime.now(UTC)


def _of(kind: type | tuple[type, ...], what: str) -> Callable[[Any, Any, Any], None]:
    """A validator that accepts values of these types; ``what`` describes them in the error."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ChannelError(f"{attribute.name} should be {what}, not {value!r}")

    return check


def _seconds(instance: Any, attribute: Any, value: Any) -> None:
    _of((int, float), "seconds")(instance, attribute, value)
    if not 0 < value <= 3600:
        raise ChannelError(f"{attribute.name} should be from 0 to 3600 seconds, not {value!r}")


def _web_address(instance: Any, attribute: Any, value: Any) -> None:
    parts = _parts(value) if isinstance(value, str) else None
    if parts is None:
        raise ChannelError(
            f"{attribute.name} should be an address such as https://example.com/hook, in ASCII and "
            f"without a user or a password, not {value!r}"
        )


def _mailbox(instance: Any, attribute: Any, value: Any) -> None:
    right = isinstance(value, str) and value.isprintable()
    if not right or not _ADDRESS.fullmatch(parseaddr(value)[1]):
        raise ChannelError(
            f'{attribute.name} should be an address such as "Leads <leads@example.com>", not '
            f"{value!r}"
        )


def _parts(url: str) -> SplitResult | None:
    with suppress(ValueError):
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if right and parts.username is None and re.fullmatch(r"[!-~]+", url):
            return parts
    return None


_timeout = attrs.field(default=15.0, validator=_seconds)


# ------------------------------------------------------------------ webhooks


@attrs.frozen
class Webhook:
    """Posts each request as JSON, signed according to Standard Webhooks 1.0.0.

    A redirect is not followed but counts as a failure. ``webhook-id`` is the percent-encoded id of
    the request; only letters, digits and ``/_~-`` are left as they are.

    Args:
        url: the target, with ``https`` or ``http``.
        secret: the key, as ``whsec_`` and the base64 of 24 to 64 bytes.
        timeout: seconds for the entire exchange, once the host name is resolved.
        clock: gives the time that is signed.

    Raises:
        ChannelError: an option is invalid.
    """

    url: str = attrs.field(validator=_web_address)
    secret: str = attrs.field(repr=False)
    timeout: float = _timeout
    clock: Clock = attrs.field(default=_now, repr=False)

    @secret.validator
    def _check_secret(self, attribute: Any, value: Any) -> None:
        try:
            right = value.startswith(_SECRET) and 24 <= len(_key(value)) <= 64
        except (AttributeError, ValueError):
            right = False
        if not right:
            raise ChannelError(
                "secret should be whsec_ and the base64 of 24 to 64 random bytes, and is not"
            )

    def send(self, request: Request) -> None:
        """Post the request.

        Raises:
            DeliveryFailed: no answer in time, or an answer other than 2xx. 4xx is permanent,
                except 408, 409, 425 and 429.
        """
        body = json.dumps(_payload(request), separators=(",", ":")).encode()
        opened: list[socket.socket] = []
        try:
            with (
                closing(self._connection()) as connection,
                _time_limit(self.timeout, lambda: opened[-1] if opened else None) as late,
            ):
                self._connect(connection, opened)
                connection.request("POST", self._path, body, self._headers(request, body))
                with connection.getresponse() as response:
                    if late.is_set():  # it takes a truncated answer for a complete one
                        raise TimeoutError
                    failure = self._failure(response)
        except (OSError, http.client.HTTPException) as error:
            why = _late(self.timeout, late, error) or error
            raise DeliveryFailed(f"{self.url}: {why or type(error).__name__}") from error
        if failure is not None:
            raise failure

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout)

    def _connect(self, connection: http.client.HTTPConnection, opened: list[socket.socket]) -> None:
        """Connect, and report each socket before waiting on it: a handshake may hang too, and a
        connection forgets its socket before the answer is read."""
        connected = socket.create_connection((connection.host, connection.port), self.timeout)
        opened.append(connected)
        connection.sock = connected
        if isinstance(connection, http.client.HTTPSConnection):
            secured = ssl.create_default_context().wrap_socket(
                connected, server_hostname=connection.host, do_handshake_on_connect=False
            )
            opened.append(secured)
            connection.sock = secured
            secured.do_handshake()

    @property
    def _path(self) -> str:
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _headers(self, request: Request, body: bytes) -> dict[str, str]:
        # The signed parts are joined by full stops, so no part may contain one.
        key = quote(request.id, safe="/", errors="replace").replace(".", "%2E")
        timestamp = str(int(self.clock().timestamp()))
        signed = f"{key}.{timestamp}.".encode() + body
        digest = hmac.new(_key(self.secret), signed, hashlib.sha256).digest()
        return {
            "content-type": "application/json",
            "user-agent": "lifecycle-fsm",
            "webhook-id": key,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    def _failure(self, response: http.client.HTTPResponse) -> DeliveryFailed | None:
        """The failure for an answer other than 2xx; only its beginning is read."""
        status, words = response.status, b""
        if 200 <= status < 300:
            return None
        with suppress(OSError, http.client.HTTPException):
            words = response.read(300)
        says = f": {text}" if (text := words.decode(errors="replace").strip()) else ""
        return DeliveryFailed(
            f"{self.url}: HTTP {status} {response.reason}{says}",
            retry_after=_retry_after(response.getheader("retry-after"), self.clock),
            permanent=400 <= status < 500 and status not in _PASSING,
        )


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_SECRET), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _payload(request: Request) -> dict[str, Any]:
    data = _plain(request)
    return {"type": f"request.{request.channel}", "timestamp": data.pop("at"), "data": data}


def _plain(request: Request) -> dict[str, Any]:
    return plain(attrs.asdict(request, recurse=False)) | {"data": plain(request.data)}


def _retry_after(value: str | None, clock: Clock) -> timedelta | None:
    """The wait from a header in seconds or with a date; ``None`` if it is neither."""
    text = (value or "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    with suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)) - clock()
    return None


def _late(seconds: float, late: threading.Event, error: Exception) -> str:
    """The message for a timeout, whether of the exchange or of the socket; empty for any other
    error."""
    # smtplib raises its own error while it handles that of the socket.
    timed_out = late.is_set() or any(
        isinstance(raised, TimeoutError) for raised in (error, error.__context__)
    )
    return f"no answer within {seconds:g} seconds" if timed_out else ""


@contextmanager
def _time_limit(
    seconds: float, current: Callable[[], socket.socket | None]
) -> Iterator[threading.Event]:
    """Shut the connection down when the time is up. A socket's own timeout does not stop a server
    that sends a byte now and then, because it restarts with each byte.

    Yields:
        the event that is set when the time is up.
    """
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            late.set()
            wait = 0.1  # there may be a new connection, or none yet
            if (connection := current()) is not None:
                with suppress(OSError):
                    # The plain socket's method: TLS's own would continue in plain text.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield late
    finally:
        done.set()


# ------------------------------------------------------------------ e-mail


@attrs.frozen
class Email:
    """Sends each request as an e-mail. Its ``Message-ID`` comes from the id of the request.

    Args:
        host: the mail server.
        sender: the sender's address, with or without a name.
        port: the server's port.
        starttls: whether to encrypt; without encryption, no password is sent.
        user: the user name, if the server requires a login.
        password: the user's password.
        timeout: seconds for the entire exchange, once the host name is resolved.
        addresses: addresses of receivers that a model names, such as a team or an owner.
        clock: gives the time for ``Date``.

    Raises:
        ChannelError: an option is invalid.
    """

    host: str = attrs.field(validator=_of(str, "the name of a server"))
    sender: str = attrs.field(validator=_mailbox)
    port: int = attrs.field(default=587, validator=_of(int, "a number"))
    starttls: bool = attrs.field(default=True, validator=_of(bool, "true or false"))
    user: str = attrs.field(default="", validator=_of(str, "a name"))
    password: str = attrs.field(default="", repr=False)
    timeout: float = _timeout
    addresses: Mapping[str, str] = attrs.field(factory=dict, validator=_of(Mapping, "a table"))
    clock: Clock = attrs.field(default=_now, repr=False)

    @user.validator
    def _check_user(self, attribute: Any, value: str) -> None:
        if value and not self.starttls:
            raise ChannelError(
                "user needs starttls = true, or the password could be read on the way"
            )

    def send(self, request: Request) -> None:
        """Hand the mail to the server.

        Raises:
            DeliveryFailed: the server cannot be reached or refuses the mail. It is permanent if
                the receiver has no address or the server answers 5xx to the mail.
        """
        message = self._message(request)
        server = smtplib.SMTP(timeout=self.timeout)
        taking = False  # an earlier refusal is not about the mail, so never permanent
        try:
            with _time_limit(self.timeout, lambda: server.sock) as late:
                code, words = server.connect(self.host, self.port)
                if code != 220:
                    raise smtplib.SMTPConnectError(code, words)
                server.ehlo_or_helo_if_needed()
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                taking = True
                server.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # the mail was accepted
                    server.quit()
        except (OSError, smtplib.SMTPException) as error:
            reason, permanent = _refusal(error)
            why = _late(self.timeout, late, error) or reason
            raise DeliveryFailed(f"{self.host}: {why}", permanent=permanent and taking) from error
        finally:
            server.close()

    def _message(self, request: Request) -> EmailMessage:
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        text = request.text.encode(errors="replace").decode()
        subject = next(filter(None, map(str.strip, text.splitlines())), request.rule)
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = self._address(request.to)
        message["Subject"] = _one_line(subject)[:_SUBJECT_LENGTH]
        message["Date"] = format_datetime(self.clock())
        digest = hashlib.sha256(request.id.encode(errors="replace")).hexdigest()[:40]
        message["Message-ID"] = f"<{digest}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        facts = {"Person": request.person, "Stage": request.stage, "Rule": request.rule}
        facts |= {"Due": f"{request.due_at:%Y-%m-%d %H:%M} UTC" if request.due_at else None}
        facts |= {
            name: str(value) for name, value in plain(request.data).items() if value is not None
        }
        lines = [f"{name}: {_one_line(value)}" for name, value in facts.items() if value]
        message.set_content("\n".join([text, "", *lines, ""]))
        return message

    def _address(self, receiver: str | None) -> str:
        address = self.addresses.get(receiver or "", receiver or "")
        local, _, domain = address.rpartition("@")
        with suppress(UnicodeError):
            if _ADDRESS.fullmatch(address):
                return f"{local}@{domain.encode('idna').decode()}"
        raise DeliveryFailed(
            f"the receiver {receiver!r} is no e-mail address: give the channel its addresses",
            permanent=True,
        )


def _one_line(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())


def _refusal(error: Exception) -> tuple[str, bool]:
    """Why the mail was refused, and whether that is permanent."""
    answer: tuple[int, bytes | str]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answer = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_code, error.smtp_error
    else:
        return str(error) or type(error).__name__, False
    code, words = answer
    words = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {words}", 500 <= code < 600


# ------------------------------------------------------------------ lines of a file


@attrs.frozen
class JsonLines:
    """Appends each request to a file as a line of JSON, and syncs the file to disk. Any number of
    processes may append to the same file.

    Args:
        path: the file, created if it does not exist.

    Raises:
        ChannelError: an option is invalid.
    """

    path: str | PathLike[str] = attrs.field(validator=_of((str, PathLike), "the name of a file"))

    def send(self, request: Request) -> None:
        """Append the line.

        Raises:
            FileProblem: the file cannot be written.
        """
        append_line(self.path, json.dumps(_plain(request), separators=(",", ":")))
