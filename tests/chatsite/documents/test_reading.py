"""Reading a document: where it opens, what is marked and found, its outline, its neighbours, its pages."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import docx
import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.test import Client

from chatsite.documents import text as reader
from chatsite.documents.finding import find
from chatsite.documents.outline import outline, sections
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.pages import cache as page_cache
from retrieval.texts import document_text
from tests.retrieval.files import pdf

Put = Callable[..., Document]
TEA = "# Tea\n\nBoil the water first.\n\nWait four minutes before you pour the tea."
QUESTION = "How long do I wait before I pour the tea?"
PUMP = [["Maintenance", "The pump is oiled."], ["Filters", "The filter is changed & <b>cleaned</b>."], ["End", "Done."]]


def ask(client: Client, query: str = QUESTION) -> dict[str, Any]:
    body = json.dumps({"query": query})
    answer: dict[str, Any] = client.post("/api/v1/chat/query", body, content_type="application/json").json()
    return answer


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def quoted(page: str) -> list[str]:
    return re.findall(r"<mark[^>]* id=\"quote\"[^>]*>(.*?)</mark>", page, flags=re.DOTALL)


def citation_url(answer: dict[str, Any]) -> str:
    citation = answer["citations"][0]
    url: str = answer["sources"][citation["source"]]["url"]
    return f"{url.partition('?')[0]}?start={citation['start']}&end={citation['end']}"


# ---- sections --------------------------------------------------------------------------------------------------------
LONG = "The words of this part go on for a while, and say nothing that anybody asked about. " * 12
GUIDE = f"""# Guide

## Setup

### Windows

{LONG} Click the blue button.

### Linux

Type the short command.

## Use

{LONG} Open the green window.
"""


@pytest.mark.parametrize(
    ("words", "section"),
    [
        ("The words of", "Setup > Windows"),
        ("Click the blue", "Setup > Windows"),
        ("Type the short", "Linux"),  # in a chunk that begins amid Windows: what is above it, nobody has kept
        ("Open the green", "Use"),
    ],
)
def test_section_is_the_path_of_headings_above(public: Collection, put: Put, words: str, section: str) -> None:
    document = put(public, "Guide.md", GUIDE)
    assert document.chunk_count > 2
    at = document_text(document).index(words)
    assert sections([(document, at)]) == {(document.pk, at): section}


def test_short_sections_that_share_a_chunk_are_told_apart(public: Collection, put: Put) -> None:
    document = put(
        public,
        "Notes.md",
        "# A\n\nBefore.\n\n## One\n\nFirst.\n\n### Two\n\nSecond.\n\n```\n## no heading\n```\n\nThird.",
    )
    assert document.chunk_count == 1
    text = document_text(document)
    places = [(document, text.index(word)) for word in ("Before", "First", "Second", "Third")]
    assert list(sections(places).values()) == ["", "One", "One > Two", "One > Two"]  # A is the title


def test_heading_that_holds_the_sign_of_a_path_is_one_heading(public: Collection, put: Put) -> None:
    page = f"<h1>Manual</h1><h2>File &gt; Export</h2><p>{LONG}</p><h3>As a table</h3><p>{LONG}</p>"
    document = put(public, "Export.html", f"<title>Other</title>{page}")
    assert [(entry.level, entry.title) for entry in outline(document)] == [
        (1, "Manual"),
        (2, "File > Export"),
        (3, "As a table"),
    ]
    chunk = document.chunks.order_by("position").last()
    assert chunk is not None
    assert chunk.headings == ["Manual", "File > Export", "As a table"]
    assert sections([(document, chunk.start)]) == {(document.pk, chunk.start): "Manual > File > Export > As a table"}


def test_suggested_question_is_about_the_whole_heading(client: Client, public: Collection, put: Put) -> None:
    put(public, "Manual.md", "## File > Export\n\nChoose a name.", title="Manual")
    assert client.get("/").context["starters"] == ["File > Export"]


def test_sections_of_many_places_are_looked_up_together(
    public: Collection, put: Put, django_assert_num_queries: Any
) -> None:
    document = put(public, "Guide.md", GUIDE)
    with django_assert_num_queries(3):
        found = sections((document, at) for at in range(250))
    assert len(found) == 250
    assert sections([(document, document.characters)]) == {(document.pk, document.characters): ""}


def test_citation_of_a_document_without_pages_names_its_section(client: Client, public: Collection, put: Put) -> None:
    put(public, "Guide.md", GUIDE)
    put(public, "Pump.pdf", pdf(PUMP))
    answer = ask(client, "Which command do I type?")
    page = client.get(f"/runs/{answer['run_id']}/").content.decode()
    assert '<span class="muted section">Linux</span>' in page
    assert "Guide, Linux: “Type the short command.”" in page  # as it is copied
    exported = client.get(f"/c/{answer['session_id']}/conversation.json").json()
    assert exported["runs"][0]["citations"][0]["section"] == "Linux"
    opened = client.get(citation_url(answer)).content.decode()
    assert "data-section>Linux</p>" in opened
    assert "data-section" not in client.get(citation_url(answer).partition("?")[0]).content.decode()
    pump = ask(client, "What is changed and cleaned?")
    page = client.get(f"/runs/{pump['run_id']}/").content.decode()
    assert re.search(r'data-source-title>Pump <span class="muted">page 2</span>', page)


# ---- finding ---------------------------------------------------------------------------------------------------------
def test_words_are_found_over_the_borders_of_chunks_in_any_case(public: Collection, put: Put) -> None:
    text = "".join(f"Sentence {n} tells of the blue  Valve\nhere.\n\n" for n in range(400))
    document = put(public, "valves.txt", text)
    assert document.chunk_count > 10
    found = find(document, "BLUE valve here")
    wanted = [match.span() for match in re.finditer(r"blue  Valve\nhere", text)]
    assert list(found.places) == wanted
    border = document.chunks.get(position=3).start
    across = text[border - 9 : border + 12]
    start = border - 9 + len(across) - len(across.lstrip())
    assert (start, start + len(across.strip())) in find(document, across).places


def test_words_are_words_and_no_pattern(public: Collection, put: Put) -> None:
    document = put(public, "a.txt", "The cost is (5.00) or more. It costs 5x00.")
    assert [*find(document, "(5.00)").places] == [(12, 18)]
    assert find(document, ".*").places == ()
    assert find(document, "  ").places == ()


def test_more_places_than_are_counted_are_told(public: Collection, put: Put) -> None:
    document = put(public, "a.txt", "la " * 3_000)
    found = find(document, "la")
    assert (len(found.places), found.more) == (1_000, True)


def test_find_opens_the_place_and_goes_round(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "a.txt", "A pump. A valve. Another PUMP. The last pump.")
    page = client.get(f"/documents/{document.pk}/?find=pump&hit=3")
    assert quoted(page.content.decode()) == ["pump"]
    assert page.context["found"] | {"previous_url": "", "next_url": ""} == {
        "count": 3, "more": False, "number": 3, "previous_url": "", "next_url": "",
    }  # fmt: skip
    assert page.content.decode().count('<mark class="found">') == 2
    following = client.get(page.context["found"]["next_url"])
    assert following.context["found"]["number"] == 1
    assert client.get(f"/documents/{document.pk}/?find=pump&start=20").context["found"]["number"] == 2
    assert "does not stand" in client.get(f"/documents/{document.pk}/?find=boiler").content.decode()


def test_case_28_words_to_find_that_are_html_are_escaped(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "a.txt", "A pump <img src=x> here.")
    for words in ("<img src=x>", '"><img src=y onerror=alert(1)>'):
        assert b"<img" not in client.get(f"/documents/{document.pk}/", {"find": words}).content


# ---- outline and neighbours ------------------------------------------------------------------------------------------
def test_outline_of_markdown_has_each_heading_outside_code(public: Collection, put: Put) -> None:
    text = "# One\n\nText.\n\n```\n# code\n```\n\n## Two ##\nShort.\n\n### Three\n\nEnd."
    document = put(public, "a.md", text)
    assert [(e.level, e.title, text[e.start : e.end]) for e in outline(document)] == [
        (1, "One", "# One"), (2, "Two", "## Two ##"), (3, "Three", "### Three"),
    ]  # fmt: skip


def test_outline_of_word_finds_the_headings_in_the_text(public: Collection, put: Put) -> None:
    word = docx.Document()
    for title in ("Heating", "Cooling", "Cooling"):
        word.add_heading(title, level=1)
        word.add_paragraph(f"{title} is explained at length here. " * 40)
    word.save(buffer := io.BytesIO())
    document = put(public, "a.docx", buffer.getvalue())
    text = document_text(document)
    entries = outline(document)
    assert [(entry.title, text[entry.start : entry.end]) for entry in entries][:2] == [
        ("Heating", "Heating"), ("Cooling", "Cooling"),
    ]  # fmt: skip
    assert entries[1].start == text.index("\n\nCooling\n\n") + 2


def test_headings_are_blocks_of_the_exact_text(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    page = client.get(f"/documents/{document.pk}/?start=30&view=source")
    blocks = page.context["blocks"]
    assert "".join(part.text for block in blocks for part in block.parts) == TEA
    assert next((block.level, "".join(part.text for part in block.parts)) for block in blocks) == (1, "# Tea\n\n")
    assert 'role="heading" aria-level="2"' in page.content.decode()
    assert [TEA[block.start :][:4] for block in blocks if block.place] == ["Wait"]


@pytest.mark.parametrize("marked", [(0, 0), (0, 5), (3, 60), (5, 9), (7, 7)])
def test_blocks_and_parts_join_to_the_text_whatever_is_marked(
    public: Collection, put: Put, marked: tuple[int, int]
) -> None:
    document = put(public, "tea.md", TEA)
    marks = reader.Marks(*marked, found=[(0, 3), (2 + 5, 12), (12, 20)])
    blocks = reader.document_window(document, marks=marks, headings=outline(document)).blocks
    assert "".join(part.text for block in blocks for part in block.parts) == TEA
    assert "".join(part.text for b in blocks for part in b.parts if part.quoted) == TEA[slice(*marked)]
    assert sum(part.first for block in blocks for part in block.parts) == (marked[1] > marked[0])


def test_neighbours_are_the_readable_ones_of_the_collection_by_title(
    client: Client, public: Collection, put: Put
) -> None:
    other = Collection.objects.create(name="Other", slug="other", public=True)
    first, middle, last = (put(public, f"{name}.txt", f"Of {name}.") for name in ("a", "b", "d"))
    put(other, "c.txt", "Of c.")
    page = client.get(f"/documents/{middle.pk}/").context["neighbours"]
    assert page == {"previous": first, "next": last}
    assert client.get(f"/documents/{first.pk}/").context["neighbours"]["previous"] is None


# ---- quotes of an answer ---------------------------------------------------------------------------------------------
def test_quote_of_a_changed_document_is_found_in_the_new_text(client: Client, public: Collection, put: Put) -> None:
    client.get("/")
    document = put(public, "tea.md", TEA)
    answer = ask(client)
    url, quote = citation_url(answer), answer["citations"][0]["quote"]
    for text, found in ((f"An introduction.\n\n{TEA}", True), ("# Tea\n\nWe have coffee now.", False)):
        ingest.replace_file(document, file=ContentFile(text.encode(), name="tea.md"))
        while ingest.ingest_next():
            pass
        page = client.get(url)
        assert page.context["change"].found is found
        assert quoted(page.content.decode()) == ([quote] if found else [])
        assert "has changed since the answer" in page.content.decode()
        assert quote in page.content.decode()


def test_case_01_quotes_of_another_readers_answer_are_not_told(
    client: Client, public: Collection, reader: User, put: Put
) -> None:
    document = put(public, "tea.md", TEA)
    answer = ask(signed_in(reader))
    program = ask(Client())  # began without a browser: it belongs to whoever knows its id
    ingest.replace_file(
        document, file=ContentFile(b"Other text altogether, longer than what was there. " * 3, name="a.md")
    )
    while ingest.ingest_next():
        pass
    client.get("/")
    url, quote = citation_url(answer), answer["citations"][0]["quote"]
    for address in (url, f"{url}&run={answer['run_id']}", f"{url}&run=x"):
        page = client.get(address)
        assert page.status_code == 200
        assert page.context["quotes"] is None
        assert quote not in page.content.decode()
    assert quote in client.get(f"{url}&run={program['run_id']}").content.decode()


# ---- pages -----------------------------------------------------------------------------------------------------------
def test_pdf_is_shown_as_pages_with_its_exact_text(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    text = document_text(document)
    start = text.index("The filter")
    page = client.get(f"/documents/{document.pk}/?start={start}&end={start + 10}").content.decode()
    layers = re.findall(r'<svg class="block"[^>]*data-start="(\d+)"[^>]*>(.*?)</svg>', page, flags=re.DOTALL)
    for at, layer in layers:
        said = re.sub(r"</?text[^>]*>", "", layer).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert text[int(at) :].startswith(said)
    assert len(layers) == 3
    assert quoted(page) == ["The filter"]
    assert page.count("<rect ") == 1
    assert "style=" not in page


def test_view_is_remembered_and_a_phone_begins_with_text(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    url = f"/documents/{document.pk}/"
    phone = {"User-Agent": "Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36".replace("Mobile", "Mobi")}
    assert b"page-picture" in client.get(url).content
    assert b"page-picture" not in client.get(url, headers=phone).content
    assert b"page-picture" not in client.get(f"{url}?view=text").content
    assert b"page-picture" not in client.get(url).content
    assert b"page-picture" in client.get(f"{url}?view=pages", headers=phone).content
    assert b"page-picture" in client.get(url, headers=phone).content


def test_text_is_shown_where_pages_can_not_be_drawn(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    with document.file.open("wb") as file:
        file.write(b"%PDF-1.4 broken")
    page = client.get(f"/documents/{document.pk}/")
    assert "can't be shown right now" in page.content.decode()
    assert "The pump is oiled." in page.content.decode()
    response = client.get(f"/documents/{document.pk}/pages/1")
    assert (response.status_code, response["Retry-After"]) == (503, "3600")


def test_case_17_picture_of_a_page_is_private_and_asked_for_each_time(
    client: Client, public: Collection, put: Put
) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    response = client.get(f"/documents/{document.pk}/pages/2?width=1600")
    assert response.content[8:12] == b"WEBP"
    assert response["Content-Type"] == "image/webp"
    assert response["Cache-Control"] == "private, no-cache"
    assert response["X-Content-Type-Options"] == "nosniff"
    again = client.get(f"/documents/{document.pk}/pages/2?width=1600", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for wrong in ("/pages/0", "/pages/4", "/pages/2?width=100000", "/pages/999999999999999999999"):
        assert client.get(f"/documents/{document.pk}{wrong}").status_code == 404
    text = put(public, "tea.md", TEA)
    assert client.get(f"/documents/{text.pk}/pages/1").status_code == 404


def test_case_08_11_pages_of_what_one_may_not_read_are_not_there(reader: User, put: Put) -> None:
    group = Group.objects.create(name="board")
    reader.groups.add(group)
    hidden = Collection.objects.create(name="Board", slug="board")
    hidden.groups.add(group)
    document = put(hidden, "pump.pdf", pdf(PUMP))
    client, url = signed_in(reader), f"/documents/{document.pk}/pages/1"
    allowed = client.get(url)
    assert allowed.status_code == 200
    reader.groups.clear()
    for address in (url, f"/documents/{document.pk}/?find=pump", f"/documents/{document.pk}/?page=2"):
        forbidden = client.get(address, headers={"If-None-Match": allowed["ETag"]})
        missing = client.get(address.replace(f"/{document.pk}/", "/99999999/"))
        assert forbidden.status_code == missing.status_code == 404
        token = rb'name="csrfmiddlewaretoken" value="\w+"'
        assert re.sub(token, b"", forbidden.content) == re.sub(token, b"", missing.content)
    assert Client().get(url).status_code == 302


def test_case_15_routes_to_documents_are_closed_where_nobody_may_ask_unknown(
    client: Client, settings: Any, public: Collection, put: Put
) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    settings.ANONYMOUS_CHAT = False
    for address in ("/documents/", f"/documents/{document.pk}/", f"/documents/{document.pk}/pages/1"):
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=/documents/")


def test_pages_of_a_deleted_document_are_deleted(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "pump.pdf", pdf(PUMP))
    url = f"/documents/{document.pk}/pages/1"
    client.get(url)
    assert page_cache.read(document.live_hash, "1-800.webp")
    document.delete()
    assert client.get(url).status_code == 302
    ingest.drain_removals()
    assert page_cache.read(document.live_hash, "1-800.webp") is None


def test_reader_takes_few_queries_for_a_long_document(
    client: Client, public: Collection, put: Put, django_assert_max_num_queries: Any
) -> None:
    document = put(public, "long.md", "".join(f"## Part {n}\n\nIt tells of {n}.\n\n" for n in range(600)))
    with django_assert_max_num_queries(10):
        assert client.get(f"/documents/{document.pk}/?find=tells&start=3000").status_code == 200
