"""Channels from a TOML file: one table per channel, with its adapter and the adapter's options.

::

    [task]
    adapter = "webhook"
    url = "https://crm.example.com/tasks"
    secret_env = "TASK_SECRET"  # the name of an environment variable, so the file holds no secret

    ["*"]  # all other channels
    adapter = "json_lines"
    path = "requests.jsonl"
"""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, get_args

from lifecycle_fsm.errors import ChannelError, FileProblem, LifecycleError, Problem, suggest
from lifecycle_fsm.files import near_files, why
from lifecycle_fsm.model.rules import Channel
from lifecycle_fsm.store.channels import Adapter, Email, JsonLines, Webhook
from lifecycle_fsm.tables.mapping_toml import raise_problems

#: The entry point group with which a package registers adapters: a name, and a factory that takes
#: the options in the file.
GROUP = "lifecycle_fsm.channels"
Factory: TypeAlias = Callable[..., Adapter]
_BUILT_IN: dict[str, Factory] = {"email": Email, "json_lines": JsonLines, "webhook": Webhook}
_CHANNELS = (*get_args(Channel), "mail", "*")
_ENV = "_env"


def channels(
    path: str | PathLike[str], environment: Mapping[str, str] = os.environ
) -> dict[str, Adapter]:
    """The channels of a file, for :class:`.Delivery`.

    An option whose name ends in ``_env`` names the environment variable that holds its value. The
    option ``path`` is relative to the file's folder.

    Raises:
        FileProblem: the file cannot be read or has errors; the message lists all of them.
    """
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise FileProblem(f"the channels {path} do not exist{near_files(path, '.toml')}") from None
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"the channels {path} are no TOML: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise FileProblem(f"the channels {path} cannot be read: {why(error)}") from error
    if not content:
        raise FileProblem(f'the channels {path} are empty: write a table such as [task] or ["*"]')
    problems: list[Problem] = []
    adapters: dict[str, Adapter] = {}
    for name, options in content.items():
        try:
            adapters[name] = _adapter(name, options, Path(path).parent, environment)
        except ChannelError as error:
            problems.append(Problem(f"[{name}]", str(error)))
    raise_problems(f"the channels {path}", problems)
    return adapters


def _adapter(name: str, table: Any, folder: Path, environment: Mapping[str, str]) -> Adapter:
    if name not in _CHANNELS:
        known = ", ".join(_CHANNELS)
        raise ChannelError(f"no model has this channel: they are {known}{suggest(name, _CHANNELS)}")
    if not isinstance(table, dict) or not isinstance(table.get("adapter"), str):
        raise ChannelError('it should be a table with adapter = "webhook" or another')
    factory = _factory(table["adapter"])
    options = {}
    for key, value in table.items():
        if key.endswith(_ENV):
            options[key.removesuffix(_ENV)] = _from_environment(key, value, environment)
        elif key == "path" and isinstance(value, str):
            options[key] = str(folder / value)
        elif key != "adapter":
            options[key] = value
    _check_names(factory, options)
    try:
        return factory(**options)
    except (LifecycleError, TypeError, ValueError) as error:
        raise ChannelError(str(error)) from error


def _factory(name: str) -> Factory:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    theirs = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in theirs:
        known = sorted({*_BUILT_IN, *theirs})
        raise ChannelError(
            f"there is no adapter {name!r}: there are {', '.join(known)}{suggest(name, known)}"
        )
    try:
        factory: Factory = theirs[name].load()
    except (ImportError, AttributeError) as error:
        raise ChannelError(f"the adapter {name!r} does not load: {error}") from error
    return factory


def _from_environment(key: str, variable: Any, environment: Mapping[str, str]) -> str:
    if not isinstance(variable, str):
        raise ChannelError(f"{key} should name an environment variable, not {variable!r}")
    if variable not in environment:
        raise ChannelError(f"{key}: the environment variable {variable} is not set: set it first")
    return environment[variable]


def _check_names(factory: Factory, options: Mapping[str, Any]) -> None:
    """Refuse missing options and options that the adapter does not have."""
    parameters = inspect.signature(factory).parameters
    if any(option.kind is option.VAR_KEYWORD for option in parameters.values()):
        return
    for name in options:
        if name not in parameters:
            raise ChannelError(f"there is no option {name!r}{suggest(name, parameters)}")
    missing = [
        name
        for name, option in parameters.items()
        if option.default is option.empty and name not in options
    ]
    if missing:
        raise ChannelError(f"it needs {', '.join(missing)}")
