"""A model on its way from a worker of pytest-xdist to the process that reports.

The report draws a model and looks for persons in it, and never runs it: so its Python callables
stay behind, with only their names. They may be local to a test, where no other process finds them.
"""

from __future__ import annotations

import io
import pickle
from datetime import datetime
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NoReturn

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person


def pack(model: Model) -> bytes:
    """The model without its callables.

    Raises:
        pickle.PicklingError, TypeError, AttributeError: a token or an option of the model is
            something that no other process can have.
    """
    buffer = io.BytesIO()
    _Pickler(buffer).dump(model)
    return buffer.getvalue()


def unpack(data: bytes) -> Model:
    """The model that :func:`pack` packed, in another process of the same test run."""
    model: Model = pickle.loads(data)  # noqa: S301 - our own worker wrote it a moment ago
    return model


class Absent:
    """Stands for a Python callable that stayed in another process; equal by its name."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, person: Any, now: datetime) -> NoReturn:
        """Nobody asks it: reports do not run a model."""
        raise LifecycleError(f"the guard {self.__name__!r} stayed in the process of its tests")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Absent) and other.__name__ == self.__name__

    def __hash__(self) -> int:
        return hash(self.__name__)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        """Names instead of callables, the plain person instead of a class of a project."""
        if isinstance(obj, FunctionType | MethodType | BuiltinFunctionType):
            if str(getattr(obj, "__module__", "")).startswith("lifecycle_fsm."):
                return NotImplemented
            return Absent, (obj.__name__,)
        if isinstance(obj, type) and issubclass(obj, Person) and obj is not Person:
            return _plain_person, ()
        return NotImplemented


def _plain_person() -> type[Person]:
    return Person
