"""The transcripts of docs/programs.md: each example is run with the official clients, and prints what stands there."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chatsite.doors.served import Served, served
from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import ROOT

pytestmark = pytest.mark.hosts

PAGE = (ROOT / "docs" / "programs.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL)
SAID = chat_server.text("It is kept in the ", "blue cupboard [1].")


@pytest.fixture(scope="module")
def running(first_start: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data_dir = shutil.copytree(first_start, tmp_path_factory.mktemp("programs") / "data")
    with ChatServer() as model:
        model.script(*[SAID] * 10)
        with served("serve", data_dir=data_dir, OPENAI_BASE_URL=model.url) as site:
            yield site


def test_examples_print_what_the_page_shows(running: Served) -> None:
    assert len(EXAMPLES) == 5
    names: dict[str, Any] = {}
    for code, shown in EXAMPLES:
        run = code.replace("http://localhost:8000", running.url).replace("dc_…", running.key)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(run, "docs/programs.md", "exec"), names)
        told = printed.getvalue().replace(running.url, "http://localhost:8000")
        assert re.sub(r"(documents?[ /])\d+\b(?!\.)", r"\g<1>1", told) == shown
    names["client"].close()
