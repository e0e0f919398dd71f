"""Keeps collections in step with what lies elsewhere: sites, feeds, repositories, storages, and a project’s own.

from retrieval.syncing import DocumentSource, SourceContent, SourceEntry, document_source

@document_source
class Wiki(DocumentSource):
    kind = "wiki"
    label = "Our wiki"

    def entries(self, since):
        for page in wiki_pages():
            yield SourceEntry(page.id, version=page.version, read=lambda: SourceContent(page.html, "page.html"))
"""

from retrieval.syncing.declaring import (
    DocumentSource,
    EntryGone,
    EntryRefused,
    EntryUnchanged,
    KnownEntries,
    KnownEntry,
    ListingIncomplete,
    SourceContent,
    SourceDown,
    SourceEntry,
    SourceUnchanged,
    document_source,
)

__all__ = [
    "DocumentSource",
    "EntryGone",
    "EntryRefused",
    "EntryUnchanged",
    "KnownEntries",
    "KnownEntry",
    "ListingIncomplete",
    "SourceContent",
    "SourceDown",
    "SourceEntry",
    "SourceUnchanged",
    "document_source",
]
