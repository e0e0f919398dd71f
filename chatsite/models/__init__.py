"""What the site keeps: conversations, their runs, and what programs and other sites ask with."""

from chatsite.models.api_keys import ApiKey
from chatsite.models.conversations import Conversation, ConversationQuerySet, Share
from chatsite.models.embed_sites import EmbedQuestion, EmbedSite
from chatsite.models.runs import Citation, Feedback, Run, RunQuerySet

__all__ = [
    "ApiKey",
    "Citation",
    "Conversation",
    "ConversationQuerySet",
    "EmbedQuestion",
    "EmbedSite",
    "Feedback",
    "Run",
    "RunQuerySet",
    "Share",
]
