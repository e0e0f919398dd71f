"""The files of a git repository, as the newest commit of a branch has them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from django import forms
from django.conf import settings as site_settings
from django.utils.translation import gettext, gettext_lazy

from retrieval.errors import FetchRefused, RetrievalError
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import gettext_noop as _
from retrieval.sources.web import FetchLimits, check_address, checked_addresses, is_among
from retrieval.syncing.declaring import (
    DocumentSource,
    EntryRefused,
    KnownEntries,
    ListingIncomplete,
    SourceContent,
    SourceEntry,
    SourceUnchanged,
)
from retrieval.syncing.kinds.git import Git
from retrieval.syncing.kinds.patterns import PatternsForm, is_wanted
from retrieval.syncing.kinds.visitor import authorization

_FILES = 100_000
_LFS = b"version https://git-lfs.github.com/spec/"
_FORBIDDEN = set("\0\n\r\t \\~^:?*[\x7f")  # in no name of a branch: git check-ref-format(1)


class RepositoryForm(PatternsForm):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2_000,
        widget=forms.URLInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("As for “git clone”, beginning with https://."),
    )
    branch = forms.CharField(
        label=gettext_lazy("Branch"), required=False, max_length=200, help_text=gettext_lazy("Empty: its main branch.")
    )
    pages = forms.CharField(
        label=gettext_lazy("Where its files are shown"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("An address with {path} in it, where a citation opens. Empty: it opens in the reader."),
    )
    field_order = ["url", "branch", "include", "exclude", "pages"]

    def clean_url(self) -> str:
        try:
            url = check_address(self.cleaned_data["url"], site_settings.FETCH_HOSTS)
            check_askable(str(url))
        except RetrievalError as error:
            raise forms.ValidationError(error.reason.message()) from error
        if url.query:
            raise forms.ValidationError(gettext("It holds a question mark: leave out what follows it."))
        return str(url)

    def clean_branch(self) -> str:
        branch: str = self.cleaned_data["branch"]
        if branch.startswith(("-", "/", ".")) or set(branch) & _FORBIDDEN or ".." in branch or "@{" in branch:
            raise forms.ValidationError(gettext("It is no name of a branch."))
        return branch

    def clean_pages(self) -> str:
        pages: str = self.cleaned_data["pages"]
        if pages and not (pages.startswith(("https://", "http://")) and pages.count("{path}") == 1):
            raise forms.ValidationError(gettext("It must be an address with {path} in it."))
        return pages


class RepositorySource(DocumentSource):
    """Asks for the newest commit, and only when that is another one downloads it, without its history, into a folder
    that goes with the run."""

    kind = "git"
    label = gettext_lazy("Git repository")
    Form = RepositoryForm

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        url, branch = self.settings["url"], self.settings["branch"]
        limits = FetchLimits(0, site_settings.FETCH_MAX_SECONDS, site_settings.FETCH_HOSTS)
        with tempfile.TemporaryDirectory(prefix="repository-") as name:
            check_askable(url)
            addresses = checked_addresses(url, limits=limits)
            git = Git(Path(name), url=url, addresses=addresses, headers=authorization(url), wait=self.wait)
            self.mark = git.newest(branch)
            if self.mark == since.mark:
                raise SourceUnchanged
            git.download(branch, like=self.mark)
            for number, (path, blob, size) in enumerate(git.files()):
                self.wait(0)
                if number >= _FILES:
                    raise ListingIncomplete(_("It has more than %(limit)s files."), limit=_FILES)
                if self._is_document(path):
                    read = partial(_read, git, path, blob, size)
                    yield SourceEntry(path, read, version=blob, url=self._page(path))

    def _is_document(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        hidden = any(part.startswith(".") for part in parts)
        return path.rpartition(".")[2].lower() in FORMATS and not hidden and is_wanted(f"/{path}", self.settings)

    def _page(self, path: str) -> str:
        pages: str = self.settings.get("pages", "")
        return pages.replace("{path}", quote(path)) if pages else ""


def _read(git: Git, path: str, blob: str, size: int) -> SourceContent:
    limit = site_settings.UPLOAD_MAX_BYTES
    if size > limit:
        raise EntryRefused(_("It is too large: the limit is %(limit)s bytes."), limit=limit)
    content = git.blob(blob)
    if content.startswith(_LFS):
        raise EntryRefused(_("It is kept in Git LFS, which is not followed."))
    return SourceContent(content, PurePosixPath(path).name)


def check_askable(url: str) -> None:
    """Raise FetchRefused for a host that is asked without encryption though FETCH_HOSTS doesn't name it, and for one
    whose name git might write otherwise than the address that is checked for it."""
    parts = urlsplit(url)
    host, hosts = parts.hostname or "", site_settings.FETCH_HOSTS
    if parts.scheme != "https" and not is_among(hosts, host, parts.port or 80):
        raise FetchRefused(
            _(
                "The address of a repository must begin with https://, so that nobody on the way can change its files. "
                "FETCH_HOSTS may name hosts of your own network that are asked by http:// too."
            )
        )
    if not host.isascii() or host.endswith("."):
        raise FetchRefused(_("Write the name of its host in plain letters, and without a dot at its end."))
