"""Where documents come from: archives, web addresses, folders. All of them end in `ingest.add_document`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Origin:
    """The place where a document was found: fields of `Document`, which says what each of them holds."""

    source: str = "upload"
    location: str = ""
    folder: str = ""
    etag: str = ""
    last_modified: str = ""
    address: str = ""
    checked_at: datetime | None = None
