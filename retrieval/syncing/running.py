"""One look at a source: what is new is added, what changed replaced, what is gone deleted.

Each entry is settled in one transaction, so a run that is killed begins again and reads only what it had not yet. What
is gone is deleted at the end, and only by a run that has seen the source whole: where that would be more than half of
all, it waits for a person, for then the source is more likely broken than empty.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.forms.utils import pretty_name
from django.utils import timezone

from retrieval.errors import RetrievalError
from retrieval.ingestion import ingest, queue
from retrieval.ingestion.deletion import delete_documents
from retrieval.models import Document, SyncedEntry, SyncedSource, SyncEvent, SyncRun
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import NO_REASON, Reason
from retrieval.reasons import gettext_noop as _
from retrieval.sources import Origin
from retrieval.sources.titles import TITLE_CHARACTERS
from retrieval.syncing.declaring import (
    MOST_ENTRIES,
    DocumentSource,
    EntryGone,
    EntryRefused,
    EntryUnchanged,
    KnownEntry,
    ListingIncomplete,
    SourceContent,
    SourceDown,
    SourceEntry,
    SourceStopped,
    SourceUnchanged,
    source_kind,
    source_kinds,
)
from retrieval.syncing.secrets import Secrets, secret_fields, without_credentials

logger = logging.getLogger(__name__)

RUN_SECONDS = 4 * 3_600.0  # then the next source has its turn, and this one goes on after it
HELD_SHARE = 0.5  # of the documents of a source: more than that are not deleted before somebody has said so
EVENTS_KEPT = 1_000  # of a run
RUNS_KEPT = 50  # of a source
KEY_BYTES = 2_000
_VERSION_CHARACTERS = 500
_ADDRESS_CHARACTERS = 2_000
_REASON_CHARACTERS = 500
_SHOWN_SECONDS = 2.0  # from one writing of the counts to the next
_BATCH = 500
_FAILURES = 10
What = SyncEvent.What
State = SyncRun.State


class Known:
    """What the rows of a source's entries say."""

    def __init__(self, source: SyncedSource, secrets: Secrets) -> None:
        self._secrets = secrets
        self._rows = SyncedEntry.objects.filter(source=source, document__isnull=False)
        lacking = SyncedEntry.objects.filter(source=source, document=None).exists()  # staff deleted some
        self.mark = "" if lacking or source.held else source.mark

    def count(self) -> int:
        return self._rows.count()

    def get(self, key: str) -> KnownEntry | None:
        row = self._rows.filter(key=self._secrets.key(key)).values_list("version", "memory").first()
        return KnownEntry(*row) if row else None

    def checked(self) -> Mapping[str, datetime]:
        rows = self._rows.values_list("key", "checked_at").iterator()
        return _ByKey({key: at for key, at in rows if at is not None}, self._secrets)


class _ByKey(Mapping[str, datetime]):
    """Times by the keys that a source has, which are not kept as they are where they hold a secret."""

    def __init__(self, times: dict[str, datetime], secrets: Secrets) -> None:
        self._times, self._secrets = times, secrets

    def __getitem__(self, key: str) -> datetime:
        return self._times[self._secrets.key(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._times)

    def __len__(self) -> int:
        return len(self._times)


class Running:
    """A run under way, and what it has seen. `progressed_at` tells others that it isn't stuck."""

    def __init__(self, source: SyncedSource, run: SyncRun, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self.source, self.run = source, run
        self.progressed_at = time.monotonic()
        self._stopping = stopping
        self._deadline = self.progressed_at + RUN_SECONDS
        self._shown_at = 0.0
        self._counts: Counter[str] = Counter()
        self._events = 0
        self._failures = 0  # of entries, one after the other
        self._seen: set[str] = set()
        self._gone: dict[str, Reason] = {}  # entries that were listed, and are gone as reading them has shown
        self._secrets = Secrets(source_kinds().get(source.kind), source.settings)
        self._mark: str | None = None  # to be kept, once all of it is settled

    # ---- the whole of it ---------------------------------------------------------------------------------------------
    def follow(self) -> SyncRun:
        """Take the run to its end, good or bad, and return it. Raises what the database does."""
        state, error = State.DONE, NO_REASON
        try:
            check_secrets(self.source)
            whole, error = self._take_all()
            held = self._settle_gone(whole=whole)
            state = State.HELD if held else State.INCOMPLETE if error else State.DONE
            if self._mark is not None and state == State.DONE:
                self._ours().update(mark=self._mark)
        except SourceStopped:
            state, error = State.INTERRUPTED, Reason(_("It goes on with the next run."))
        except RetrievalError as failure:
            state, error = State.FAILED, failure.reason
        except DatabaseError:
            raise
        except Exception as failure:  # whatever a site's own source raises
            state, error = State.FAILED, self._reason_of(failure)
            self._log(failure)
        self._end(state, self._cleared(error))
        return self.run

    def _take_all(self) -> tuple[bool, Reason]:
        """Take each entry. Return whether what was not among them is gone, and why the listing is not whole."""
        kind = source_kind(self.source.kind)
        made, known = kind(self.source.settings, wait=self._wait), Known(self.source, self._secrets)
        try:
            for entry in made.entries(known):
                self._go_on()
                if len(self._seen) >= MOST_ENTRIES:
                    raise ListingIncomplete(_("It has more than %(limit)s entries."), limit=MOST_ENTRIES)
                self._take(entry)
        except ListingIncomplete as incomplete:
            return False, incomplete.reason
        except SourceUnchanged:
            self._counts["unchanged"] = known.count()
            return False, NO_REASON
        if made.mark != self.source.mark and not self._counts[What.REFUSED]:
            self._mark = storable(made.mark)[:_VERSION_CHARACTERS]
        return kind.lists_all, NO_REASON

    def _go_on(self) -> None:
        """Raise SourceStopped when the run should end here."""
        self.progressed_at = time.monotonic()
        if self._stopping() or self.progressed_at > self._deadline:
            raise SourceStopped
        if self.progressed_at - self._shown_at > _SHOWN_SECONDS:
            self._shown_at = self.progressed_at
            self._show()
            if not self._ours().update(lease_until=timezone.now() + queue.lease()):
                raise SourceStopped

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self._go_on()
            if (left := until - time.monotonic()) <= 0:
                return
            time.sleep(min(left, 0.25))

    def _ours(self) -> QuerySet[SyncedSource]:
        """Return the source's row; nothing where another one has it by now."""
        return SyncedSource.objects.filter(pk=self.source.pk, token=self.source.token)

    # ---- one entry ---------------------------------------------------------------------------------------------------
    def _take(self, entry: SourceEntry) -> None:
        key = self._secrets.key(entry.key)
        if key in self._seen:
            return
        if (plain := storable(key)) != key:
            self._note(What.REFUSED, plain[:200], Reason(_("Its name is no text.")))
            return
        if not key or len(key.encode()) > KEY_BYTES:
            self._note(What.REFUSED, key[:200], Reason(_("Its name is longer than %(limit)s bytes."), limit=KEY_BYTES))
            return
        self._seen.add(key)
        row = SyncedEntry.objects.filter(source=self.source, key=key).select_related("document").first()
        document = row.document if row else None
        if row and document and entry.version and entry.version == row.version:
            self._counts["unchanged"] += 1
            return
        try:
            content = entry.read()
            file = file_of(content)
        except EntryUnchanged:
            self._counts["unchanged"] += 1
            if row:
                version = entry.version[:_VERSION_CHARACTERS] or row.version
                SyncedEntry.objects.filter(pk=row.pk).update(version=version, checked_at=timezone.now())
        except EntryGone as gone:
            if document:
                self._gone[key] = gone.reason
            else:
                self._note(What.REFUSED, key, gone.reason)
        except (SourceDown, SourceStopped, DatabaseError):
            raise
        except RetrievalError as refused:
            self._note(What.REFUSED, key, refused.reason, document)
        except Exception as failure:  # whatever a site's own source raises
            self._raised(key, failure, document)
        else:
            self._failures = 0
            self._keep(entry, key, content, file, row)

    def _raised(self, key: str, failure: Exception, document: Document | None) -> None:
        """Refuse an entry that can't be read; raise SourceDown when that happens again and again."""
        self._log(failure)
        self._failures += 1
        self._note(What.REFUSED, key, self._reason_of(failure), document)
        if self._failures >= _FAILURES:
            raise SourceDown(_("%(count)s entries have failed, one after the other."), count=self._failures)

    def _keep(
        self, entry: SourceEntry, key: str, content: SourceContent, file: File[bytes], row: SyncedEntry | None
    ) -> None:
        """Make the document of this entry what was read, and remember that, both or neither."""
        document = row.document if row else None
        try:
            title = " ".join(storable(content.title or entry.title).split())[:TITLE_CHARACTERS]
            said = {"address": address_of(self._secrets.cut_from(storable(content.url or entry.url)))}
            if title and (document is None or row is None or title != row.title):  # else one that staff gave stays
                said["title"] = title
            memory = memory_of(content, entry)
            with transaction.atomic():
                if not self._ours().select_for_update():
                    raise SourceStopped
                if document:  # staff may have deleted it while the entry was read
                    document = Document.objects.filter(pk=document.pk).first()
                what, document = self._store(key, file, said, document)
                remembered = {
                    "version": storable(content.version or entry.version)[:_VERSION_CHARACTERS],
                    "title": title,
                    "memory": memory,
                    "document": document,
                    "checked_at": timezone.now(),
                }
                SyncedEntry.objects.update_or_create(source=self.source, key=key, defaults=remembered)
        except RetrievalError as refused:
            self._note(What.REFUSED, key, refused.reason, document)
            return
        if what is None:
            self._counts["unchanged"] += 1
        else:
            self._note(what, key, NO_REASON, document)

    def _store(
        self, key: str, file: File[bytes], said: dict[str, str], document: Document | None
    ) -> tuple[What | None, Document]:
        """Return what was done, None for nothing, and the document."""
        filename, collection = str(file.name), self.source.collection
        if document is None:
            origin = Origin(
                source=Document.Source.SYNCED,
                location=key,
                folder=self.source.folder,
                address=said["address"],
                checked_at=timezone.now(),
            )
            document, is_new = ingest.add_document(
                collection, file=file, filename=filename, title=said.get("title"), origin=origin
            )
            if is_new:
                return What.ADDED, document
        changed = ingest.replace_file(document, file=file, filename=filename)
        differs = {name: value for name, value in said.items() if getattr(document, name) != value}
        given = {"title_given": True} if "title" in differs else {}
        Document.objects.filter(pk=document.pk).update(checked_at=timezone.now(), **differs, **given)
        if "title" in differs and not changed:
            ingest.enqueue(document)  # the title ranks
        return (What.CHANGED if changed or differs else None), document

    # ---- what is gone ------------------------------------------------------------------------------------------------
    def _settle_gone(self, *, whole: bool) -> int:
        """Delete what is gone, or hold it where that is too much of all. Return how many documents are held."""
        rows = SyncedEntry.objects.filter(source=self.source, document__isnull=False)
        reasons, count = dict(self._gone), 0
        for key in rows.values_list("key", flat=True).iterator():
            count += 1
            if whole and key not in self._seen:
                reasons[key] = Reason(_("It is no longer listed."))
        if not whole and not reasons:
            return self.source.held
        # What was added in this run is there, and says nothing about whether the rest may go.
        held = len(reasons) > HELD_SHARE * (count - self._counts[What.ADDED])
        rows.filter(missing=True).update(missing=False)
        keys = [*reasons]
        for first in range(0, len(keys), _BATCH):
            self._go_on()
            some = keys[first : first + _BATCH]
            if held:
                rows.filter(key__in=some).update(missing=True)
                continue
            documents = [*rows.filter(key__in=some).values_list("document", flat=True)]
            delete_documents(Document.objects.filter(pk__in=documents))
            SyncedEntry.objects.filter(source=self.source, key__in=some).delete()
            for key in some:
                self._note(What.GONE, key, reasons[key])
        SyncedEntry.objects.filter(source=self.source, document=None).delete()
        number = len(reasons) if held else 0
        self._ours().update(held=number)
        return number

    # ---- what is told ------------------------------------------------------------------------------------------------
    def _note(self, what: What, key: str, reason: Reason, document: Document | None = None) -> None:
        self._counts[what] += 1
        if self._events < EVENTS_KEPT:
            self._events += 1
            SyncEvent.objects.create(run=self.run, what=what, key=key, reason=self._cleared(reason), document=document)

    def _log(self, failure: Exception) -> None:
        """Log what a site's own source raised, with where; without, where it may hold a secret."""
        trace = "".join(traceback.format_exception(failure))
        is_plain = not self._secrets and without_credentials(trace) == trace
        reason = self._reason_of(failure)
        logger.error("The source %s: %s", self.source.pk, reason, exc_info=failure if is_plain else None)

    def _cleared(self, reason: Reason) -> Reason:
        """Return the reason without what is secret."""
        text = str(reason)
        plain = storable(self._secrets.cut_from(text))
        return reason if plain == text else Reason(plain)

    def _reason_of(self, failure: Exception) -> Reason:
        said = storable(f"{type(failure).__name__}: {failure}")
        said = self._secrets.cut_from(said)  # before it is cut, maybe in one of them
        return Reason(_("It raised %(error)s."), error=said[:_REASON_CHARACTERS])

    def _show(self) -> None:
        counts = {what.value: self._counts[what] for what in What} | {"unchanged": self._counts["unchanged"]}
        SyncRun.objects.filter(pk=self.run.pk).update(listed=len(self._seen), **counts)

    def _end(self, state: State, error: Reason) -> None:
        self._show()
        ended: dict[str, Any] = {"state": state, "error": error, "ended_at": timezone.now()}
        SyncRun.objects.filter(pk=self.run.pk, state=State.RUNNING).update(**ended)
        self.run = SyncRun.objects.filter(pk=self.run.pk).first() or self.run  # its source may be deleted
        tidy_runs(self.source)


def confirm_gone(source: SyncedSource) -> int:
    """Delete the documents that a run has found gone and held for a person's word. Return how many they are."""
    rows = SyncedEntry.objects.filter(source=source, missing=True)
    count = rows.count()
    run = source.runs.filter(state=State.HELD).first()
    if run:
        keys = rows.values_list("key", flat=True)[:EVENTS_KEPT]
        said = Reason(_("It is gone, and its deletion was confirmed."))
        SyncEvent.objects.bulk_create(SyncEvent(run=run, what=What.GONE, key=key, reason=said) for key in keys)
        SyncRun.objects.filter(pk=run.pk).update(state=State.DONE, gone=run.gone + count)
    while batch := list(rows.values_list("pk", "document")[:_BATCH]):
        with transaction.atomic():
            delete_documents(Document.objects.filter(pk__in=[document for _, document in batch]))
            SyncedEntry.objects.filter(pk__in=[pk for pk, _ in batch]).delete()
    SyncedSource.objects.filter(pk=source.pk).update(held=0)
    return count


def tidy_runs(source: SyncedSource) -> None:
    """Delete the log of runs but the newest."""
    old = list(source.runs.values_list("pk", flat=True)[RUNS_KEPT:])
    SyncEvent.objects.filter(run__in=old).delete()
    SyncRun.objects.filter(pk__in=old).delete()


def file_of(content: SourceContent) -> File[bytes]:
    """Return what was read as a file that can become a document. Raises EntryRefused."""
    name = storable(content.filename).replace("\\", "/").rpartition("/")[2]
    if name.rpartition(".")[2].lower() not in FORMATS:
        raise EntryRefused(_("Of an unknown type: %(name)s."), name=name[-100:] or "–")
    limit, held = settings.UPLOAD_MAX_BYTES, content.content
    raw = held.encode(errors="replace") if isinstance(held, str) else held
    if not isinstance(raw, bytes):
        raw = raw.read(limit + 1)
    if len(raw) > limit:
        raise EntryRefused(_("It is too large: the limit is %(limit)s bytes."), limit=limit)
    if not raw.strip():
        raise EntryRefused(_("It is empty."))
    return ContentFile(raw, name=name)


def storable(text: str) -> str:
    """Return the text without what no database takes: NUL, and halves of letters."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def memory_of(content: SourceContent, entry: SourceEntry) -> dict[str, Any]:
    """Return what the source wants to know of an entry the next time. Raises EntryRefused where it is no JSON."""
    try:
        plain = json.loads(json.dumps(dict(content.memory or entry.memory), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise EntryRefused(_("Its memory is no JSON: %(fault)s."), fault=str(error)[:_REASON_CHARACTERS]) from error
    memory: dict[str, Any] = _storable_json(plain)
    return memory


def _storable_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(name): _storable_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_storable_json(one) for one in value]
    return storable(value) if isinstance(value, str) else value


def address_of(url: str) -> str:
    """Return the address where a citation may open; empty for one that is no web address."""
    fits = url.startswith(("https://", "http://")) and len(url) <= _ADDRESS_CHARACTERS
    return url if fits and not any(sign.isspace() for sign in url) else ""


def place_of(source: SyncedSource) -> str:
    """Return where a source is, for a person; empty where its kind is not declared."""
    try:
        kind = source_kind(source.kind)
        made: DocumentSource = kind(source.settings, wait=lambda seconds: None)
        return Secrets(kind, source.settings).cut_from(made.place)
    except Exception:  # whatever a site's own source raises
        return ""


def check_secrets(source: SyncedSource) -> None:
    """Raise RetrievalError where a secret that the source needs is empty: `dumpdata` leaves them out."""
    kind = source_kind(source.kind)
    for name in secret_fields(kind, source.settings):
        asked = kind.Form.base_fields.get(name)
        if asked and asked.required and source.settings.get(name) == "":
            label = str(asked.label or pretty_name(name))
            raise RetrievalError(_("“%(field)s” is empty: give it again in the settings of the source."), field=label)
