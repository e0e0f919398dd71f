"""The forms of the admin's own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval import ingest
from retrieval.errors import QuotaExceeded
from retrieval.models import Collection, Document
from retrieval.quota import check_quota
from retrieval.sources.uploads import ARCHIVE, ENDINGS, Upload, add_upload, check_ending, check_size

if TYPE_CHECKING:
    DocumentModelForm = forms.ModelForm[Document]
else:
    DocumentModelForm = forms.ModelForm


def check_file(file: UploadedFile[bytes]) -> None:
    """What can be known before a file is stored; the rest is the parser's to say."""
    refusal = check_size(file.size or 0, max_bytes=settings.UPLOAD_MAX_BYTES) or check_ending(file.name or "")
    if refusal:
        raise forms.ValidationError(refusal)


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class UploadForm(forms.Form):
    """Any number of files for one collection. Each is judged on its own, so that one never stops the others."""

    collection = forms.ModelChoiceField(Collection.objects.all())
    documents = forms.Field(widget=FilesInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_bytes = settings.UPLOAD_MAX_BYTES
        endings = sorted(ENDINGS)
        self.fields["documents"].widget.attrs["accept"] = ",".join(f".{ending}" for ending in [*endings, ARCHIVE])
        self.fields["documents"].help_text = _("%(endings)s, or a zip archive of them; up to %(limit)s each.") % {
            "endings": ", ".join(endings),
            "limit": filesizeformat(self.max_bytes),
        }

    def save(self, *, owner: AbstractBaseUser) -> list[Upload]:
        """What became of each file, and of each member of an archive."""
        collection = self.cleaned_data["collection"]
        return [
            upload
            for file in self.cleaned_data["documents"]
            for upload in add_upload(
                collection, file=file, filename=file.name or "", owner=owner, max_bytes=self.max_bytes
            )
        ]


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
        if replacement:
            try:
                check_quota(self.instance.owner, adding=replacement.size - self.instance.size)
            except QuotaExceeded as error:
                self.add_error("replacement", str(error))


class QueryForm(forms.Form):
    query = forms.CharField(
        max_length=settings.QUERY_MAX_CHARACTERS, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
