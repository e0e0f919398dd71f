"""The files of one of Django's storages: a folder, or a bucket by django-storages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from typing import Any

from django import forms
from django.conf import settings as site_settings
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext, gettext_lazy

from retrieval.errors import FetchFailed
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import gettext_noop as _
from retrieval.syncing.declaring import (
    DocumentSource,
    EntryGone,
    EntryRefused,
    KnownEntries,
    ListingIncomplete,
    SourceContent,
    SourceEntry,
)
from retrieval.syncing.kinds.patterns import PatternsForm, is_wanted

_DEPTH = 50


class StorageForm(PatternsForm):
    storage = forms.ChoiceField(label=gettext_lazy("Storage"), choices=lambda: [(name, name) for name in _offered()])
    folder = forms.CharField(
        label=gettext_lazy("Folder"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    field_order = ["storage", "folder", "include", "exclude"]

    def clean_folder(self) -> str:
        folder = str(self.cleaned_data["folder"]).strip("/")
        if any(part in ("", ".", "..") for part in folder.split("/")) and folder:
            raise forms.ValidationError(gettext("It is no folder of the storage."))
        return folder


class StorageSource(DocumentSource):
    kind = "storage"
    label = gettext_lazy("Storage (S3 or any of Django’s)")
    help = gettext_lazy("Those of STORAGES that SOURCE_STORAGES names.")
    Form = StorageForm

    @property
    def place(self) -> str:
        return f"{self.settings['storage']}:/{self.settings['folder']}"

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        name = self.settings["storage"]
        if name not in _offered():  # asked anew: the operator may have taken it back
            raise FetchFailed(_("SOURCE_STORAGES doesn’t name the storage %(name)s."), name=name)
        storage = storages[name]
        listing = _objects(storage, self.settings["folder"]) if hasattr(storage, "bucket") else self._walk(storage)
        for path, version in listing:
            self.wait(0)
            ending = path.rpartition(".")[2].lower()
            hidden = any(part.startswith(".") for part in path.split("/"))
            if ending in FORMATS and not hidden and is_wanted(f"/{path}", self.settings):
                yield SourceEntry(path, partial(_read, storage, path), version=version or _version(storage, path))

    def _walk(self, storage: Storage) -> Iterator[tuple[str, str]]:
        """Yield each file, folder by folder. What can't be listed ends the run: nothing counts as gone then."""
        waiting = [self.settings["folder"]]
        while waiting:
            self.wait(0)
            folder = waiting.pop()
            if folder.count("/") > _DEPTH:
                raise ListingIncomplete(_("Its folders are nested too deep."))
            try:
                folders, files = storage.listdir(folder)
            except NotImplementedError as error:
                raise FetchFailed(_("This storage can’t list its files.")) from error
            except OSError as error:
                raise FetchFailed(_("The folder %(name)s can’t be listed."), name=folder or "/") from error
            waiting += [posixpath.join(folder, one) for one in sorted(folders) if one not in ("", ".", "..")]
            yield from ((posixpath.join(folder, file), "") for file in sorted(files) if file)


def _offered() -> list[str]:
    """Return the storages that staff may take from: those that are there, and that the operator has named."""
    return [name for name in site_settings.SOURCE_STORAGES if name in storages.backends]


def _objects(storage: Any, folder: str) -> Iterator[tuple[str, str]]:
    """Yield what an S3 bucket lists, with its etags: one request for each thousand, where `listdir` and a question for
    each file would be one each."""
    location = str(getattr(storage, "location", "") or "").strip("/")
    prefix = "/".join(part for part in (location, folder) if part)
    for found in storage.bucket.objects.filter(Prefix=f"{prefix}/" if prefix else ""):
        path = found.key[len(location) + 1 :] if location else found.key
        if not path.endswith("/"):
            yield path, f"{found.e_tag}-{found.size}"


def _version(storage: Storage, path: str) -> str:
    """Return the file's time and size; empty where the storage knows none: then it is read each time."""
    try:
        return f"{storage.get_modified_time(path).timestamp():.6f}-{storage.size(path)}"
    except (NotImplementedError, OSError, ValueError):
        return ""


def _read(storage: Storage, path: str) -> SourceContent:
    try:
        if storage.size(path) > site_settings.UPLOAD_MAX_BYTES:
            raise EntryRefused(
                _("It is too large: the limit is %(limit)s bytes."), limit=site_settings.UPLOAD_MAX_BYTES
            )
        with storage.open(path, "rb") as file:
            content = file.read(site_settings.UPLOAD_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise EntryGone(_("The file is no longer stored.")) from error
    return SourceContent(content, posixpath.basename(path))
