"""Files attached to one conversation: who may, what is taken, who reads them, what searches them, how they leave."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chatsite.conversations.questions_csv import write_questions
from chatsite.models import ApiKey, Conversation, Run, Share
from retrieval import configuration
from retrieval.ingestion import batch as intake
from retrieval.ingestion import ingest, queue, spaces
from retrieval.ingestion.quota import stored_bytes
from retrieval.models import Collection, Document, IndexRemoval
from retrieval.notes import Note
from tests.chatsite.api.test_keys import make
from tests.chatsite.widget.test_embed_sites import site  # noqa: F401 (a fixture)
from tests.configured import configured

Put = Callable[..., Document]

TEA = "Wait four minutes before you pour the tea. The kettle is in the blue cupboard."
SECRET = "The vault of the cellar opens with the number 4711."
QUESTION = "With which number does the vault of the cellar open?"
NO_ID = "7b0f5a9e-0000-4000-8000-000000000000"


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def attach(client: Client, content: str | bytes = SECRET, name: str = "vault.md", **more: Any) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    headers = more.pop("headers", {})
    return client.post("/api/v1/chat/attachments", {"file": SimpleUploadedFile(name, raw)} | more, headers=headers)


def read_all() -> None:
    while ingest.ingest_next():
        pass


def ask(client: Client, query: str = QUESTION, **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = json.dumps({"query": query} | more)
    return client.post("/api/v1/chat/query", body, content_type="application/json", headers=headers)


@pytest.fixture
def owner(reader: User, public: Collection, put: Put) -> Client:
    put(public, "tea.md", TEA)
    return login(reader)


@pytest.fixture
def session_id(owner: Client) -> str:
    """A conversation of the reader's that began with a file, which has been read."""
    response = attach(owner)
    assert response.status_code == 201
    read_all()
    return str(response.json()["session_id"])


# ---- attaching -------------------------------------------------------------------------------------------------------
def test_conversation_begins_with_a_file_and_answers_from_it(owner: Client, reader: User) -> None:
    response = attach(owner)
    body = response.json()
    [file] = body["attachments"]
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert (file["title"], file["filename"], file["state"], file["error"]) == ("vault", "vault.md", "queued", "")
    conversation = Conversation.objects.get()
    assert (str(conversation.pk), conversation.title, conversation.user) == (body["session_id"], "vault.md", reader)
    read_all()
    listed = owner.get("/api/v1/chat/attachments", {"session_id": body["session_id"]}).json()
    assert [each["state"] for each in listed["attachments"]] == ["ready"]
    answer = ask(owner, session_id=body["session_id"]).json()
    assert answer["answered"] is True
    assert answer["sources"][0]["document_id"] == file["document_id"]
    assert owner.get(answer["sources"][0]["url"]).status_code == 200


def test_attached_file_is_searched_beside_what_the_filter_says(owner: Client, session_id: str) -> None:
    document = Document.objects.get(collection__hidden=False)
    for narrowed in ({"collections": ["handbook"]}, {"document_ids": [document.pk]}, {}):
        assert ask(owner, session_id=session_id, **narrowed).json()["answered"] is True
    tea = ask(owner, "How long do I wait before I pour the tea?", session_id=session_id).json()
    assert tea["sources"][0]["document_id"] == document.pk


def test_document_ids_that_name_an_attached_file_search_it_alone(owner: Client, session_id: str) -> None:
    attach(owner, "The vault of the attic opens with the number 1234.", "attic.md", session_id=session_id)
    read_all()
    vault, attic = Conversation.objects.get().files()
    found = ask(owner, session_id=session_id, document_ids=[attic.pk]).json()
    assert {source["document_id"] for source in found["sources"]} == {attic.pk}
    assert {s["document_id"] for s in ask(owner, session_id=session_id).json()["sources"]} >= {vault.pk, attic.pk}


def test_file_that_lost_something_says_so(owner: Client, session_id: str) -> None:
    notes = [Note("running_lines", 1, ("Acme",)), Note("fonts", 1, ("3",))]
    file = Conversation.objects.get().files().get()
    Document.objects.filter(pk=file.pk).update(notes=notes, page_count=3)
    [told] = owner.get("/api/v1/chat/attachments", {"session_id": session_id}).json()["attachments"]
    assert (told["pages"], [(note["kind"], note["lost"]) for note in told["notes"]]) == (
        3,
        [("fonts", True), ("running_lines", False)],
    )
    lost = "Fonts that don&#x27;t say which letters they show make pages unreadable: 3."
    chat = owner.get(f"/c/{session_id}/").content.decode()
    assert re.search(rf'data-lost title="{lost} ">not all of it could be read<', chat)
    page = owner.get(f"/documents/{file.pk}/").content.decode()
    assert f"<li data-lost>{lost}</li><li>Lines that repeat" in page
    tea = Document.objects.get(filename="tea.md")
    Document.objects.filter(pk=tea.pk).update(notes=notes)
    assert lost not in owner.get(f"/documents/{tea.pk}/").content.decode()  # for who looks after it
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_document"))
    assert lost in login(staff).get(f"/documents/{tea.pk}/").content.decode()
    assert "Read with notes" in login(staff).get("/documents/").content.decode()
    assert "Read with notes" not in owner.get("/documents/").content.decode()


def test_same_file_is_one_in_a_conversation_and_tells_nothing_of_others(owner: Client, session_id: str) -> None:
    again = attach(owner, session_id=session_id).json()
    assert len(again["attachments"]) == 1
    other = attach(login(User.objects.create_user("other")))
    known = attach(owner, TEA, "tea.md", session_id=session_id)
    for response in (other, known):
        assert response.status_code == 201
        assert response.json()["attachments"][-1]["state"] == "queued"
        assert "already" not in response.content.decode()
    assert Document.objects.values("content_hash").distinct().count() == 2
    assert Document.objects.count() == 4


def test_file_that_cannot_be_read_says_why(owner: Client) -> None:
    session_id = attach(owner, b"%PDF-1.4 broken", "scan.pdf").json()["session_id"]
    read_all()
    [file] = owner.get("/api/v1/chat/attachments", {"session_id": session_id}).json()["attachments"]
    assert (file["state"], file["error"]) == ("failed", Document.objects.get(pk=file["document_id"]).error)
    assert "PDF" in file["error"]


@pytest.mark.parametrize("name", ["../../etc/passwd.md", "a" * 300 + ".md", "C:\\secret\\vault.md", "v\x00ault.md"])
def test_case_34_attached_file_is_stored_under_a_generated_name(owner: Client, name: str) -> None:
    response = attach(owner, name=name)
    assert response.status_code in {201, 400, 415}
    for document in Document.objects.filter(collection__hidden=True):
        assert re.fullmatch(r"documents/[0-9a-f]{32}\.\w{1,8}", document.file.name)
        assert "/" not in document.filename
        assert "\x00" not in document.filename


def test_case_28_file_name_that_is_markup_stays_text(owner: Client) -> None:
    session_id = attach(owner, name='"><img src=x onerror=alert(1)>.md').json()["session_id"]
    page = owner.get(f"/c/{session_id}/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_conversation_that_began_with_a_file_is_named_after_its_first_question(owner: Client, session_id: str) -> None:
    assert "data-untitled" in owner.get(f"/c/{session_id}/").content.decode()
    ask(owner, session_id=session_id)
    ask(owner, "And how long does the tea take?", session_id=session_id)
    assert Conversation.objects.get(pk=session_id).title == QUESTION
    assert "data-untitled" not in owner.get(f"/c/{session_id}/").content.decode()
    renamed = attach(owner, "another").json()["session_id"]
    ingest.ingest_next()
    owner.post(f"/c/{renamed}/rename/", {"title": "Of the vault"})
    ask(owner, session_id=renamed)
    assert Conversation.objects.get(pk=renamed).title == "Of the vault"


# ---- limits ----------------------------------------------------------------------------------------------------------
def test_too_large_a_file_is_413_and_leaves_nothing(owner: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 20
    for content in (SECRET, SECRET * 3_000):  # the second is refused by its length alone
        response = attach(owner, content)
        assert (response.status_code, response.json()["error"]) == (413, "file_too_large")
        assert response.json()["message"].startswith("file: Too large: it has ")
        assert "the limit is 20" in response.json()["message"]
        assert list(response.json()["details"]) == ["file"]
    assert (Conversation.objects.count(), Collection.objects.filter(hidden=True).count()) == (0, 0)


@pytest.mark.parametrize("name", ["tool.exe", "pictures.zip", "README", "page.html.svg"])
def test_file_of_an_unknown_type_is_415_and_names_those_that_are_taken(owner: Client, name: str) -> None:
    response = attach(owner, name=name)
    assert (response.status_code, response.json()["error"]) == (415, "unsupported_file")
    assert "docx" in response.json()["message"]
    assert "pdf" in response.json()["message"]
    assert Conversation.objects.count() == 0


def test_conversation_takes_so_many_files(owner: Client, settings: Any) -> None:
    settings.ATTACHMENTS = 2
    session_id = attach(owner).json()["session_id"]
    assert attach(owner, "another", "b.md", session_id=session_id).status_code == 201
    read_all()
    response = attach(owner, "a third", "c.md", session_id=session_id)
    assert (response.status_code, response.json()["error"]) == (429, "too_many_attachments")
    assert "2 files are attached to this conversation" in response.json()["message"]
    assert "Remove one" in response.json()["message"]
    assert attach(owner, "a third", "c.md").status_code == 201


def test_reader_has_so_many_files_waiting_to_be_read(owner: Client, settings: Any) -> None:
    settings.ATTACHMENTS = 2
    assert [attach(owner, f"file {n}", f"{n}.md").status_code for n in range(3)] == [201, 201, 429]
    refused = attach(owner, "file 4", "4.md")
    assert (refused.json()["error"], refused["Retry-After"]) == ("too_many_attachments", "10")
    assert "2 of your files are waiting to be read" in refused.json()["message"]
    assert attach(login(User.objects.create_user("other"))).status_code == 201
    read_all()
    assert attach(owner, "file 4", "4.md").status_code == 201


def test_case_40_attached_files_count_to_the_quota(owner: Client, tmp_path: Path) -> None:
    configuration.runtime().close()
    with configured(tmp_path / "index", user_quota_bytes=80):
        session_id = attach(owner).json()["session_id"]
        response = attach(owner, "x" * 60, "b.md", session_id=session_id)
        assert (response.status_code, response.json()["error"]) == (413, "quota_exceeded")
        assert "quota of 80" in response.json()["message"]
        assert attach(owner, "x" * 60, "b.md").status_code == 413
    assert (Conversation.objects.count(), Collection.objects.filter(hidden=True).count()) == (1, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "file"), ({"file": "a text"}, "file"), ({"session_id": "no-id"}, "session_id"), ({"empty": True}, "file")],
)
def test_case_42_form_that_is_wrong_is_400_and_named(owner: Client, body: dict[str, Any], field: str) -> None:
    if body.pop("empty", False) or "session_id" in body:
        body["file"] = SimpleUploadedFile("a.md", b"" if field == "file" else b"text")
    response = owner.post("/api/v1/chat/attachments", body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert list(response.json()["details"]) == [field]


def test_many_files_and_bodies_that_are_no_form_are_refused(owner: Client) -> None:
    many = {f"f{n}": SimpleUploadedFile("a.md", b"x") for n in range(101)}
    assert owner.post("/api/v1/chat/attachments", many).status_code == 400
    assert owner.post("/api/v1/chat/attachments", "{}", content_type="application/json").status_code == 415
    broken = owner.post("/api/v1/chat/attachments", b"x", content_type="multipart/form-data; boundary=")
    assert broken.status_code == 400
    assert owner.get("/api/v1/chat/attachments").status_code == 400


# ---- who may ---------------------------------------------------------------------------------------------------------
def test_only_who_is_signed_in_attaches(db: None, settings: Any) -> None:
    assert settings.ANONYMOUS_CHAT
    response = attach(Client())
    assert (response.status_code, response.json()["error"]) == (401, "sign_in_required")
    assert "ATTACHMENTS" in response.json()["message"]
    assert "data-attach-files" not in Client().get("/").content.decode()


def test_switched_off_nobody_attaches_and_what_is_there_is_still_searched(
    owner: Client, session_id: str, settings: Any
) -> None:
    settings.ATTACHMENTS = 0
    assert (attach(owner).status_code, attach(owner).json()["error"]) == (403, "forbidden")
    assert "data-attach-files" not in owner.get("/").content.decode()
    assert ask(owner, session_id=session_id).json()["answered"] is True


def test_public_token_neither_attaches_nor_lists_documents(site: Any) -> None:  # noqa: F811
    headers = {"authorization": f"Bearer {site.token}", "origin": site.origin_list[0]}
    assert attach(Client(), headers=headers).status_code == 403
    assert Client().get("/api/v1/chat/documents", headers=headers).status_code == 403
    assert "data-attach-files" not in Client().get(f"/embed/{site.token}/").content.decode()


def test_case_19_session_needs_its_token(reader: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reader)
    assert attach(strict).status_code == 403
    assert strict.delete("/api/v1/chat/attachments/1").status_code == 403
    assert Conversation.objects.count() == 0


def test_case_18_limited_key_attaches_to_its_own_conversations_and_reads_no_others(
    owner: Client, reader: User, session_id: str
) -> None:
    _key, secret = make(reader, Collection.objects.get(slug="handbook"))
    headers = {"authorization": f"Bearer {secret}"}
    program = Client()
    assert attach(program, session_id=session_id, headers=headers).status_code == 404
    own = attach(program, "The vault of the barn opens with 99.", "barn.md", headers=headers).json()["session_id"]
    assert Conversation.objects.get(pk=own).api_key == ApiKey.objects.get()
    read_all()
    answer = ask(program, "How does the vault of the barn open?", session_id=own, headers=headers).json()
    assert (answer["answered"], answer["sources"][0]["title"]) == (True, "barn")
    elsewhere = ask(program, headers=headers)
    assert "4711" not in elsewhere.content.decode()
    vault = Document.objects.get(title="vault")
    assert ask(program, document_ids=[vault.pk], headers=headers).status_code == 404
    place = {"document_id": Document.objects.get(title="barn").pk, "start": 0, "end": 10}
    assert ask(program, selection=place, session_id=own, headers=headers).status_code == 200
    assert ask(program, selection=place | {"document_id": vault.pk}, session_id=own, headers=headers).status_code == 404


# ---- whose it is -----------------------------------------------------------------------------------------------------
def strangers() -> list[Client]:
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label__in=["retrieval", "chatsite"]))
    return [
        login(User.objects.create_user("other")),
        login(staff),
        login(User.objects.create_superuser("root")),
        Client(),
    ]


def test_case_01_02_attachments_of_another_are_404_like_none(owner: Client, session_id: str) -> None:
    document = Document.objects.get(title="vault")
    for other in strangers()[:3]:
        answers = []
        for wanted, pk in ((session_id, document.pk), (NO_ID, 10**6)):
            said = [
                other.get("/api/v1/chat/attachments", {"session_id": wanted}),
                attach(other, session_id=wanted),
                other.delete(f"/api/v1/chat/attachments/{pk}"),
                other.get(f"/documents/{pk}/"),
                other.get(f"/documents/{pk}/original/"),
                ask(other, document_ids=[pk]),
                ask(other, selection={"document_id": pk, "start": 0, "end": 5}),
                ask(other, collections=[f"attached-{wanted}"]),
            ]
            assert [response.status_code for response in said] == [404] * len(said)
            texts = [response.content.decode() for response in said]
            ids = rf"{session_id}|{NO_ID}|\b(?:{document.pk}|{10**6})\b"
            hidden = re.compile(rf'{ids}|"request_id":"\w+"|<span class="from-wide">.*?</span>|nonce\S+')
            answers.append([re.sub(r'csrfmiddlewaretoken" value="\w+"', "", hidden.sub("", text)) for text in texts])
        assert answers[0] == answers[1]
    assert Document.objects.filter(pk=document.pk).exists()
    assert Conversation.objects.get(pk=session_id).files().count() == 1


def test_case_07_attached_text_reaches_nobody_else_and_no_other_conversation(owner: Client, session_id: str) -> None:
    for client in [owner, *strangers()]:
        words = SECRET.removesuffix(" 4711.")
        found = ask(client, words).content.decode()
        pages = [
            client.get(address).content.decode() for address in ("/documents/", f"/documents/?q={words}", "/embed/")
        ]
        listed = client.get("/api/v1/chat/documents", {"words": "vault"}).content.decode()
        named = client.get("/api/v1/chat/documents", {"document_ids": Document.objects.get(title="vault").pk})
        home = client.get("/").content.decode() if client is not owner else ""
        for text in (found, *pages, listed, named.content.decode(), home):
            assert "4711" not in text
            assert ">vault<" not in text
            assert "attached-" not in text.replace("data-attached-template", "")
    page = owner.get("/")
    assert [str(collection) for collection in page.context["collections"]] == ["Handbook"]
    assert not any("vault" in question for question in page.context["starters"])


def test_owner_alone_opens_the_file_in_the_reader(owner: Client, session_id: str) -> None:
    document = Document.objects.get(title="vault")
    page = owner.get(document.get_absolute_url()).content.decode()
    assert f'<a href="/c/{session_id}/">Attached to a conversation</a>' in page
    assert "attached-" not in page
    assert "data-narrow" not in page
    assert b"".join(owner.get(f"/documents/{document.pk}/original/").streaming_content).decode() == SECRET  # type: ignore[attr-defined]


def test_shared_conversation_withholds_what_rests_on_an_attached_file(owner: Client, session_id: str) -> None:
    ask(owner, session_id=session_id)
    ask(owner, "How long do I wait before I pour the tea?", session_id=session_id)
    owner.post(f"/c/{session_id}/share/")
    address = f"/shared/{Share.objects.get().token}/"
    for other in strangers():
        page = other.get(address).content.decode()
        assert page.count("This answer rests on documents you can't read.") == 2
        assert "4711" not in page
        assert "four minutes" not in page
        assert "vault.md" not in page
        assert ">vault<" not in page
        assert "“vault”" not in page
    assert "4711" in owner.get(address).content.decode()


def test_staff_see_no_attached_file_and_superusers_only_look(owner: Client, session_id: str) -> None:
    document = Document.objects.get(title="vault")
    _other, staff, root, _anyone = strangers()
    for path in ("document/", "collection/", f"document/states/?id={document.pk}", "document/add/"):
        page = staff.get(f"/admin/retrieval/{path}").content.decode()
        assert "vault" not in page
        assert "attached-" not in page
    assert "attached-" not in staff.get("/admin/chatsite/apikey/add/").content.decode()
    assert staff.get(f"/admin/retrieval/document/{document.pk}/original/").status_code == 404
    assert staff.get(f"/admin/retrieval/collection/{document.collection_id}/query/").status_code == 404
    assert staff.post(f"/admin/retrieval/document/{document.pk}/reindex/").status_code == 404
    assert "vault" in root.get("/admin/retrieval/document/").content.decode()
    shown = root.get(f"/admin/retrieval/document/{document.pk}/change/").content.decode()
    assert 'name="_save"' not in shown
    assert LogEntry.objects.count() == 0


def test_questions_saved_for_evaluation_leave_attached_files_out(owner: Client, reader: User, session_id: str) -> None:
    ask(owner, session_id=session_id)
    file = io.StringIO()
    write_questions(file, Run.objects.all(), user=reader)
    assert file.getvalue().splitlines() == ["question,document,start,end,quote,answerable"]


# ---- while it is read ------------------------------------------------------------------------------------------------
def test_question_says_which_file_it_did_not_wait_for(owner: Client, settings: Any) -> None:
    settings.ATTACHMENTS_WAIT_SECONDS = 0
    session_id = attach(owner).json()["session_id"]
    response = ask(owner, session_id=session_id, stream=True)
    told = b"".join(response.streaming_content).decode()
    assert "event: done" in told
    run = Run.objects.get()
    file = Document.objects.get(title="vault")
    assert (run.answered, run.scope) == (False, {"attached": [], "unread": [file.pk]})
    page = owner.get(f"/c/{session_id}/").content.decode()
    assert "This attached file was still being read, and is not a part of this answer: “vault”." in page


@pytest.mark.django_db(transaction=True)
def test_question_waits_for_a_file_that_is_still_being_read(put: Put, settings: Any) -> None:
    client = login(User.objects.create_user("waiting"))
    session_id = attach(client).json()["session_id"]
    response = ask(client, session_id=session_id, stream=True)
    told = iter(response.streaming_content)
    events = [next(told).decode(), next(told).decode()]
    assert events[0].startswith("event: run\n")
    assert events[1].startswith("event: reading\n")
    waited_for = events[1].partition("data: ")[2].partition("\n")[0]
    assert json.loads(waited_for) == {"files": [{"title": "vault", "progress": 0}]}
    reading = threading.Thread(target=read_all)
    reading.start()
    rest = b"".join(told).decode()
    reading.join()
    assert "4711" in rest
    assert Run.objects.get().scope["unread"] == []


@pytest.mark.django_db(transaction=True)
def test_question_that_waits_can_be_stopped(put: Put, settings: Any) -> None:
    client = login(User.objects.create_user("waiting"))
    session_id = attach(client).json()["session_id"]
    told = iter(ask(client, session_id=session_id, stream=True, keep=True).streaming_content)
    while not next(told).startswith(b"event: reading"):
        pass
    run = Run.objects.get()
    assert client.post(f"/api/v1/chat/runs/{run.pk}/stop").status_code == 204
    assert b"event: error" in b"".join(told)
    run.refresh_from_db()
    assert (run.state, run.error) == ("cancelled", "cancelled")


def test_reader_without_any_document_can_still_attach_one(index: None, reader: User, settings: Any) -> None:
    client = login(reader)
    page = client.get("/").content.decode()
    assert "You can attach a file of your own below" in page
    assert "data-composer" in page
    settings.ATTACHMENTS = 0
    assert "data-composer" not in client.get("/").content.decode()


def test_attached_file_is_read_before_others_that_wait(owner: Client, public: Collection) -> None:
    for n in range(intake.DOCUMENTS_AT_ONCE + 1):
        file = SimpleUploadedFile(f"{n}.md", f"Number {n}.".encode())
        ingest.add_document(public, file=file, filename=f"{n}.md")
    attach(owner)
    ingest.ingest_next()
    assert Document.objects.get(title="vault").state == "ready"
    assert Document.objects.filter(state="queued").exists()


# ---- leaving ---------------------------------------------------------------------------------------------------------
def points() -> int:
    ingest.drain_removals()
    return spaces.live_space().index.count()


def test_deleted_conversation_takes_its_files_with_it(
    owner: Client, session_id: str, django_capture_on_commit_callbacks: Any
) -> None:
    document = Document.objects.get(title="vault")
    stored = Path(document.file.path)
    assert (stored.exists(), points()) == (True, 2)
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.post(f"/c/{session_id}/delete/").status_code == 303
    assert not Document.objects.filter(pk=document.pk).exists()
    assert not Collection.objects.filter(hidden=True).exists()
    assert IndexRemoval.objects.filter(document_id=document.pk).exists()
    assert points() == 1
    assert not stored.exists()
    assert not IndexRemoval.objects.exists()
    assert not stored.exists()


@pytest.mark.parametrize("how", ["queryset", "user", "user with files only"])
def test_files_leave_however_the_conversation_is_deleted(
    owner: Client, reader: User, session_id: str, how: str
) -> None:
    if how == "queryset":
        Conversation.objects.all().delete()
    else:
        reader.delete()
    assert (Conversation.objects.count(), Collection.objects.filter(hidden=True).count()) == (0, 0)
    assert list(Document.objects.values_list("title", flat=True)) == ["tea"]
    assert points() == 1


def test_removed_file_leaves_a_tombstone_in_its_answers(owner: Client, session_id: str) -> None:
    ask(owner, session_id=session_id)
    document = Document.objects.get(title="vault")
    assert owner.delete(f"/api/v1/chat/attachments/{document.pk}").status_code == 204
    assert owner.delete(f"/api/v1/chat/attachments/{document.pk}").status_code == 404
    assert not Document.objects.filter(pk=document.pk).exists()
    page = owner.get(f"/c/{session_id}/").content.decode()
    assert "This document was deleted, or you can no longer read it." in page
    assert ask(owner, session_id=session_id).json()["answered"] is False
    assert owner.delete(f"/api/v1/chat/attachments/{Document.objects.get().pk}").status_code == 404  # not attached


def test_exports_name_the_attached_files(owner: Client, session_id: str) -> None:
    body = json.loads(owner.get(f"/c/{session_id}/conversation.json").content)
    assert body["attachments"] == [{"title": "vault", "filename": "vault.md"}]
    assert "Attached files: vault.md" in owner.get(f"/c/{session_id}/conversation.md").content.decode()


def test_case_12_deactivated_owner_reads_nothing_of_it(owner: Client, reader: User, session_id: str) -> None:
    assert Document.objects.visible_to(reader).filter(title="vault").exists()
    reader.is_active = False
    reader.save()
    assert not Document.objects.visible_to(reader).filter(title="vault").exists()
    assert attach(owner, session_id=session_id).status_code == 401


# ---- the disk --------------------------------------------------------------------------------------------------------
def test_case_127_broken_file_leaves_the_disk_and_can_be_attached_again(owner: Client, reader: User) -> None:
    [begun] = attach(owner, content=b"%PDF-1.4 broken", name="a.pdf").json()["attachments"]
    document = Document.objects.get(pk=begun["document_id"])
    path = Path(document.file.path)
    assert path.is_file()
    read_all()
    document.refresh_from_db()
    assert (document.state, document.size, path.exists()) == ("failed", 0, False)
    assert stored_bytes(reader) == 0
    session_id = document.collection.name.removeprefix("attached-")
    again = attach(owner, content=b"%PDF-1.4 broken", name="a.pdf", session_id=session_id)
    assert [file["state"] for file in again.json()["attachments"]] == ["queued"]
    document.refresh_from_db()
    assert (document.size, Path(document.file.path).is_file()) == (15, True)
    read_all()
    document.refresh_from_db()
    assert (document.state, document.size) == ("failed", 0)


def test_case_127_file_that_stopped_its_process_too_often_leaves_the_disk(owner: Client) -> None:
    attach(owner)
    document = Document.objects.get(collection__hidden=True)
    Document.objects.filter(pk=document.pk).update(attempts=queue.ATTEMPTS)
    read_all()
    document.refresh_from_db()
    assert (document.state, document.size, Path(document.file.path).exists()) == ("failed", 0, False)


def test_case_127_broken_documents_of_staff_stay(public: Collection, put: Put) -> None:
    document = put(public, "a.pdf", b"%PDF-1.4 broken")
    assert (document.state, document.size, Path(document.file.path).is_file()) == ("failed", 15, True)


def test_case_127_attached_files_have_a_quota_of_their_own(owner: Client, tmp_path: Path) -> None:
    with configured(tmp_path / "index", attachments_quota_bytes=100):
        assert attach(owner, content=b"x" * 60).status_code == 201
        refused = attach(owner, content=b"y" * 60)
    assert (refused.status_code, refused.json()["error"]) == (413, "quota_exceeded")
    assert "100\xa0bytes: 60\xa0bytes are stored, and this has 60\xa0bytes" in refused.json()["message"]
    assert "ATTACHMENTS_QUOTA_BYTES" in refused.json()["message"]
