"""Read or write many attributes of an object at once.

The functions are compiled, because ``attrgetter`` and ``setattr`` look up every name again, which
is several times slower when people are copied and rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

#: For a longer tuple, Python first builds a list value by value and then converts it.
_DISPLAY = 30


def reader(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Make a function that returns the attributes with these names, in order.

    Raises:
        ValueError: a name is not a valid attribute name.
    """
    listed = _listed(names)
    parts = (listed[start : start + _DISPLAY] for start in range(0, len(listed), _DISPLAY))
    source = "lambda thing: " + (" + ".join(f"({', '.join(part)},)" for part in parts) or "()")
    read: Callable[[Any], tuple[Any, ...]] = eval(source, {})  # noqa: S307 -- names alone
    return read


def writer(names: Iterable[str]) -> Callable[[Any, Sequence[Any]], None]:
    """Make a function that sets an object's attributes to values that :func:`reader` returned.

    Raises:
        ValueError: a name is not a valid attribute name.
    """
    made: dict[str, Any] = {}
    exec(f"def write(thing, values):\n    [{', '.join(_listed(names))}] = values", made)  # noqa: S102 -- likewise
    write: Callable[[Any, Sequence[Any]], None] = made["write"]
    return write


def differences(
    starts: Mapping[str, object],
    convert: Callable[[Any], Any] | None = None,
    converted: Container[str] = (),
) -> Callable[[Any], dict[str, Any]]:
    """Make a function that returns, by name, the attributes that differ from their value in
    ``starts``. It passes those in ``converted`` through ``convert``, unless they are ``None``.

    Raises:
        ValueError: a name is not a valid attribute name.
    """
    made: dict[str, Any] = {f"start{place}": start for place, start in enumerate(starts.values())}
    made["convert"] = convert
    lines = ["def read(thing):", "    values = {}"]
    for place, (name, attribute) in enumerate(zip(starts, _listed(starts), strict=True)):
        differs = f"value is not start{place} and value != start{place}"
        value = "value and convert(value)" if name in converted else "value"
        lines += [
            f"    value = {attribute}",
            f"    if {'value is not None' if starts[name] is None else differs}:",
            f"        values[{name!r}] = {value}",
        ]
    exec("\n".join([*lines, "    return values"]), made)  # noqa: S102 -- likewise
    read: Callable[[Any], dict[str, Any]] = made["read"]
    return read


def collector(
    sources: Iterable[str | Callable[[Any], Any]], columns: Iterable[list[Any]]
) -> Callable[[Any], None]:
    """Make a function that appends one value of an object to each column: an attribute, by its
    name, or what a function returns.

    Raises:
        ValueError: a name is not a valid attribute name.
    """
    made: dict[str, Any] = {}
    lines = ["def collect(thing):"]
    for place, (source, column) in enumerate(zip(sources, columns, strict=True)):
        made[f"append{place}"], made[f"get{place}"] = column.append, source
        value = _listed([source])[0] if isinstance(source, str) else f"get{place}(thing)"
        lines.append(f"    append{place}({value})")
    exec("\n".join(lines), made)  # noqa: S102 -- likewise
    collect: Callable[[Any], None] = made["collect"]
    return collect


def _listed(names: Iterable[str]) -> list[str]:
    given = list(names)
    for name in given:
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of an attribute")
    return [f"thing.{name}" for name in given]
