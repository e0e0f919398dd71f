"""The admin's pages that add and refresh documents, and what they do at ten thousand."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from retrieval.ingestion.deletion import clear_away
from retrieval.models import Chunk, Collection, Document, IndexRemoval
from tests.configured import configured
from tests.fakes.web_server import WebServer, answer, dripping

pytestmark = pytest.mark.django_db

PASTE, ADDRESS = "admin:retrieval_document_paste", "admin:retrieval_document_address"
UPLOAD, DOCUMENTS = "admin:retrieval_document_add", "admin:retrieval_document_changelist"
PAGE = b"<title>Opening hours</title><p>Nine to five.</p>"


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def web(settings: Any) -> Iterator[WebServer]:
    with WebServer() as server:
        settings.FETCH_HOSTS = [server.host]
        yield server


def documents_of(collection: Collection, number: int, **fields: Any) -> list[Document]:
    return Document.objects.bulk_create(
        Document(collection=collection, title=f"Part {n}", filename=f"part-{n}.md", file=f"{n}.md", **fields)
        for n in range(number)
    )


def chunks_of(documents: list[Document], number: int) -> None:
    from retrieval.ingestion.points import chunk_id

    Chunk.objects.bulk_create(
        Chunk(
            id=chunk_id(document.pk, generation=1, position=n),
            document=document,
            generation=1,
            position=n,
            start=n,
            end=n + 1,
            text="x",
        )
        for document in documents
        for n in range(number)
    )


def told(client: Client, address: str) -> list[str]:
    return [str(message) for message in client.get(address).context["messages"]]


# ---- upload ----------------------------------------------------------------------------------------------------------


def test_upload_of_an_archive_lists_each_member(admin_client: Client, public: Collection) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in (("a/one.md", "One."), ("a/../../two.md", "Two."), ("<b>.exe", "MZ")):
            file.writestr(name, text)
    packed = SimpleUploadedFile("docs.zip", buffer.getvalue())
    form = {"collection": public.pk, "documents": [packed]}
    page = admin_client.post(reverse(UPLOAD), form, headers={"X-Fragment": "1"})
    assert page.text.count("<li") == 3
    document = Document.objects.get()
    assert (
        f'<a href="{reverse("admin:retrieval_document_change", args=[document.pk])}">docs.zip: a/one.md</a>'
        in page.text
    )
    assert "docs.zip: a/../../two.md: Its name leads out of the archive" in page.text
    assert "docs.zip: &lt;b&gt;.exe: Of an unknown type." in page.text


def test_case_40_upload_over_the_quota_is_413_with_the_limit_and_the_fix(
    admin_client: Client, admin_user: User, public: Collection
) -> None:
    with configured(site.INDEX_DIR, user_quota_bytes=10):
        form = {"collection": public.pk, "documents": [SimpleUploadedFile("a.md", b"x" * 11)]}
        response = admin_client.post(reverse(UPLOAD), form, headers={"X-Fragment": "1"})
        document = Document.objects.create(
            collection=public, title="T", filename="t.md", file="t.md", size=5, owner=admin_user, content_hash="x"
        )
        page = admin_client.post(
            reverse("admin:retrieval_document_change", args=[document.pk]),
            {"title": "T", "collection": public.pk, "replacement": SimpleUploadedFile("b.md", b"y" * 12)},
        )
    assert response.status_code == 413
    assert "quota of 10\xa0bytes: 0\xa0bytes are stored, and this has 11\xa0bytes. Delete documents" in response.text
    assert page.status_code == 200
    assert "quota of 10\xa0bytes: 5\xa0bytes are stored" in page.text
    assert Document.objects.get().content_hash == "x"


def test_case_40_upload_over_the_file_limit_is_413(admin_client: Client, public: Collection, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    form = {"collection": public.pk, "documents": [SimpleUploadedFile("a.md", b"x" * 11)]}
    assert admin_client.post(reverse(UPLOAD), form).status_code == 413


def test_case_19_upload_without_a_token_is_403(admin_user: User, public: Collection) -> None:
    (client := Client(enforce_csrf_checks=True)).force_login(admin_user)
    client.get(reverse(UPLOAD))
    form = {"collection": public.pk, "documents": [SimpleUploadedFile("a.md", b"Text")]}
    assert client.post(reverse(UPLOAD), form).status_code == 403
    assert client.post(reverse(UPLOAD), form, headers={"X-CSRFToken": "a" * 32}).status_code == 403
    token = client.cookies["csrftoken"].value
    assert client.post(reverse(UPLOAD), form | {"csrfmiddlewaretoken": token}).status_code == 200
    address = reverse("admin:retrieval_document_change", args=[Document.objects.get().pk])
    assert client.post(address, {"title": "New", "collection": public.pk}).status_code == 403


# ---- paste -----------------------------------------------------------------------------------------------------------


def test_paste_makes_a_document_and_is_ready_for_the_next(
    admin_client: Client, admin_user: User, public: Collection
) -> None:
    form = {"collection": public.pk, "title": "Hours", "text": "# Hours\r\n\r\nNine to five."}
    page = admin_client.post(reverse(PASTE), form)
    document = Document.objects.get()
    assert (document.title, document.source, document.owner, document.state) == ("Hours", "paste", admin_user, "queued")
    assert f'<a href="{reverse("admin:retrieval_document_change", args=[document.pk])}">Hours</a>' in page.text
    assert page.context["form"]["text"].value() is None
    again = admin_client.post(reverse(PASTE), form)
    assert "Hours: The same file is already there:" in " ".join(again.text.split())
    assert again.context["form"]["text"].value() == form["text"]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("text", " \u200b\n ", "There is no text in it."),
        ("text", "x" * 500_001, "at most 500000 characters"),
        ("title", "", "This field is required."),
        ("title", "t" * 301, "at most 300 characters"),
        ("collection", "999", "Select a valid choice."),
    ],
)
def test_paste_that_is_refused_names_the_field(
    admin_client: Client, public: Collection, field: str, value: str, reason: str
) -> None:
    form = {"collection": public.pk, "title": "T", "text": "Text."} | {field: value}
    page = admin_client.post(reverse(PASTE), form)
    assert page.status_code == 400
    assert reason in str(page.context["form"].errors[field])
    assert not Document.objects.exists()


# ---- web addresses ---------------------------------------------------------------------------------------------------


def test_addresses_are_fetched_and_each_told(admin_client: Client, public: Collection, web: WebServer) -> None:
    web.put("/hours", PAGE, Content_Type="text/html")
    lines = f"{web.url}/hours\r\n\r\n{web.url}/nothing\n{web.url}/hours\nhttp://10.0.0.1/\nftp://x/"
    page = admin_client.post(reverse(ADDRESS), {"collection": public.pk, "addresses": lines})
    document = Document.objects.get()
    assert (document.title, document.location) == ("Opening hours", f"{web.url}/hours")
    text = " ".join(page.text.split())
    assert f"{web.url}/nothing: The web server says that there is nothing at this address (status 404)." in text
    assert "http://10.0.0.1/: 10.0.0.1 has the address 10.0.0.1, which is not public. FETCH_HOSTS names" in text
    assert "ftp://x/: Only addresses that begin with http:// or https:// are fetched." in text
    assert page.text.count('class="refused"') == 3
    assert LogEntry.objects.count() == 1


def test_case_41_slow_addresses_share_the_seconds_of_one_request(
    admin_client: Client, public: Collection, web: WebServer, settings: Any
) -> None:
    settings.FETCH_MAX_SECONDS = 0.5
    for name in ("a", "b", "c"):
        web.pages[f"/{name}"] = lambda _: dripping(answer(b"", Content_Length="1000"), b"1", seconds=0.05)
    began = time.monotonic()
    lines = "\n".join(f"{web.url}/{name}" for name in ("a", "b", "c"))
    page = admin_client.post(reverse(ADDRESS), {"collection": public.pk, "addresses": lines})
    assert time.monotonic() - began < 40  # of fifty for each, byte by byte
    assert "did not answer within 0.5 seconds" in page.text
    assert page.text.count("Not fetched, for the others took too long. Add it again.") == 2


def test_too_many_addresses_at_once(admin_client: Client, public: Collection) -> None:
    lines = "\n".join(f"https://example.org/{n}" for n in range(21))
    page = admin_client.post(reverse(ADDRESS), {"collection": public.pk, "addresses": lines})
    assert page.status_code == 400
    assert "These are 21 addresses, the limit is 20 at once." in page.text


def test_refresh_button_and_action_tell_what_they_found(
    admin_client: Client, public: Collection, web: WebServer
) -> None:
    for name in ("same", "changed", "gone", "broken"):
        web.put(f"/{name}", name.encode(), Content_Type="text/plain")
    lines = "\n".join(f"{web.url}/{name}" for name in ("same", "changed", "gone", "broken"))
    admin_client.post(reverse(ADDRESS), {"collection": public.pk, "addresses": lines})
    web.put("/changed", b"New text.", Content_Type="text/plain")
    web.put("/gone", b"", status="410 Gone")
    web.put("/broken", b"", status="500 Oops")
    (uploaded,) = documents_of(public, 1)
    ids = list(Document.objects.values_list("pk", flat=True))
    admin_client.post(reverse(DOCUMENTS), {"action": "refresh", "_selected_action": ids})
    messages = told(admin_client, reverse(DOCUMENTS))
    assert len(messages) == 3
    assert "gone: The web server says that there is nothing at this address (status 410)." in messages
    assert "broken: The web server answered with status 500: try again later." in messages
    assert (
        "1 changed and will be indexed again, 1 unchanged, 1 gone, their text is kept, 1 could not be fetched."
        in messages
    )
    changed = Document.objects.get(title="changed")
    assert (changed.generation, Path(changed.file.path).read_bytes()) == (2, b"New text.")
    button = reverse("admin:retrieval_document_refresh", args=[changed.pk])
    page = reverse("admin:retrieval_document_change", args=[changed.pk])
    assert f'action="{button}"' in admin_client.get(page).text
    assert f'href="{web.url}/changed"' in admin_client.get(page).text
    assert admin_client.get(button).status_code == 405
    assert admin_client.post(button).headers["Location"] == page
    assert told(admin_client, page) == ["1 unchanged."]
    assert admin_client.post(reverse("admin:retrieval_document_refresh", args=[uploaded.pk])).status_code == 404
    own = admin_client.get(reverse("admin:retrieval_document_change", args=[uploaded.pk])).text
    assert reverse("admin:retrieval_document_refresh", args=[uploaded.pk]) not in own


def test_refresh_after_a_replaced_file_asks_for_the_whole_page(
    admin_client: Client, public: Collection, web: WebServer
) -> None:
    web.put("/a", PAGE, Content_Type="text/html", ETag='"v1"')
    admin_client.post(reverse(ADDRESS), {"collection": public.pk, "addresses": f"{web.url}/a"})
    document = Document.objects.get()
    assert document.etag == '"v1"'
    form = {"title": "T", "collection": public.pk, "replacement": SimpleUploadedFile("b.md", b"Mine.")}
    admin_client.post(reverse("admin:retrieval_document_change", args=[document.pk]), form)
    document.refresh_from_db()
    assert (document.filename, document.etag) == ("b.md", "")


# ---- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "name", "permission", "of"),
    [
        ("get", "document_paste", "add_document", ""),
        ("post", "document_paste", "add_document", ""),
        ("get", "document_address", "add_document", ""),
        ("post", "document_address", "add_document", ""),
        ("post", "document_refresh", "change_document", "d"),
        ("get", "collection_progress", "view_collection", "c"),
    ],
)
def test_case_16_page_needs_staff_and_the_model_permission(
    client: Client, public: Collection, web: WebServer, method: str, name: str, permission: str, of: str
) -> None:
    document = Document.objects.create(
        collection=public, title="T", filename="t.md", file="t.md", source="url", location=f"{web.url}/a"
    )
    args = {"d": [document.pk], "c": [public.pk]}.get(of)
    address = reverse(f"admin:retrieval_{name}", args=args)
    request = getattr(client, method)
    assert request(address).headers["Location"].startswith(reverse("admin:login"))
    staff = User.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert request(address).status_code == 403
    assert web.requests == []
    staff.user_permissions.add(Permission.objects.get(codename=permission))
    assert request(address).status_code in (200, 302, 400)


@pytest.mark.parametrize(("name", "of"), [("document_paste", ""), ("document_address", ""), ("document_refresh", "d")])
def test_case_19_post_without_csrf_token(admin_user: User, public: Collection, name: str, of: str) -> None:
    (document,) = documents_of(public, 1, source="url", location="http://10.0.0.1/")
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    address = reverse(f"admin:retrieval_{name}", args=[document.pk] if of else None)
    assert client.post(address, {"collection": public.pk, "title": "T", "text": "x"}).status_code == 403
    assert Document.objects.count() == 1


def test_case_15_every_admin_page_of_documents_sends_a_stranger_to_sign_in(client: Client, public: Collection) -> None:
    (document,) = documents_of(public, 1)
    seen = 0
    for model, pk in ((Document, document.pk), (Collection, public.pk)):
        for pattern in admin.site._registry[model].get_urls():
            if not pattern.name:
                continue
            parameters = dict.fromkeys(pattern.pattern.converters, pk)
            address = reverse(f"admin:{pattern.name}", kwargs=parameters)
            for method in (client.get, client.post):
                response = method(address)
                assert response.status_code == 302, address
                assert response.headers["Location"].startswith(reverse("admin:login"))
                seen += 1
    assert seen > 20
    assert Document.objects.get().generation == 1


def test_case_25_no_new_page_has_inline_script_or_style(admin_client: Client, public: Collection) -> None:
    documents_of(public, 2, state="failed", error="<script>alert(1)</script>")
    for address in (
        reverse(PASTE),
        reverse(ADDRESS),
        reverse("admin:retrieval_collection_progress", args=[public.pk]),
        reverse("admin:retrieval_collection_add"),
    ):
        page = admin_client.get(address).text
        assert "<style" not in page
        assert "style=" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('<script id="django-admin-')


# ---- many ------------------------------------------------------------------------------------------------------------


def test_collection_page_tells_how_far_it_is_and_why_not_further(admin_client: Client, public: Collection) -> None:
    documents_of(public, 3, state="ready")
    documents_of(public, 2, state="failed", error="It is broken.")
    documents_of(public, 1, state="needs_ocr", error="It has no text, only images.")
    documents_of(public, 1, state="processing")
    address = reverse("admin:retrieval_collection_progress", args=[public.pk])
    for page in (address, reverse("admin:retrieval_collection_change", args=[public.pk])):
        text = " ".join(admin_client.get(page).text.split())
        assert "3 of 7 documents ready" in text
        assert "<strong>2 ×</strong> It is broken.</li>" in text
        assert "<strong>1 ×</strong> It has no text, only images.</li>" in text
        assert ">1 needs ocr</a>" in text
        assert " data-unfinished" in text
    Document.objects.filter(state="processing").delete()
    assert " data-unfinished" not in admin_client.get(address).text


def test_collection_list_counts_states_in_one_query(admin_client: Client) -> None:
    for n in range(5):
        documents_of(Collection.objects.create(name=f"c{n}", slug=f"c{n}"), n, state="ready")
    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(reverse("admin:retrieval_collection_changelist"))
    assert sum('COUNT("retrieval_document"' in query["sql"] for query in queries) == 1
    assert ">4 ready</a>" in page.text


def test_deleting_a_collection_takes_few_queries_for_many_documents(
    admin_client: Client, public: Collection, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    documents = documents_of(public, 1_200, state="ready", live_generation=1)
    chunks_of(documents, 3)
    for document in documents[:3]:
        path = settings.MEDIA_ROOT / document.file.name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("x")
    address = reverse("admin:retrieval_collection_delete", args=[public.pk])
    with django_capture_on_commit_callbacks(execute=True), CaptureQueriesContext(connection) as queries:
        assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Document.objects.exists()
    assert IndexRemoval.objects.count() == 1_200
    assert len(queries) < 100
    assert not any('DELETE FROM "retrieval_chunk"' in query["sql"] for query in queries)  # the worker's, later
    clear_away(IndexRemoval.objects.all())
    assert not Chunk.objects.exists()
    assert not any(path.is_file() for path in settings.MEDIA_ROOT.rglob("*"))


def test_deleting_all_that_match_a_filter_works_beyond_a_thousand(admin_client: Client, public: Collection) -> None:
    documents_of(public, 1_100, state="failed")
    documents_of(public, 1, state="ready")
    address = f"{reverse(DOCUMENTS)}?state__exact=failed"
    first = Document.objects.filter(state="failed").values_list("pk", flat=True)[:1]
    form = {"action": "delete_selected", "select_across": "1", "_selected_action": list(first)}
    page = admin_client.post(address, form)
    assert "Documents: 1100" in page.text.replace(",", "")
    assert "and 1,000 more" in page.text
    assert page.text.count('name="_selected_action"') == 1
    changed = admin_client.post(address, {**form, "post": "yes", "counted": "1099"})
    assert (changed.status_code, Document.objects.count()) == (200, 1_101)
    assert admin_client.post(address, {**form, "post": "yes", "counted": "1100"}).status_code == 302
    assert Document.objects.get().state == "ready"


def test_reindexing_many_takes_as_many_queries_as_one(admin_client: Client, public: Collection) -> None:
    documents_of(public, 60, state="ready", live_generation=1)

    def queries(count: int) -> int:
        ids = list(Document.objects.values_list("pk", flat=True)[:count])
        with CaptureQueriesContext(connection) as captured:
            admin_client.post(reverse(DOCUMENTS), {"action": "reindex", "_selected_action": ids})
        return len(captured)

    queries(1)
    assert queries(60) == queries(1)
    assert set(Document.objects.values_list("state", flat=True)) == {"queued"}
