"""Hooks of a project around each answer: before it a question may be refused or changed, after it an answer may get a
note or be withheld.

    from chatsite.assistants.hooks import AddNote, ChangeQuestion, Refuse, Withhold, after_answer, before_answer

    @before_answer
    def in_english(question):
        return ChangeQuestion(instructions="Answer in English.")

Register them in `docchat.py` of an app, or name them in `DOCCHAT` as BEFORE_ANSWER and AFTER_ANSWER. One that raises is
logged by its name, and the question goes on as if it had said nothing; a `required` one refuses or withholds instead.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from django.conf import settings
from django.utils.module_loading import import_string

import agents
from retrieval.models import User

logger = logging.getLogger(__name__)

ASYNC_SECONDS = 10.0  # that an async hook may take; a sync one can't be ended
MESSAGE_MOST = 10_000  # characters of what a hook says


@dataclass(frozen=True, slots=True)
class HookedQuestion:
    """What hooks are told of a question. `text` is as the hooks before have left it, `asked` as it was written."""

    text: str
    asked: str
    agent: str  # its name; empty: the site itself
    user: User
    mode: str  # retrieval or selected_text
    conversation_id: uuid.UUID
    run_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class HookedAnswer:
    """What hooks are told of an answer. `answered`: at least one claim carries a verified citation. `unsupported` is
    what a model wrote without one, and then `text` only says that nothing answers."""

    text: str
    answered: bool
    unsupported: str
    quotes: tuple[str, ...]  # that it cites, word for word
    document_ids: tuple[int, ...]  # of those


@dataclass(frozen=True, slots=True)
class ChangeQuestion:
    """Go on with another text of the question, or with instructions behind the prompt's; empty leaves as it is."""

    text: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this message alone: nothing is searched, and no model is asked."""

    message: str


@dataclass(frozen=True, slots=True)
class AddNote:
    """Put this text behind the answer, as a paragraph of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Withhold:
    """Show this message in place of the answer, which is not kept."""

    message: str


Before = Callable[[HookedQuestion], Any]
After = Callable[[HookedQuestion, HookedAnswer], Any]
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Hook:
    """One of them, by its dotted name."""

    name: str
    call: Callable[..., Any]
    required: bool = False


_registered: dict[str, dict[str, Hook]] = {"BEFORE_ANSWER": {}, "AFTER_ANSWER": {}}


@overload
def before_answer(hook: H) -> H: ...


@overload
def before_answer(*, required: bool) -> Callable[[H], H]: ...


def before_answer(hook: Any = None, *, required: bool = False) -> Any:
    """Have a function called with each question before it is answered: it returns None, ChangeQuestion or Refuse."""
    return _registering("BEFORE_ANSWER", hook, required=required)


@overload
def after_answer(hook: H) -> H: ...


@overload
def after_answer(*, required: bool) -> Callable[[H], H]: ...


def after_answer(hook: Any = None, *, required: bool = False) -> Any:
    """Have a function called with each question and its answer before that is shown: it returns None, AddNote or
    Withhold."""
    return _registering("AFTER_ANSWER", hook, required=required)


def _registering(when: str, hook: Any, *, required: bool) -> Any:
    def register(function: H) -> H:
        name = _name_of(function)
        _registered[when][name] = Hook(name, function, required)
        return function

    return register(hook) if hook is not None else register


def withdraw(hook: Callable[..., Any]) -> None:
    """Forget a function that was registered."""
    for hooks in _registered.values():
        hooks.pop(_name_of(hook), None)


def _name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def named(when: str) -> Sequence[str]:
    """Return the dotted names that `DOCCHAT` has for BEFORE_ANSWER or AFTER_ANSWER. Raises TypeError for no list."""
    said: Any = getattr(settings, "DOCCHAT", {}).get(when, [])
    if not isinstance(said, list | tuple) or not all(isinstance(name, str) for name in said):
        raise TypeError(f"must be a list of dotted names, not {said!r:.100}")
    return said


def hook_at(name: str) -> Callable[..., Any]:
    """Return the function of a dotted name. Raises ImportError, or TypeError for what can't be called."""
    found = import_string(name)
    if not callable(found):
        raise TypeError(f"{name} can't be called")
    return found  # type: ignore[no-any-return]


def hooks(when: str) -> list[Hook]:
    """Return the hooks of BEFORE_ANSWER or AFTER_ANSWER: those that the settings name, then those registered. One that
    can't be imported is logged, and a system check names it."""
    return list({hook.name: hook for hook in (*_of_settings(when), *_registered[when].values())}.values())


def _of_settings(when: str) -> Iterator[Hook]:
    try:
        names = named(when)
    except TypeError:
        logger.exception("DOCCHAT[%r] is wrong: no hook of it is called", when)
        return
    for name in names:
        try:
            function = hook_at(name)
        except Exception:  # whatever a site's module raises
            logger.exception("DOCCHAT[%r]: hook %s can't be called", when, name)
            continue
        known = _name_of(function)
        yield _registered[when].get(known, Hook(known, function))


# ---- calling them ----------------------------------------------------------------------------------------------------
class HookFailed(Exception):
    """A required hook has failed."""


def called(hook: Hook, *given: Any, kinds: tuple[type, ...]) -> Any:
    """Return what a hook says: one of `kinds`, or None, also where it has failed. Raises HookFailed for a required
    one."""
    try:
        is_async = inspect.iscoroutinefunction(hook.call)
        said = agents.call(_bounded, hook.call, *given) if is_async else hook.call(*given)
        if said is not None and not isinstance(said, kinds):
            raise TypeError(f"returned {type(said).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}")
    except Exception as error:  # whatever a site's function raises
        logger.exception("hook %s failed", hook.name)
        if hook.required:
            raise HookFailed(hook.name) from error
        return None
    return said


async def _bounded(function: Callable[..., Any], *given: Any) -> Any:
    return await asyncio.wait_for(function(*given), ASYNC_SECONDS)
