"""Where the text of a model stands, so that a mutant can be told with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from lifecycle_fsm.model import Model, files, shipped
from lifecycle_fsm.model.lines import Path as Place
from lifecycle_fsm.model.lines import lines_of


@attrs.frozen
class Origin:
    """Where a model comes from; nothing of it is known where a program made the model.

    Args:
        source: what loads it: the name of a shipped one, or a path.
        name: of its file, for people.
        lines: the line of each place in the text.
    """

    source: str = ""
    name: str = ""
    lines: Mapping[Place, int] = attrs.field(factory=dict, repr=False)

    def place(self, path: Place) -> str:
        """File and line of a place, or of what is nearest around it; empty without a text."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path else ""


class Origins:
    """Remembers every text from which a model is read, while it lasts.

    Args:
        root: paths are told from here on.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, tuple[str, str]] = {}
        self._models: dict[tuple[str, str, str], Model] = {}
        self._loads: Callable[..., Model] = files.loads

    def start(self) -> None:
        """Begin to listen."""
        files.loads = self._listening

    def stop(self) -> None:
        """Listen no more."""
        files.loads = self._loads

    def _listening(self, text: str, name: str = "", folder: str = "") -> Model:
        model = self._loads(text, name, folder)
        if name:
            self._texts.setdefault(model.version, (text, name))
        self._models[text, name, folder] = model
        return model

    def recall(self) -> None:
        """From now on give the model that was read before from the same text: no model is ever
        changed, and to read one takes longer than most tests."""
        files.loads = self._recalling

    def _recalling(self, text: str, name: str = "", folder: str = "") -> Model:
        known = self._models.get((text, name, folder))
        return self._loads(text, name, folder) if known is None else known

    def of(self, model: Model) -> Origin:
        """Where the model comes from."""
        found = self._texts.get(model.version)
        if found is None:
            return Origin()
        text, name = found
        stem = name.removesuffix(".toml")
        if stem in shipped():
            return Origin(stem, name, lines_of(text))
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(self._root):
            name = path.relative_to(self._root).as_posix()
        return Origin(name, name, lines_of(text))
