"""The admin of collections and documents, as a browser without scripts meets it."""

from __future__ import annotations

import html
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from retrieval.admin.collections import highlighted
from retrieval.models import Collection, Document, IndexRemoval
from retrieval.notes import Note
from tests.configured import configured

pytestmark = pytest.mark.django_db

Put = Callable[[Collection, str, str], Document]

UPLOAD = "admin:retrieval_document_add"
DOCUMENTS = "admin:retrieval_document_changelist"
COLLECTIONS = "admin:retrieval_collection_changelist"
HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def collection() -> Collection:
    return Collection.objects.create(name="Handbooks", slug="handbooks", public=True)


@pytest.fixture
def staff(client: Client) -> User:
    """Signed in, with no permission yet."""
    user = User.objects.create_user("staff", password="secret", is_staff=True)
    client.force_login(user)
    return user


def allow(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames, content_type__app_label="retrieval"))


def named(name: str, content: bytes = b"The deadline is Friday.\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def upload(client: Client, collection: Collection, *files: SimpleUploadedFile, **headers: str):
    return client.post(reverse(UPLOAD), {"collection": collection.pk, "documents": files}, headers=headers)


def documents_of(collection: Collection, number: int, **fields) -> list[Document]:
    return Document.objects.bulk_create(
        Document(collection=collection, title=f"Part {n}", filename=f"part-{n}.md", file=f"{n}.md", **fields)
        for n in range(number)
    )


def test_upload_several_files(admin_client: Client, admin_user: User, collection: Collection) -> None:
    response = upload(admin_client, collection, named("travel_costs.md"), named("leave.txt", b"25 days a year."))
    assert response.status_code == 200
    documents = Document.objects.order_by("pk")
    assert [(d.title, d.filename, d.state, d.owner) for d in documents] == [
        ("travel costs", "travel_costs.md", "queued", admin_user),
        ("leave", "leave.txt", "queued", admin_user),
    ]
    assert Path(documents[1].file.path).read_bytes() == b"25 days a year."
    for document in documents:
        assert reverse("admin:retrieval_document_change", args=[document.pk]) in response.text


def test_upload_one_bad_file_does_not_stop_the_others(settings, admin_client: Client, collection: Collection) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    files = [
        named("first.md"),
        named("large.md", b"x" * 101),
        named("tool.exe", b"MZ"),
        named("again.md"),
        named("last.md", b"Last."),
    ]
    response = upload(admin_client, collection, *files)
    assert list(Document.objects.order_by("pk").values_list("title", flat=True)) == ["first", "last"]
    assert "large.md: Too large: it has 101\xa0bytes, the limit is 100\xa0bytes." in response.text
    assert "tool.exe: " in response.text
    first = Document.objects.get(title="first")
    refused = response.text[response.text.index("again.md: The same file is already there:") :]
    assert f'<a href="{reverse("admin:retrieval_document_change", args=[first.pk])}">first</a>' in refused


def test_upload_of_an_unknown_type_lists_those_accepted(admin_client: Client, collection: Collection) -> None:
    response = upload(admin_client, collection, named("tool.exe", b"MZ"), **{"X-Fragment": "1"})
    for ending in ("txt", "md", "html", "pdf", "docx"):
        assert ending in response.text
    assert not Document.objects.exists()


def test_upload_fragment_is_the_result_alone(admin_client: Client, collection: Collection) -> None:
    response = upload(admin_client, collection, named("a.md"), **{"X-Fragment": "1"})
    assert response.text.strip().startswith("<li>")
    assert response.text.count("<li") == 1
    assert 'data-state="queued">Queued<' in response.text


def test_upload_without_files_or_collection(admin_client: Client, collection: Collection) -> None:
    response = admin_client.post(reverse(UPLOAD), {"collection": collection.pk + 1})
    assert response.status_code == 400
    assert response.text.count("errorlist") == 2


def test_upload_page_without_collections_says_what_to_do(admin_client: Client) -> None:
    assert reverse("admin:retrieval_collection_add") in admin_client.get(reverse(UPLOAD)).text


@pytest.mark.parametrize("name", ["../../etc/passwd.md", "/absolute.md", "a%2Fb.md", "n\0ul.md", "n" * 300 + ".md"])
def test_upload_34_name_never_reaches_the_disk(
    settings, admin_client: Client, collection: Collection, name: str
) -> None:
    upload(admin_client, collection, named(name))
    document = Document.objects.get()
    stored = [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert stored == [settings.MEDIA_ROOT / document.file.name]
    assert stored[0].parent == settings.MEDIA_ROOT / "documents"
    assert len(stored[0].stem) == 32


def test_upload_28_names_that_are_html_stay_text(admin_client: Client, collection: Collection) -> None:
    response = upload(admin_client, collection, named(f"{HTML}.md"))
    document = Document.objects.get()
    assert document.title == HTML
    collection.name = HTML
    collection.save()
    pages = [
        response,
        admin_client.get(reverse(DOCUMENTS)),
        admin_client.get(reverse(COLLECTIONS)),
        admin_client.get(reverse("admin:retrieval_document_change", args=[document.pk])),
        admin_client.get(reverse("admin:retrieval_document_delete", args=[document.pk])),
        admin_client.get(reverse("admin:retrieval_collection_change", args=[collection.pk])),
        admin_client.get(reverse("admin:retrieval_collection_delete", args=[collection.pk])),
        admin_client.get(reverse("admin:retrieval_collection_query", args=[collection.pk])),
    ]
    for page in pages:
        assert page.status_code == 200
        assert HTML not in page.text
        assert "&lt;img src=x onerror=alert(1)&gt;" in page.text


def test_collection_page_counts_documents_by_state(admin_client: Client, collection: Collection) -> None:
    documents_of(collection, 3, state="ready")
    documents_of(collection, 2, state="failed")
    for address in (reverse(COLLECTIONS), reverse("admin:retrieval_collection_change", args=[collection.pk])):
        page = admin_client.get(address).text
        assert ">3 ready</a>" in page
        assert ">2 failed</a>" in page
        assert "queued</a>" not in page
    failed = admin_client.get(reverse(DOCUMENTS), {"collection__id__exact": collection.pk, "state__exact": "failed"})
    assert failed.context["cl"].result_count == 2


@pytest.mark.parametrize("address", [DOCUMENTS, COLLECTIONS])
def test_lists_use_as_many_queries_for_30_rows_as_for_1(
    admin_client: Client, collection: Collection, address: str
) -> None:
    documents_of(collection, 1, state="ready")
    admin_client.get(reverse(address))  # permissions and content types are cached from here on
    with CaptureQueriesContext(connection) as for_1:
        assert admin_client.get(reverse(address)).context["cl"].result_count == 1
    for other in Collection.objects.bulk_create(Collection(name=f"c{n}", slug=f"c{n}") for n in range(29)):
        documents_of(other, 1)
    with CaptureQueriesContext(connection) as for_30:
        assert admin_client.get(reverse(address)).context["cl"].result_count == 30
    assert len(for_30) == len(for_1) <= 9  # the list of collections also tells of the index, in two


def test_states_of_documents(admin_client: Client, collection: Collection) -> None:
    waiting, done, gone = documents_of(collection, 3)
    Document.objects.filter(pk=waiting.pk).update(state="processing", progress=40)
    Document.objects.filter(pk=done.pk).update(state="failed", error="It is encrypted.", page_count=1234)
    gone_id = gone.pk
    gone.delete()
    response = admin_client.get(reverse("admin:retrieval_document_states"), {"id": [waiting.pk, done.pk, gone_id]})
    empty = {"notes": [], "losses": "", "pages": "", "chunks": "", "characters": "", "language": "", "error": ""}
    assert response.json() == {
        "documents": {
            str(waiting.pk): {
                "title": "Part 0",
                "state": "processing",
                "fields": {"state": "Processing 40%", **empty},
            },
            str(done.pk): {
                "title": "Part 1",
                "state": "failed",
                "fields": {**empty, "state": "Failed", "pages": "1,234", "error": "It is encrypted."},
            },
        }
    }
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("id_", ["", "x", "-1", "²", "9" * 30])
def test_states_with_an_id_that_is_no_number(admin_client: Client, id_: str) -> None:
    assert admin_client.get(reverse("admin:retrieval_document_states"), {"id": id_}).status_code == 400


def test_change_page_shows_what_ingestion_found(admin_client: Client, collection: Collection) -> None:
    (document,) = documents_of(
        collection, 1, state="ready", live_generation=1, page_count=12, chunk_count=34, characters=56_789
    )
    page = admin_client.get(reverse("admin:retrieval_document_change", args=[document.pk]))
    for text in (">Ready<", ">12<", ">34<", ">56,789<"):
        assert text in page.text
    assert f'href="{document.get_absolute_url()}"' in page.text
    Document.objects.update(live_generation=0)
    page = admin_client.get(reverse("admin:retrieval_document_change", args=[document.pk]))
    assert f'href="{document.get_absolute_url()}"' not in page.text


def test_states_tell_the_notes_losses_first(admin_client: Client, collection: Collection) -> None:
    notes = [Note("running_lines", 2, ("Acme",)), Note("fonts", 1, ("3",)), Note("parts", 1, ("table 4",))]
    (document,) = documents_of(collection, 1, state="ready", live_generation=1, notes=notes)
    told = admin_client.get(reverse("admin:retrieval_document_states"), {"id": document.pk}).json()["documents"]
    shown = told[str(document.pk)]
    assert (shown["state"], shown["fields"]["state"]) == ("noted", "Read with notes")
    assert [note["lost"] for note in shown["fields"]["notes"]] == [True, True, False]
    assert shown["fields"]["losses"] == " ".join(note["text"] for note in shown["fields"]["notes"][:2])


def test_filter_finds_what_lost_something(admin_client: Client, collection: Collection) -> None:
    whole, noted, lossy, scanned = documents_of(collection, 4, live_generation=1, generation=1)
    Document.objects.filter(pk=noted.pk).update(noted=Document.Noted.NOTES)
    pages = [Note("picture_pages", 2, ("3", "4"))]
    Document.objects.filter(pk=lossy.pk).update(noted=Document.Noted.LOSSES)
    Document.objects.filter(pk=scanned.pk).update(noted=Document.Noted.LOSSES, notes=pages)
    found = {
        value: {d.pk for d in admin_client.get(reverse(DOCUMENTS), {"noted": value}).context["cl"].result_list}
        for value in ("lost", "pages", "any", "none", "x")
    }
    lost = {lossy.pk, scanned.pk}
    assert found == {
        "lost": lost,
        "pages": {scanned.pk},
        "any": {noted.pk, *lost},
        "none": {whole.pk},
        "x": {whole.pk, noted.pk, *lost},
    }


def test_list_tells_documents_of_one_title_apart(admin_client: Client, collection: Collection) -> None:
    first, second, third = documents_of(collection, 3)
    Document.objects.filter(pk__in=[first.pk, second.pk]).update(title="Handbook")
    page = admin_client.get(reverse(DOCUMENTS)).text
    for document in (first, second):
        assert f'Handbook <span class="beside">{document.filename}</span>' in page
    assert f'class="beside">{third.filename}' not in page
    alone = admin_client.get(reverse(DOCUMENTS), {"q": second.filename}).text
    assert f'class="beside">{second.filename}' in alone  # the other one is elsewhere in the list


def test_change_page_and_list_say_what_was_not_read(admin_client: Client, collection: Collection) -> None:
    notes = [Note("running_lines", 2, ("Acme", "Page #")), Note("picture_pages", 31, ("4", "9"))]
    (document,) = documents_of(collection, 1, state="ready", live_generation=1, page_count=40, notes=notes)
    page = admin_client.get(reverse("admin:retrieval_document_change", args=[document.pk]))
    assert "Lines that repeat on the pages stay in the text, and are searched once: Acme, Page #." in page.text
    assert "Pages that are pictures hold no text, and were not read: 4, 9, …." in page.text
    changelist = reverse("admin:retrieval_document_changelist")
    listed = admin_client.get(changelist).text
    assert 'data-state="noted">Read with notes<' in listed
    assert 'data-field="losses" data-state="noted">Pages that are pictures hold no text' in listed
    assert page.text.index("<li data-lost>Pages that are") < page.text.index("<li>Lines that repeat")
    Document.objects.update(notes=notes[:1])
    assert ">Ready<" in admin_client.get(changelist).text  # nothing is lost by it


def test_change_title_or_collection_queues_the_document_again(admin_client: Client, collection: Collection) -> None:
    (document,) = documents_of(collection, 1, state="ready", live_generation=1)
    address = reverse("admin:retrieval_document_change", args=[document.pk])
    admin_client.post(address, {"title": document.title, "collection": collection.pk})
    document.refresh_from_db()
    assert (document.state, document.generation) == ("ready", 1)
    other = Collection.objects.create(name="Other", slug="other")
    admin_client.post(address, {"title": "New title", "collection": other.pk})
    document.refresh_from_db()
    assert (document.title, document.collection, document.state) == ("New title", other, "queued")
    assert (document.generation, document.live_generation) == (2, 1)


def test_replace_file_makes_a_new_generation(settings, admin_client: Client, collection: Collection) -> None:
    upload(admin_client, collection, named("old.md"))
    document = Document.objects.get()
    address = reverse("admin:retrieval_document_change", args=[document.pk])
    form = {"title": "Old", "collection": collection.pk}
    response = admin_client.post(address, {**form, "replacement": named("new.txt", b"The deadline is Monday.")})
    assert response.status_code == 302
    new = Document.objects.get()
    assert (new.filename, new.state, new.generation) == ("new.txt", "queued", document.generation + 1)
    assert Path(new.file.path).read_bytes() == b"The deadline is Monday."
    assert new.content_hash not in ("", document.content_hash)


def test_replace_file_with_one_that_is_refused(settings, admin_client: Client, collection: Collection) -> None:
    upload(admin_client, collection, named("old.md"))
    document = Document.objects.get()
    address = reverse("admin:retrieval_document_change", args=[document.pk])
    form = {"title": "Old", "collection": collection.pk}
    settings.UPLOAD_MAX_BYTES = 10
    for file in (named("new.md", b"x" * 11), named("new.exe", b"MZ")):
        response = admin_client.post(address, {**form, "replacement": file})
        assert response.status_code == 200
        assert "errorlist" in response.text
    assert Document.objects.values("filename", "content_hash", "generation").get() == {
        "filename": "old.md",
        "content_hash": document.content_hash,
        "generation": 1,
    }


def test_change_that_would_hold_the_same_file_twice(admin_client: Client, collection: Collection) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    upload(admin_client, collection, named("one.md"), named("two.md", b"Two."))
    upload(admin_client, other, named("copy.md"))
    two, copy = Document.objects.get(title="two"), Document.objects.get(title="copy")
    replaced = admin_client.post(
        reverse("admin:retrieval_document_change", args=[two.pk]),
        {"title": "two", "collection": collection.pk, "replacement": named("one.md")},
    )
    moved = admin_client.post(
        reverse("admin:retrieval_document_change", args=[copy.pk]), {"title": "copy", "collection": collection.pk}
    )
    for response in (replaced, moved):
        assert response.status_code == 200
        assert "This collection holds the same file already: “one”." in response.text
    assert list(Document.objects.filter(pk__in=[two.pk, copy.pk]).values_list("collection", "generation")) == [
        (other.pk, 1),
        (collection.pk, 1),
    ]


def test_change_page_of_no_document_leads_back(admin_client: Client) -> None:
    for pk in ("999", "abc"):
        response = admin_client.get(reverse("admin:retrieval_document_change", args=[pk]))
        assert response.headers["Location"] == reverse("admin:index")


def test_reindex_button_and_action(admin_client: Client, collection: Collection) -> None:
    first, second = documents_of(collection, 2, state="ready", live_generation=1)
    button = reverse("admin:retrieval_document_reindex", args=[first.pk])
    assert admin_client.get(button).status_code == 405
    assert admin_client.post(button).status_code == 302
    admin_client.post(reverse(DOCUMENTS), {"action": "reindex", "_selected_action": [first.pk, second.pk]})
    states = Document.objects.order_by("pk").values_list("state", "generation", "live_generation")
    assert list(states) == [("queued", 3, 1), ("queued", 2, 1)]


def test_delete_selected_asks_first(admin_client: Client, collection: Collection) -> None:
    documents = documents_of(collection, 2, state="ready", live_generation=1)
    form = {"action": "delete_selected", "_selected_action": [document.pk for document in documents]}
    page = admin_client.post(reverse(DOCUMENTS), form)
    assert "Documents: 2" in page.text
    assert Document.objects.count() == 2
    admin_client.post(reverse(DOCUMENTS), {**form, "post": "yes"})
    assert not Document.objects.exists()
    assert IndexRemoval.objects.count() == 2


def test_delete_a_collection_needs_the_permission_on_its_documents(
    client: Client, staff: User, collection: Collection
) -> None:
    documents_of(collection, 1)
    allow(staff, "view_collection", "delete_collection")
    address = reverse("admin:retrieval_collection_delete", args=[collection.pk])
    assert "doesn't have permission" in client.get(address).text.replace("&#x27;", "'")
    assert client.post(address, {"post": "yes"}).status_code == 403
    allow(staff, "delete_document")
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Collection.objects.exists()


def test_original_is_always_a_download(admin_client: Client, collection: Collection) -> None:
    upload(admin_client, collection, named("page.html", b"<script>alert(1)</script><p>Hello there.</p>"))
    document = Document.objects.get()
    response = admin_client.get(reverse("admin:retrieval_document_original", args=[document.pk]))
    assert b"".join(response.streaming_content) == b"<script>alert(1)</script><p>Hello there.</p>"
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox"
    Path(document.file.path).unlink()
    assert admin_client.get(reverse("admin:retrieval_document_original", args=[document.pk])).status_code == 404


OWN_ADDRESSES = [
    ("get", "admin:retrieval_document_add", "add_document"),
    ("post", "admin:retrieval_document_add", "add_document"),
    ("get", "admin:retrieval_document_states", "view_document"),
    ("get", "admin:retrieval_document_original", "view_document"),
    ("post", "admin:retrieval_document_reindex", "change_document"),
    ("get", "admin:retrieval_collection_query", "view_collection"),
    ("post", "admin:retrieval_collection_query", "view_collection"),
]


@pytest.mark.parametrize(("method", "name", "permission"), OWN_ADDRESSES)
def test_16_address_needs_staff_and_the_model_permission(
    client: Client, collection: Collection, method: str, name: str, permission: str
) -> None:
    upload_to = Document.objects.create(collection=collection, title="T", filename="t.md", file=named("t.md"))
    numbers = {"retrieval_collection_query": [collection.pk]}
    if name.endswith(("original", "reindex")):
        numbers[name.partition(":")[2]] = [upload_to.pk]
    address = reverse(name, args=numbers.get(name.partition(":")[2]))
    request = getattr(client, method)
    assert request(address).headers["Location"].startswith(reverse("admin:login"))
    reader = User.objects.create_user("reader")
    allow(reader, permission)
    client.force_login(reader)
    assert request(address).headers["Location"].startswith(reverse("admin:login"))
    staff = User.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert request(address).status_code == 403
    allow(staff, permission)
    response = request(address)
    assert response.status_code in (200, 302, 400)
    assert "login" not in response.headers.get("Location", "")
    response.close()


def test_16_missing_permission_hides_whether_the_row_exists(client: Client, staff: User) -> None:
    for name in ("retrieval_document_original", "retrieval_collection_query"):
        assert client.get(reverse(f"admin:{name}", args=[999])).status_code == 403
    allow(staff, "view_document", "view_collection")
    for name in ("retrieval_document_original", "retrieval_collection_query"):
        assert client.get(reverse(f"admin:{name}", args=[999])).status_code == 404


def test_view_permission_alone_offers_nothing_to_change(client: Client, staff: User, collection: Collection) -> None:
    (document,) = documents_of(collection, 1)
    allow(staff, "view_document", "view_collection")
    page = client.get(reverse("admin:retrieval_document_change", args=[document.pk])).text
    assert "Re-index" not in page
    assert "replacement" not in page
    assert "data-upload" not in client.get(reverse("admin:retrieval_collection_change", args=[collection.pk])).text
    assert "Upload documents" not in client.get(reverse(DOCUMENTS)).text


@pytest.mark.parametrize(("name", "of"), [("document_add", ""), ("document_reindex", "d"), ("collection_query", "c")])
def test_19_post_without_csrf_token(admin_user: User, collection: Collection, name: str, of: str) -> None:
    (document,) = documents_of(collection, 1)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    args = {"d": [document.pk], "c": [collection.pk]}.get(of)
    assert client.post(reverse(f"admin:retrieval_{name}", args=args)).status_code == 403
    document.refresh_from_db()
    assert document.generation == 1


def test_25_no_page_has_inline_script_or_style(admin_client: Client, collection: Collection) -> None:
    (document,) = documents_of(collection, 1)
    for address in (
        reverse(COLLECTIONS),
        reverse("admin:retrieval_collection_change", args=[collection.pk]),
        reverse("admin:retrieval_collection_query", args=[collection.pk]),
        reverse(DOCUMENTS),
        reverse(UPLOAD),
        reverse("admin:retrieval_document_change", args=[document.pk]),
    ):
        page = admin_client.get(address).text
        assert "<style" not in page
        assert "style=" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('<script id="django-admin-')


def test_highlighted_marks_words_and_escapes_the_rest() -> None:
    text = 'The <b>variable</b> & "Variables"; a straße'
    assert highlighted(text, query="which variable (.*") == (
        "The &lt;b&gt;<mark>variable</mark>&lt;/b&gt; &amp; &quot;<mark>Variables</mark>&quot;; a straße"
    )
    assert highlighted("<i>", query="a") == "&lt;i&gt;"
    assert highlighted("amp & lt", query="amp") == "<mark>amp</mark> &amp; lt"


def test_query_shows_passages_of_this_collection(admin_client: Client, collection: Collection, put: Put) -> None:
    put(Collection.objects.create(name="Other", slug="other"), "other.md", "Another deadline is Monday.")
    document = put(collection, "travel.md", "# Travel\n\nThe <b>deadline</b> for receipts is Friday.\n")
    address = reverse("admin:retrieval_collection_query", args=[collection.pk])
    page = admin_client.post(address, {"query": "receipts deadline"})
    (passage, _) = page.context["passages"][0]
    assert page.text.count("passage-text") == 1
    assert "The &lt;b&gt;<mark>deadline</mark>&lt;/b&gt; for <mark>receipts</mark> is Friday." in page.text
    assert f'href="{document.get_absolute_url()}?start={passage.start}&amp;end={passage.end}#quote"' in page.text
    assert f"score {passage.score:.3f}" in page.text
    assert len(re.findall(r"· \w[\w ]* [\d.]+ ms", page.text)) >= 3  # stages, each with its time


def test_query_names_the_other_documents_that_say_the_same(
    admin_client: Client, collection: Collection, put: Put
) -> None:
    text = "The heron flies over the water every morning before the others wake and looks for fish."
    documents = {put(collection, name, f"{text}{end}") for name, end in (("a.md", ""), ("b.md", " "))}
    page = admin_client.post(reverse("admin:retrieval_collection_query", args=[collection.pk]), {"query": "heron fish"})
    [(passage, _)] = page.context["passages"]
    [other] = [document for document in documents if document.pk != passage.document_id]
    assert f'<span>also in <a href="{other.get_absolute_url()}">{other.title}</a></span>' in page.text


def test_query_when_the_index_is_down_says_so(admin_client: Client, collection: Collection, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with configured(tmp_path, qdrant_url=address):
        page = admin_client.post(
            reverse("admin:retrieval_collection_query", args=[collection.pk]), {"query": "deadline"}
        )
    assert page.status_code == 200
    assert page.context["problem"] in html.unescape(page.text)
    assert "passage-text" not in page.text


def test_query_of_a_collection_that_this_member_of_staff_may_not_read(
    client: Client, staff: User, collection: Collection, put: Put
) -> None:
    put(collection, "secret.md", "The deadline is secret.")
    Collection.objects.update(public=False)
    allow(staff, "view_collection")
    page = client.post(reverse("admin:retrieval_collection_query", args=[collection.pk]), {"query": "deadline"})
    assert page.status_code == 200
    assert "No such collection: handbooks." in page.text
    assert "secret." not in page.text
