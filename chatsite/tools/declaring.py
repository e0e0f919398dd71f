"""Which tools the host has: functions named in `DOCCHAT["TOOLS"]`, or marked with `@tool` in `docchat.py` of an app."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar, overload

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.text import capfirst

from agents.tools import Definition
from chatsite.models import Conversation
from chatsite.tools.host_tool import HostTool

RESERVED = ("search", "admin_rows")  # what the site's own tools are called
SECONDS_MOST = 600.0

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Context:
    """Who asks. A tool with a parameter of this type is given it there; the model doesn't see that parameter, and can't
    name anybody else in it.

    `user` is whoever is signed in, the user of an API key, or an AnonymousUser, also on embedded sites. `request` is
    the one that asked, or that confirmed the call, with the same user; None outside of requests. `conversation` is
    theirs.
    """

    user: AbstractBaseUser | AnonymousUser
    request: HttpRequest | None
    conversation: Conversation


@dataclass(frozen=True)
class DeclaredTool:
    """A function, and what was said of it. `path` names it in messages."""

    function: Callable[..., Any]
    path: str
    _: KW_ONLY
    name: str = ""
    title: str = ""
    description: str = ""
    approve: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ToolFault:
    """Why a tool is not offered, or, where it is, what is missing: for a system check."""

    message: str
    hint: str
    leaves_out: bool = True


@dataclass(frozen=True, slots=True)
class HostTools:
    """The tools that can be offered, by name, and what is wrong with the others."""

    tools: Mapping[str, HostTool]
    faults: tuple[ToolFault, ...]


_declared: dict[str, DeclaredTool] = {}  # by the path of the function
_read: dict[tuple[object, ...], HostTools] = {}  # by what it was read from; the newest


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *, name: str = "", title: str = "", description: str = "", approve: bool = False, seconds: float | None = None
) -> Callable[[F], F]: ...


def tool(function: Any = None, /, **options: Any) -> Any:
    """Offer a function, sync or async, to the language model that answers. It stays the function it was.

    `name` and `description` are what the model is told in place of the function's name and docstring, `title` is what
    readers see. The reader is asked before a call of one to `approve`. It may take `seconds`, or TOOL_SECONDS. What is
    wrong with it, a system check says.
    """

    def declare(function: Any) -> Any:
        path = _path_of(function)
        _declared[path] = DeclaredTool(function, path, **options)
        return function

    return declare if function is None else declare(function)


def withdraw(function: Callable[..., Any]) -> None:
    """Forget that a function was marked with `@tool`."""
    _declared.pop(_path_of(function), None)


def registry() -> HostTools:
    """Return the tools of this site, read anew when other ones were declared or named meanwhile."""
    said = getattr(settings, "DOCCHAT", {}).get("TOOLS", ())
    key = (repr(said), tuple(_declared.values()), settings.TOOL_SECONDS)
    if key not in _read:
        found = _registry(said)
        _read.clear()
        _read[key] = found
    return _read[key]


def _registry(said: object) -> HostTools:
    faults: list[ToolFault] = []
    named = _named(said, faults)
    tools: dict[str, HostTool] = {}
    paths: dict[str, str] = {}
    for one in {declared.path: declared for declared in (*named, *_declared.values())}.values():
        made = _made(one, faults)
        if made is None:
            continue
        if made.name in RESERVED:
            faults.append(ToolFault(f"The tool {one.path} is called {made.name!r}, as the site's own.", _RENAME))
        elif made.name in tools:
            fault = f"Two tools are called {made.name!r}: {paths[made.name]} and {one.path}. The first is offered."
            faults.append(ToolFault(fault, _RENAME))
        else:
            tools[made.name], paths[made.name] = made, one.path
    return HostTools(tools, tuple(faults))


_RENAME = 'Rename the function, or say @tool(name="…").'


def _named(said: object, faults: list[ToolFault]) -> Iterable[DeclaredTool]:
    """Return the functions that the settings name."""
    if not isinstance(said, list | tuple) or not all(isinstance(path, str) for path in said):
        hint = 'Write it like ["shop.tools.order_status"].'
        faults.append(ToolFault("DOCCHAT: TOOLS is no list of dotted paths.", hint))
        return []
    found = []
    for path in said:
        try:
            function = import_string(path)
        except Exception as error:  # whatever a module of the host raises
            faults.append(ToolFault(f"DOCCHAT: TOOLS names {path}: {type(error).__name__}: {error}", _PATH))
            continue
        if not inspect.isfunction(function):
            faults.append(ToolFault(f"DOCCHAT: TOOLS names {path}, which is no function.", _PATH))
            continue
        found.append(_declared.get(_path_of(function)) or DeclaredTool(function, _path_of(function)))
    return found


_PATH = "Name a function by its module, like shop.tools.order_status."


def _made(one: DeclaredTool, faults: list[ToolFault]) -> HostTool | None:
    """Return what is offered to a model; None, with a fault, for what can't be."""
    seconds = settings.TOOL_SECONDS if one.seconds is None else one.seconds
    try:
        if not isinstance(seconds, int | float) or not 0 < seconds <= SECONDS_MOST:
            raise ValueError(f"seconds must be more than 0 and at most {SECONDS_MOST:g}, not {seconds!r}")
        definition = Definition(one.function, name=one.name, description=one.description, context=Context)
        definition.parameters  # noqa: B018 - the schema is made here, where what it lacks can be said
    except (TypeError, ValueError) as error:
        faults.append(ToolFault(f"The tool {one.path} can't be offered: {error}.", _TYPES))
        return None
    if not definition.description:
        hint = "Say in its docstring what it gives, and when to ask it."
        faults.append(ToolFault(f"The tool {one.path} has no docstring: no model knows when to ask it.", hint, False))
    title = one.title or capfirst(definition.name.replace("_", " ").replace("-", " "))
    return HostTool(definition, timeout=float(seconds), approve=one.approve, title=title, context_type=Context)


_TYPES = "Give each parameter a type that JSON has a form of: str, int, float, bool, Literal, list, a date."


def _path_of(function: Callable[..., Any]) -> str:
    module, name = getattr(function, "__module__", "?"), getattr(function, "__qualname__", repr(function))
    return f"{module}.{name}"
