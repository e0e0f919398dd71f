"""Where an agent searches: in its collections, as far as its reader may read them. It never widens anything."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from chatsite import errors
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.workflow_input import WorkflowUnfit, answering_workflow
from chatsite.reader import Reader

logger = logging.getLogger(__name__)

_OF_A_SEARCH = ("continues", "selected_text", "selection", "selections", "document_ids", "languages", "since", "until")


def check_workflow(agent: AskedAgent, asked: Mapping[str, Any]) -> None:
    """Raise AnswerError where a workflow answers and can't: 503 where it is not fit to, 400 where the question narrows
    a search, which its steps make as they are written."""
    if not agent.workflow:
        return
    for field in _OF_A_SEARCH:
        if field in asked:
            raise errors.invalid(field, _("A workflow answers here, which takes a question alone; leave it out."))
    try:
        answering_workflow(agent.workflow)
    except WorkflowUnfit as fault:
        logger.warning("agent %s can't answer: %s", agent.name, fault)
        unfit = _("The agent “%s” can’t answer now; its workflow has to be mended by the staff.") % agent.title
        raise errors.AnswerError("agent_unfit", unfit, status=503) from fault


def searched_by(reader: Reader, within: Sequence[str] | None, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the slugs of the collections to search, of those `asked` for, inside those of an agent; None for all that
    may be read.

    Raises AnswerError (404) for one beyond what the agent has, or the reader is limited to.
    """
    if within is None:
        return reader.searched(asked)
    if asked is not None:
        if beyond := [slug for slug in asked if slug not in within]:
            raise errors.not_found("collections", _("No such collection: %s.") % ", ".join(beyond))
        return reader.searched(asked)
    own = reader.collections().filter(slug__in=within).order_by("slug")
    return tuple(own.values_list("slug", flat=True))
