"""The forms of the admin's own pages, and what becomes of each uploaded file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval import ingest
from retrieval.extraction import FORMATS, clean
from retrieval.models import Collection, Document

if TYPE_CHECKING:
    DocumentModelForm = forms.ModelForm[Document]
else:
    DocumentModelForm = forms.ModelForm


@dataclass(frozen=True)
class Upload:
    """What became of one file: a new document, or why not, with the document that holds the same if there is one."""

    filename: str
    document: Document | None = None
    refusal: str = ""


def title_of(filename: str) -> str:
    """A first title: the file's name without its ending, underscores as spaces."""
    return clean(PurePath(filename).stem).replace("_", " ").strip()[:300] or _("Untitled")


def check_file(file: UploadedFile[bytes]) -> None:
    """What can be known before a file is stored; the rest is the parser's to say."""
    size = file.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        sizes = {"size": filesizeformat(size), "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)}
        raise forms.ValidationError(_("Too large: it has %(size)s, the limit is %(limit)s.") % sizes)
    if PurePath(file.name or "").suffix[1:].lower() not in FORMATS:
        raise forms.ValidationError(_("Of an unknown type. These are accepted: %s.") % ", ".join(sorted(FORMATS)))


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class UploadForm(forms.Form):
    """Any number of files for one collection. Each is judged on its own, so that one never stops the others."""

    collection = forms.ModelChoiceField(Collection.objects.all())
    documents = forms.Field(widget=FilesInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_bytes = settings.UPLOAD_MAX_BYTES
        self.fields["documents"].widget.attrs["accept"] = ",".join(f".{ending}" for ending in sorted(FORMATS))
        self.fields["documents"].help_text = _("%(endings)s; up to %(limit)s each.") % {
            "endings": ", ".join(sorted(FORMATS)),
            "limit": filesizeformat(self.max_bytes),
        }

    def save(self, *, owner: AbstractBaseUser) -> list[Upload]:
        return [self._save_one(file, owner) for file in self.cleaned_data["documents"]]

    def _save_one(self, file: UploadedFile[bytes], owner: AbstractBaseUser) -> Upload:
        name = file.name or ""
        try:
            check_file(file)
        except forms.ValidationError as error:
            return Upload(name, refusal=str(error.message))
        document, created = ingest.add_document(
            self.cleaned_data["collection"], file=file, filename=name, title=title_of(name), owner=owner
        )
        if not created:
            return Upload(name, document, refusal=_("The same file is already there:"))
        return Upload(name, document)


class CollectionUploadForm(UploadForm):
    """The same on a collection's own page, where there is nothing to choose."""

    collection = forms.ModelChoiceField(Collection.objects.all(), widget=forms.HiddenInput)


class DocumentForm(DocumentModelForm):
    replacement = forms.FileField(
        required=False,
        label=gettext_lazy("Replace file"),
        help_text=gettext_lazy("Readers keep the old text until the new one is ready."),
        validators=[check_file],
    )

    class Meta:
        model = Document
        fields = ["title", "collection"]

    def clean(self) -> None:
        """A collection holds the same content once, also when a document moves into it or gets another file."""
        replacement = self.cleaned_data.get("replacement")
        content_hash = ingest.sha256(replacement) if replacement else self.instance.content_hash
        same = Document.objects.filter(collection=self.cleaned_data.get("collection"), content_hash=content_hash)
        if other := same.exclude(pk=self.instance.pk).first():
            raise forms.ValidationError(_("This collection holds the same file already: “%s”.") % other.title)


class QueryForm(forms.Form):
    query = forms.CharField(
        max_length=settings.QUERY_MAX_CHARACTERS, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
