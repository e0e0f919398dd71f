"""How much one user may store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from retrieval.configuration import runtime
from retrieval.errors import QuotaExceeded
from retrieval.models import Document

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def stored_bytes(owner: AbstractBaseUser, *, attached: bool = False) -> int:
    """Return the sizes of all files that this user put in, or of those that are `attached` to conversations, added
    up."""
    documents = Document.objects.filter(owner_id=owner.pk)
    if attached:
        documents = documents.filter(collection__hidden=True)
    total: int | None = documents.aggregate(total=Sum("size"))["total"]
    return total or 0


def check_quota(owner: AbstractBaseUser | None, *, adding: int, attached: bool = False) -> None:
    """Raise QuotaExceeded when `owner` may not store that many bytes more, of a file that is `attached` to a
    conversation or of another. Documents without an owner are free.

    Call it in the transaction that stores the row: the owner's row is locked, so that two uploads can't share the rest.
    """
    limits = {False: runtime().settings.user_quota_bytes}
    if attached:
        limits[True] = runtime().settings.attachments_quota_bytes
    if not any(limits.values()) or owner is None or adding <= 0:
        return
    get_user_model()._default_manager.select_for_update().filter(pk=owner.pk).first()
    for only_attached, limit in limits.items():
        used = stored_bytes(owner, attached=only_attached)
        if limit and used + adding > limit:
            sizes = {"used": used, "adding": adding, "limit": limit}
            shown = {name: filesizeformat(size) for name, size in sizes.items()}
            raise QuotaExceeded(**shown, attached=only_attached)
