"""`manage.py sync` on real folders and a real git checkout."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from retrieval.ingestion import ingest
from retrieval.models import Collection, Document
from retrieval.sources.folder import FolderFile, list_files, make_plan
from retrieval.sources.uploads import add_text

pytestmark = pytest.mark.django_db

Sync = Callable[..., dict[str, int]]


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (folder := tmp_path / "handbook").mkdir()
    return folder


@pytest.fixture
def sync(public: Collection, root: Path) -> Sync:
    def sync(*arguments: str, folder: Path = root) -> dict[str, int]:
        """The rows of the table that the command prints."""
        told = io.StringIO()
        call_command("sync", str(folder), "--collection", public.slug, *arguments, stdout=told, stderr=told)
        rows = [line.rsplit(maxsplit=1) for line in told.getvalue().splitlines() if line[-1].isdigit()]
        return {label: int(count) for label, count in rows}

    return sync


def write(root: Path, **files: str) -> None:
    """Files by name, with "__" for "/" and an ending of .md."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def locations() -> dict[str, tuple[int, int]]:
    return {document.location: (document.pk, document.generation) for document in Document.objects.all()}


def test_files_become_documents_and_stay_as_they_are(sync: Sync, root: Path) -> None:
    write(root, intro="# Welcome\n\nHello.", guides__leave="25 days.")
    assert sync() == {"added": 2}
    documents = Document.objects.order_by("location")
    assert [(d.title, d.location, d.filename, d.source, d.folder) for d in documents] == [
        ("leave", "guides/leave.md", "leave.md", "folder", str(root)),
        ("Welcome", "intro.md", "intro.md", "folder", str(root)),
    ]
    assert Path(documents[0].file.path).read_bytes() == b"25 days."
    before = locations()
    assert sync() == {"unchanged": 2}
    assert locations() == before


def test_changed_file_is_the_next_generation_of_its_document(sync: Sync, root: Path) -> None:
    write(root, a="One.", b="Two.")
    sync()
    before = locations()
    write(root, a="One, changed.")
    assert sync() == {"replaced": 1, "unchanged": 1}
    assert locations() == {"a.md": (before["a.md"][0], 2), "b.md": before["b.md"]}


def test_renamed_file_keeps_its_document(sync: Sync, root: Path) -> None:
    write(root, old_name="Text.")
    sync()
    (pk, generation) = locations()["old_name.md"]
    (root / "sub").mkdir()
    (root / "old_name.md").rename(root / "sub" / "new_name.md")
    assert sync("--delete") == {"renamed": 1}
    document = Document.objects.get()
    assert (document.pk, document.location, document.filename, document.title) == (
        pk,
        "sub/new_name.md",
        "new_name.md",
        "new name",
    )
    assert document.generation == generation + 1  # its title ranks


def test_renamed_file_with_a_title_of_its_own_is_not_ingested_again(sync: Sync, root: Path) -> None:
    write(root, old="# Pumps\n\nText.")
    sync()
    (root / "old.md").rename(root / "new.md")
    assert sync() == {"renamed": 1}
    assert [(d.title, d.generation) for d in Document.objects.all()] == [("Pumps", 1)]


def test_files_that_swap_their_names_keep_their_documents(sync: Sync, root: Path) -> None:
    write(root, a="# A\n\nOne.", b="# B\n\nTwo.")
    sync()
    before = locations()
    write(root, a="# B\n\nTwo.", b="# A\n\nOne.")
    assert sync("--delete") == {"renamed": 2}
    after = locations()
    assert (after["a.md"][0], after["b.md"][0]) == (before["b.md"][0], before["a.md"][0])


def test_same_content_twice_is_one_document(sync: Sync, root: Path) -> None:
    write(root, a="Same.", b="Same.")
    assert sync() == {"added": 1, "same content as another": 1}
    assert sync() == {"unchanged": 1, "same content as another": 1}
    (root / "a.md").unlink()
    assert sync("--delete") == {"renamed": 1}
    assert list(locations()) == ["b.md"]


def test_file_that_is_gone_leaves_only_when_told(sync: Sync, root: Path) -> None:
    write(root, a="One.", b="Two.")
    sync()
    (root / "a.md").unlink()
    assert sync() == {"unchanged": 1, "gone, kept (--delete)": 1}
    assert sync("--delete", "--dry-run") == {"unchanged": 1, "deleted": 1}
    assert set(locations()) == {"a.md", "b.md"}
    assert sync("--delete") == {"unchanged": 1, "deleted": 1}
    assert set(locations()) == {"b.md"}


def test_documents_of_others_are_never_touched(sync: Sync, root: Path, public: Collection, tmp_path: Path) -> None:
    """Neither pasted text nor what another folder brought; what they hold is not added a second time."""
    pasted = add_text(public, title="Pasted", text="Pasted.", owner=None).document
    (other := tmp_path / "other").mkdir()
    write(other, a="Other.")
    sync(folder=other)
    write(root, b="Pasted.", c="Other.", d="New.")
    assert sync("--delete") == {"added": 1, "same content as another": 2}
    assert sync("--delete", folder=other) == {"unchanged": 1}
    assert pasted is not None
    assert set(locations()) == {"", "a.md", "d.md"}


def test_folder_that_moved_is_known_by_its_name(sync: Sync, root: Path, tmp_path: Path) -> None:
    write(root, a="One.")
    sync("--name", "handbook")
    moved = root.rename(tmp_path / "elsewhere")
    assert sync("--name", "handbook", "--delete", folder=moved) == {"unchanged": 1}


def test_what_cannot_be_a_document_is_counted_by_why(sync: Sync, root: Path, tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    write(root, a="One.", large="x" * 11, empty="", _hidden="x")
    for name in ("tool.exe", "other.EXE", "Makefile", ".secret.md", ".git/config.md", "sub/.x/y.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "outside.md").write_text("Outside.")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "broken.md").symlink_to(root / "nothing.md")
    (root / "loop").symlink_to(root)
    assert (
        sync("--exclude", "_hidden*")
        == {
            "added": 1,
            "left out: .exe": 2,
            "left out: empty": 1,
            "left out: link out of the folder": 1,
            "left out: missing": 1,
            "left out: no ending": 1,
            "left out: no file": 1,
            "left out: too large": 1,
        }
        or sync("--exclude", "_hidden*")["unchanged"] == 1
    )
    assert list(locations()) == ["a.md"]


def test_patterns_are_of_the_whole_path(sync: Sync, root: Path) -> None:
    write(root, a="1.", guides__b="2.", guides__old__c="3.", other__d="4.")
    assert sync("--include", "guides/*", "--exclude", "*/old/*", "--include", "a.*") == {"added": 2}
    assert set(locations()) == {"a.md", "guides/b.md"}


def test_git_checkout_passes_over_what_git_ignores(sync: Sync, root: Path) -> None:
    write(root, tracked="1.", untracked="2.", build__made="3.", sub__deep="4.")
    (root / ".gitignore").write_text("build/\n")
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "tracked.md"], check=True)
    subprocess.run([*git, "commit", "-qm", "First"], check=True)
    assert sync() == {"added": 3}
    assert set(locations()) == {"tracked.md", "untracked.md", "sub/deep.md"}
    listing = list_files(root / "build", max_bytes=100)
    assert ([path.name for path in listing.files], listing.follows_git) == (["made.md"], False)


def test_command_names_what_is_wrong(sync: Sync, root: Path) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        sync(folder=root / "nothing")
    with pytest.raises(CommandError, match="There is no collection 'nothing'"):
        call_command("sync", str(root), "--collection", "nothing")


def test_empty_folder_says_so(public: Collection, root: Path) -> None:
    told = io.StringIO()
    call_command("sync", str(root), "--collection", public.slug, stdout=told)
    assert told.getvalue() == "No file was found.\n"


def test_plan_holds_each_file_and_each_document_once(public: Collection) -> None:
    """A chain of renames and changes at once."""

    def document(location: str, content: str) -> Document:
        return Document(pk=len(content) * 100 + ord(location), location=location, content_hash=content)

    def file(location: str, content: str) -> FolderFile:
        return FolderFile(location, Path(location), content)

    a, b, c, d = document("a", "h1"), document("b", "h2"), document("c", "h3"), document("d", "h4")
    files = [file("a", "h9"), file("b", "h1"), file("c", "h3"), file("e", "h7"), file("f", "h3"), file("g", "held")]
    plan = make_plan(files, kept=[a, b, c, d], held={"held"})
    assert [found.location for found, _ in plan.unchanged] == ["c"]
    assert [(found.location, document.location) for found, document in plan.moved] == [("b", "a")]
    assert plan.changed == []
    assert [found.location for found in plan.new] == ["a", "e"]
    assert [found.location for found in plan.doubles] == ["f", "g"]
    assert [document.location for document in plan.vanished] == ["b", "d"]


def test_sync_of_a_file_that_vanishes_meanwhile_goes_on_with_the_others(
    public: Collection, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrieval.sources.folder import carry_out, plan_sync

    write(root, a="One.", b="Two.")
    files = list_files(root, max_bytes=100).files
    plan = plan_sync(public, root=root, name="n", files=files, report=lambda line: None)
    (root / "a.md").unlink()
    (problem,) = carry_out(plan, collection=public, name="n", delete=True, report=lambda line: None)
    assert problem.startswith("a.md: ")
    assert list(locations()) == ["b.md"]


def test_synced_documents_are_ingested_like_any_other(sync: Sync, root: Path, index: None) -> None:
    write(root, a="# Pumps\n\nChange the filter in March.")
    sync()
    assert ingest.ingest_next()
    assert Document.objects.get().state == "ready"
