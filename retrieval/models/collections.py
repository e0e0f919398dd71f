"""Collections: documents that are searched together and share who may read them."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from retrieval.configuration import runtime
from retrieval.readers import Readers, User, each_of


def readable_collections(user: Readers, prefix: str = "") -> Q:
    """Return the condition under which `user` may read a collection, a hidden one only as its owner. `prefix` leads to
    the collection from the queried model.

    Where this process has collections of its own, others are read by nobody; attached files are. It joins nothing that
    holds a row more than once, so nothing is found twice.
    """
    readable = reduce(and_, (_readable(one, prefix) for one in each_of(user)))
    only = runtime().settings.only_collections
    here = Q(**{f"{prefix}slug__in": only}) | Q(**{f"{prefix}hidden": True})
    return readable & here if only else readable


def _readable(user: User, prefix: str) -> Q:
    listed = Q(**{f"{prefix}hidden": False})
    public = listed & Q(**{f"{prefix}public": True})
    if not (user.is_authenticated and user.is_active):
        return public
    own = Q(**{f"{prefix}owner": user.pk})
    if getattr(user, "is_superuser", False):
        return listed | own
    if not hasattr(user, "groups"):
        return public | own
    shared = Collection.groups.through.objects.filter(group__in=user.groups.all()).values("collection")
    return public | (listed & Q(**{f"{prefix}pk__in": shared})) | own


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: Readers) -> CollectionQuerySet:
        """Return the collections `user` may search: public ones, those of the user's groups and the user's own; for a
        superuser all that others haven't hidden."""
        return self.filter(readable_collections(user))

    def listed(self) -> CollectionQuerySet:
        """Leave out the hidden ones, which nobody is offered: for lists, choices and searches of everything."""
        return self.filter(hidden=False)

    def counting(self, documents: models.QuerySet[Any]) -> CollectionQuerySet:
        """Say in `document_count` how many of these `documents`, which are what somebody may read, have text."""
        held = documents.filter(live_generation__gt=0, collection=OuterRef("pk")).order_by().values("collection")
        counted = Subquery(held.annotate(count=Count("pk")).values("count"), output_field=models.IntegerField())
        return self.annotate(document_count=Coalesce(counted, 0))

    def get_by_natural_key(self, slug: str) -> Collection:
        """Return the collection that a fixture names."""
        return self.get(slug=slug)


class Collection(models.Model):
    """Documents that are searched together and share who may read them."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    slug = models.SlugField(
        _("slug"), max_length=120, unique=True, help_text=_("Its name in the API's “collections” field.")
    )
    description = models.TextField(_("description"), blank=True)
    public = models.BooleanField(
        _("public"), default=False, help_text=_("Every reader may search it; otherwise only the groups below.")
    )
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, help_text=_("Members of these groups may search it.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="collections",
        help_text=_("May always search it. Its documents are deleted with this user."),
    )
    hidden = models.BooleanField(
        default=False,
        editable=False,
        help_text="Read by its owner alone, and in no list: files attached to one conversation.",
    )
    holds_rows = models.BooleanField(
        default=False,
        editable=False,
        help_text="Some documents are or were rows of the site, with rights of their own.",
    )
    fingerprint = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The index that searches ask; empty before the first."
    )
    languages = models.JSONField(default=list, editable=False, help_text="Of its documents, as ISO 639-1 codes.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [
            models.CheckConstraint(
                condition=Q(hidden=False) | Q(public=False, owner__isnull=False), name="hidden_collection_is_private"
            ),
        ]

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def __str__(self) -> str:
        return str(_("Attached to a conversation")) if self.hidden else self.name
