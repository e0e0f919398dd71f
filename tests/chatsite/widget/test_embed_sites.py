"""Pages of other origins: what their public token opens, and that it opens nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, EmbedQuestion, EmbedSite
from chatsite.models.embed_sites import validate_origins
from retrieval.models import Collection, Document

Put = Callable[..., Document]
TEA = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"
ORIGIN = "https://www.example.org"
FOREIGN = "https://evil.example"


@pytest.fixture
def site(public: Collection) -> EmbedSite:
    made = EmbedSite.objects.create(
        name="Partner", origins=f"{ORIGIN}\nhttps://example.org:8443", visitor_per_minute=50
    )
    made.collections.add(public)
    return made


@pytest.fixture(autouse=True)
def _closed(settings: Any) -> None:
    settings.ANONYMOUS_CHAT = False


def ask(
    site: EmbedSite, client: Client | None = None, *, origin: str = ORIGIN, address: str = "192.0.2.1", **body: Any
) -> Any:
    return (client or Client()).post(
        "/api/v1/chat/query",
        json.dumps({"query": QUESTION} | body),
        content_type="application/json",
        headers={"authorization": f"Bearer {site.token}", "origin": origin},
        REMOTE_ADDR=address,
    )


def test_frame_is_shown_by_its_origins_alone_and_knows_no_cookie(site: EmbedSite, put: Put) -> None:
    response = Client().get(f"/embed/{site.token}/?origin={ORIGIN}")
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == f"{ORIGIN} https://example.org:8443"
    assert policy["script-src"] == "'self'"
    assert "X-Frame-Options" not in response
    assert "no-store" in response["Cache-Control"]
    assert response.cookies == {}
    assert "csrfmiddlewaretoken" not in response.content.decode()
    assert f'data-parent-origin="{ORIGIN}"' in response.content.decode()


def test_frame_talks_to_no_page_that_is_not_allowed(site: EmbedSite) -> None:
    page = Client().get(f"/embed/{site.token}/?origin={FOREIGN}").content.decode()
    assert 'data-parent-origin=""' in page
    assert FOREIGN not in page.replace(f"origin={FOREIGN.replace('https://', 'https%3A//')}", "")


def test_frame_of_the_project_is_framed_by_itself(client: Client, public: Collection) -> None:
    response = client.get("/embed/?title=Ask&accent=%237a1f3d")
    assert "frame-ancestors 'self'" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response
    assert 'data-accent="#7a1f3d"' in response.content.decode()
    assert "frame-ancestors 'none'" in client.get("/")["Content-Security-Policy"]


@pytest.mark.parametrize("accent", ["red", "#12345", "#123456;color:red", '"><script>'])
def test_accent_that_is_no_colour_is_left_out(client: Client, public: Collection, accent: str) -> None:
    page = client.get("/embed/", {"accent": accent}).content.decode()
    assert "data-accent=" not in page
    assert "<script>" not in page


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_comes_back_to_no_other_origin(client: Client, public: Collection, page: str) -> None:
    assert 'data-host-page="/"' in client.get("/embed/", {"page": page}).content.decode()


def test_withdrawn_token_is_like_one_that_never_was(site: EmbedSite, put: Put) -> None:
    EmbedSite.objects.update(active=False)
    missing, withdrawn = Client().get("/embed/pub_missing/"), Client().get(f"/embed/{site.token}/")
    assert missing.status_code == withdrawn.status_code == 404
    assert missing.content.replace(b"pub_missing", b"") == withdrawn.content.replace(site.token.encode(), b"")
    refused = ask(site)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_api_key")
    assert not refused.has_header("Access-Control-Allow-Origin")


def test_token_asks_its_collections_and_no_others(site: EmbedSite, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    other = Collection.objects.create(name="Other", slug="other", public=True)
    put(other, "secret.md", "The word of the day is xylophone.")
    assert ask(site).json()["answered"] is True
    assert ask(site, query="What is the word of the day?").json()["answered"] is False
    beyond = ask(site, collections=["other"])
    missing = ask(site, collections=["nowhere"])
    assert beyond.status_code == missing.status_code == 404
    assert beyond.json()["message"] == missing.json()["message"].replace("nowhere", "other")


def test_token_searches_what_is_not_public_only_as_its_reader_may(site: EmbedSite, put: Put, reader: User) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    put(hidden, "tea.md", TEA)
    site.collections.set([hidden])
    assert ask(site).json()["answered"] is False
    hidden.owner = reader
    hidden.save()
    EmbedSite.objects.update(reader=reader)
    assert ask(site).json()["answered"] is True
    assert Conversation.objects.filter(user=reader).count() == 0
    reader.is_active = False
    reader.save()
    assert ask(site).status_code == 401


def test_case_20_only_a_configured_origin_may_read_the_answer(site: EmbedSite, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    allowed, foreign = ask(site), ask(site, origin=FOREIGN)
    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in allowed
    assert foreign.status_code == 403
    assert not foreign.has_header("Access-Control-Allow-Origin")
    assert ask(site, origin="http://testserver").status_code == 200  # its own frame


def test_case_20_preflight_names_a_configured_origin_and_no_other(site: EmbedSite) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = Client().options("/api/v1/chat/query", headers=preflight | {"origin": ORIGIN})
    foreign = Client().options("/api/v1/chat/query", headers=preflight | {"origin": FOREIGN})
    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert not foreign.has_header("Access-Control-Allow-Origin")


def test_session_gets_no_cross_origin_answer(client: Client, site: EmbedSite, reader: User) -> None:
    client.force_login(reader)
    answer = client.post(
        "/api/v1/chat/query", json.dumps({"query": "Tea?"}), content_type="application/json", headers={"origin": ORIGIN}
    )
    assert not answer.has_header("Access-Control-Allow-Origin")


def test_conversation_is_its_sites_and_nobody_elses(
    site: EmbedSite, public: Collection, put: Put, settings: Any, reader: User
) -> None:
    settings.ANONYMOUS_CHAT = True
    put(public, "tea.md", TEA)
    asked = ask(site).json()
    assert ask(site, session_id=asked["session_id"]).status_code == 200
    other = EmbedSite.objects.create(name="Other", origins=ORIGIN)
    other.collections.add(public)
    assert ask(other, session_id=asked["session_id"]).status_code == 404
    anonymous, member = Client(), Client()
    member.force_login(reader)
    for client in (anonymous, member):
        assert client.get(f"/c/{asked['session_id']}/").status_code == 404
        assert client.get(f"/runs/{asked['run_id']}/").status_code == 404
    assert anonymous.get(f"/embed/{other.token}/runs/{asked['run_id']}/").status_code == 404
    assert anonymous.get(f"/embed/{site.token}/runs/{asked['run_id']}/").status_code == 200
    assert QUESTION not in anonymous.get(f"/embed/{other.token}/?conversation={asked['session_id']}").content.decode()
    assert QUESTION in anonymous.get(f"/embed/{site.token}/?conversation={asked['session_id']}").content.decode()
    readers = ask_as(member)
    assert ask(site, session_id=readers["session_id"]).status_code == 404


def ask_as(client: Client) -> dict[str, Any]:
    body = json.dumps({"query": QUESTION})
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def test_token_opens_nothing_but_asking(site: EmbedSite, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    headers = {"authorization": f"Bearer {site.token}"}
    for address in ("/", f"/documents/{document.pk}/", f"/documents/{document.pk}/original/", "/admin/"):
        response = Client().get(address, headers=headers)
        assert "Boil the water" not in (response.content.decode() if response.status_code == 200 else "")
        assert response.status_code in {200, 302}
    place = {"document_id": document.pk, "start": 0, "end": 20}
    for field, value in (("selection", place), ("selections", [place])):
        refused = ask(site, **{field: value})
        assert refused.status_code == 400
        assert refused.json()["message"].startswith(f"{field}: ")
    assert ask(site, selections=[{"text": "Tea waits four minutes."}]).status_code == 200


def test_citation_opens_the_passage_and_nothing_around_it(site: EmbedSite, public: Collection, put: Put) -> None:
    filler = "".join(f"Line {n} of the long part, which nobody asked about.\n\n" for n in range(400))
    document = put(public, "tea.md", f"{TEA}\n\n{filler}The last word is secret.")
    asked = ask(site).json()
    source = asked["sources"][asked["citations"][0]["source"]]
    assert source["url"].startswith(f"/embed/{site.token}/passages/")
    page = Client().get(f"/embed/{site.token}/runs/{asked['run_id']}/").content.decode()
    assert "/documents/" not in page
    link = re.search(r'href="(/embed/[^"]+)#quote" data-citation', page)
    assert link
    for address in (source["url"], link[1].replace("&amp;", "&")):
        opened = Client().get(address)
        assert asked["citations"][0]["quote"] in opened.content.decode()
        assert "The last word is secret" not in opened.content.decode()
        assert "Download" not in opened.content.decode()
        assert opened.cookies == {}
    assert f'data-quote tabindex="-1">{asked["citations"][0]["quote"]}</mark>' in opened.content.decode()
    assert Client().get(source["url"].replace("/passages/", "/passages/x")).status_code == 404
    other = EmbedSite.objects.create(name="Other", origins=ORIGIN)
    other.collections.add(public)
    assert Client().get(source["url"].replace(site.token, other.token)).status_code == 404
    site.collections.clear()
    assert Client().get(source["url"]).status_code == 404
    assert document.pk


def test_token_is_suggested_no_heading_that_its_passages_do_not_show(
    site: EmbedSite, public: Collection, put: Put, settings: Any
) -> None:
    filler = "The leaves come from many gardens, and each has a taste of its own. " * 12
    sections = (
        f"\n\n## {heading}\n\n{filler}" for heading in ("Washing cups", "Making secret plans", "Making far plans")
    )
    put(public, "tea.md", TEA + "".join(sections))
    settings.ANONYMOUS_CHAT = True
    asked, of_page = ask(site).json(), ask_as(Client())
    assert "How do I make secret plans?" in Client().get(f"/runs/{of_page['run_id']}/").content.decode()
    for address in (f"runs/{asked['run_id']}/", f"?conversation={asked['session_id']}"):
        page = Client().get(f"/embed/{site.token}/{address}").content.decode()
        assert "How do I wash cups?" in page
        assert "far plans" not in page
        for thing in re.findall(r"data-suggestion>How do I \w+ ([^<]+)\?<", page):
            assert thing in opened_passages(page)


def opened_passages(page: str) -> str:
    links = re.findall(r'href="(/embed/[^"#]+)#quote" data-citation', page)
    return "".join(Client().get(link.replace("&amp;", "&")).content.decode() for link in links)


def test_one_address_may_ask_so_often_in_a_minute(site: EmbedSite) -> None:
    EmbedSite.objects.update(visitor_per_minute=2)
    assert [ask(site).status_code for _ in range(2)] == [200, 200]
    refused = ask(site)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_requests")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert f"{refused['Retry-After']} seconds" in refused.json()["message"]
    assert refused["Access-Control-Allow-Origin"] == ORIGIN  # so that the page can say it
    assert ask(site, address="192.0.2.2").status_code == 200
    assert Conversation.objects.count() == 3
    EmbedQuestion.objects.update(asked_at=timezone.now() - timezone.timedelta(seconds=61))
    assert ask(site).status_code == 200


@pytest.mark.parametrize(("limit", "longest"), [("per_minute", 60), ("per_day", 86_400)])
def test_all_addresses_together_may_ask_so_often(site: EmbedSite, limit: str, longest: int) -> None:
    EmbedSite.objects.update(**{limit: 2})
    assert [ask(site, address=f"192.0.2.{n}").status_code for n in range(3)] == [200, 200, 429]
    assert longest - 60 <= int(ask(site)["Retry-After"]) <= longest


def test_addresses_are_not_kept(site: EmbedSite) -> None:
    ask(site, address="192.0.2.77")
    (kept,) = EmbedQuestion.objects.values_list("address", flat=True)
    assert "192" not in kept[:4]
    assert len(kept) == 64
    EmbedQuestion.objects.update(asked_at=timezone.now() - timezone.timedelta(days=2))
    ask(site)
    assert EmbedQuestion.objects.count() == 1


@pytest.mark.parametrize(
    "origins",
    ["example.org", "https://", "https://a.example/path", "https://*.example", "ftp://a.example", "https://a;b"],
)
def test_origins_that_are_none_are_named(origins: str) -> None:
    with pytest.raises(ValidationError):
        validate_origins(f"https://good.example {origins}")


def test_script_has_an_address_of_its_own_and_may_be_loaded_anywhere(client: Client) -> None:
    response = client.get("/embed.js")
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response["Cache-Control"] == "public, max-age=3600"
    assert b"attachShadow" in response.content


def test_staff_read_the_line_to_paste(admin_client: Client, site: EmbedSite) -> None:
    page = admin_client.get(f"/admin/chatsite/embedsite/{site.pk}/change/").content.decode()
    assert f'&lt;script src="http://testserver/embed.js" data-token="{site.token}" async&gt;' in page
