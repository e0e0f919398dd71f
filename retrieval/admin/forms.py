"""The forms of the admin's own pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval.errors import QuotaExceeded
from retrieval.ingestion import ingest
from retrieval.ingestion.quota import check_quota
from retrieval.models import Collection, Document
from retrieval.parsing.formats import clean
from retrieval.reasons import Reason, gettext_noop
from retrieval.sources.addresses import add_address
from retrieval.sources.uploads import ARCHIVE, ENDINGS, Upload, add_text, add_upload, check_ending, check_size
from retrieval.sources.web import FetchLimits

if TYPE_CHECKING:
    DocumentModelForm = forms.ModelForm[Document]
else:
    DocumentModelForm = forms.ModelForm

ADDRESSES_AT_ONCE = 20
_NOT_SENT = gettext_noop("It was not sent. Try again.")
_NOT_FETCHED = gettext_noop("Not fetched, for the others took too long. Add it again.")


def check_file(file: UploadedFile[bytes]) -> None:
    """Raise ValidationError for what is wrong before a file is stored; the parser finds the rest."""
    refusal = check_size(file.size or 0, max_bytes=settings.UPLOAD_MAX_BYTES) or check_ending(file.name or "")
    if refusal:
        raise forms.ValidationError(refusal.message())


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class UploadForm(forms.Form):
    """Any number of files for one collection. Each is judged on its own, so that one never stops the others."""

    collection = forms.ModelChoiceField(Collection.objects.listed(), label=gettext_lazy("Collection"))
    documents = forms.Field(label=gettext_lazy("Documents"), widget=FilesInput)
    # Of a file that a script has found to be too large, and does not send:
    unsent_name = forms.CharField(max_length=500, required=False, widget=forms.HiddenInput)
    unsent_size = forms.IntegerField(min_value=0, max_value=2**62, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_bytes = settings.UPLOAD_MAX_BYTES
        endings = sorted(ENDINGS)
        self.fields["documents"].widget.attrs["accept"] = ",".join(f".{ending}" for ending in [*endings, ARCHIVE])
        self.fields["documents"].help_text = _("%(endings)s, or a zip archive of them; up to %(limit)s each.") % {
            "endings": ", ".join(endings),
            "limit": filesizeformat(self.max_bytes),
        }
        self.fields["documents"].required = not self.data.get("unsent_name")

    def save(self, *, owner: AbstractBaseUser) -> list[Upload]:
        """Return what became of each file, and of each member of an archive."""
        collection, unsent = self.cleaned_data["collection"], self.cleaned_data["unsent_name"]
        if unsent:
            size = self.cleaned_data["unsent_size"] or 0
            refusal = check_size(size, max_bytes=self.max_bytes) or Reason(_NOT_SENT)
            return [Upload(unsent, refusal=refusal, too_much=True, size=size)]
        return [
            upload
            for file in self.cleaned_data["documents"]
            for upload in add_upload(
                collection, file=file, filename=file.name or "", owner=owner, max_bytes=self.max_bytes
            )
        ]


class CollectionUploadForm(UploadForm):
    """The same on a collection's own page, where there is nothing to choose."""

    collection = forms.ModelChoiceField(Collection.objects.listed(), widget=forms.HiddenInput)


class PasteForm(forms.Form):
    """Text as a document."""

    collection = forms.ModelChoiceField(Collection.objects.listed(), label=gettext_lazy("Collection"))
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=300, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=settings.PASTE_MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 16}),
        help_text=gettext_lazy("Markdown is understood: lines that begin with # are headings."),
    )

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not clean(text).strip():
            raise forms.ValidationError(_("There is no text in it."))
        return text

    def save(self, *, owner: AbstractBaseUser) -> list[Upload]:
        """Return what became of the text."""
        values = self.cleaned_data
        return [add_text(values["collection"], title=values["title"], text=values["text"], owner=owner)]


class AddressForm(forms.Form):
    """Web addresses, one on each line."""

    collection = forms.ModelChoiceField(Collection.objects.listed(), label=gettext_lazy("Collection"))
    addresses = forms.CharField(
        label=gettext_lazy("Addresses"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 5, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One on each line, beginning with https:// or http://. A page, or a file of a type that can be uploaded."
        ),
    )

    def clean_addresses(self) -> list[str]:
        """Return each address once, in order."""
        lines = dict.fromkeys(line.strip() for line in self.cleaned_data["addresses"].splitlines())
        addresses = [line for line in lines if line]
        if len(addresses) > ADDRESSES_AT_ONCE:
            counts = {"count": len(addresses), "limit": ADDRESSES_AT_ONCE}
            raise forms.ValidationError(_("These are %(count)d addresses, the limit is %(limit)d at once.") % counts)
        return addresses

    def save(self, *, owner: AbstractBaseUser, limits: Callable[..., FetchLimits]) -> list[Upload]:
        """Return what became of each address. All of them share the seconds of one fetch; those left over are not
        fetched."""
        deadline = time.monotonic() + limits().seconds
        uploads = []
        for url in self.cleaned_data["addresses"]:
            left = deadline - time.monotonic()
            if left <= 0:
                uploads.append(Upload(url, refusal=Reason(_NOT_FETCHED)))
                continue
            within = limits(seconds=left)
            uploads.append(add_address(self.cleaned_data["collection"], url=url, owner=owner, limits=within))
        return uploads


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "title" in self.fields:  # which may be read from the file while the form is open
            known = not self.is_bound or self.add_initial_prefix("title") in self.data
            self.fields["title"].show_hidden_initial = known

    def clean(self) -> None:
        """Keep a collection from holding the same content twice, also when a document moves into it or gets another
        file."""
        replacement = self.cleaned_data.get("replacement")
        content_hash = ingest.sha256(replacement) if replacement else self.instance.content_hash
        same = Document.objects.filter(collection=self.cleaned_data.get("collection"), content_hash=content_hash)
        if other := same.exclude(pk=self.instance.pk).first():
            raise forms.ValidationError(_("This collection holds the same file already: “%s”.") % other.title)
        if replacement:
            try:
                check_quota(self.instance.owner, adding=replacement.size - self.instance.size)
            except QuotaExceeded as error:
                self.add_error("replacement", error.reason.message())


class QueryForm(forms.Form):
    query = forms.CharField(
        label=gettext_lazy("Query"),
        max_length=settings.QUERY_MAX_CHARACTERS,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
