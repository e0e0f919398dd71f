"""What a site declares of its models, and the registry of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.db import connections, models, router
from django.db.models import ForeignObjectRel, QuerySet
from django.utils.module_loading import module_has_submodule

from retrieval.errors import ModelDocumentsInvalid

logger = logging.getLogger(__name__)

MODULE = "docchat"  # of an app or of the project, in which documents are declared
ENDINGS = ("md", "html", "txt")

D = TypeVar("D", bound="type[ModelDocuments]")


class ModelDocuments:
    """How the rows of a model are documents. Subclass it and declare it with `@documents`.

    `fields` are the names of the fields whose values are the text, one below the other; "comments__text" follows a
    relation. `related` are names of relations whose rows change the text as well. `ending` says what the text is:
    "md", "html" or "txt". `model`, `collection` (a slug) and `public` are set by the decorator.
    """

    fields: ClassVar[Sequence[str]] = ()
    related: ClassVar[Sequence[str]] = ()
    ending: ClassVar[str] = "md"

    def __init__(self, model: type[models.Model], *, collection: str, public: bool) -> None:
        self.model = model
        self.collection = collection
        self.public = public

    # ---- what a site may say otherwise -------------------------------------------------------------------------------
    def queryset(self) -> QuerySet[Any]:
        """Return the rows that are documents, whoever may see them."""
        return self.model._default_manager.all()

    def visible_to(self, user: Any) -> QuerySet[Any]:
        """Return the rows that `user` may read; an AnonymousUser has no pk. It is asked anew each time that something
        of a row is shown."""
        return self.queryset()

    def text(self, row: Any) -> str:
        """Return the text of a row."""
        return "\n\n".join(filter(None, (self.said(row, name) for name in self.fields)))

    def file(self, row: Any) -> File[bytes] | None:
        """Return the file that is the document, as the value of a FileField; None where `text` is."""
        return None

    def title(self, row: Any) -> str:
        return str(row)

    def url(self, row: Any) -> str:
        """Return the address of the row's own page, where a citation opens; empty: it opens in the reader."""
        return str(row.get_absolute_url()) if hasattr(row, "get_absolute_url") else ""

    def follow_signals(self, note: Callable[[Iterable[Any]], None]) -> None:
        """Connect signals that tell of changes in rows beside those of saving and deleting them: receivers call `note`
        with the primary keys."""

    def said(self, row: Any, name: str) -> str:
        """Return as text what a name of `fields` stands for."""
        return _said(row, name.split("__"))

    # ---- what the rest of the package asks ---------------------------------------------------------------------------
    @property
    def label(self) -> str:
        """Return the name of the model, as in "news.article"."""
        return str(self.model._meta.label_lower)

    @property
    def collection_name(self) -> str:
        """Return how its collection is called when it is made."""
        return str(self.model._meta.verbose_name_plural)

    @property
    def has_rights(self) -> bool:
        """Return whether readers of its collection may be unable to read some of its rows."""
        return type(self).visible_to is not ModelDocuments.visible_to

    def key_of(self, row_or_pk: Any) -> str:
        """Return the primary key as text, just as the database casts it."""
        pk_field = self.model._meta.pk
        pk = row_or_pk.pk if isinstance(row_or_pk, models.Model) else row_or_pk
        return str(pk_field.get_db_prep_value(pk, connections[router.db_for_read(self.model)]))

    def rows(self, keys: Sequence[str]) -> dict[str, Any]:
        """Return those rows of these keys that are documents, by key, with the relations that their fields follow."""
        rows = self.queryset().filter(pk__in=keys)
        return {self.key_of(row): row for row in rows.prefetch_related(*self._followed())}

    def _followed(self) -> list[str]:
        """Return the relations that `fields` follow: "comments" of "comments__text"."""
        if type(self).text is not ModelDocuments.text:
            return []
        followed: list[str] = []
        for names in (name.split("__") for name in self.fields):
            path: list[str] = []
            model = self.model
            for name in names[:-1]:
                relation = next((one for one in model._meta.get_fields() if _accessor(one) == name), None)
                if relation is None or not isinstance(relation.related_model, type):
                    break
                path, model = [*path, name], relation.related_model
            if path:
                followed.append("__".join(path))
        return [*dict.fromkeys(followed)]


_declared: dict[str, ModelDocuments] = {}
_faults: dict[str, str] = {}  # of modules that could not be imported, by name


def documents(model: type[models.Model], *, collection: str, public: bool = True) -> Callable[[D], D]:
    """Declare the rows of `model` as documents of the collection with this slug, which is made when it isn't there:
    `public`, so that `visible_to` alone decides, or else for those whom staff let search it.

    Raises ModelDocumentsInvalid for a model that is declared twice, and for a field or relation that it hasn't.
    """

    def declare(kind: D) -> D:
        declared = kind(model, collection=collection, public=public)
        _check(declared)
        if declared.label in _declared and type(_declared[declared.label]).__qualname__ != kind.__qualname__:
            raise ModelDocumentsInvalid(f"{declared.label} is declared twice")
        _declared[declared.label] = declared
        return kind

    return declare


def declared() -> tuple[ModelDocuments, ...]:
    """Return all that is declared."""
    return tuple(_declared.values())


def declared_for(label: str) -> ModelDocuments | None:
    """Return what is declared for the model of this name, as in "news.article"."""
    return _declared.get(label)


def hides_rows(slug: str, holds_rows: bool) -> bool:
    """Return whether the readers of a collection may be unable to read some of its documents: rows with rights of
    their own, or of a model that is no longer declared."""
    here = [one for one in _declared.values() if one.collection == slug]
    return any(one.has_rights for one in here) or (holds_rows and not here)


def withdraw(label: str) -> None:
    """Forget what is declared for a model: nobody sees its documents from then on."""
    _declared.pop(label, None)


def import_declarations() -> None:
    """Import `docchat.py` of each app, and the one beside the root URLconf: the place for models of apps that others
    have written. One that raises is named by a system check, and the site goes on."""
    places = {app.name: app.module for app in apps.get_app_configs()}
    if project := str(getattr(settings, "ROOT_URLCONF", "")).rpartition(".")[0]:
        places.setdefault(project, import_module(project))
    for place, module in places.items():
        if not module_has_submodule(module, MODULE):
            continue
        name = f"{place}.{MODULE}"
        try:
            import_module(name)
        except Exception as error:  # whatever a site's module raises
            logger.exception("%s could not be imported: the documents it declares are not shown", name)
            _faults[name] = f"{type(error).__name__}: {error}"


def faults() -> dict[str, str]:
    """Return why modules could not be imported, by name."""
    return dict(_faults)


def _check(declared: ModelDocuments) -> None:
    kind, model = type(declared), declared.model
    if getattr(model._meta, "pk_fields", [model._meta.pk]) != [model._meta.pk]:
        raise ModelDocumentsInvalid(f"{kind.__name__}: {model._meta.label} has a primary key of several fields")
    if not kind.fields and kind.text is ModelDocuments.text:
        raise ModelDocumentsInvalid(f"{kind.__name__} has neither fields nor a method text")
    if kind.ending not in ENDINGS:
        raise ModelDocumentsInvalid(f"{kind.__name__}.ending is {kind.ending!r}; it may be {', '.join(ENDINGS)}")
    for name in kind.fields:
        first = name.split("__")[0]
        if not hasattr(model, first):
            raise ModelDocumentsInvalid(f"{kind.__name__}.fields: {model._meta.label} has no {first!r}")
    kind.related = [_relation_named(name, kind, model) for name in kind.related]


def _relation_named(name: str, kind: type[ModelDocuments], model: type[models.Model]) -> str:
    """Return the name of a relation, which may also be given as its attribute: "comment_set" is that of "comment".
    Raises ModelDocumentsInvalid where there is none."""
    for relation in model._meta.get_fields():
        attribute = relation.get_accessor_name() if isinstance(relation, ForeignObjectRel) else None
        if name in {relation.name, attribute} and relation.related_model is not None:
            return str(relation.name)
    raise ModelDocumentsInvalid(f"{kind.__name__}.related: {model._meta.label} has no relation {name!r}")


def _accessor(one: Any) -> str | None:
    """Return the name of the attribute through which a relation is followed; None of another field."""
    if not one.is_relation:
        return None
    return str(one.get_accessor_name() if one.auto_created and not one.concrete else one.name)


def _said(value: Any, names: Sequence[str]) -> str:
    """Return as text what stands at the end of these names."""
    for position, name in enumerate(names):
        value = getattr(value, name, None)
        if hasattr(value, "all"):  # the manager of a relation to many
            return "\n\n".join(filter(None, (_said(one, names[position + 1 :]) for one in value.all())))
    if callable(value):
        value = value()
    return "" if value is None else str(value).strip()
