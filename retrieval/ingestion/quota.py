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


def stored_bytes(owner: AbstractBaseUser) -> int:
    """Return the sizes of all files that this user put in, added up."""
    total: int | None = Document.objects.filter(owner_id=owner.pk).aggregate(total=Sum("size"))["total"]
    return total or 0


def check_quota(owner: AbstractBaseUser | None, *, adding: int) -> None:
    """Raise QuotaExceeded when `owner` may not store that many bytes more. Documents without an owner are free.

    Call it in the transaction that stores the row: the owner's row is locked, so that two uploads can't share the rest.
    """
    limit = runtime().settings.user_quota_bytes
    if not limit or owner is None or adding <= 0:
        return
    get_user_model()._default_manager.select_for_update().filter(pk=owner.pk).first()
    used = stored_bytes(owner)
    if used + adding > limit:
        raise QuotaExceeded(used=filesizeformat(used), adding=filesizeformat(adding), limit=filesizeformat(limit))
