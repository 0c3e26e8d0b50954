"""Reading the options of a built-in step: every fault is found, and said in the words of the model.

A step's options come from a model file, so their faults are the model's [S5].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lifecycle_fsm.errors import ModelError, Problem, suggest


class Options:
    """The options of one step. Ask for each that the step knows, then :meth:`close`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._known: list[str] = []
        self._problems: list[Problem] = []

    def wrong(self, where: str, message: str) -> None:
        """Note a fault; :meth:`close` raises all that were noted."""
        self._problems.append(Problem(where, message))

    def text(self, name: str, default: str = "") -> str:
        """A text, or a number written as one."""
        value = self._take(name, default)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
        self.wrong(name, f"give a text, not {value!r}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, f"write true or false, not {value!r}")
        return default

    def texts(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of texts; a text alone is a list of one."""
        value = self._take(name, tuple(default))
        items = (value,) if isinstance(value, str) else value
        if isinstance(items, Iterable) and not isinstance(items, Mapping):
            found = tuple(items)
            if all(isinstance(item, str) for item in found):
                return found
        self.wrong(name, f"give a list of texts, not {value!r}")
        return tuple(default)

    def pairs(self, name: str) -> dict[str, Any]:
        """A table of names and values."""
        value = self._take(name, {})
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return dict(value)
        self.wrong(name, f"give a table of names and values, not {value!r}")
        return {}

    def names(self, name: str, *, listed: bool = False) -> dict[str, str]:
        """A table from text to text; where ``listed``, a list of texts may stand for a table of
        each to itself."""
        if listed and isinstance(self._values.get(name), list | tuple | str):
            return {one: one for one in self.texts(name)}
        found = self.pairs(name)
        bad = [key for key, value in found.items() if not isinstance(value, str)]
        for key in bad:
            self.wrong(name, f"{key!r}: give a text, not {found[key]!r}")
        return {key: value for key, value in found.items() if key not in bad}

    def close(self) -> None:
        """Nothing more to ask.

        Raises:
            ModelError: an option is wrong or unknown.
        """
        unknown = [
            Problem("", f"no option named {name!r}{suggest(name, self._known)}")
            for name in self._values
            if name not in self._known
        ]
        found = [*self._problems, *unknown]
        if found:
            raise ModelError(found)

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._values.get(name, default)
