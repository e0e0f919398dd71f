"""The pages, as different readers get them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.test import Client

from chatsite.middleware import CONTENT_SECURITY_POLICY
from chatsite.models import Run
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document

Put = Callable[..., Document]
TEA = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"


def ask(client: Client, query: str = QUESTION, **more: Any) -> dict[str, Any]:
    body = json.dumps({"query": query} | more)
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def without_token(page: bytes) -> bytes:
    """The page without the CSRF token in its sign-out form, which is another in each response."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", page)


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_no_documents_at_all_tells_what_to_do(client: Client, admin_client: Client) -> None:
    assert "No documents" in client.get("/").content.decode()
    page = admin_client.get("/").content.decode()
    assert "/admin/retrieval/" in page


def test_reader_who_may_not_ask_is_offered_to_sign_in(
    client: Client, settings: Any, public: Collection, put: Put
) -> None:
    document = put(public, "tea.md", TEA)
    settings.ANONYMOUS_CHAT = False
    page = client.get("/").content.decode()
    assert "data-composer" not in page
    assert "/accounts/login/" in page
    assert client.get(f"/documents/{document.pk}/").status_code == 302


def test_conversation_page_shows_the_run_and_its_citation(client: Client, public: Collection, put: Put) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    answer = ask(client)
    page = client.get(f"/c/{answer['session_id']}/").content.decode()
    citation = answer["citations"][0]
    link = f"/documents/{document.pk}/?start={citation['start']}&amp;end={citation['end']}#quote"
    assert QUESTION in page
    assert f'href="{link}"' in page
    reader = client.get(link.replace("&amp;", "&"))
    assert f'<mark id="quote" data-quote="" tabindex="-1">{citation["quote"]}</mark>' in reader.content.decode()


def test_blocks_hold_exactly_the_text_of_the_document(client: Client, public: Collection, put: Put) -> None:
    text = "Ärger <b>bold</b> & 🫖 tea.\n\n  Indented  text.\n"
    document = put(public, "tea.txt", text)
    response = client.get(f"/documents/{document.pk}/?start=6&end=14")
    parts = [part.text for block in response.context["blocks"] for part in block.parts]
    assert "".join(parts) == "".join(document.chunks.values_list("text", flat=True))
    assert "<b>bold</b>" not in response.content.decode()


def test_fragment_is_the_document_without_the_page(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    fragment = client.get(f"/documents/{document.pk}/", headers={"X-Fragment": "1"}).content.decode()
    assert "<html" not in fragment
    assert 'class="document"' in fragment


@pytest.mark.parametrize(
    "query", ["?start=-5&end=x", "?start=99999999&end=999999999", "?start=50&end=10", "?start=" + "9" * 30]
)
def test_offsets_that_make_no_sense_show_the_document_all_the_same(
    client: Client, public: Collection, put: Put, query: str
) -> None:
    document = put(public, "tea.md", TEA)
    assert client.get(f"/documents/{document.pk}/{query}").status_code == 200


def test_long_document_is_shown_in_windows_that_join(client: Client, public: Collection, put: Put) -> None:
    text = "".join(f"Sentence number {n} of the long text.\n\n" for n in range(6_000))
    document = put(public, "long.txt", text)
    first = client.get(f"/documents/{document.pk}/")
    assert len(first.content) < 200_000
    assert first.context["previous_url"] is None
    second = client.get(first.context["next_url"])
    assert second.context["blocks"][0].start <= first.context["blocks"][-1].end
    marked = client.get(f"/documents/{document.pk}/?start=150000&end=150040")
    quoted = [part.text for block in marked.context["blocks"] for part in block.parts if part.quoted]
    assert quoted == [text[150_000:150_040]]


def test_case_01_conversation_of_another_reader_is_404(
    client: Client, public: Collection, reader: User, put: Put
) -> None:
    put(public, "tea.md", TEA)
    answer = ask(login(reader))
    for other in (client, login(User.objects.create_user("other"))):
        assert other.get(f"/c/{answer['session_id']}/").status_code == 404
        assert other.get(f"/runs/{answer['run_id']}/").status_code == 404
    anonymous = Client()
    anonymous.get("/")
    theirs = ask(anonymous)
    assert anonymous.get(f"/c/{theirs['session_id']}/").status_code == 200
    client.get("/")
    assert client.get(f"/c/{theirs['session_id']}/").status_code == 404


def test_what_a_reader_asked_before_signing_in_stays_theirs(
    client: Client, public: Collection, reader: User, put: Put
) -> None:
    put(public, "tea.md", TEA)
    client.get("/")
    session_id = ask(client)["session_id"]
    client.post("/accounts/login/", {"username": "reader", "password": "a-readers-password"})
    assert QUESTION in client.get(f"/c/{session_id}/").content.decode()
    assert Client().get(f"/c/{session_id}/").status_code == 404
    client.post("/accounts/logout/")
    assert client.get(f"/c/{session_id}/").status_code == 404


def test_page_that_is_only_looked_at_leaves_no_session(client: Client, db: None) -> None:
    client.get("/")
    assert Session.objects.count() == 0


def test_case_08_document_of_another_group_is_404_like_one_that_is_not_there(reader: User, put: Put) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    document = put(hidden, "board.md", TEA)
    client = login(reader)
    for address in ("/documents/{}/", "/documents/{}/original/"):
        forbidden, missing = client.get(address.format(document.pk)), client.get(address.format(10**9))
        assert forbidden.status_code == missing.status_code == 404
        assert without_token(forbidden.content) == without_token(missing.content)


def test_case_11_revoked_grant_leaves_a_tombstone(reader: User, put: Put) -> None:
    group = Group.objects.create(name="board")
    reader.groups.add(group)
    hidden = Collection.objects.create(name="Board", slug="board")
    hidden.groups.add(group)
    put(hidden, "tea.md", TEA)
    client = login(reader)
    answer = ask(client)
    assert answer["answered"] is True
    reader.groups.clear()
    assert ask(client)["sources"] == []
    page = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert "no longer available" in page
    assert "/documents/" not in page


def test_deleted_source_leaves_a_tombstone(client: Client, public: Collection, put: Put) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    answer = ask(client)
    document.delete()
    page = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert "no longer available" in page
    assert ask(client)["answered"] is False


def test_source_that_was_replaced_says_so_once_its_new_text_is_searched(
    client: Client, public: Collection, put: Put
) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    run_page = f"/runs/{ask(client)['run_id']}/"
    assert "changed" not in client.get(run_page).content.decode()
    ingest.replace_file(document, file=ContentFile(TEA.replace("four", "five").encode(), name="tea.md"))
    assert "changed" not in client.get(run_page).content.decode()  # readers still see the old text
    while ingest.ingest_next():
        pass
    assert "changed" in client.get(run_page).content.decode()


def test_case_29_original_is_only_ever_a_download(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "page.html", "<html><body><p>Tea is boiled.</p><script>alert(1)</script></body></html>")
    response = client.get(f"/documents/{document.pk}/original/")
    assert b"".join(response.streaming_content).startswith(b"<html>")
    assert response["Content-Disposition"].startswith('attachment; filename="page.html"')
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


def test_case_28_title_that_is_html_is_escaped(client: Client, public: Collection, put: Put) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    Document.objects.filter(pk=document.pk).update(title="<img src=x onerror=alert(1)>")
    answer = ask(client)
    for address in (f"/documents/{document.pk}/", f"/runs/{answer['run_id']}/"):
        assert "<img" not in client.get(address).content.decode()


def test_case_17_25_pages_are_not_stored_and_have_a_strict_policy(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    for address in ("/", "/documents/1/", "/accounts/login/", "/api/v1/health", "/nothing"):
        response = client.get(address)
        assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "unsafe" not in response["Content-Security-Policy"]
        assert "no-store" in response["Cache-Control"]
        assert response["X-Frame-Options"] == "DENY"


def test_case_22_24_wrong_host_and_foreign_next_are_refused(client: Client, reader: User) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    signed_in = client.post(
        "/accounts/login/?next=//evil.example", {"username": "reader", "password": "a-readers-password"}
    )
    assert signed_in["Location"] == "/"


@pytest.mark.parametrize("address", ["/accounts/login/", "/admin/login/"])
def test_case_23_guessing_a_password_is_stopped_for_that_name_from_that_address(
    client: Client, admin_user: User, address: str
) -> None:
    def sign_in(password: str, *, name: str = "admin", **more: Any) -> Any:
        return client.post(address, {"username": name, "password": password}, **more)

    assert [sign_in("a guess").status_code for _ in range(11)] == [200] * 9 + [429] * 2
    refused = sign_in("password")
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in refused.content.decode()
    assert sign_in("a guess", name="reader").status_code == 200
    assert sign_in("password", REMOTE_ADDR="192.0.2.7").status_code == 302


def test_case_128_lock_out_behind_a_proxy_is_of_the_address_it_names(
    client: Client, admin_user: User, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def sign_in(password: str, *, forwarded: str) -> Any:
        body = {"username": "admin", "password": password}
        return client.post("/accounts/login/", body, headers={"x-forwarded-for": forwarded})

    forged = [f"203.0.113.{number}, 198.51.100.4" for number in range(11)]
    assert [sign_in("a guess", forwarded=hops).status_code for hops in forged] == [200] * 9 + [429] * 2
    assert sign_in("password", forwarded="192.0.2.7").status_code == 302


def test_case_128_many_names_from_one_address_are_slowed(client: Client, admin_user: User) -> None:
    def sign_in(name: str, password: str, *, address: str) -> int:
        body = {"username": name, "password": password}
        return client.post("/accounts/login/", body, REMOTE_ADDR=address).status_code

    guesses = [sign_in(f"reader{number}", "a guess", address="198.51.100.4") for number in range(40)]
    assert guesses == [200] * 30 + [429] * 10
    assert sign_in("admin", "password", address="198.51.100.4") == 429
    assert sign_in("admin", "password", address="192.0.2.7") == 302


@pytest.mark.parametrize("runs", [1, 6])
def test_conversation_takes_the_same_number_of_queries_however_long(
    client: Client, public: Collection, put: Put, django_assert_max_num_queries: Any, runs: int
) -> None:
    client.get("/")
    put(public, "tea.md", TEA)
    session_id = ask(client)["session_id"]
    for _ in range(runs - 1):
        ask(client, "Who won the world cup?", session_id=session_id)
    assert Run.objects.count() == runs
    with django_assert_max_num_queries(11):
        assert client.get(f"/c/{session_id}/").status_code == 200
