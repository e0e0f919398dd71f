"""Agents made and run by another interpreter, for which nothing of this project is installed."""

from __future__ import annotations

import ast
import asyncio
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agents import (
    AssistantMessage,
    ForeignFailed,
    LimitExceeded,
    Passage,
    Recipe,
    RunEnded,
    RunResult,
    TextDelta,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
    WorkerLost,
    WorkerNotStarted,
    arun_isolated,
    run_isolated,
    shutdown,
    stream_isolated,
)
from agents.isolation import foreign_worker
from tests.agents.test_isolation import gone

SOURCE = Path(foreign_worker.__file__).read_text()


def environment(folder: Path) -> Path:
    """Make an environment in which nothing is installed, and return the folder for what could be."""
    here = Path(sys.executable).resolve()
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(here)
    (folder / "pyvenv.cfg").write_text(f"home = {here.parent}\n")
    installed = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    installed.mkdir(parents=True)
    return installed


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("environments") / "other"
    environment(folder)
    yield str(folder / "bin" / "python")
    shutdown(0)


def recipe(name: str, python: str, **configuration: Any) -> Recipe:
    return Recipe(f"tests.agents.isolated_foreign:{name}", configuration, python=python)


def ask(name: str, python: str, prompt: str = "Emma", **configuration: Any) -> RunResult:
    return run_isolated(recipe(name, python, **configuration), prompt, deadline=30)


# ---- the worker ------------------------------------------------------------------------------------------------------
def test_worker_needs_the_standard_library_alone_and_reads_as_python_3_9() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 9))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if node.module
    }
    assert imported - sys.stdlib_module_names == set()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_worker_runs_on_every_python_that_is_here(version: str) -> None:
    other = shutil.which(f"python{version}")
    if not other or version not in subprocess.run([other, "-V"], capture_output=True, text=True).stdout:
        pytest.skip(f"there is no Python {version} here")
    assert ask("words_async", other).content == "0 1 2 "
    assert f"{tuple(map(int, version.split('.')))}" in ask("about", other).content


def test_worker_is_warm_keeps_its_agent_and_imports_nothing_of_ours(python: str) -> None:
    assert [ask("echo", python).content for _ in range(2)] == ["Hello, Emma"] * 2
    first, second = ask("about", python).content, ask("about", python).content
    pid, made, *_ = first.split()
    assert (int(pid) != os.getpid(), made) == (True, "1")
    assert first == second == f"{pid} 1 [] {sys.version_info[:2]} ''"
    assert ask("echo", python, greeting="Ahoy").content == "Ahoy, Emma"


def test_sixteen_at_once_are_all_answered(python: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda number: ask("echo", python, str(number)).content, range(16)))
    assert contents == [f"Hello, {number}" for number in range(16)]


# ---- what an agent may be --------------------------------------------------------------------------------------------
def test_function_is_told_the_history_without_tools_of_others(python: str) -> None:
    call = ToolCall("1", "find", "{}")
    history = (
        UserMessage("Hi."),
        AssistantMessage("", (call,)),
        ToolMessage(call, "3 books", 3, False),
        AssistantMessage("There are 3."),
    )
    result = run_isolated(recipe("echo", python), "Which?", history=history, deadline=30)
    assert result.content == "user: Hi.\nassistant: There are 3.\nHello, Which?"
    assert result.messages == (*history, UserMessage("Which?"), AssistantMessage(result.content))
    assert (result.status, result.tier, result.usage, result.cost) == ("completed", "process", Usage(), None)
    assert result.total_seconds > 0


def test_passages_of_the_prompt_reach_the_agent_as_data(python: str) -> None:
    prompt = UserMessage("Which?", (Passage(1, "Call me Ishmael.", "Moby Dick"),))
    result = run_isolated(recipe("echo", python), prompt, deadline=30)
    assert '"text": "Call me Ishmael."' in result.content
    assert result.content.endswith("Which?")
    assert result.messages[0] == prompt


def test_async_factory_and_function_share_one_loop(python: str) -> None:
    assert [ask("echo_async", python).content for _ in range(2)] == ["Emma True"] * 2


def test_iterator_streams_and_may_say_what_it_cost(python: str) -> None:
    *said, last = list(stream_isolated(recipe("words", python), "one two", deadline=30))
    assert said == [TextDelta("one "), TextDelta("two ")]
    assert isinstance(last, RunEnded)
    assert (last.result.content, last.result.usage, last.result.model) == ("one two ", Usage(3, 4), "mine")


def test_async_code_iterates_over_an_async_iterator(python: str) -> None:
    async def main() -> list[object]:
        return [event async for event in stream_isolated(recipe("words_async", python), "Go.", deadline=30)]

    assert asyncio.run(main())[:-1] == [TextDelta("0 "), TextDelta("1 "), TextDelta("2 ")]


def test_mapping_is_a_whole_answer(python: str) -> None:
    result = ask("whole", python)
    assert (result.content, result.usage) == ("All of it.", Usage(1, 2))


@pytest.mark.parametrize(
    ("value", "content", "error"),
    [
        ("number", "", "TypeError: the agent answered with a int, 5, and not with a text"),
        ("nothing", "", "None"),
        ("surrogate", "a?b", "None"),
        ("large", "", "bytes are to leave the worker, and 67,108,864 may"),
    ],
)
def test_answer_that_is_odd(python: str, value: str, content: str, error: str) -> None:
    result = ask("odd", python, value=value)
    assert result.content == content
    assert error in str(result.error)
    assert ask("echo", python).content == "Hello, Emma"


# ---- what goes wrong -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("how", "said"), [("raise", "LookupError: the shelf is empty"), ("exit", "SystemExit: enough")]
)
def test_error_of_the_agent_is_typed_and_its_traceback_is_in_the_log(
    python: str, how: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = ask("about", python).content
    with caplog.at_level(logging.ERROR, "agents"):
        result = ask("misbehaving", python, how=how)
    assert (result.status, result.content) == ("failed", "")
    assert isinstance(result.error, ForeignFailed)
    assert str(result.error) == said
    assert "isolated_foreign.py" in caplog.text
    assert "in answer" in caplog.text
    assert ask("about", python).content == before


def test_crash_is_typed_and_the_worker_replaced(python: str) -> None:
    before = ask("about", python).content
    result = ask("misbehaving", python, how="crash")
    assert isinstance(result.error, WorkerLost)
    assert "ended with 7" in str(result.error)
    assert ask("about", python).content.split()[0] != before.split()[0]


def test_hang_is_killed_at_the_deadline_and_the_stream_keeps_what_was_said(python: str, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    ask("echo", python)
    told = recipe("misbehaving", python, how="hang", pid_file=str(pid_file))
    *said, last = list(stream_isolated(told, "Go.", deadline=3))
    assert said == [TextDelta("Let me look. ")]
    assert isinstance(last, RunEnded)
    assert (last.result.status, last.result.content) == ("limited", "Let me look. ")
    assert isinstance(last.result.error, LimitExceeded)
    assert gone(int(pid_file.read_text()))


def test_closing_the_stream_kills_it(python: str, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    told = recipe("words_async", python, count=10**9, pid_file=str(pid_file))
    with closing(stream_isolated(told, "Go.")) as events:
        assert list(itertools.islice(events, 2)) == [TextDelta("0 "), TextDelta("1 ")]
    assert gone(int(pid_file.read_text()))


def test_cancelling_the_caller_kills_it(python: str, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def main() -> None:
        told = recipe("misbehaving", python, how="hang", pid_file=str(pid_file))
        running = asyncio.ensure_future(arun_isolated(told, "Go."))
        while not pid_file.exists() or not pid_file.read_text():
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert gone(int(pid_file.read_text()))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "isolated_foreign:broken made no agent: LookupError: the shelf is empty"),
        ("no_agent", "TypeError: made 5, which is no agent: let it return a function of a prompt and a history"),
        ("missing", "AttributeError"),
    ],
)
def test_factory_that_makes_no_agent_is_named_and_the_fallback_answers(python: str, name: str, said: str) -> None:
    result = ask(name, python)
    assert isinstance(result.error, WorkerNotStarted)
    assert said in str(result.error)
    suggestions = Recipe("tests.agents.isolated:suggestions")
    answered = run_isolated(recipe(name, python), "Go.", fallback=suggestions, deadline=30)
    assert (answered.content, answered.tier) == ("Try a template.", "fallback")


def test_module_that_is_not_there_is_named(python: str) -> None:
    result = run_isolated(Recipe("no_such_module:agent", python=python), "Go.", deadline=30)
    assert "ModuleNotFoundError: No module named 'no_such_module'" in str(result.error)


# ---- its environment variables ---------------------------------------------------------------------------------------
def variables(python: str, **env: str) -> dict[str, str]:
    told = Recipe("tests.agents.isolated_foreign:environment", python=python, env=env)
    read: dict[str, str] = json.loads(run_isolated(told, "Go.", deadline=30).content)
    return read


def test_worker_gets_the_harmless_variables_and_those_of_its_recipe(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = {"HOME": "/home/ada", "LC_TIME": "C", "https_proxy": "http://127.0.0.1:1", "USE_MOCK_EXECUTION": "true"}
    secret = {"SECRET_KEY": "s", "DATABASE_URL": "s", "OPENAI_API_KEY": "s", "PATH_TO_KEY": "s", "PYTHONHOME_": "s"}
    for name, value in (harmless | secret).items():
        monkeypatch.setenv(name, value)
    shutdown(0)
    found = variables(python)
    assert {name: found.get(name) for name in harmless | secret} == harmless | dict.fromkeys(secret)
    assert found["PATH"] == os.environ["PATH"]
    assert not found.keys() & {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV"}
    told = variables(python, OPENAI_API_KEY="theirs", HOME="/elsewhere")
    assert (told["OPENAI_API_KEY"], told["HOME"]) == ("theirs", "/elsewhere")
    assert "OPENAI_API_KEY" not in variables(python)


def test_secrets_of_a_recipe_are_not_in_its_representation(python: str) -> None:
    assert "hidden" not in repr(Recipe("a:b", python=python, env={"KEY": "hidden"}))


@pytest.mark.parametrize(
    ("env", "error", "problem"),
    [
        ({"PORT": 80}, TypeError, "env of a:b: 'PORT' and its value are str and int, and have to be strings"),
        ({1: "x"}, TypeError, "env of a:b: 1 and its value are int and str, and have to be strings"),
        ({"A=B": "x"}, ValueError, "env of a:b: 'A=B' is empty, or '=' or a null character is in it: leave it out"),
        ({"": "x"}, ValueError, "env of a:b: '' is empty"),
        ({"A": "x\0"}, ValueError, "env of a:b: 'A' .* a null character is in it: leave it out"),
        ({"A": "\ud800"}, ValueError, "env of a:b: 'A' or its value is no text that can be encoded"),
        (["A"], TypeError, "env of a:b is a list, and has to be a mapping"),
    ],
)
def test_env_that_no_process_can_have_is_named(env: Any, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        Recipe("a:b", python="python3", env=env)


def test_env_without_an_interpreter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"is for a worker of another interpreter: name it, python=\.\.\."):
        Recipe("a:b", env={"A": "x"})


def test_configuration_that_is_nested_too_deeply_is_named() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="the configuration of a:b is not made of JSON values"):
        Recipe("a:b", {"deep": deep})


# ---- interpreters ----------------------------------------------------------------------------------------------------
def interpreter(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_interpreter_that_is_not_there_names_its_full_path_and_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = ask("echo", ".venv-other/bin/python")
    folder = tmp_path / ".venv-other"
    assert isinstance(result.error, WorkerNotStarted)
    assert str(result.error) == (
        f"there is no interpreter {folder}/bin/python: make the environment, `python -m venv {folder}`, "
        "or correct the path"
    )


def test_interpreter_that_is_a_folder_is_told_which_file_it_has_to_be(tmp_path: Path) -> None:
    assert f"name the interpreter in it, {tmp_path}/bin/python" in str(ask("echo", str(tmp_path)).error)


def test_interpreter_that_may_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")
    assert "could be started: [Errno 13] Permission denied" in str(ask("echo", str(tmp_path / "python")).error)


def test_interpreter_that_is_too_old_names_its_version(tmp_path: Path) -> None:
    old = interpreter(tmp_path / "python", 'if [ "$1" = -V ]; then echo Python 3.8.18; else exit 1; fi')
    assert str(ask("echo", old).error) == (
        f"{old} is Python 3.8.18, and a worker needs Python 3.9 or later: make the environment with a newer one"
    )


def test_interpreter_that_breaks_at_its_start(tmp_path: Path) -> None:
    broken = interpreter(tmp_path / "python", 'if [ "$1" = -V ]; then echo Python 3.12.1; else exit 1; fi')
    assert f"a worker of {broken} (Python 3.12.1) ended before it was ready" in str(ask("echo", broken).error)


def test_interpreter_that_prints_while_it_starts_breaks_nothing(tmp_path: Path, python: str) -> None:
    talking = interpreter(tmp_path / "python", f'echo "Welcome to this environment"\nexec {python} "$@"')
    assert ask("echo", talking).content == "Hello, Emma"


SAYING = f"""#!{sys.executable}
import struct, sys

def say(frame):
    sys.stdout.buffer.write(struct.pack("!I", len(frame)) + frame)
    sys.stdout.buffer.flush()

sys.stdout.buffer.write({foreign_worker.GREETING!r})
say(b'{{"kind": "hello"}}')
sys.stdin.buffer.read(1)
say(SAID)
sys.stdin.buffer.read()
"""


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("b'[' * 1_000_000", "RecursionError"),
        ("b'{\"a\":' * 1_000_000", "RecursionError"),
        ("b''", "JSONDecodeError"),
        ("b'\\xff'", "UnicodeDecodeError"),
        ("b'[]'", "TypeError"),
        ("b'{}'", "KeyError"),
    ],
)
def test_worker_that_says_what_can_not_be_read_is_lost_and_the_run_ends(tmp_path: Path, said: str, error: str) -> None:
    (tmp_path / "python").write_text(SAYING.replace("SAID", said))
    (tmp_path / "python").chmod(0o755)
    result = ask("echo", str(tmp_path / "python"))
    assert (result.status, type(result.error)) == ("failed", WorkerLost)
    assert f"what the worker said can't be read: {error}: " in str(result.error)


def test_modules_of_its_own_environment_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has an `agents`, this project's; that environment may have another."""
    installed = environment(tmp_path / "other")
    (installed / "agents.py").write_text("def make():\n    return lambda prompt, history: 'theirs'\n")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    theirs = Recipe("agents:make", python=tmp_path / "other" / "bin" / "python")
    assert run_isolated(theirs, "Go.", deadline=30).content == "theirs"


def test_agent_of_ours_runs_there_too() -> None:
    """As under a host whose `sys.executable` is no interpreter: there this one is named."""
    told = Recipe("tests.agents.isolated:builder", python=sys.executable)
    *said, last = list(stream_isolated(told, "invoices", history=[UserMessage("Hi."), AssistantMessage("Hello.")]))
    assert said == [TextDelta("A workflow for invoices")]
    assert isinstance(last, RunEnded)
    assert (last.result.status, last.result.model) == ("completed", "function")
