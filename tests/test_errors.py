"""What errors are made of, and who is told no."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator

import pytest

from lifecycle_fsm.errors import async_fault


async def awaited() -> None: ...


async def streamed() -> AsyncIterator[int]:
    yield 1


def plain() -> None: ...


class Awaited:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


class Plain:
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (awaited, "awaited"),
        (streamed, "streamed"),
        (functools.partial(functools.partial(awaited)), "awaited"),
        (Awaited(), "Awaited"),
        (functools.partial(Awaited()), "Awaited"),
        (Awaited().method, "Awaited.method"),
    ],
)
def test_what_has_to_be_awaited_is_named(function: object, name: str) -> None:
    assert async_fault(function) == (
        f"{name} is async, and nothing here awaits it: give a plain function"
    )


@pytest.mark.parametrize("function", [plain, Plain(), Awaited, print, [].append, None, lambda: 1])
def test_a_plain_function_has_no_such_fault(function: object) -> None:
    assert async_fault(function) == ""
