"""Change a draft, take a change back, publish: each in one transaction, and refused where another was faster."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chatsite.models import EarlierDraft, Workflow, WorkflowVersion
from retrieval.models import User

UNDO_MOST = 100  # changes of one draft that can be taken back


class DraftChanged(Exception):
    """Somebody else has changed the draft meanwhile."""

    def __str__(self) -> str:
        return _("Somebody has changed the draft meanwhile. This is how it reads now; your change was not made.")


def save_draft(workflow: Workflow, text: str, *, base: str, user: User) -> bool:
    """Make `text` the draft whose digest was `base`, and say whether it is another. Raises DraftChanged."""
    text = text.replace("\r\n", "\n")
    with transaction.atomic():
        row = _locked(workflow, base)
        if row.draft == text:
            return False
        row.earlier_drafts.create(text=row.draft)
        oldest = row.earlier_drafts.order_by("-pk").values_list("pk", flat=True)[UNDO_MOST:]
        EarlierDraft.objects.filter(pk__in=list(oldest)).delete()
        _write(row, text, user)
    workflow.refresh_from_db()
    return True


def undo(workflow: Workflow, *, base: str, user: User) -> bool:
    """Make the draft before the last change the draft again, and say whether there was one. Raises DraftChanged."""
    with transaction.atomic():
        row = _locked(workflow, base)
        earlier = row.earlier_drafts.order_by("-pk").first()
        if earlier is None:
            return False
        _write(row, earlier.text, user)
        earlier.delete()
    workflow.refresh_from_db()
    return True


def publish(workflow: Workflow, *, base: str, note: str, user: User) -> WorkflowVersion | None:
    """Make the draft the newest version; None where it is that already. Raises DraftChanged."""
    with transaction.atomic():
        row = _locked(workflow, base)
        newest = row.published()
        if newest and newest.text == row.draft:
            return None
        number = newest.number + 1 if newest else 1
        return row.versions.create(number=number, text=row.draft, note=note, published_by_id=user.pk)


def _locked(workflow: Workflow, base: str) -> Workflow:
    row = Workflow.objects.select_for_update().get(pk=workflow.pk)
    if row.digest != base:
        raise DraftChanged
    return row


def _write(row: Workflow, text: str, user: User) -> None:
    row.draft, row.changed_by_id = text, user.pk
    row.save(update_fields=["draft", "changed_by", "changed_at"])


# ---- two texts beside each other -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of two texts: its numbers in them from 1, and whether only one of them has it."""

    kind: str  # same, removed, added
    before: int | None
    after: int | None
    text: str


def diff_lines(before: str, after: str, *, around: int = 3) -> list[list[DiffLine]]:
    """Return where two texts differ, each place with `around` lines that they share; empty when they are the same."""
    old, new = before.splitlines(), after.splitlines()
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(around)
    return [[line for operation in group for line in _lines(operation, old, new)] for group in groups]


def _lines(operation: tuple[Any, ...], old: list[str], new: list[str]) -> list[DiffLine]:
    kind, old_from, old_to, new_from, new_to = operation
    if kind == "equal":
        pairs = zip(range(old_from, old_to), range(new_from, new_to), strict=True)
        return [DiffLine("same", one + 1, two + 1, old[one]) for one, two in pairs]
    removed = [DiffLine("removed", number + 1, None, old[number]) for number in range(old_from, old_to)]
    return removed + [DiffLine("added", None, number + 1, new[number]) for number in range(new_from, new_to)]
