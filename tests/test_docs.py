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
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.dispatch import Signal
from django.template import Context, Template
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

import chatsite.signals
import retrieval.signals
from benchmarks.matrix import HOSTS
from chatsite import conf, server
from chatsite.api import paging as api_paging
from chatsite.api import usage
from chatsite.api.conversations import MESSAGES_MOST, MESSAGES_USUAL, ConversationChangeSerializer
from chatsite.api.documents.serializers import (
    AddressSerializer,
    DocumentPageSerializer,
    SearchResultSerializer,
    SearchSerializer,
)
from chatsite.api.keys import NewKeySerializer
from chatsite.api.serializers import (
    AnswerSerializer,
    CitationSerializer,
    QuestionSerializer,
    RunUnderWaySerializer,
    SourceSerializer,
)
from chatsite.api.workflows import WorkflowRunSerializer
from chatsite.asking import documents
from chatsite.asking.request import HISTORY_RUNS
from chatsite.conversations import paging
from chatsite.doors import embeddings, llms, mcp_envelope, mcp_tools
from chatsite.doors.mcp_workflows import WorkflowTool
from chatsite.errors import of_code
from chatsite.models import Feedback, Workflow, WorkflowVersion
from chatsite.models.idempotency import REMEMBERED
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
from retrieval.model_documents import ModelDocuments
from retrieval.model_documents.contents import TEXT_MAX_CHARACTERS
from retrieval.models import Collection, Document
from retrieval.pages import cache
from retrieval.parsing import parsers, process
from retrieval.parsing.formats import FORMATS, extracted
from retrieval.parsing.formats import archive as parts
from retrieval.parsing.formats.plain import grids, structured, tables
from retrieval.parsing.recognition import ocrmypdf, pictures
from retrieval.searching import confidence, leisure, rerank
from retrieval.sources import archive, web
from tests.chatsite.api.test_keys import make
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


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    """Return what the schema says of each address, on a site that answers everyone."""
    generator = SchemaGenerator(urlconf="chatsite.urls")
    return dict(generator.get_schema(request=None, public=True)["paths"])


def test_api_page_lists_every_request_with_what_it_is_answered_by(paths: dict[str, Any]) -> None:
    rows = read("docs/api.md").partition("| request | who | answers with |")[2].partition("\n\n")[0].splitlines()[2:]
    told = {row.split("|")[1].strip(" `"): re.findall(r"\d{3}", row.split("|")[3]) for row in rows}
    assert told == {
        f"{method.upper()} {address.removeprefix('/api/v1/')}": list(operation["responses"])
        for address, operations in paths.items()
        for method, operation in operations.items()
    }


@pytest.mark.parametrize(
    ("beginning", "serializer", "inner"),
    [
        ('{"documents": [{"document_id": 3, "title": "Pump manual", "filename": "pump_v2.pdf", "collection"',
         DocumentPageSerializer, "documents"),
        ('{"passages"', SearchResultSerializer, "passages"),
        ('{"run_id"', RunUnderWaySerializer, "links"),
    ],
)  # fmt: skip
def test_api_page_shows_what_is_answered_in_its_real_shape(beginning: str, serializer: Any, inner: str) -> None:
    page = read("docs/api.md")
    example = json.loads(page[page.index(beginning) :].partition("```")[0])
    shown = example[inner][0] if isinstance(example[inner], list) else example[inner]
    field = serializer().fields[inner]
    assert set(example) == set(serializer().fields)
    assert set(shown) == set(getattr(field, "child", field).fields)


def test_key_that_the_api_page_shows_can_be_made() -> None:
    [shown] = re.findall(r"^\{\"name\".*\}$", read("docs/api.md"), flags=re.MULTILINE)
    assert NewKeySerializer(data=json.loads(shown)).is_valid()


def test_requests_that_the_api_page_shows_are_answered(
    client: Client, db: None, public: Collection, put: Any, settings: Any
) -> None:
    """Send each as it is written, with a key that may; an address on the web is only checked: tests don't go there."""
    Collection.objects.create(name="Machines", slug="machines", public=True)
    put(public, "configuration.md", "# Configuration\n\nQDRANT_URL points the site at a Qdrant server.")
    _, secret = make(User.objects.create_superuser("editor"), may_change_documents=True)
    shown = re.findall(
        r"^curl -s localhost:8000(\S+)(.*?)(?:-d '(\{.*?\})')?$", read("docs/api.md").replace("\\\n", ""), flags=re.M
    )
    assert len(shown) == 6
    for address, options, body in shown:
        headers = {"authorization": f"Bearer {secret}"}
        if "example.org" in body:
            assert AddressSerializer(data=json.loads(body)).is_valid()
            continue
        if body:
            response = client.post(address, body, content_type="application/json", headers=headers)
        else:
            form = dict(re.findall(r"-F (\w+)=(\S+)", options))
            form["file"] = SimpleUploadedFile(form["file"].removeprefix("@").replace(".pdf", ".md"), b"A pump.")
            response = client.post(address, form, headers=headers)
        assert response.status_code in {200, 201}, (address, body, response.json())


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
    del told["busy"], told["database_busy"]  # those are a question's, before there is a run
    assert {code: of_code(code).status for code in told} == told


def test_hosts_page_has_every_host_of_the_matrix() -> None:
    assert table(read("docs/hosts.md"), "host") == list(HOSTS)


def stated() -> dict[str, list[str]]:
    """Return, for each page, its sentences that hold numbers of ours, as the code has them."""
    characters, upload = f"{settings.SELECTION_MAX_CHARACTERS:,}", f"{settings.UPLOAD_MAX_BYTES // MB} MB"
    question, languages, top_k = (QuestionSerializer().fields[name] for name in ("query", "languages", "top_k"))
    unpacked, reading = archive.ArchiveLimits(), process.ParsingLimits()
    passages, title = SearchSerializer().fields["limit"], ConversationChangeSerializer().fields["title"]
    retry, lease = f"every {queue.RETRY_AFTER.seconds} seconds", RetrievalSettings.lease_seconds
    wait = f"{settings.ATTACHMENTS_WAIT_SECONDS:.0f} seconds at the longest"
    return {
        "asking.md": [
            f"Up to {settings.SELECTIONS_MAX} selections may have {characters} characters together",
            f"a question {settings.QUERY_MAX_CHARACTERS:,}",
            f"up to {upload} a file and {settings.ATTACHMENTS} files a conversation",
            f"waits for it, {wait}",
            f"in parts of {paging.PART} questions",
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
            f"`limit` (1 to {api_paging.MOST}, {api_paging.USUAL} if left out)",
            f"`limit` (1 to {passages.max_value} passages, {passages.default} if left out)",
            f"{MESSAGES_USUAL} on a page and {MESSAGES_MOST} at most",
            f"within {REMEMBERED.total_seconds() / 3600:.0f} hours",
            f"files, up to {upload}; a text has up to {settings.PASTE_MAX_CHARACTERS:,} characters",
            f"while you wait, {settings.FETCH_MAX_SECONDS:.0f} seconds at the longest",
            f"`title` (at most {title.max_length} characters)",
            f"it is the last {usage.DAYS_USUAL} days",
            f"A file is larger than {upload}",
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
        "programs.md": [
            f"a body of more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // MB} MB",
            f"of at most {settings.QUERY_MAX_CHARACTERS:,} characters",
            f"the latest {HISTORY_RUNS} questions",
            f"of up to {embeddings.INPUTS_MOST} texts with {embeddings.CHARACTERS_MOST:,} characters together",
            f"makes {embeddings.AT_ONCE} such answers at once",
            f"Versions with a handshake ({', '.join(mcp_envelope.HANDSHAKE_VERSIONS)})",
            f"the one without ({', '.join(mcp_envelope.STATELESS_VERSIONS)})",
            f"The text, up to {mcp_tools.READ_MOST:,} characters at once",
            f"Up to {llms.LISTED_MOST:,} documents are listed",
            f"in parts of {llms.CHARACTERS_MOST:,} characters",
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
    "api.md": ["The first is source 1 of the answer", "OpenAPI 3.1", "one of 20 digits", "1 to 200 letters",
               *map(str, (200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 502, 503, 504))],
    "programs.md": ["Open WebUI 0.12.4", "`n` above 1", *(f"status {code}" for code in (400, 404, 405, 413, 429, 503)),
                    "is 413"],
    "operations.md": ["exit status is 1,", *map(str, (413, 429, 503))],
    "hosts.md": [],
    "search-index.md": ["2,000 questions and 40 kills", "BM25", "int8", "429", "5xx", "300,000 chunks", "2 KB",
                        "250,000 chunks"],
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


def test_programs_page_lists_every_tool_with_its_arguments() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|", read("docs/programs.md"), flags=re.MULTILINE)
    documented = {name: re.findall(r"\w+", arguments) for name, arguments in rows}
    assert documented == {name: list(tool.arguments().fields) for name, tool in mcp_tools.TOOLS.items()}


def test_programs_page_shows_how_a_workflow_is_listed() -> None:
    told = read("docs/programs.md").partition("### Workflows as tools")[2]
    steps, shown = re.findall(r"```(?:yaml|json)\n(.*?)```", told, flags=re.DOTALL)
    workflow = Workflow(slug="tea-facts", title="Tea facts", description="Finds facts.")
    tool = WorkflowTool(WorkflowVersion(workflow=workflow, number=1, text=steps)).body()
    assert (tool["name"], tool["inputSchema"]) == ("run_tea_facts", json.loads(shown))
    values = re.search(r"The result has (.*?)\.", told)
    assert values
    assert set(re.findall(r"`(\w+)`", values[1])) <= WorkflowRunSerializer().fields.keys()


def test_embedding_page_lists_every_signal() -> None:
    modules = (chatsite.signals, retrieval.signals)
    sent = {
        f"{module.__name__}.{name}"
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, Signal)
    }
    assert set(table(read("docs/embedding.md"), "signal")) == sent


def test_designer_page_names_tests_that_there_are() -> None:
    promises = read("docs/designer.md").partition("| promise |")[2]
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", promises)
    assert len(table(read("docs/designer.md"), "promise")) == 14
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in read(path)] == []


def test_models_page_shows_what_the_newsroom_declares_and_all_that_can_be_said() -> None:
    page = read("docs/models.md")
    (shown,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert shown in read("examples/newsroom/news/docchat.py")
    ours = {"label", "has_rights", "key_of", "rows", "said"}  # nothing a site says otherwise
    overridden = {name for name in vars(ModelDocuments) if not name.startswith("_")} - ours
    assert {name.partition("(")[0] for name in table(page, "name")} == overridden
    assert f"{TEXT_MAX_CHARACTERS:,} characters" in page


def test_testing_page_shows_the_examples_own_suite() -> None:
    plugin, shown = re.findall(r"```python\n(.*?)```", read("docs/testing.md"), flags=re.DOTALL)
    assert shown in read("examples/hostsite/tests/test_answers.py")
    assert plugin.strip() in read("examples/hostsite/tests/conftest.py")


def test_pictures_are_there_are_told_in_words_and_are_small() -> None:
    shown = [(page, *found) for page in PAGES for found in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text())]
    assert len(shown) >= 6
    for page, alternative, address in shown:
        assert (page.parent / address).is_file(), f"{page}: {address}"
        assert len(alternative.split()) >= 5, f"{page}: {address}"
    assert sum(picture.stat().st_size for picture in (ROOT / "docs" / "screenshots").glob("*.png")) < 3_000_000
