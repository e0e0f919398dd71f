"""A small site whose documents say words that stand nowhere else, with answers from all of them; and its states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from benchmarks.rights.model import (
    ATTACHED,
    GROUPS,
    KEY_USERS,
    LISTED,
    ROWS,
    SHELVES,
    SITES,
    USERS,
    State,
    viewers,
)  # fmt: skip
from benchmarks.rights.rows import CLOSED, NOBODY, OPEN, Notes, declare_notes
from chatsite.models import ApiKey, Citation, EmbedSite, Run, Share
from chatsite.reader import BROWSER, Program, Reader, visitor_of
from retrieval.ingestion import ingest, vocabulary
from retrieval.ingestion.deletion import delete_documents
from retrieval.model_documents.declaring import declared
from retrieval.model_documents.following import sync
from retrieval.models import Collection, Document

GATES = (
    "walnut cedar maple willow hazel alder rowan aspen linden spruce larch poplar juniper cypress chestnut sycamore "
    "hornbeam"
).split()
SMELLS = (
    "marmalade xylophone porcelain tarpaulin cardamom trombone lavender turpentine camphor paraffin ammonia molasses "
    "saffron vanilla eucalyptus nutmeg petroleum"
).split()
MISSPELT = {0: "marmelade", 4: "cardamon", 9: "parafin"}  # documents: how their smell is asked for
_TEXT = """# Notes {code}t

## Opening the {code}h gate

The lever of the {gate} gate is called {code}b, and pulling it twice opens the {gate} gate. {more}

## Cleaning the {gate} gate

The {gate} gate smells of {smell} whenever it was cleaned.
"""
_MORE = (
    "Nobody stands below it then.", "In winter it is warmed with a lamp first.", "A second guard watches the road.",
    "Oil drips from its left hinge.", "It was painted blue by the mayor's nephew.", "Carts wait at the well.",
)  # fmt: skip
_WORDS = re.compile(rf"qz(\d\d)[tbh]|qcx(0[0-3])|({'|'.join(SMELLS)})")


def code(document: int) -> str:
    return f"qz{10 + document}"


@dataclass(frozen=True)
class Asked:
    """An answer as it was given when everything might be read: the words of documents in it, and what it rests on."""

    run: str
    words: frozenset[str]
    rests_on: frozenset[int]


@dataclass
class Viewer:
    """Who looks: with a client of their own, and a conversation of answers from everywhere."""

    name: str
    client: Client
    session_id: str = ""
    asked: list[Asked] = field(default_factory=list)
    token: str = ""  # of a site

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


@dataclass
class World:
    documents: list[int]  # keys of rows, by number
    shelves: list[int]
    viewers: dict[str, Viewer]
    share: str = ""  # the address of a link to the conversation of user 0

    def number_of(self, pk: int) -> int:
        return self.documents.index(pk)


def shown(text: str) -> tuple[set[str], set[int], set[int]]:
    """Return the telling words of `text`, and the documents and shelves that they are of."""
    words, documents, shelves = set(), set(), set()
    for match in _WORDS.finditer(text):
        words.add(match[0])
        if match[1]:
            if int(match[1]) - 10 < len(GATES):  # others are names that were asked for and stand nowhere
                documents.add(int(match[1]) - 10)
        elif match[2]:
            shelves.add(int(match[2]))
        else:
            documents.add(SMELLS.index(match[3]))
    return words, documents, shelves


def build() -> World:
    """Fill an empty database: everything is public, and everybody has asked."""
    users = [get_user_model()._default_manager.create_user(f"user-{number}") for number in range(USERS + 1)]
    Group.objects.bulk_create(Group(name=f"group-{number}") for number in range(GROUPS))
    shelves = [
        Collection.objects.create(name=f"Shelf qcx{number:02}", slug=f"shelf-{number}", public=True)
        for number in range(SHELVES)
    ]
    rows = [_put(shelves[number * SHELVES // LISTED], number) for number in range(LISTED)]
    world = World(
        rows, [shelf.pk for shelf in shelves], {name: Viewer(name, _client(name, users)) for name in viewers()}
    )
    for document, whose in ATTACHED.items():
        viewer = world.viewers[whose]
        file = ContentFile(text_of(document).encode(), name=f"{code(document)}t.md")
        told = viewer.client.post("/api/v1/chat/attachments", {"file": file}).json()
        viewer.session_id = told["session_id"]
        _ingest()
        rows.append(told["attachments"][0]["document_id"])
    rows += _put_rows(users)
    for site in EmbedSite.objects.all():
        site.collections.set(Collection.objects.listed())
    for viewer in world.viewers.values():
        _ask_around(viewer, world)
    owner = world.viewers["user 0"]
    owner.client.post(f"/c/{owner.session_id}/share/")
    world.share = f"/shared/{Share.objects.get().token}/"
    return world


def text_of(document: int) -> str:
    more = _MORE[document % len(_MORE)]
    return _TEXT.format(code=code(document), gate=GATES[document], smell=SMELLS[document], more=more)


def question_about(document: int) -> str:
    return f"How is the lever of the {GATES[document]} gate called?"


def _put(shelf: Collection, document: int) -> int:
    file = ContentFile(text_of(document).encode(), name=f"{code(document)}t.md")
    row, _ = ingest.add_document(shelf, file=file, filename=f"{code(document)}t.md", title=f"Notes {code(document)}t")
    _ingest()
    return row.pk


def _put_rows(users: Sequence[Any]) -> list[int]:
    """Make the rows, and their documents. Everybody may read them at first."""
    declare_notes()
    notes = [
        Notes.objects.create(
            user=users[0], action_flag=OPEN, object_repr=f"Notes {code(document)}t", change_message=text_of(document)
        )
        for document in ROWS
    ]
    for one in declared():
        sync(one)
    _ingest()
    documents = dict(Document.objects.filter(source="model").values_list("location", "pk"))
    return [documents[str(note.pk)] for note in notes]


def _ingest() -> None:
    while ingest.ingest_next():
        pass


def _client(name: str, users: Sequence[Any]) -> Client:
    kind, _, number = name.partition(" ")
    client = Client()
    if kind == "user":
        client.force_login(users[int(number)])
    elif kind == "key":
        key = ApiKey(user=users[KEY_USERS[int(number)]], name=name, all_collections=True)
        client = Client(headers={"Authorization": f"Bearer {key.make_secret()}"})
        key.save()
    elif kind == "site":
        site = EmbedSite.objects.create(
            name=name, origins="https://www.example.org", visitor_per_minute=10**6, per_minute=10**6, per_day=10**6
        )
        site.collections.set(Collection.objects.all())
        client = Client(headers={"Authorization": f"Bearer {site.token}"})
    if kind in ("user", "browser"):
        client.get("/")  # a browser keeps its cookie, and so its conversations
    return client


def _ask_around(viewer: Viewer, world: World) -> None:
    for document in (0, 4, 7, 11):
        _note(viewer, world, query=question_about(document))
    for document, smell in MISSPELT.items():
        _note(viewer, world, query=f"Which gate smells of {smell}?", also={document})
    _note(
        viewer, world, query="What is qz77b at the walnut gate?", found=True
    )  # which has a name that is spelt nearly so
    for document, whose in ATTACHED.items():
        if whose == viewer.name:
            _note(viewer, world, query=question_about(document))
    if viewer.kind != "site":
        place = {"document_id": world.documents[2], "start": 0, "end": len(text_of(2)) - 1}
        _note(viewer, world, query="What is the lever called?", mode="selected_text", selection=place, also={2})
    _add_prose(viewer, world)


def _note(viewer: Viewer, world: World, *, also: set[int] | None = None, found: bool = False, **asked: Any) -> None:
    told = ask(viewer, **asked | ({"session_id": viewer.session_id} if viewer.session_id else {}))
    viewer.session_id = told["session_id"]
    words, documents, _ = shown(told["answer"])
    if found or any("qz77b" in word for word in words):
        documents = {world.number_of(source["document_id"]) for source in told["sources"]}
    words = {word for word in words if "77" not in word}
    viewer.asked.append(Asked(told["run_id"], frozenset(words), frozenset(documents | (also or set()))))


def ask(viewer: Viewer, **asked: Any) -> dict[str, Any]:
    body = json.dumps(asked)
    told: dict[str, Any] = viewer.client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return told


def _add_prose(viewer: Viewer, world: World) -> None:
    """Add two answers as a language model writes them: of all that was found, and of what the one before it said."""
    first = Run.objects.get(pk=viewer.asked[1].run)
    found = sorted({world.number_of(source["document_id"]) for source in first.sources})
    citation = first.citations.all()[0]
    words = [f"{code(document)}b" for document in found]
    history: list[int] = []
    for sources, said in ((first.sources, words), ([], words[:1])):
        run = Run.objects.create(
            conversation_id=viewer.session_id, mode="retrieval", question="And what do all say?", state="completed",
            ended_at=timezone.now(), answer=f"They say {', '.join(said)} [{citation.marker}].", answered=bool(sources),
            model="tiny", sources=sources, steps=[], history_documents=history,
        )  # fmt: skip
        if sources:
            Citation.objects.create(
                run=run, marker=citation.marker, document_id=citation.document_id, quote=citation.quote,
                start=citation.start, end=citation.end, content_hash=citation.content_hash,
            )  # fmt: skip
        history = [world.documents[document] for document in found]
        viewer.asked.append(Asked(str(run.pk), frozenset(said), frozenset(found)))


# ---- states ----------------------------------------------------------------------------------------------------------
class _Undone(Exception):
    """Leaves a transaction."""


@contextmanager
def applied(state: State, world: World) -> Iterator[None]:
    """Have the database in `state` until the block ends."""
    try:
        with transaction.atomic():
            _write(state, world)
            yield
            raise _Undone
    except _Undone:
        pass


def _write(state: State, world: World) -> None:
    users = list(get_user_model()._default_manager.order_by("pk"))
    groups = list(Group.objects.order_by("pk"))
    for number, user in enumerate(users[:USERS]):
        type(user)._default_manager.filter(pk=user.pk).update(
            is_active=state.active[number], is_superuser=number in state.superusers
        )
        user.groups.set([groups[group] for group in state.groups[number]])
    for number, shelf in enumerate(state.shelves):
        row = Collection.objects.get(pk=world.shelves[number])
        owner = None if shelf.owner is None else users[shelf.owner].pk
        Collection.objects.filter(pk=row.pk).update(public=shelf.public, owner=owner)
        row.groups.set([groups[group] for group in shelf.groups])
    for document, number in state.shelf_of.items():
        source = world.shelves[document * SHELVES // LISTED]
        if source != world.shelves[number]:
            Document.objects.filter(pk=world.documents[document]).update(collection=world.shelves[number])
            vocabulary.move_document(world.documents[document], source=source, target=world.shelves[number])
    going = Document.objects.filter(pk__in=[world.documents[document] for document in state.deleted])
    vocabulary.forget_documents(dict(going.values_list("pk", "collection")))  # as whoever ingests does a moment later
    delete_documents(going)
    for number, key in enumerate(ApiKey.objects.order_by("pk")):
        limit = state.keys[number]
        ApiKey.objects.filter(pk=key.pk).update(all_collections=limit is None, revoked=number in state.revoked)
        key.collections.set([world.shelves[shelf] for shelf in limit or ()])
    for document, note in zip(ROWS, Notes.objects.order_by("pk"), strict=True):
        owner = state.row_owners[document]
        flag = OPEN if document in state.open_rows else CLOSED
        Notes.objects.filter(pk=note.pk).update(action_flag=flag, user=users[NOBODY if owner is None else owner].pk)
        if document in state.gone_rows:
            Notes.objects.filter(pk=note.pk).delete()
    for number, site in enumerate(EmbedSite.objects.order_by("pk")):
        reader = state.site_readers[number]
        EmbedSite.objects.filter(pk=site.pk).update(
            active=number not in state.withdrawn, reader=None if reader is None else users[reader].pk
        )
        shelves = [world.shelves[shelf] for shelf in state.sites[number]]
        site.collections.set([*shelves, Collection.objects.get(slug="notes").pk])


def reader_for(viewer: Viewer) -> Reader:
    """Return the Reader that a request of `viewer` is answered for."""
    kind, _, number = viewer.name.partition(" ")
    if kind == "user":
        return Reader(get_user_model()._default_manager.get(username=f"user-{number}"))
    if kind == "key":
        key = ApiKey.objects.select_related("user").get(name=viewer.name)
        return Program(key.user, key=key)
    if kind == "site":
        return visitor_of(EmbedSite.objects.select_related("reader").get(name=viewer.name))
    return Reader(AnonymousUser(), browser=viewer.client.session.get(BROWSER, ""))


assert len(GATES) == len(SMELLS) == LISTED + len(ATTACHED) + len(ROWS), "each document has its words"
assert SITES == 1
