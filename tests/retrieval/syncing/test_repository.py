"""A git repository over HTTP: only what changed is read, and neither its address nor its content leads anywhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.models import Collection, Document, SyncedSource
from retrieval.syncing.kinds import git as git_module
from retrieval.syncing.kinds.git import Git
from retrieval.syncing.kinds.repository import RepositoryForm
from tests.fakes.git_server import GitServer
from tests.fakes.web_server import WebServer
from tests.retrieval.syncing.sources import counts, events, look_at, make_source, titles

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def server(settings: Any, tmp_path: Path) -> Iterator[GitServer]:
    settings.MEDIA_ROOT = tmp_path / "media"
    with GitServer(tmp_path) as served:
        settings.FETCH_HOSTS = [served.host]
        yield served


@pytest.fixture
def source(server: GitServer, public: Collection) -> SyncedSource:
    return make_source(public, "git", url=server.url, branch="", pages="https://git.example.org/blob/{path}")


def test_files_become_documents_and_only_changed_blobs_are_read(server: GitServer, source: SyncedSource) -> None:
    server.commit(
        {"docs/hours.md": "# Hours\n\nNine.", "docs/a b.txt": "Text.", "tool.exe": "MZ", ".hidden/x.md": "No."}
    )
    run = look_at(source)
    assert (run.state, counts(run), titles()) == ("done", {"added": 2}, ["Hours", "a b"])
    spaced = Document.objects.get(title="a b")
    assert (spaced.location, spaced.address) == ("docs/a b.txt", "https://git.example.org/blob/docs/a%20b.txt")

    server.requests.clear()
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"unchanged": 2})
    assert "POST /guide.git/git-receive-pack" not in server.requests
    assert server.requests.count("GET /guide.git/info/refs") == 1  # the commit is known: nothing is downloaded

    server.commit({"docs/hours.md": "# Hours\n\nTen.", "docs/a b.txt": None, "docs/new.md": "# New\n\nOne."})
    run = look_at(source)
    assert counts(run) == {"added": 1, "changed": 1, "gone": 1}
    assert titles() == ["Hours", "New"]


def test_document_that_staff_deleted_comes_back_though_the_commit_is_known(
    server: GitServer, source: SyncedSource
) -> None:
    server.commit({"hours.md": "# Hours\n\nNine."})
    look_at(source)
    Document.objects.all().delete()
    assert counts(look_at(source)) == {"added": 1}


def test_branch_links_large_files_and_pointers(server: GitServer, source: SyncedSource, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 500
    server.commit({"main.md": "Main."})
    (server.work / "link.md").symlink_to("/etc/passwd")
    server.commit({"large.txt": "x" * 501, "lfs.pdf": LFS, "--output=x.md": "A name."}, branch="draft")
    source.settings |= {"branch": "draft"}
    source.save()
    run = look_at(source)
    assert sorted(event[1:] for event in events(run)) == [
        ("--output=x.md", ""),
        ("large.txt", "It is too large: the limit is 500 bytes."),
        ("lfs.pdf", "It is kept in Git LFS, which is not followed."),
        ("main.md", ""),
    ]
    source.settings |= {"branch": "nowhere"}
    source.save()
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", "git says: nothing")


def test_token_goes_to_its_own_address_and_is_in_no_message(
    server: GitServer, source: SyncedSource, settings: Any
) -> None:
    server.commit({"hours.md": "# Hours\n\nNine."})
    server.authorization = "Basic aHVzaDpodXNo"
    run = look_at(source)
    assert run.state == "failed"
    assert "could not read Username" in str(run.error) or "Authentication failed" in str(run.error)
    settings.SOURCE_TOKENS = {server.url: server.authorization}
    run = look_at(source)
    assert (run.state, counts(run)) == ("done", {"added": 1})
    settings.SOURCE_TOKENS = {server.url: "Basic d3Jvbmc6d3Jvbmc="}
    source.mark = ""
    run = look_at(source)
    assert (run.state, "d3Jvbmc" in str(run.error)) == ("failed", False)


def test_redirect_is_not_followed_and_private_addresses_are_not_asked(
    server: GitServer, source: SyncedSource, settings: Any
) -> None:
    server.commit({"hours.md": "# Hours\n\nNine."})
    with WebServer() as web:
        settings.FETCH_HOSTS = [web.host]
        web.put("/guide.git/info/refs", b"", status="302 Found", Location=f"{server.url}/info/refs")
        source.settings |= {"url": f"{web.url}/guide.git"}
        source.save()
        server.requests.clear()
        assert look_at(source).state == "failed"
        assert server.requests == []
    for url in ("https://10.0.0.1/guide.git", "https://localhost/guide.git", "https://169.254.169.254/x"):
        source.settings |= {"url": url}
        source.save()
        assert "which is not public" in str(look_at(source).error), url


def test_git_connects_to_the_address_that_was_checked(server: GitServer, tmp_path: Path) -> None:
    """A name that no server knows leads to the pinned address: git looks nothing up by itself."""
    server.commit({"hours.md": "# Hours\n\nNine."})
    url = f"http://rebinding.invalid:{server.port}/guide.git"
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("rebinding.invalid", 80)
    (folder := tmp_path / "bare").mkdir()
    git = Git(folder, url=url, addresses=["127.0.0.1"], headers={}, wait=lambda seconds: None)
    assert len(git.newest("main")) == 40


def test_download_that_is_too_large_or_too_slow_is_ended(
    server: GitServer, source: SyncedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.commit({"hours.md": "# Hours\n\nNine."})
    monkeypatch.setattr(git_module, "DOWNLOAD_BYTES", 10)
    monkeypatch.setattr(git_module, "_LOOK_SECONDS", 0.0001)
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", "It is too large: the limit is 10 bytes.")
    monkeypatch.undo()
    monkeypatch.setattr(git_module, "_ASK_SECONDS", 0.0)
    monkeypatch.setattr(git_module, "_LOOK_SECONDS", 0.0001)
    assert "It did not answer within" in str(look_at(source).error)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "--upload-pack=touch /tmp/x"}, "url"),
        ({"url": "ssh://git@example.org/guide.git"}, "url"),
        ({"url": "file:///etc"}, "url"),
        ({"url": "ext::sh -c whoami"}, "url"),
        ({"url": "https://me:secret@example.org/guide.git"}, "url"),
        ({"url": "https://example.org/guide.git?x=1"}, "url"),
        ({"url": "http://example.org/guide.git"}, "url"),
        ({"branch": "--upload-pack=x"}, "branch"),
        ({"branch": "a:b"}, "branch"),
        ({"branch": "a\nb"}, "branch"),
        ({"branch": "a..b"}, "branch"),
        ({"pages": "javascript:alert('{path}')"}, "pages"),
        ({"pages": "https://example.org/"}, "pages"),
    ],
)
def test_address_that_git_could_take_otherwise_is_refused(fields: dict[str, str], field: str) -> None:
    form = RepositoryForm({"url": "https://example.org/guide.git", "branch": "main", **fields})
    assert field in form.errors
    assert RepositoryForm({"url": "https://example.org/guide.git", "branch": "feature/x-1"}).is_valid()


def test_repository_is_asked_over_https_but_on_hosts_that_are_named(source: SyncedSource, settings: Any) -> None:
    (said,) = RepositoryForm({"url": "http://example.org/guide.git"}).errors["url"]
    assert said.startswith("The address of a repository must begin with https://")
    assert "FETCH_HOSTS may name hosts" in said
    source.settings |= {"url": "http://example.org/guide.git"}  # as one that was added before
    source.save()
    run = look_at(source)
    assert (run.state, str(run.error)) == ("failed", said)
    settings.FETCH_HOSTS = ["git.example.org"]
    assert RepositoryForm({"url": "http://git.example.org/guide.git"}).is_valid()
    assert not RepositoryForm({"url": "http://example.org/guide.git"}).is_valid()
