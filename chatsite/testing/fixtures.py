"""What pytest finds: an index for the session, documents and a model for a test. They need pytest-django."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.testing import ScriptedModel
from chatsite.testing.documents import TextDocuments, indexed_documents
from chatsite.testing.scripts import scripted
from retrieval import configuration


@pytest.fixture(scope="session")
def docchat_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return where all documents of the session's tests are kept."""
    former = configuration.runtime().settings
    yield tmp_path_factory.mktemp("docchat")
    configuration.configure(former)


@pytest.fixture
def documents(db: None, docchat_folder: Path) -> Iterator[TextDocuments]:
    """Put documents into the site: `documents({"Title": "Text."})`. They are gone after the test."""
    with indexed_documents(docchat_folder) as put:
        yield put


@pytest.fixture
def scripted_model() -> Iterator[Callable[..., ScriptedModel]]:
    """Have a model say what it is told to: `scripted_model("In the cupboard [1].")`. Without it, answers are sentences
    that are quoted from the documents."""
    with ExitStack() as stack:
        yield lambda *steps: stack.enter_context(scripted(*steps))
