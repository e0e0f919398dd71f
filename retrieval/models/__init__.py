"""What staff put in: collections of documents, cut into chunks.

SQL is the truth about text, title and permission; the index only ranks ids.
"""

from retrieval.models.chunks import Chunk, CollectionWord, Conflict, RecognisedPage
from retrieval.models.collections import Collection, CollectionQuerySet
from retrieval.models.documents import Document, DocumentQuerySet, RefusedFile, stored_name
from retrieval.models.outbox import IndexRemoval, ModelChange, Reindex
from retrieval.models.synced import SyncedEntry, SyncedSource, SyncEvent, SyncRun
from retrieval.readers import User

__all__ = [
    "Chunk",
    "Collection",
    "CollectionQuerySet",
    "CollectionWord",
    "Conflict",
    "Document",
    "DocumentQuerySet",
    "IndexRemoval",
    "ModelChange",
    "RecognisedPage",
    "RefusedFile",
    "Reindex",
    "SyncEvent",
    "SyncRun",
    "SyncedEntry",
    "SyncedSource",
    "User",
    "stored_name",
]
