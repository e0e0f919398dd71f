"""The agents that a reader may ask: those of the settings, and those that staff made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.declared import NAME, declared_agents
from chatsite.models import ChatAgent, PromptVersion
from chatsite.reader import Reader
from retrieval.models import User

THE_SITE = AskedAgent()


def agents_of(reader: Reader) -> list[AskedAgent]:
    """Return the agents that `reader` may ask now, by title; the site itself is none of them."""
    allowed = [agent for agent in known_agents().values() if may_ask_agent(reader.person(), agent)]
    return sorted(allowed, key=lambda agent: (agent.title.casefold(), agent.name))


def find_agent(reader: Reader, name: str, *, whoever: bool = False) -> AskedAgent:
    """Return the agent of this name, as `reader` may ask it; without a name, the site itself. For staff who try a
    prompt, `whoever` may ask it; a workflow, which has none and may do anything, is run for those it is for.

    Raises AnswerError (404) for one that isn't there, or not this reader's to ask.
    """
    if not name:
        return THE_SITE
    agent = known_agents(name).get(name)
    if agent is None or not ((whoever and not agent.workflow) or may_ask_agent(reader.person(), agent)):
        raise errors.not_found("agent", _("There is no agent “%s”.") % name[:60])
    return agent


def agent_or_site(reader: Reader, name: str) -> AskedAgent:
    """Return the agent of this name, where `reader` may ask it; else the site itself."""
    try:
        return find_agent(reader, name)
    except errors.AnswerError:
        return THE_SITE


def known_agents(name: str | None = None) -> dict[str, AskedAgent]:
    """Return all agents by name, or the one of this name. What the settings declare goes before a row of its name."""
    declared = declared_agents()
    if name is not None:
        if not NAME.match(name):
            return {}
        if name in declared:
            return {name: declared[name]}
    rows = ChatAgent.objects.filter(active=True).select_related("workflow").prefetch_related("collections", "groups")
    found = {row.name: agent_of_row(row) for row in _named(rows, name)}
    return found | (declared if name is None else {})


def _named(rows: QuerySet[ChatAgent], name: str | None) -> QuerySet[ChatAgent]:
    return rows.order_by("title", "pk") if name is None else rows.filter(name=name)


def agent_of_row(row: ChatAgent) -> AskedAgent:
    """Return the agent that a row describes, with its related rows."""
    slugs = tuple(sorted(collection.slug for collection in row.collections.all()))
    groups = tuple(sorted(group.name for group in row.groups.all()))
    tools: Sequence[str] | None = row.tools.split()
    return AskedAgent(
        name=row.name,
        title=row.title,
        description=row.description,
        tone=row.tone,
        languages=tuple(row.languages.split()),
        collections=None if row.all_collections else slugs,
        tools=() if row.no_tools else tuple(tools) if tools else None,
        starters=tuple(line.strip() for line in row.starters.splitlines() if line.strip()),
        groups=None if row.for_everyone else groups,
        workflow=row.workflow.slug if row.workflow else "",
    )


def may_ask_agent(user: User, agent: AskedAgent) -> bool:
    """Say whether `user` is in one of the agent's groups, or everyone may ask it; a superuser always may, as with
    collections."""
    if agent.groups is None or getattr(user, "is_superuser", False):
        return True
    groups = getattr(user, "groups", None)  # not every user model has groups
    return groups is not None and groups.filter(name__in=agent.groups).exists()


def prompt_of(agent: AskedAgent) -> PromptVersion:
    """Return the prompt that an agent answers with: the published version of its own, else what the settings declare,
    else the site's, in use."""
    version = PromptVersion.objects.in_use(agent.name)
    if not version._state.adding or not agent.name:
        return version
    if not (agent.instructions.strip() or agent.model):
        return PromptVersion.objects.in_use()
    return PromptVersion(agent=agent.name, instructions=agent.instructions, model=agent.model)


def prompt_of_name(name: str) -> PromptVersion:
    """Return the prompt that the agent of this name answers with; the site's, where there is none of that name."""
    return prompt_of(known_agents(name).get(name, replace(THE_SITE, name=name)) if name else THE_SITE)
