"""What the README and docs show is true: commands, variables, API fields, links."""

from __future__ import annotations

import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.template import Context, Template

from benchmarks.matrix import HOSTS
from chatsite import conf, server
from chatsite.api.serializers import AnswerSerializer, CitationSerializer, QuestionSerializer, SourceSerializer
from chatsite.asking import documents
from chatsite.errors import of_code
from chatsite.models import Feedback
from chatsite.widget.views import widget_options
from retrieval.admin.forms import ADDRESSES_AT_ONCE
from retrieval.configuration import RetrievalSettings
from retrieval.embedding import cross_encoder, remote
from retrieval.evaluation import report
from retrieval.evaluation.variants import FAMILIES
from retrieval.index import PREFETCH, edge, words
from retrieval.index import server as index_server
from retrieval.ingestion import batch, moving, queue, read_ahead
from retrieval.management.commands import worker
from retrieval.models import Collection, Document
from retrieval.pages import cache
from retrieval.parsing import parsers, process
from retrieval.parsing.formats import FORMATS, extracted
from retrieval.parsing.formats import archive as parts
from retrieval.parsing.formats.plain import grids, structured, tables
from retrieval.parsing.recognition import ocrmypdf, pictures
from retrieval.searching import confidence, leisure, rerank
from retrieval.sources import archive, web
from tests.servers import environment, manage, site, variables

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MB = 1024**2


def read(name: str) -> str:
    return (ROOT / name).read_text()


def table(text: str, heading: str) -> list[str]:
    """Return the first cells of the table whose header row starts with `heading`."""
    rows = itertools.takewhile(lambda row: row.startswith("|"), text.partition(f"| {heading} |")[2].splitlines()[1:])
    return [row.split("|")[1].strip().strip("`") for row in rows][1:]


def test_configuration_lists_every_variable_that_is_read_and_no_other() -> None:
    read_variables = variables()
    assert sorted(table(read("docs/configuration.md"), "variable")) == sorted(read_variables)


def test_configuration_lists_every_key_without_a_variable_with_its_default() -> None:
    text = read("docs/configuration.md").partition("| key | default |")[2].split("\n\n")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)`", text, flags=re.MULTILINE))
    folders = {name: getattr(settings, name).name for name in ("INDEX_DIR", "MODEL_DIR", "PAGES_DIR")}
    limits = {name: f"{getattr(conf, name):,.0f}" for name in conf.known if name not in variables()}
    assert documented == folders | limits


def test_configuration_states_the_defaults() -> None:
    text = read("docs/configuration.md")
    documented = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)`", text, flags=re.MULTILINE))
    source = read("chatsite/settings.py")
    app = read("chatsite/conf.py")
    assert documented["PORT"] == re.search(r'env\.int\("PORT", (\d+)', source)[1]  # type: ignore[index]
    assert documented["CHAT_MODEL"] == re.search(r'_env\.str, "CHAT_MODEL", "(.*?)"', app)[1]  # type: ignore[index]
    for name in ("DEBUG", "HTTPS", "ANONYMOUS_CHAT"):
        assert documented[name] == "off"
        assert f'env.bool("{name}", False)' in source or f'_env.bool, "{name}", False)' in app


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), flags=re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:^|`|[A-Z] )make ([\w-]+)", page.read_text(), flags=re.MULTILINE)) <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        assert (page.parent / target).exists(), target
        assert not anchor or anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def anchors(page: Path) -> list[str]:
    """Return what links to the headings of a page end in."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_start_page_leads_to_every_other() -> None:
    linked = re.findall(r"^- \[.*?\]\((.*?)\):", read("docs/index.md"), flags=re.MULTILINE)
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md"]
    assert sorted(linked) == sorted([*pages, "decisions/"])


@pytest.mark.parametrize("decision", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.name)
def test_decision_takes_half_a_page(decision: Path) -> None:
    assert len(decision.read_text().split()) <= 400


def test_readme_draws_the_map_of_what_is_there() -> None:
    rooms = [name for row in table(read("README.md"), "where") for name in re.findall(r"[\w./]+", row)]
    assert [name for name in rooms if not (ROOT / name).exists()] == []
    retrieval = read("README.md").partition("| `retrieval/` |")[2].partition("\n")[0]
    folders = {path.parent.name for path in (ROOT / "retrieval").glob("*/__init__.py")}
    assert folders - set(re.findall(r"`(\w+)/`", retrieval)) <= {"management", "migrations", "templatetags"}


def test_api_page_lists_every_field_of_a_question() -> None:
    assert table(read("docs/api.md"), "field") == list(QuestionSerializer().fields)


def test_api_page_shows_an_answer_of_the_real_shape() -> None:
    example = re.search(r"```json\n(\{\n  \"answer\".*?)```", read("docs/api.md"), flags=re.DOTALL)
    assert example
    answer = json.loads(example[1])
    assert set(answer) == set(AnswerSerializer().fields)
    assert set(answer["sources"][0]) == set(SourceSerializer().fields)
    assert set(answer["citations"][0]) == set(CitationSerializer().fields)


def test_documents_page_shows_every_option_of_sync() -> None:
    options = re.findall(r'"(--[\w-]+)"', read("retrieval/management/commands/sync.py"))
    page = read("docs/documents.md").partition("## Folders")[2].partition("\n## ")[0]
    assert sorted(set(re.findall(r"`(--[\w-]+)", page)) | {"--collection"}) == sorted(options)


def test_retrieval_page_shows_every_option_of_evaluate_every_variant_and_figure() -> None:
    page = read("docs/retrieval.md").partition("## Measuring it")[2].partition("\n## ")[0]
    options = re.findall(r'"(--[\w-]+)"', read("chatsite/management/commands/evaluate.py"))
    assert set(re.findall(r"--[a-z-]+[a-z]", page)) | {"--here"} == set(options)
    variants = page.partition("### Harder questions")[2]
    assert [family for family in FAMILIES if f"`{family}`" not in variants] == []
    assert set(report.OF_SEARCHES) <= set(table(page, "figure"))
    assert [figure for figure in report.OF_QUOTES if f"`{figure}`" not in variants] == []


def test_documents_page_lists_every_ending_that_can_be_uploaded() -> None:
    formats = read("docs/documents.md").partition("## Formats")[2].partition("\n\n**Tables.**")[0]
    rows = [row.split("|")[2] for row in formats.splitlines() if row.startswith("| ")][1:]
    assert sorted(ending for row in rows for ending in re.findall(r"`\.(\w+)`", row)) == sorted(FORMATS)


def test_documents_page_lists_every_state() -> None:
    states = read("docs/documents.md").partition("## States")[2].partition("\n## ")[0]
    assert re.findall(r"^- \*\*(.+)\*\*", states, flags=re.MULTILINE) == [str(s.label) for s in Document.State]


def test_api_page_lists_the_reasons_of_feedback() -> None:
    listed = re.search(r"; `reason` is (.*?), and can", read("docs/api.md"))
    assert listed
    assert re.findall(r"`(\w+)`", listed[1]) == list(Feedback.Reason)


def test_api_page_states_the_status_of_each_error_of_a_run() -> None:
    rows = re.findall(r"^\| (50[234]) \| (`.*?`) \|", read("docs/api.md"), flags=re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"\w+", codes)} | {"busy": 0}
    del told["busy"]  # that is a question's, before there is a run
    assert {code: of_code(code).status for code in told} == told


def test_hosts_page_has_every_host_of_the_matrix() -> None:
    assert table(read("docs/hosts.md"), "host") == list(HOSTS)


def stated() -> dict[str, list[str]]:
    """Return, for each page, its sentences that hold numbers of ours, as the code has them."""
    characters, upload = f"{settings.SELECTION_MAX_CHARACTERS:,}", f"{settings.UPLOAD_MAX_BYTES // MB} MB"
    question, languages, top_k = (QuestionSerializer().fields[name] for name in ("query", "languages", "top_k"))
    unpacked, reading = archive.ArchiveLimits(), process.ParsingLimits()
    retry, lease = f"every {queue.RETRY_AFTER.seconds} seconds", RetrievalSettings.lease_seconds
    wait = f"{settings.ATTACHMENTS_WAIT_SECONDS:.0f} seconds at the longest"
    return {
        "asking.md": [
            f"Up to {settings.SELECTIONS_MAX} selections may have {characters} characters together",
            f"a question {settings.QUERY_MAX_CHARACTERS:,}",
            f"up to {upload} a file and {settings.ATTACHMENTS} files a conversation",
            f"waits for it, {wait}",
        ],
        "documents.md": [
            f"{unpacked.members:,} members and {unpacked.total_bytes // MB} MB unpacked",
            f"up to {settings.PASTE_MAX_CHARACTERS:,} characters",
            f"up to {ADDRESSES_AT_ONCE} pages",
            f"{settings.FETCH_MAX_SECONDS:.0f} seconds at the longest",
            "on ports {} and {} are".format(*sorted(web.PORTS)),
            f"at most {web.REDIRECTS} redirects",
            f"A file may have up to {upload}",
            f"the files of one form may have {upload} together",
            f"more than {tables.LONG_TABLE} rows",
            f"before {extracted._EARLIEST.year} or in the future",
            f"{reading.seconds} seconds, and {reading.cpu_seconds} seconds of CPU time",
            f"| {reading.memory_bytes // 1024**3} GB |",
            f"| {reading.characters // 10**6} million characters |",
            f"| {grids.CELLS_LIMIT // 10**6} million |",
            f"{parts.UNPACKED_LIMIT // MB} MB unpacked, {parts._RATIO_LIMIT} times its size",
            f"{parts._ENTRY_LIMIT:,} files inside",
            f"| {structured._DEPTH_LIMIT} levels |",
            f"are installed, up to {ocrmypdf._LANGUAGES_LIMIT}",
            f"has {reading.ocr_seconds} seconds for it",
            f"up to {reading.ocr_pages:,} pages of a document",
            f"{pictures.MEGAPIXELS_LIMIT} megapixels, {pictures.PAGES_LIMIT:,} pages",
            f"After {queue.ATTEMPTS} failed attempts",
            f"at most {cache.CACHE_BYTES // MB} MB",
        ],
        "api.md": [
            f"text, at most {question.max_length:,} characters",
            f"text, at most {characters} characters",
            f"list of up to {settings.SELECTIONS_MAX} ",
            f"{characters} characters in all",
            f"{top_k.min_value} to {top_k.max_value}, default {top_k.default}",
            f"list of up to {languages.max_length} ISO 639-1",
            f"uploaded (no zip archives), up to {upload}",
            f"waits for it, {wait}",
            f"lists up to {documents.MOST} documents",
            f"it takes up to {settings.RUN_LOOK_SECONDS:.0f} seconds",
            f"the limit of {settings.QUERY_MAX_CHARACTERS:,}",
            f"larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // MB} MB",
            f"An attached file is larger than {upload}",
        ],
        "operations.md": [
            f"within {worker.STOP_SECONDS:.0f} seconds",
            f"up to {batch.DOCUMENTS_AT_ONCE} at a time ({batch.BYTES_AT_ONCE // 1024} kB of files)",
            f"Up to {read_ahead._READ_AT_ONCE} short texts",
            f"of up to {parsers._PLAIN_BYTES // 1024} kB",
            f"other short files (up to {parsers._SHORT_BYTES // 1024} kB)",
            f"after {lease / 60:.0f} minutes without a sign of life",
            f"After {queue.ATTEMPTS} tries",
            f"removed {RetrievalSettings.drop_after_seconds:.0f} seconds later",
            f"tries again {retry}",
            f"are tried {retry}",
            f"{remote._LEFT_ALONE_SECONDS / 60:.0f} minutes at most",
            f"{queue.ATTEMPTS} tries, then `Failed`",
            f"nearly full ({RetrievalSettings.least_free_bytes // MB} MB)",
        ],
        "hosts.md": [f"and {server.SPARE_THREADS} more"],
        "search-index.md": [
            f"{len(words._KNOWN)} languages are known",
            f"The best {PREFETCH} of each",
            f"more than {edge._LOOSE:,} points and {edge._LOOSE_SHARE:.0%}".replace("%", " %"),
            f"more than {edge._REMOVED:,} and {edge._REMOVED_SHARE:.0%}".replace("%", " %"),
            f"waits for {edge._LOOSE_BUSY:,} new points",
            f"for {edge._REST} times as long as it took",
            f"for {index_server._READING_PATIENCE:.0f} second while a reader waits",
            f"for {index_server._WRITING_PATIENCE:.0f} while documents are stored",
            f"{moving._SAMPLES} searches in both",
        ],
        "retrieval.md": [
            f"by vectors, {PREFETCH} of each",
            f"From {confidence.ANSWERS} on",
            f"the best {rerank.DEPTH} hits",
            f"{rerank.READER_WEIGHT} of its logit",
            f"window of {cross_encoder.WINDOW} tokens",
            f"{leisure.MILLISECONDS} milliseconds after it began",
        ],
    }


NOT_OURS = {  # numbers of standards, of examples, and of what was measured
    "asking.md": ["version 2"],
    "documents.md": ["UTF-8", "status 413", "PP-OCRv6, 27 MB of models",
                     "3 to 10 seconds of CPU time, and up to 800 MB"],
    "api.md": ["The first is source 1 of the answer", *map(str, (200, 201, 400, 401, 403, 404, 413, 415)),
               *map(str, (429, 502, 503, 504))],
    "operations.md": ["exit status is 1,"],
    "hosts.md": [],
    "search-index.md": ["BM25", "int8", "429", "5xx", "300,000 chunks", "2 KB", "250,000 chunks"],
}  # fmt: skip


@pytest.mark.parametrize("page", list(stated()))
def test_page_states_numbers_as_the_code_has_them(page: str) -> None:
    text = read(f"docs/{page}")
    for sentence in stated()[page]:
        assert sentence in text


@pytest.mark.parametrize("page", list(NOT_OURS))
def test_page_states_no_number_that_is_not_compared_with_the_code(page: str) -> None:
    text = re.sub(r"<!--.*<!--.*?-->|```.*?```|`.*?`|\]\(.*?\)|^\d\.", "", read(f"docs/{page}"), flags=re.S | re.M)
    for sentence in (*stated()[page], *NOT_OURS[page]):
        text = text.replace(re.sub(r"`.*?`", "", sentence), "")
    assert re.findall(r".*\d.*", text) == []


def test_sync_as_the_documents_page_shows_it(
    db: None, public: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    command = re.search(r"^python manage.py (sync .*)$", read("docs/documents.md"), flags=re.MULTILINE)
    assert command
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "leave.md").write_text("25 days.")
    monkeypatch.chdir(tmp_path)
    call_command(*command[1].split(), stdout=io.StringIO())
    assert public.documents.get().location == "leave.md"


@pytest.mark.hosts
def test_the_commands_that_are_shown_work(tmp_path: Path) -> None:
    """`make run` is `manage.py serve`; the README's question gets a cited answer, from a document that holds it."""
    assert "manage.py serve" in read("Makefile")
    body = re.search(r"-d '(\{.*?\})'", read("README.md"))
    assert body
    with site("serve", data_dir=tmp_path) as running:
        answer = httpx.post(f"{running.url}/api/v1/chat/query", json=json.loads(body[1]), timeout=30).json()
        page = httpx.get(running.url + answer["sources"][answer["citations"][0]["source"]]["url"]).text
        assert running.admin_password
    assert answer["answered"] is True
    assert "QDRANT_URL" in answer["answer"]
    assert "QDRANT_URL" in page


def test_variables_are_documented_where_the_defaults_hold(tmp_path: Path) -> None:
    """Start a process with none of them set."""
    assert "no issues" in manage("check", data_dir=tmp_path)
    assert "QDRANT_URL" not in environment(tmp_path)


def test_embedding_page_shows_what_the_example_does_and_every_option() -> None:
    page = read("docs/embedding.md")
    shown_settings, shown_urls = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    example = {name: read(f"examples/hostsite/hostsite/{name}.py") for name in ("settings", "urls")}
    plain = {name: re.sub(r"  # docchat.*", "", source) for name, source in example.items()}
    assert shown_settings.partition("\n\n")[2].strip() in plain["settings"]
    assert shown_urls.splitlines()[-2] in plain["urls"].splitlines()
    assert table(page, "option") == list(widget_options())
    for shown in re.findall(r"{% docchat.*?%}", page):
        assert "<script" in Template("{% load docchat %}" + shown).render(Context())


def test_pictures_are_there_are_told_in_words_and_are_small() -> None:
    shown = [(page, *found) for page in PAGES for found in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text())]
    assert len(shown) >= 6
    for page, alternative, address in shown:
        assert (page.parent / address).is_file(), f"{page}: {address}"
        assert len(alternative.split()) >= 5, f"{page}: {address}"
    assert sum(picture.stat().st_size for picture in (ROOT / "docs" / "screenshots").glob("*.png")) < 2_500_000
