"""System checks of what a project declares: agents and hooks that are wrong are named, and the site goes on without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, register
from django.db import DatabaseError

from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.declared import declared_agents, wrong_declarations


@register("agents")
def check_declared_agents(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for each agent of the settings that is wrong, or has a model or tool that is not the site's."""
    found: list[CheckMessage] = [
        checks.Error(f"{_place(name)}: {fault}.", hint="It can't be asked until it is right.", id="chatsite.E008")
        for name, fault in wrong_declarations().items()
    ]
    from chatsite.tools.declaring import RESERVED, registry  # models are not there yet when this module is imported

    known = registry().tools
    found += [
        checks.Error(
            f"{_place(agent.name)}: there is no tool {name!r}.",
            hint=f"There are {', '.join(known) or 'none'}; until it is right, the agent does without.",
            id="chatsite.E013",
        )
        for agent in declared_agents().values()
        for name in agent.tools or ()
        if name not in known and name not in RESERVED
    ]
    return found + [
        checks.Error(
            f"{_place(agent.name)}: there is no model {agent.unknown_model!r}.",
            hint="Name one of CHAT_MODELS; until then the first of those answers.",
            id="chatsite.E009",
        )
        for agent in declared_agents().values()
        if agent.unknown_model
    ]


@register("agents")
def check_hooks(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for each hook of the settings that can't be called."""
    from chatsite.assistants.hooks import hook_at, named  # models are not there yet when this module is imported

    found: list[CheckMessage] = []
    for when in ("BEFORE_ANSWER", "AFTER_ANSWER"):
        try:
            names = named(when)
        except TypeError as error:
            found.append(checks.Error(f'DOCCHAT["{when}"]: {error}.', id="chatsite.E011"))
            continue
        for name in names:
            try:
                hook_at(name)
            except Exception as error:  # whatever a site's module raises
                fault = f'DOCCHAT["{when}"]: {name}: {error}'
                hint = "Until it is right, answers are given without it."
                found.append(checks.Error(fault, hint=hint, id="chatsite.E011"))
    return found


@register("database")
def check_agents_rows(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Return an error for what the agents of the settings name and the database doesn't have. Django runs it with
    `migrate`, and with `check --database default`."""
    if not options.get("databases"):
        return []
    try:
        return [
            checks.Error(f"{_place(agent.name)}: {fault}.", hint=hint, id="chatsite.E010")
            for agent in declared_agents().values()
            for fault, hint in missing_rows(agent)
        ]
    except DatabaseError:  # its tables are not there yet
        return []


def missing_rows(agent: AskedAgent) -> Iterator[tuple[str, str]]:
    """Yield what an agent names that isn't in the database, each with what to do."""
    from django.contrib.auth.models import Group  # models are not there yet when this module is imported

    from chatsite.models import ChatAgent
    from retrieval.models import Collection

    slugs = set(Collection.objects.listed().filter(slug__in=agent.collections or ()).values_list("slug", flat=True))
    for slug in sorted({*(agent.collections or ())} - slugs):
        yield f"there is no collection {slug!r}", "Add it in the admin, or name another."
    names = set(Group.objects.filter(name__in=agent.groups or ()).values_list("name", flat=True))
    for name in sorted({*(agent.groups or ())} - names):
        yield f"there is no group {name!r}", "Add it in the admin, or name another."
    if ChatAgent.objects.filter(name=agent.name).exists():
        yield "the admin has an agent of this name too, which can't be asked", "Rename one of them."
    if fault := workflow_fault(agent.workflow):
        yield f"its workflow can't answer: {fault}", "Publish one that can, or name another."


def workflow_fault(slug: str) -> str:
    """Return why a workflow can't answer questions; empty where it can, or none is named."""
    from chatsite.assistants.workflow_input import WorkflowUnfit, answering_workflow  # likewise

    try:
        if slug:
            answering_workflow(slug)
    except WorkflowUnfit as fault:
        return str(fault).rstrip(".")
    return ""


def _place(name: str) -> str:
    return f'DOCCHAT["AGENTS"]["{name}"]' if name else 'DOCCHAT["AGENTS"]'
