"""`manage.py serve` as a process: first start, second start, second process, a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import chat_server
from tests.fakes.chat_server import ChatServer
from tests.servers import ROOT, environment, free_port, manage, site

pytestmark = pytest.mark.hosts

QUESTION = {"query": "Which variable points the site at a Qdrant server?"}


def ask(url: str, **more: Any) -> Any:
    return httpx.post(f"{url}/api/v1/chat/query", json=QUESTION | more, timeout=30).json()


def rows(data_dir: Path, expression: str) -> str:
    """Return what Django's shell prints for `expression`, in a process beside the serving one."""
    code = f"from retrieval.models import *; from chatsite.models import *; print({expression})"
    return manage("shell", "--no-imports", "-c", code, data_dir=data_dir).strip()


def test_first_question_of_all_waits_for_the_documentation(tmp_path: Path) -> None:
    """Asked as soon as the port is bound: half of the documents would give another answer."""
    port = str(free_port())
    command, variables = [sys.executable, "manage.py", "serve"], {"PORT": port, "ANONYMOUS_CHAT": "on"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path, **variables), stdout=subprocess.DEVNULL
    ) as serving:
        retrying = httpx.HTTPTransport(retries=8)  # of connections that are refused, with pauses up to a minute in all
        with httpx.Client(transport=retrying, timeout=90) as client:
            answer = client.post(f"http://127.0.0.1:{port}/api/v1/chat/query", json=QUESTION).json()
        serving.terminate()
    assert answer["answered"] is True
    assert any("QDRANT_URL" in citation["quote"] for citation in answer["citations"])
    assert serving.returncode == 0


def test_case_133_state_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with site("serve", data_dir=folder) as serving:
        assert ask(serving.url)["answered"] is True
    written = [folder, *folder.rglob("*")]
    assert {path.name for path in written} >= {"secret_key", "db.sqlite3", "media", "index"}
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_second_start_keeps_everything_and_ingests_nothing_again(tmp_path: Path) -> None:
    generations = "sorted(Document.objects.values_list('filename', 'live_generation'))"
    with site("serve", data_dir=tmp_path) as first:
        assert first.admin_password
        session_id = ask(first.url)["session_id"]
        before = rows(tmp_path, generations)
    with site("serve", data_dir=tmp_path) as second:
        assert "password" not in second.output
        assert rows(tmp_path, generations) == before
        again = ask(second.url, session_id=session_id)
        assert again["answered"] is True
    assert rows(tmp_path, "Conversation.objects.get().runs.count()") == "2"
    assert set(eval(before)) == {(path.name, 1) for path in (ROOT / "docs").rglob("*.md")}


def test_summary_says_where_the_site_is_and_what_it_runs_on(started_before: Path) -> None:
    with (
        ChatServer() as model,
        site("serve", data_dir=started_before, OPENAI_BASE_URL=model.url, CHAT_MODEL="tiny") as running,
    ):
        for line in (running.url, f"{running.url}/admin/", "tiny", "all-MiniLM-L6-v2", "embedded", str(started_before)):
            assert line in running.output


def test_case_89_second_process_on_the_same_state_is_refused_and_told_the_fix(started_before: Path) -> None:
    with site("serve", data_dir=started_before) as running:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            manage("serve", data_dir=started_before, PORT=str(free_port()))
        assert "DATA_DIR" in refused.value.stderr
        assert "Traceback" not in refused.value.stderr
        assert ask(running.url)["answered"] is True


@pytest.mark.case(89)
def test_another_host_on_the_same_state_answers_as_well(started_before: Path) -> None:
    with site("serve", data_dir=started_before), site("gunicorn gthread", data_dir=started_before) as other:
        assert ask(other.url)["answered"] is True


def test_taken_port_is_named(started_before: Path, tmp_path: Path) -> None:
    with site("serve", data_dir=started_before) as running:
        port = running.url.rpartition(":")[2]
        with pytest.raises(subprocess.CalledProcessError) as refused:
            manage("serve", data_dir=tmp_path / "two", PORT=port)
    assert f"Port {port} is taken" in refused.value.stderr


def test_it_works_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    done = subprocess.run(command, cwd="/", env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert "no issues" in done.stdout


def test_killed_while_answering_the_question_is_kept_and_the_run_closed(started_before: Path) -> None:
    with ChatServer() as model:
        model.script(chat_server.text(*["word "] * 400, delay=0.05))
        with site("serve", data_dir=started_before, OPENAI_BASE_URL=model.url) as running:
            body = QUESTION | {"stream": True}
            with httpx.stream("POST", f"{running.url}/api/v1/chat/query", json=body, timeout=30) as response:
                next(line for line in response.iter_lines() if line == "event: text")
                for child in children(running.process.pid):
                    os.kill(child, signal.SIGKILL)
                running.process.kill()
                running.process.wait()
        assert rows(started_before, "Run.objects.get().state") == "running"
        with site("serve", data_dir=started_before) as again:
            assert ask(again.url)["answered"] is True
        states = "sorted(Run.objects.values_list('question', 'state'))"
        assert rows(started_before, states) == str([(QUESTION["query"], "completed"), (QUESTION["query"], "failed")])


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in tasks.split()]
