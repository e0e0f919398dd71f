"""What many tests stand on: a clean index per test that wants one, and readers of every kind."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import pytest_timeout
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from playwright.sync_api import Browser, Page

from agents.models.learned import forget
from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.parsing import parsers as parsing
from tests.browser import pages as chromium
from tests.configured import configured
from tests.fakes.chat_server import ChatServer
from tests.servers import FIRST_LOG, Site, site

pytest_plugins = ["tests.cases"]

# Projects of their own, with their own suites.
collect_ignore = ["djangocms_project", "guest_project", "wagtail_project"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write out what is no text of what a test has logged: a worker that can't send its report ends the whole run."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bound a second attempt as well: pytest-timeout has taken its alarm away with the failure of the first."""
    if getattr(item, "execution_count", 1) > 1:
        settings = pytest_timeout.Settings(float(item.config.getoption("timeout")), "signal", False, False)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)


@pytest.fixture(autouse=True)
def nothing_learned() -> None:
    """Have no test know what a server on the same port did not take in an earlier one."""
    forget()


@pytest.fixture
def index(db: None, tmp_path: Path) -> Iterator[None]:
    """Give the test an empty embedded index of its own."""
    with configured(tmp_path / "index"):
        yield


@pytest.fixture
def index_down(db: None, tmp_path: Path) -> Iterator[None]:
    """Give the test an embedded index that can't be opened."""
    (blocked := tmp_path / "blocked").write_text("a file where the index's folder should be")
    with configured(blocked):
        yield


@pytest.fixture
def public(db: None) -> Collection:
    return Collection.objects.create(name="Handbook", slug="handbook", public=True)


@pytest.fixture
def reader(db: None) -> User:
    return User.objects.create_user("reader", password="a-readers-password")


@pytest.fixture
def put(index: None, settings: object, tmp_path: Path) -> object:
    """Put a document into a collection and ingest it: `put(collection, "name.md", "text") -> Document`."""
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]

    def put(collection: Collection, filename: str, content: str | bytes, *, title: str | None = None) -> Document:
        raw = content.encode() if isinstance(content, str) else content
        file = ContentFile(raw, name=filename)
        document, _ = ingest.add_document(collection, file=file, filename=filename, title=title)
        while ingest.ingest_next():
            pass
        document.refresh_from_db()
        return document

    return put


@pytest.fixture
def own_parsers() -> Iterator[None]:
    """Give the test parser processes of its own, which find what is installed by then."""
    parsing.close()
    yield
    parsing.close()


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state that a first `serve` leaves, with the documentation indexed; for copies, as it takes a while."""
    data_dir = tmp_path_factory.mktemp("first") / "data"
    with site("serve", data_dir=data_dir) as running:
        pass
    running.log.rename(data_dir / FIRST_LOG)
    return data_dir


@pytest.fixture(scope="module")
def seeded(first_start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return this module's copy of the state that a first `serve` leaves."""
    return shutil.copytree(first_start, tmp_path_factory.mktemp("seeded") / "data")


@pytest.fixture
def started_before(first_start: Path, tmp_path: Path) -> Path:
    """Return this test's copy of the state that a first `serve` leaves."""
    return shutil.copytree(first_start, tmp_path / "data")


@pytest.fixture(scope="module")
def model() -> Iterator[ChatServer]:
    """Serve a language model on the loopback."""
    with ChatServer() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.chromium() as started:
        yield started


@pytest.fixture(params=list(chromium.SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(size: str, browser: Browser, running: Site) -> Iterator[Page]:
    """Open a page of the module's `running` site, in both sizes. It must not meet a fault."""
    with chromium.strict_page(browser, running.url, size=size) as opened:
        yield opened
