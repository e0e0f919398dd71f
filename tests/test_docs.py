"""What the README and docs show is true: commands, variables, API fields, links."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.template import Context, Template

from chatsite import conf
from chatsite.api.serializers import AnswerSerializer, CitationSerializer, QuestionSerializer, SourceSerializer
from chatsite.widget.views import widget_options
from retrieval.admin.forms import ADDRESSES_AT_ONCE
from retrieval.models import Collection
from retrieval.sources import archive, web
from tests.servers import environment, manage, site, variables

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def table(text: str, heading: str) -> list[str]:
    """The first cells of the table whose header row starts with `heading`."""
    rows = text.partition(f"| {heading} |")[2].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


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
    targets = set(re.findall(r"^(\w+):", read("Makefile"), flags=re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|[` ])make (run|test|check|bench|\w+)[`\n]", page.read_text())
        assert set(named) <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


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


def test_documents_page_states_the_limits() -> None:
    page = read("docs/documents.md")
    limits = archive.Limits()
    for told in (
        f"{limits.members:,} members and {limits.total_bytes // 1024**2} MB unpacked",
        f"up to {settings.PASTE_MAX_CHARACTERS:,} characters",
        f"up to {ADDRESSES_AT_ONCE} pages",
        f"{settings.FETCH_MAX_SECONDS:.0f} seconds at the longest",
        f"at most {web.REDIRECTS} redirects",
        f"up to {settings.UPLOAD_MAX_BYTES // 1024**2} MB",
    ):
        assert told in page


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
    """A process with none of them set starts."""
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
