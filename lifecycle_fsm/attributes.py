"""Many attributes of an object, read or written at once.

The functions are compiled, because ``attrgetter`` and ``setattr`` look each name up anew: where
persons are copied and put back, that costs several times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

#: Of more values than these, Python makes a list first, one by one, and then a tuple of that.
_DISPLAY = 30


def reader(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives the attributes of these names, in order.

    Raises:
        ValueError: one is no name of an attribute.
    """
    listed = _listed(names)
    parts = (listed[start : start + _DISPLAY] for start in range(0, len(listed), _DISPLAY))
    source = "lambda thing: " + (" + ".join(f"({', '.join(part)},)" for part in parts) or "()")
    read: Callable[[Any], tuple[Any, ...]] = eval(source, {})  # noqa: S307 -- names alone
    return read


def writer(names: Iterable[str]) -> Callable[[Any, Sequence[Any]], None]:
    """A function that gives an object the values that :func:`reader` has read of another.

    Raises:
        ValueError: one is no name of an attribute.
    """
    made: dict[str, Any] = {}
    exec(f"def write(thing, values):\n    [{', '.join(_listed(names))}] = values", made)  # noqa: S102 -- likewise
    write: Callable[[Any, Sequence[Any]], None] = made["write"]
    return write


def _listed(names: Iterable[str]) -> list[str]:
    given = list(names)
    for name in given:
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of an attribute")
    return [f"thing.{name}" for name in given]
