"""What can go wrong between a document and a passage, as errors that a caller can act on.

Each carries a reason for a person: a template marked with `gettext_noop`, and its values. Standard library only, like
`retrieval.reasons`.
"""

from __future__ import annotations

from collections.abc import Iterable

from retrieval.reasons import Reason, Value
from retrieval.reasons import gettext_noop as _


class RetrievalError(Exception):
    """The root of this package's errors. `str()` says in English why; `reason.message()` says it in the active
    language."""

    def __init__(self, template: str = "", /, **values: Value) -> None:
        """Take a template of `Reason` and its values, or a reason."""
        self.reason = template if isinstance(template, Reason) else Reason(template, **values)
        super().__init__(self.reason)


class ParsingError(RetrievalError):
    """The document's file can't become text; the message says why and what would help."""


class NeedsOcr(ParsingError):
    """The document holds only images of text, and nothing that reads them is installed."""


class DuplicateContent(RetrievalError):
    """Another document of the collection has the same content, and a collection holds it once."""


class QuotaExceeded(RetrievalError):
    """The user who adds a file may not store that much; a program is told by status 413."""

    def __init__(self, *, used: str, adding: str, limit: str, attached: bool = False) -> None:
        all_documents = _(
            "Too much for your quota of %(limit)s: %(used)s are stored, and this has %(adding)s. Delete documents "
            "that are no longer needed, or ask for a larger USER_QUOTA_BYTES."
        )
        attached_files = _(
            "Too much for your attached files, which may have %(limit)s: %(used)s are stored, and this has %(adding)s. "
            "Remove files from conversations that no longer need them, or ask for a larger ATTACHMENTS_QUOTA_BYTES."
        )
        super().__init__(attached_files if attached else all_documents, used=used, adding=adding, limit=limit)


class ArchiveRefused(RetrievalError):
    """An archive that is not unpacked; the message names the limit."""


class FetchRefused(RetrievalError):
    """A web address that is not asked, or whose answer is not taken; the message says why."""


class FetchFailed(RetrievalError):
    """A web address that may be asked, but did not answer as it should."""


class PageGone(FetchFailed):
    """The web server says that there is nothing at the address (404, 410)."""


class ParserStopped(RetrievalError):
    """The parser was stopped at one of its limits, or crashed; another attempt may do better."""


class PagesUnavailable(RetrievalError):
    """The pages of a document can't be drawn, or not right now; its text is there all the same."""


class PagesBusy(PagesUnavailable):
    """Too many pages are being drawn: try again in a few seconds."""


class IndexUnavailable(RetrievalError):
    """The index can't be asked right now: try again later."""


class IndexRejected(RetrievalError):
    """The index takes no such point or question: asking again changes nothing."""


class StorageInUse(IndexUnavailable):
    """Another process has a part of the embedded index that one process at a time can have."""


class DiskFull(IndexUnavailable):
    """There is too little room to put anything into the index."""


class EmbeddingUnavailable(IndexUnavailable):
    """The embedding address doesn't answer, and without vectors the index can be neither asked nor filled. It wants to
    be left alone for `retry_after` seconds, when it said so."""

    def __init__(self, template: str = "", /, *, retry_after: float = 0.0, **values: Value) -> None:
        super().__init__(template, **values)
        self.retry_after = retry_after


class EmbeddingRejected(RetrievalError):
    """The embedding address answered with something that is not the vectors asked for."""


class UnknownCollection(RetrievalError):
    """Collections that don't exist or that this user may not read: the caller can't tell which."""

    def __init__(self, slugs: Iterable[str]) -> None:
        self.slugs = tuple(slugs)
        super().__init__(_("No such collection: %(names)s."), names=", ".join(self.slugs))


class UnknownDocument(RetrievalError):
    """Documents that don't exist or that this user may not read: the caller can't tell which."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(ids)
        super().__init__(_("No such document: %(names)s."), names=", ".join(map(str, self.ids)))


class ModelDocumentsInvalid(Exception):
    """What a site declares of a model can't be; the message names the class and the field. It is the developer's."""


class SourceInvalid(Exception):
    """A kind of source that can't be declared; the message names the class. It is the developer's."""


class EvaluationSetError(RetrievalError):
    """The questions to evaluate with can't be read; the message names the file and the line."""
