"""Every surface that shows something of a document, as whoever looks is answered there."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from django.contrib.auth import get_user_model

from benchmarks.rights.model import ATTACHED, PER_SHELF, ROWS, State
from benchmarks.rights.world import Viewer, World, ask, code, question_about, reader_for, shown
from chatsite.asking import suggestions
from chatsite.asking.request import question_of
from chatsite.conversations.questions_csv import write_questions
from chatsite.models import Run


@dataclass(frozen=True)
class Look:
    """What a surface has shown to whom, and the words that it had to show at least."""

    surface: str
    text: str
    expected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scene:
    """One state, seen by one viewer."""

    world: World
    state: State
    viewer: Viewer
    random: Random

    @property
    def readable(self) -> set[int]:
        return self.state.readable(self.viewer.name)

    def answers(self) -> frozenset[str]:
        """Return the words of all answers that have to be shown to the viewer in their own conversation."""
        if not self.state.is_in(self.viewer.name):
            return frozenset()
        return frozenset(word for one in self.viewer.asked if one.rests_on <= self.readable for word in one.words)

    def get(self, address: str) -> str:
        response = self.viewer.client.get(address)
        told: Any = response if response.streaming else [response.content]
        return b"".join(told).decode(errors="replace") if response.status_code == 200 else ""


def looks(scene: Scene) -> Iterator[Look]:
    """Yield what the viewer is shown, surface by surface."""
    for surface in (_conversation, _runs, _exports, _share, _documents, _lists, _asking, _history, _starters, _csv):
        yield from surface(scene)


def _conversation(scene: Scene) -> Iterator[Look]:
    viewer = scene.viewer
    if viewer.kind in ("user", "browser"):
        yield Look("conversation page", scene.get(f"/c/{viewer.session_id}/"), scene.answers())
        yield Look("frame", scene.get(f"/embed/?conversation={viewer.session_id}"), scene.answers())
    elif viewer.kind == "site":
        token = viewer.client.defaults["HTTP_AUTHORIZATION"].split()[1]
        yield Look("frame", scene.get(f"/embed/{token}/?conversation={viewer.session_id}"), scene.answers())


def _runs(scene: Scene) -> Iterator[Look]:
    viewer, readable = scene.viewer, scene.readable
    for one in scene.random.sample(viewer.asked, 3):
        has_to = one.words if one.rests_on <= readable and scene.state.is_in(viewer.name) else frozenset()
        yield Look("events again", _unescaped(scene.get(f"/api/v1/chat/runs/{one.run}/events")), has_to)
        if viewer.kind in ("user", "browser"):
            yield Look("answer", scene.get(f"/runs/{one.run}/"), has_to)
        elif viewer.kind == "site":
            token = viewer.client.defaults["HTTP_AUTHORIZATION"].split()[1]
            yield Look("answer", scene.get(f"/embed/{token}/runs/{one.run}/"), has_to)


def _exports(scene: Scene) -> Iterator[Look]:
    if scene.viewer.kind in ("user", "browser"):
        for ending in ("md", "json"):
            text = scene.get(f"/c/{scene.viewer.session_id}/conversation.{ending}")
            yield Look(f"export ({ending})", text, scene.answers())


def _share(scene: Scene) -> Iterator[Look]:
    """Look at another one's conversation by its link: of that, the answers up to the first that is withheld."""
    owner = scene.world.viewers["user 0"]
    if scene.viewer.kind not in ("user", "browser") or scene.viewer is owner:
        return
    words: set[str] = set()
    for one in owner.asked if scene.state.is_in(owner.name) else ():
        if not one.rests_on <= scene.readable:
            break
        words |= one.words
    yield Look("share", scene.get(scene.world.share), frozenset(words))


def _documents(scene: Scene) -> Iterator[Look]:
    viewer, world = scene.viewer, scene.world
    for document in scene.random.sample(range(len(world.documents)), 3):
        pk = world.documents[document]
        is_readable = document in scene.readable
        has_to = frozenset({f"{code(document)}b"} if is_readable else ())
        if viewer.kind in ("user", "browser"):
            yield Look("reader", scene.get(f"/documents/{pk}/"), has_to)
            yield Look("original", scene.get(f"/documents/{pk}/original/"), has_to)
        if viewer.kind == "site":
            link = reader_for(viewer).link(pk, start=0, end=20)
            yield Look(
                "passage", scene.get(link.partition("#")[0]), has_to if scene.state.is_in(viewer.name) else frozenset()
            )
        elif viewer.kind != "key" or scene.state.is_in(viewer.name):
            title = frozenset({f"{code(document)}t"} if is_readable else ())
            yield Look("title", scene.get(f"/api/v1/chat/documents/{pk}"), title)


def _lists(scene: Scene) -> Iterator[Look]:
    viewer = scene.viewer
    listed = {document for document in scene.readable if document not in ATTACHED}
    titles = frozenset(f"{code(document)}t" for document in listed)
    if viewer.kind in ("user", "browser"):
        page = viewer.client.get("/documents/?q=gate")
        text = page.content.decode()
        yield Look("search", text)
        page = viewer.client.get("/documents/")
        yield Look("titles", page.content.decode(), titles)
        yield _counts(scene, {shelf.pk: shelf.document_count for shelf in page.context["collections"]})
    if viewer.kind != "site":
        yield Look("titles", scene.get("/api/v1/chat/documents"), titles)


def _counts(scene: Scene, seen: dict[int, int]) -> Look:
    """Look at how many documents each shelf is said to have: a wrong number stands for a word too many or missing."""
    state, world = scene.state, scene.world
    shelves = state.shelves_for(scene.viewer.name)
    lying = {
        document for document, shelf in state.shelf_of.items() if shelf in shelves and document not in state.deleted
    }
    right = {f"qcx{shelf:02}={sum(state.shelf_of[document] == shelf for document in lying)}" for shelf in shelves}
    right.add(f"rows={len(scene.readable & set(ROWS))}")
    names = {pk: f"qcx{shelf:02}" for shelf, pk in enumerate(world.shelves)}
    told = {f"{names.get(pk, 'rows')}={count}" for pk, count in seen.items()}
    return Look("counts", " ".join(told), frozenset(right))


def _asking(scene: Scene) -> Iterator[Look]:
    """Ask anew; the index has not been told of documents that have just moved, and must not tell of them."""
    if not scene.state.is_in(scene.viewer.name) and scene.viewer.kind in ("key", "site"):
        return
    document = scene.random.randrange(len(scene.world.documents))
    stayed = document in ATTACHED or document in ROWS or scene.state.shelf_of[document] == document // PER_SHELF
    is_asked = document in scene.readable and document not in ATTACHED and stayed
    told = ask(scene.viewer, query=question_about(document))
    yield Look("answer anew", json.dumps(told), frozenset({f"{code(document)}b"} if is_asked else ()))


def _history(scene: Scene) -> Iterator[Look]:
    """Look at the answers that a model would be sent with a follow-up question."""
    if not scene.state.is_in(scene.viewer.name):
        return
    asked = {
        "query": "And then?",
        "mode": "retrieval",
        "top_k": 5,
        "keep": False,
        "session_id": scene.viewer.session_id,
    }
    earlier = question_of(reader_for(scene.viewer), asked).earlier
    last = scene.viewer.asked[-6:]
    words = frozenset(word for one in last if one.rests_on <= scene.readable for word in one.words)
    yield Look("history of a model", " ".join(run.answer for run in earlier), words)


def _starters(scene: Scene) -> Iterator[Look]:
    if scene.random.random() < 0.1 and scene.state.is_in(scene.viewer.name):
        yield Look("starters", " ".join(suggestions.starters(reader_for(scene.viewer))))


def _csv(scene: Scene) -> Iterator[Look]:
    if scene.viewer.kind == "user" and scene.state.is_in(scene.viewer.name):
        table = io.StringIO()
        user = get_user_model()._default_manager.get(pk=reader_for(scene.viewer).user.pk)
        write_questions(table, Run.objects.filter(conversation=scene.viewer.session_id), user=user)
        yield Look("questions (csv)", table.getvalue())


def _unescaped(events: str) -> str:
    """Return the text of an event stream as it is read, piece by piece."""
    pieces = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
    return "".join(piece.get("text", "") for piece in pieces) + " " + " ".join(json.dumps(piece) for piece in pieces)


def faults(look: Look, scene: Scene) -> tuple[set[str], set[str]]:
    """Return the words of a look that the viewer may not see, and those that are missing."""
    words, documents, shelves = shown(look.text)
    allowed, visible = scene.readable, scene.state.shelves_for(scene.viewer.name)
    leaks = {code(document) for document in documents - allowed} | {f"qcx{shelf:02}" for shelf in shelves - visible}
    if look.surface == "counts":
        return leaks | (set(look.text.split()) - look.expected), set(look.expected) - set(look.text.split())
    return leaks, set(look.expected) - words


SURFACES = frozenset(
    "answer|answer anew|conversation page|counts|events again|export (json)|export (md)|frame|history of a model|"
    "original|passage|questions (csv)|reader|search|share|starters|title|titles".split("|")
)
