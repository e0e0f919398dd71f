"""What the chat's pages show of an agent, to a reader who may ask it or could before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from chatsite import errors
from chatsite.asking import suggestions
from chatsite.assistants.agent import AskedAgent
from chatsite.assistants.finding import THE_SITE, agents_of, find_agent
from chatsite.models import Conversation
from chatsite.reader import Reader
from retrieval.models import CollectionQuerySet


@dataclass(frozen=True, slots=True)
class ShownAgent:
    """The agent of a page, or of a frame in another one: `agent` is None in a conversation whose agent
    can't be asked any more."""

    reader: Reader
    agent: AskedAgent | None

    @classmethod
    def of(cls, reader: Reader, agent: AskedAgent | None, conversation: Conversation | None) -> Self:
        """Return that of a conversation, else the given one, else the site itself."""
        if conversation is None or (agent and not conversation.agent):
            return cls(reader, agent or THE_SITE)
        try:
            return cls(reader, find_agent(reader, conversation.agent))
        except errors.AnswerError:
            return cls(reader, None)

    def collections(self) -> CollectionQuerySet:
        """Return the collections that it answers from, as far as its reader may read them."""
        within = self.agent.collections if self.agent else ()
        offered = self.reader.collections()
        return offered if within is None else offered.filter(slug__in=within)

    def slugs(self) -> list[str]:
        """Return those collections by slug."""
        return list(self.collections().order_by("slug").values_list("slug", flat=True))

    def starters(self) -> list[str]:
        """Return what can be asked first: as it was written for the agent, else what its documents answer."""
        if self.agent is None or self.agent.workflow:
            return list(self.agent.starters) if self.agent else []
        if self.agent.starters:
            return list(self.agent.starters)
        return suggestions.starters(self.reader, collections=self.agent.collections)

    def others(self) -> list[AskedAgent]:
        """Return the other agents that this reader may ask; only the site's own page names them."""
        return agents_of(self.reader) if self.agent == THE_SITE else []

    def composing(self) -> dict[str, Any]:
        """Return what the composer offers otherwise: nothing where there is nobody to ask; to a workflow, which takes a
        text, neither documents nor files nor models; to one with collections of its own, documents of those."""
        if self.agent is None:
            return {"can_ask": False}
        if self.agent.workflow:
            refused = {"can_choose": False, "can_attach": False, "models": [], "collections": []}
            return refused | {"can_ask": True, "has_documents": True}
        if self.agent.collections is None:
            return {}
        return {"collections": [], "only_collections": " ".join(self.slugs())}
