"""What the site keeps: conversations, their runs, what they are asked with, and what it is tried on."""

from chatsite.models.agents import ChatAgent
from chatsite.models.api_keys import ApiKey
from chatsite.models.conversations import Conversation, ConversationQuerySet, Share
from chatsite.models.embed_sites import EmbedQuestion, EmbedSite
from chatsite.models.gaps import Gap, GapQuestion
from chatsite.models.idempotency import IdempotentRequest
from chatsite.models.prices import ModelPrice
from chatsite.models.prompts import PromptEvaluation, PromptVersion
from chatsite.models.runs import Citation, Feedback, Run, RunQuerySet
from chatsite.models.saved_questions import SavedQuestion
from chatsite.models.tool_calls import HostToolCall
from chatsite.models.workflow_triggers import ReadyDocument, WorkflowTrigger
from chatsite.models.workflows import EarlierDraft, Workflow, WorkflowRun, WorkflowVersion

__all__ = [
    "ApiKey",
    "ChatAgent",
    "Citation",
    "Conversation",
    "ConversationQuerySet",
    "EarlierDraft",
    "EmbedQuestion",
    "EmbedSite",
    "Feedback",
    "Gap",
    "GapQuestion",
    "HostToolCall",
    "IdempotentRequest",
    "ModelPrice",
    "PromptEvaluation",
    "PromptVersion",
    "ReadyDocument",
    "Run",
    "RunQuerySet",
    "SavedQuestion",
    "Share",
    "Workflow",
    "WorkflowRun",
    "WorkflowTrigger",
    "WorkflowVersion",
]
