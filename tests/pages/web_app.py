"""Many senders at once, and the ASGI application, for the page on web applications."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from lifecycle_fsm import Lifecycle, Observer, observe

Message = dict[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
CREATED = {"id": "c", "at": "2024-05-01T09:00Z"}
RAISED = {"id": "f", "at": "2024-05-02T09:00Z", "form": "Hand-Raise: Demo"}


class Overlaps(Observer):
    """Lets other threads run in the middle of the work on a person, and notes on whom two work."""

    def __init__(self) -> None:
        self.threads: dict[str, int] = {}
        self.people: set[str] = set()

    def guard_evaluated(self, machine: Any, person: Any, *more: Any) -> None:
        thread = threading.get_ident()
        if self.threads.setdefault(person.id, thread) != thread:
            self.people.add(person.id)
        time.sleep(0.001)

    def activity_applied(self, machine: Any, activity: Any, decisions: Any) -> None:
        self.threads.pop(activity.person, None)


def many_senders(post: Callable[[str, Message], int], lifecycle: Lifecycle) -> None:
    """Forty people at once, and each message twice, by two senders at the same time."""
    people = [f"p{number}" for number in range(40)]

    def send(person: str) -> None:
        for kind, body in (("created", CREATED), ("form_filled", RAISED)):
            assert post(f"/people/{person}/{kind}", body) == 200

    overlaps = Overlaps()
    with observe(overlaps, lifecycle.machine), ThreadPoolExecutor(8) as pool:
        list(pool.map(send, sorted(people * 2)))
    assert not overlaps.people
    for person in people:
        stages = [row.to_stage for row in lifecycle.person(person).history]
        assert stages == ["processing", "mal", "mql"]


def merge_by_asgi(
    application: Application,
    lifecycle: Lifecycle,
    person: Callable[[str], AbstractContextManager[None]],
) -> None:
    """Two of them are one person. The merge waits for the work on a third: it takes all locks."""
    body = json.dumps({"id": "m-1", "at": "2024-05-04T09:00Z", "loser": "p1"}).encode()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        with person("p2"):
            scope = {"type": "http", "path": "/people/ann/merged"}
            merge = asyncio.ensure_future(application(scope, receive, send))
            await asyncio.sleep(0.2)
            assert not sent
        await merge

    asyncio.run(call())
    assert sent[0]["status"] == 200
    assert lifecycle.person("p1") is lifecycle.person("ann")
