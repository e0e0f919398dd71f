"""Which kinds of sources there are: those of this package, and those that the setting `SOURCES` names."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from retrieval.errors import SourceInvalid
from retrieval.syncing.declaring import DocumentSource, document_source
from retrieval.syncing.kinds.feed import FeedSource
from retrieval.syncing.kinds.repository import RepositorySource
from retrieval.syncing.kinds.site import SiteSource
from retrieval.syncing.kinds.sitemap import SitemapSource
from retrieval.syncing.kinds.stored import StorageSource

BUILT_IN: tuple[type[DocumentSource], ...] = (SitemapSource, SiteSource, FeedSource, RepositorySource, StorageSource)


def declare_kinds() -> None:
    """Declare them all. Raises ImproperlyConfigured for a name in `SOURCES` that leads to no kind."""
    for kind in BUILT_IN:
        document_source(kind)
    for name in settings.SOURCES:
        try:
            found = import_string(name)
            if not (isinstance(found, type) and issubclass(found, DocumentSource)):
                raise SourceInvalid("it is no DocumentSource")
            document_source(found)
        except (ImportError, SourceInvalid) as error:
            raise ImproperlyConfigured(f"SOURCES: {name}: {error}") from error
