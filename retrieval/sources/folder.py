"""A folder or git checkout kept in step with a collection: what is new is added, what changed replaced.

Documents are told apart by what they hold before where they lie, so a renamed file keeps its document. A sync touches
only documents that a sync of the same folder made.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from django.core.files import File
from django.utils import timezone

from retrieval.errors import DuplicateContent
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.parsing.formats import FORMATS
from retrieval.sources import Origin
from retrieval.sources.titles import HEAD_BYTES, title_in

_GIT_SECONDS = 60
_LOCATION_CHARACTERS = 2_000


@dataclass(frozen=True)
class FolderFile:
    """A file of the folder, by its path within it, with "/" between the parts."""

    location: str
    path: Path
    content_hash: str = ""


@dataclass(frozen=True)
class Listing:
    """The files that can be documents, and how many can't, by their ending or by why."""

    files: list[Path]
    left_out: Counter[str]
    follows_git: bool


@dataclass(frozen=True)
class Plan:
    """The steps of a sync: every file is in one of these lists, and so is every document."""

    unchanged: list[tuple[FolderFile, Document]] = field(default_factory=list)
    moved: list[tuple[FolderFile, Document]] = field(default_factory=list)
    changed: list[tuple[FolderFile, Document]] = field(default_factory=list)
    new: list[FolderFile] = field(default_factory=list)
    doubles: list[FolderFile] = field(default_factory=list)  # another file of the folder, or a document, holds the same
    vanished: list[Document] = field(default_factory=list)


def list_files(root: Path, *, include: Sequence[str] = (), exclude: Sequence[str] = (), max_bytes: int) -> Listing:
    """Return the files below `root` that can be documents, in order.

    Patterns are of the whole path within it, and `*` also stands for "/". Hidden files, those that git ignores and
    links that lead out of the folder are passed over.
    """
    root = root.resolve()
    tracked = _git_files(root)
    left_out: Counter[str] = Counter()
    files = []
    for path in sorted(tracked if tracked is not None else _walk(root)):
        location = path.relative_to(root).as_posix()
        if any(part.startswith(".") for part in PurePosixPath(location).parts):
            continue
        if (include and not _matches(location, include)) or _matches(location, exclude):
            continue
        if reason := _reason_against(path, root=root, max_bytes=max_bytes):
            left_out[reason] += 1
        else:
            files.append(path)
    return Listing(files, left_out, follows_git=tracked is not None)


def make_plan(found: Iterable[FolderFile], *, kept: Iterable[Document], held: set[str]) -> Plan:
    """Match the files to the documents: first those that stayed as they were, then those that moved, then those that
    changed. The rest is new or vanished.

    `kept` are the documents of this folder, `held` the hashes of all others of the collection.
    """
    plan = Plan()
    documents = {document.content_hash: document for document in kept}
    held, files = set(held), []
    for file in found:  # in place, unchanged
        document = documents.get(file.content_hash)
        if document is not None and document.location == file.location:
            plan.unchanged.append((file, documents.pop(file.content_hash)))
            held.add(file.content_hash)
        else:
            files.append(file)
    rest = []
    for file in files:  # elsewhere, unchanged
        if file.content_hash in held:
            plan.doubles.append(file)
        elif file.content_hash in documents:
            plan.moved.append((file, documents.pop(file.content_hash)))
            held.add(file.content_hash)
        else:
            rest.append(file)
    by_location = {document.location: document for document in documents.values()}
    for file in rest:
        if file.content_hash in held:
            plan.doubles.append(file)
            continue
        held.add(file.content_hash)
        if file.location in by_location:
            plan.changed.append((file, by_location.pop(file.location)))
        else:
            plan.new.append(file)
    changed = {document.pk for _, document in plan.changed}
    gone = (document for document in documents.values() if document.pk not in changed)
    plan.vanished.extend(sorted(gone, key=lambda document: document.location))
    return plan


def plan_sync(
    collection: Collection, *, root: Path, name: str, files: Sequence[Path], report: Callable[[str], None]
) -> Plan:
    """Return what syncing these files of `root` under `name` would do; `report` is called for each file that is
    read."""
    root = root.resolve()
    found = []
    for number, path in enumerate(files, 1):
        report(f"Reading {number:,} of {len(files):,}")
        with path.open("rb") as file:
            content_hash = ingest.sha256(File(file))
        found.append(FolderFile(path.relative_to(root).as_posix(), path, content_hash))
    documents = Document.objects.filter(collection=collection)
    ours = {"source": Document.Source.FOLDER, "folder": name}
    kept = documents.filter(**ours).defer("page_starts")
    held = set(documents.exclude(**ours).values_list("content_hash", flat=True))
    return make_plan(found, kept=kept, held=held)


def carry_out(
    plan: Plan, *, collection: Collection, name: str, delete: bool, report: Callable[[str], None]
) -> list[str]:
    """Make the collection what the plan says; vanished documents stay unless `delete`. Return the files that could not
    be stored, each with why.

    Stopped half-way and begun again, a sync goes on where it was.
    """
    problems: list[str] = []
    steps = [
        *((_delete, None, document) for document in plan.vanished if delete),
        *((_move, file, document) for file, document in plan.moved),
        *((_change, file, document) for file, document in plan.changed),
        *((_add, file, Document(collection=collection, folder=name)) for file in plan.new),
    ]
    for number, (step, file, document) in enumerate(steps, 1):
        report(f"Storing {number:,} of {len(steps):,}")
        try:
            step(document, file)
        except (OSError, DuplicateContent) as error:
            problems.append(f"{file.location if file else document.location}: {error}")
    return problems


def _delete(document: Document, file: FolderFile | None) -> None:
    document.delete()


def _move(document: Document, file: FolderFile | None) -> None:
    """Follow a file that was renamed: its text is the same, but the title may come from its name."""
    assert file is not None
    with file.path.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    former, title = (title_in(head, filename=name) for name in (document.filename, file.path.name))
    fields = {"location": file.location, "filename": file.path.name, "checked_at": timezone.now()}
    Document.objects.filter(pk=document.pk).update(**fields)
    if title != former == document.title and not document.title_given:
        Document.objects.filter(pk=document.pk).update(title=title)
        ingest.enqueue(document)  # the title ranks


def _change(document: Document, file: FolderFile | None) -> None:
    assert file is not None
    with file.path.open("rb") as opened:
        ingest.replace_file(document, file=File(opened, name=file.path.name), filename=file.path.name)
    Document.objects.filter(pk=document.pk).update(checked_at=timezone.now())


def _add(document: Document, file: FolderFile | None) -> None:
    assert file is not None
    origin = Origin(
        source=Document.Source.FOLDER, location=file.location, folder=document.folder, checked_at=timezone.now()
    )
    with file.path.open("rb") as opened:
        content, filename = File(opened, name=file.path.name), file.path.name
        ingest.add_document(document.collection, file=content, filename=filename, origin=origin)


# ---- which files -----------------------------------------------------------------------------------------------------


def _git_files(root: Path) -> list[Path] | None:
    """Return the files that git knows or would take up; None when `root` is in no checkout or ignored as a whole, or
    git isn't there or refuses it."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the folder is the operator's
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return [root / os.fsdecode(name) for name in set(done.stdout.split(b"\0")) if name] or None


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in names)


def _matches(location: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(location, pattern) for pattern in patterns)


def _reason_against(path: Path, *, root: Path, max_bytes: int) -> str:
    """Return why this file can't be a document, in so few words that files can be counted by them; empty when it
    can."""
    try:
        inside = path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return "missing"  # a broken link, or deleted but still known to git
    if not inside:
        return "link out of the folder"
    if not path.is_file():
        return "no file"
    if path.suffix[1:].lower() not in FORMATS:
        return path.suffix.lower() or "no ending"
    if path.stat().st_size > max_bytes:
        return "too large"
    if path.stat().st_size == 0:
        return "empty"
    return "" if len(path.relative_to(root).as_posix()) <= _LOCATION_CHARACTERS else "too long a path"
