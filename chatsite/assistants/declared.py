"""Agents that a project declares: `DOCCHAT = {"AGENTS": {"shop": {"title": "Shop", …}}}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.utils.functional import Promise

from chatsite.assistants.agent import AskedAgent
from chatsite.models.agents import STARTER_MOST, STARTERS_MOST

NAME = re.compile(r"[-a-zA-Z0-9_]{1,60}\Z")
_TEXTS = {"title": 60, "description": 300, "instructions": 20_000, "model": 120, "tone": 200, "workflow": 60}
_LISTS = {"languages": 20, "collections": 100, "tools": 100, "starters": STARTERS_MOST, "groups": 100}
OPTIONS = (*_TEXTS, *_LISTS)


class AgentInvalid(Exception):
    """What is declared is no agent; the message names the fault."""


def declared_agents() -> dict[str, AskedAgent]:
    """Return the agents that the settings declare, by name; one that is wrong is none: a system check names it."""
    return {name: agent for name, agent in _read() if isinstance(agent, AskedAgent)}


def wrong_declarations() -> dict[str, str]:
    """Return what is wrong in the settings, by the name of the agent; "" is all of it."""
    return {name: str(fault) for name, fault in _read() if isinstance(fault, AgentInvalid)}


def _read() -> Iterator[tuple[str, AskedAgent | AgentInvalid]]:
    said: Any = getattr(settings, "DOCCHAT", {}).get("AGENTS", {})
    if not isinstance(said, Mapping):
        yield "", AgentInvalid(f"must be a dict of agents by name, not {said!r:.100}")
        return
    for name, options in said.items():
        try:
            yield str(name), agent_from(name, options)
        except AgentInvalid as fault:
            yield str(name), fault


def agent_from(name: Any, options: Any) -> AskedAgent:
    """Return the agent of this name with these options. Raises AgentInvalid."""
    if not isinstance(name, str) or not NAME.match(name):
        raise AgentInvalid(
            "its name must be 1 to 60 letters, digits, hyphens and underscores, as it stands in addresses"
        )
    if not isinstance(options, Mapping):
        raise AgentInvalid(f"must be a dict of its options, not {options!r:.100}")
    values = {option: _checked(option, value) for option, value in options.items()}
    return AskedAgent(name=name, **{"title": _titled(name)} | values)


def _titled(name: str) -> str:
    return re.sub("[-_]+", " ", name).strip().capitalize() or name


def _checked(option: Any, value: Any) -> Any:
    if option not in OPTIONS:
        close = get_close_matches(str(option).lower(), OPTIONS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(OPTIONS)}"
        raise AgentInvalid(f"has no option {option!r:.60}; {hint}")
    if option in _TEXTS:
        value = str(value) if isinstance(value, Promise) else value  # one that is translated
        if not isinstance(value, str) or len(value) > _TEXTS[option]:
            raise AgentInvalid(f"{option} must be a text of at most {_TEXTS[option]:,} characters")
        return value
    if option in ("collections", "tools", "groups") and value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) > _LISTS[option]:
        raise AgentInvalid(f"{option} must be a list of at most {_LISTS[option]} texts")
    texts = tuple(str(text) if isinstance(text, Promise) else text for text in value)
    if not all(isinstance(text, str) and 0 < len(text.strip()) <= STARTER_MOST for text in texts):
        raise AgentInvalid(f"each of its {option} must be a text of at most {STARTER_MOST} characters")
    if option == "languages" and not all(re.fullmatch("[a-z]{2}", text) for text in texts):
        raise AgentInvalid('its languages must be codes of ISO 639-1 in small letters, like "en"')
    return texts
