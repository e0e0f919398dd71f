"""Rights that end: streams end with them, and what was told, kept, exported or sent to a model before goes as well."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chatsite.answering import kept as live
from chatsite.answering.telling import LOOK_SECONDS
from chatsite.models import ApiKey, EmbedSite, Run, Share
from retrieval.models import Collection, Document
from tests.chatsite.answering.test_kept import SLOW, ask, begin, events, told, until_ended
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer

pytestmark = pytest.mark.django_db(transaction=True)  # a kept run has a thread and a connection of its own

SECRET = "The board pours its tea after nine minutes. The kettle of the board is called marmalade."
SAID = "nine minutes"
QUESTION = "When does the board pour its tea?"
WITHHELD = "This answer rests on documents you can"


@pytest.fixture
def document(settings: Any, transactional_db: None, put: Any) -> Document:
    """A document that the members of one group may read."""
    settings.RUN_SAVE_SECONDS = 0.1
    board = Collection.objects.create(name="Board", slug="board")
    board.groups.add(Group.objects.create(name="board"))
    return put(board, "secret.md", SECRET)  # type: ignore[no-any-return]


@pytest.fixture
def model(settings: Any, document: Document) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL, settings.CHAT_MODEL = server.url, "tiny"
        yield server
        for run in list(live._here.values()):
            run.stop()
        live.join(60)


@pytest.fixture
def member(document: Document) -> User:
    user = User.objects.create_user("member", password="a-members-password")
    user.groups.add(Group.objects.get(name="board"))
    return user


@pytest.fixture
def client(member: User) -> Client:
    client = Client()
    client.force_login(member)
    return client


def answered(client: Client, **more: Any) -> dict[str, Any]:
    body = json.dumps({"query": QUESTION} | more)
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def leave(_document: Document) -> None:
    Group.objects.get(name="board").user_set.clear()


def delete(document: Document) -> None:
    document.delete()


def move(document: Document) -> None:
    Document.objects.update(collection=Collection.objects.create(name="Others", slug="others"))


def surfaces(client: Client, answer: dict[str, Any]) -> dict[str, str]:
    """Return all that a reader is shown of an answer, by address."""
    session, run = answer["session_id"], answer["run_id"]
    addresses = (
        f"/c/{session}/", f"/runs/{run}/", f"/c/{session}/conversation.md", f"/c/{session}/conversation.json",
        f"/api/v1/chat/runs/{run}/events", f"/embed/?conversation={session}",
    )  # fmt: skip
    shown = {address: b"".join(client.get(address)).decode() for address in addresses}
    client.post(f"/c/{session}/share/")
    address = f"/shared/{Share.objects.get().token}/"
    return shown | {address: client.get(address).content.decode()}


# ---- what was answered before ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("lose", [leave, delete, move])
def test_case_113_quoted_words_go_with_their_source_from_every_surface(
    client: Client, document: Document, lose: Callable[[Document], None]
) -> None:
    answer = answered(client)
    assert SAID in answer["answer"]
    for address, shown in surfaces(client, answer).items():
        assert SAID in shown, address
    lose(document)
    for address, shown in surfaces(client, answer).items():
        assert SAID not in shown, address
        assert WITHHELD in shown or '"withheld": true' in shown, address
        assert QUESTION in shown or "events" in address


def test_case_113_prose_of_a_language_model_goes_with_what_it_read(
    client: Client, document: Document, model: ChatServer
) -> None:
    model.script(chat_server.text("They wait nine minutes [1]."))
    first = answered(client)
    model.script(chat_server.text("As I said, nine minutes [1]."))
    second = answered(client, query="And the tea of guests?", session_id=first["session_id"])
    public = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    Run.objects.filter(pk=second["run_id"]).update(sources=[])  # as if the second had found nothing itself
    Run.objects.get(pk=second["run_id"]).citations.all().delete()
    assert public.documents.count() == 0
    leave(document)
    for answer in (first, second):
        for address, shown in surfaces(client, answer).items():
            assert SAID not in shown, address
    model.script(chat_server.text("Nothing is known."))
    answered(client, query="And then?", session_id=first["session_id"])
    assert SAID not in json.dumps(model.requests[-1].body["messages"])


def test_answer_stays_when_only_what_it_does_not_quote_is_lost(client: Client, document: Document, put: Any) -> None:
    public = Collection.objects.create(name="Handbook", slug="handbook", public=True)
    put(public, "tea.md", "Guests pour their tea at five.")
    answer = answered(client, query="When do guests pour their tea?")
    assert {source["title"] for source in answer["sources"]} == {"tea", "secret"}
    leave(document)
    for address, shown in surfaces(client, answer).items():
        assert "Guests pour their tea at five." in shown, address
        assert "board" not in shown.partition("<main")[2], address


def test_case_114_selection_by_its_place_goes_with_its_document(client: Client, document: Document) -> None:
    selection = {"document_id": document.pk, "start": 0, "end": len(SECRET)}
    answer = answered(client, query="When is the tea poured?", mode="selected_text", selection=selection)
    assert SAID in answer["answer"]
    leave(document)
    for address, shown in surfaces(client, answer).items():
        assert SAID not in shown, address
        assert "marmalade" not in shown, address


def test_case_116_narrowed_key_reads_its_old_runs_by_what_it_may_now(member: User, document: Document) -> None:
    key = ApiKey(user=member, name="program")
    secret = key.make_secret()
    key.save()
    key.collections.add(document.collection)
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    run = answered(program)["run_id"]
    assert SAID in str(events(program.get(f"/api/v1/chat/runs/{run}/events")))
    key.collections.clear()
    shown = events(program.get(f"/api/v1/chat/runs/{run}/events"))
    assert SAID not in str(shown)
    assert (shown[-1][0], shown[-1][1]["withheld"], shown[-1][1]["answer"]) == ("done", True, "")


def test_key_whose_user_has_lost_a_collection_still_searches_the_others(member: User, document: Document) -> None:
    key = ApiKey(user=member, name="program")
    secret = key.make_secret()
    key.save()
    key.collections.add(document.collection, Collection.objects.create(name="All", slug="all", public=True))
    leave(document)
    asked = answered(Client(headers={"Authorization": f"Bearer {secret}"}))
    assert (asked["answered"], asked["sources"]) == (False, [])


def test_case_120_word_that_was_read_as_another_goes_with_the_last_collection_that_holds_it(
    client: Client, document: Document
) -> None:
    answer = answered(client, query="How is the marmelade kettle of the board called?")
    assert answer["corrections"] == [{"written": "marmelade", "read_as": "marmalade"}]
    leave(document)
    for address, shown in surfaces(client, answer).items():
        assert "marmalade" not in shown, address


def test_staff_who_look_at_runs_read_no_words_of_documents_that_are_not_theirs(
    client: Client, document: Document
) -> None:
    run = Run.objects.get(pk=answered(client)["run_id"])
    analyst = User.objects.create_user("analyst", is_staff=True)
    analyst.user_permissions.set(Permission.objects.filter(codename__in=["view_run", "view_citation"]))
    admin = Client()
    admin.force_login(analyst)
    address = f"/admin/chatsite/run/{run.pk}/change/"
    page = admin.get(address).content.decode()
    assert QUESTION in page
    assert SAID not in page
    analyst.groups.add(Group.objects.get(name="board"))
    assert SAID in admin.get(address).content.decode()


# ---- streams ---------------------------------------------------------------------------------------------------------
def sign_out(client: Client) -> None:
    Session.objects.all().delete()


def let_expire(client: Client) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def change_password(client: Client) -> None:
    user = User.objects.get()
    user.set_password("another-password")
    user.save()


def deactivate(client: Client) -> None:
    User.objects.update(is_active=False)


def leave_the_group(client: Client) -> None:
    Group.objects.get(name="board").user_set.clear()


def words_after(happened: Iterator[tuple[str, dict[str, Any]]], end: Callable[[], object]) -> tuple[list[str], str]:
    """Return the words that still come once `end` has been called and a look is due, and how the stream ends."""
    for name, _body in happened:
        if name == "text":
            break
    end()
    ended, words, last = time.monotonic(), [], ""
    for name, body in happened:
        if name == "text" and time.monotonic() - ended > LOOK_SECONDS + 10:  # however busy the machine
            words.append(body["text"])
        last = body.get("error", name)
    return words, last


@pytest.mark.parametrize("end", [sign_out, let_expire, change_password, deactivate, leave_the_group])
@pytest.mark.parametrize("how", ["own", "kept", "followed", "elsewhere"])
def test_case_115_117_stream_ends_with_the_right(
    client: Client, model: ChatServer, end: Callable[[Client], None], how: str
) -> None:
    model.script(chat_server.text("Nine minutes [1]. ", *SLOW, delay=0.05))
    if how in ("own", "kept"):
        happened = told(ask(client, query=QUESTION, keep=how == "kept"))
    else:
        run = begin(client, query=QUESTION)
        here = live._here[run.pk]
        if how == "elsewhere":
            del live._here[run.pk]
        happened = told(client.get(f"/api/v1/chat/runs/{run.pk}/events"))
    words, last = words_after(happened, lambda: end(client))
    assert (words, last) == ([], "withheld" if end is leave_the_group else "cancelled")
    if how == "own":
        assert until_ended(Run.objects.get()).state == "cancelled"
    if how == "elsewhere":
        here.stop()
        here.join(60)


@pytest.mark.parametrize("end", ["expire", "revoke", "narrow"])
def test_case_117_stream_of_a_key_ends_with_it(member: User, model: ChatServer, document: Document, end: str) -> None:
    key = ApiKey(user=member, name="program")
    secret = key.make_secret()
    key.save()
    key.collections.add(document.collection)
    model.script(chat_server.text("Nine minutes [1]. ", *SLOW, delay=0.05))
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    change = {
        "expire": lambda: ApiKey.objects.update(expires_at=timezone.now()),
        "revoke": lambda: ApiKey.objects.update(revoked=True),
        "narrow": lambda: key.collections.clear(),
    }[end]
    words, last = words_after(told(ask(program, query=QUESTION, keep=False)), change)
    assert (words, last) == ([], "withheld" if end == "narrow" else "cancelled")


def test_case_117_stream_of_an_embedded_site_ends_with_its_token(
    member: User, model: ChatServer, document: Document
) -> None:
    site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org", reader=member)
    site.collections.add(document.collection)
    model.script(chat_server.text("Nine minutes [1]. ", *SLOW, delay=0.05))
    visitor = Client(headers={"Authorization": f"Bearer {site.token}"})
    stream = told(ask(visitor, query=QUESTION, keep=False))
    assert words_after(stream, lambda: EmbedSite.objects.update(active=False)) == ([], "cancelled")


def test_kept_answer_goes_on_when_its_reader_signs_out(client: Client, model: ChatServer) -> None:
    model.script(chat_server.text("Wait ", "nine ", "minutes [1].", delay=0.2))
    run = begin(client, query=QUESTION)
    sign_out(client)
    assert until_ended(run).state == "completed"
