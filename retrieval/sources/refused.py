"""What was refused, kept by name and reason until somebody has seen to it."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from retrieval.models import Collection, RefusedFile
from retrieval.sources.uploads import Upload

KEPT = 500  # of a collection: the newest
_NAME = RefusedFile._meta.get_field("filename").max_length or 0


def keep_refused(collection: Collection, uploads: Sequence[Upload], *, owner: AbstractBaseUser | None) -> None:
    """Keep those of `uploads` that were refused, each name once, with the newest reason. A name that comes in is no
    longer refused."""
    if not uploads:
        return
    newest = {upload.filename[:_NAME]: upload for upload in uploads}
    refused = [
        RefusedFile(
            collection=collection,
            filename=name,
            size=upload.size,
            reason=upload.refusal,
            document=upload.document,
            owner_id=owner.pk if owner is not None else None,
        )
        for name, upload in newest.items()
        if upload.refusal
    ]
    of_collection = RefusedFile.objects.filter(collection=collection)
    with transaction.atomic():
        of_collection.filter(filename__in=newest).delete()
        RefusedFile.objects.bulk_create(refused[:KEPT])
        if (too_old := of_collection.values_list("pk", flat=True)[KEPT : KEPT + 1].first()) is not None:
            of_collection.filter(pk__lte=too_old).delete()
