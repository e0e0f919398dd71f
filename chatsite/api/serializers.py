"""The wire format of the API: what is accepted, and what is answered."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatsite.api.fields import (
    CommaSeparatedField,
    FlagField,
    FormIdField,
    IdsField,
    TextField,
    WholeNumberField,
    document_ids_field,
    languages_field,
    slugs_field,
)
from chatsite.api.tool_serializers import ApprovalSerializer, TraceToolSerializer
from chatsite.errors import grouped
from chatsite.models import Feedback, Run
from retrieval.models import Document
from retrieval.notes import KINDS


class SelectionSerializer(serializers.Serializer[Any]):
    """Where a selection lies: characters `start` to `end` (exclusive, in code points) of a document's text."""

    document_id = WholeNumberField(min_value=1, max_value=2**63 - 1)
    start = WholeNumberField(min_value=0, max_value=2**31 - 1)
    end = WholeNumberField(min_value=1, max_value=2**31 - 1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        limit = settings.SELECTION_MAX_CHARACTERS
        if not 0 < attrs["end"] - attrs["start"] <= limit:
            fault = _("Must be 1 to %s characters after start.") % grouped(limit)
            raise serializers.ValidationError({"end": fault})
        return attrs


class SelectedTextSerializer(serializers.Serializer[Any]):
    """One of several selections: `text`, or where it lies in a document, or both."""

    text = TextField(max_length=settings.SELECTION_MAX_CHARACTERS, required=False)
    document_id = WholeNumberField(min_value=1, max_value=2**63 - 1, required=False)
    start = WholeNumberField(min_value=0, max_value=2**31 - 1, required=False)
    end = WholeNumberField(min_value=1, max_value=2**31 - 1, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        place = [name for name in ("document_id", "start", "end") if name in attrs]
        if place and len(place) < 3:
            raise serializers.ValidationError(_("A place takes document_id, start and end; send all three, or none."))
        if not attrs:
            raise serializers.ValidationError(_("Is empty; send text, or document_id, start and end."))
        if place and attrs["end"] <= attrs["start"]:
            raise serializers.ValidationError({"end": _("Must be after start.")})
        return attrs


_FILTERS = {"filter", "filters", "must", "must_not", "should", "where"}


class QuestionSerializer(serializers.Serializer[Any]):
    """A question, in the body of `POST chat/query`."""

    query = TextField(max_length=settings.QUERY_MAX_CHARACTERS, help_text="The question.")
    mode = serializers.ChoiceField(
        choices=Run.Mode.choices, required=False, help_text="Decided by `selected_text` and `selection` when left out."
    )
    selected_text = TextField(
        max_length=settings.SELECTION_MAX_CHARACTERS, required=False, help_text="The answer comes from this text alone."
    )
    selection = SelectionSerializer(required=False, help_text="Where the selected text lies, so the answer links back.")
    selections = serializers.ListField(
        child=SelectedTextSerializer(),
        allow_empty=False, min_length=1, max_length=settings.SELECTIONS_MAX, required=False,
        help_text="Several selections, from one or more places, instead of `selected_text` and `selection`. "
        "Selection 1 is source 1 of the answer.",
    )  # fmt: skip
    top_k = WholeNumberField(min_value=1, max_value=10, default=5, help_text="How many passages to answer from.")
    session_id = serializers.UUIDField(required=False, help_text="Continue this conversation.")
    collections = slugs_field("Slugs; search these only.")
    document_ids = document_ids_field("Search these documents only.")
    languages = languages_field("Search documents in these languages only, as ISO 639-1 codes: en, de.")
    since = serializers.DateField(required=False, help_text="Search documents of this day and later only.")
    until = serializers.DateField(required=False, help_text="Search documents of this day and earlier only.")
    model = TextField(
        max_length=120, required=False, help_text="The language model to ask, of those that the reader may choose."
    )
    agent = TextField(
        max_length=60, required=False, help_text="The name of the agent to ask; a conversation stays with its own."
    )
    stream = FlagField(default=False, help_text="Answer as text/event-stream.")
    keep = FlagField(default=False, help_text="Go on with the answer when the connection ends.")
    background = FlagField(
        default=False, help_text="Answer 202 at once, with where the run is told of; it goes on by itself."
    )
    replaces = serializers.UUIDField(
        required=False,
        help_text="A run of this conversation: this question takes its place, and that of what followed.",
    )
    continues = serializers.UUIDField(
        required=False, help_text="A run of this conversation whose answer was cut short: this answer goes on with it."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._check_names()
        self._check_selections(attrs)
        selected = next((name for name in ("selections", "selected_text", "selection") if name in attrs), "")
        mode = attrs.setdefault("mode", Run.Mode.SELECTED_TEXT if selected else Run.Mode.RETRIEVAL)
        if mode == Run.Mode.SELECTED_TEXT and not selected:
            raise serializers.ValidationError({"mode": _("Is selected_text, but there is no selected_text; send it.")})
        if mode == Run.Mode.RETRIEVAL and selected:
            fault = _("Is retrieval, which takes no %s; leave one of them out.") % selected
            raise serializers.ValidationError({"mode": fault})
        self._check_search(attrs)
        if attrs["background"] and attrs["stream"]:
            raise serializers.ValidationError({"background": _("Contradicts stream; leave one of them out.")})
        if "continues" in attrs and "replaces" in attrs:
            raise serializers.ValidationError({"continues": _("Contradicts replaces; leave one of them out.")})
        for field in ("continues", "replaces"):
            if field in attrs and "session_id" not in attrs:
                raise serializers.ValidationError({field: _("Needs the session_id of its conversation; send it.")})
        return attrs

    def _check_names(self) -> None:
        """Other unknown fields are ignored; who sends a filter must not take a wider answer for a narrowed one."""
        for name in self.initial_data:
            if "__" in name or name in _FILTERS:
                fault = _("Is no field of a question; narrow it by collections, document_ids, languages and dates.")
                raise serializers.ValidationError({name[:60]: fault})

    def _check_search(self, attrs: dict[str, Any]) -> None:
        for field in ("languages", "since", "until"):
            if field in attrs and attrs["mode"] == Run.Mode.SELECTED_TEXT:
                fault = _("Narrows a search, and selected_text makes none; leave it out.")
                raise serializers.ValidationError({field: fault})
        if "since" in attrs and "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": _("Is before since; swap them.")})

    def _check_selections(self, attrs: dict[str, Any]) -> None:
        if "selections" not in attrs:
            return
        if "selected_text" in attrs or "selection" in attrs:
            fault = _("Takes the place of selected_text and selection; leave those out.")
            raise serializers.ValidationError({"selections": fault})
        sizes = (max(len(s.get("text", "")), s.get("end", 0) - s.get("start", 0)) for s in attrs["selections"])
        if (total := sum(sizes)) > (limit := settings.SELECTION_MAX_CHARACTERS):
            fault = _("Have %(total)s characters together, more than the limit of %(limit)s. Send shorter texts.")
            numbers = {"total": grouped(total), "limit": grouped(limit)}
            raise serializers.ValidationError({"selections": fault % numbers})


LOOKED_UP_HELP = "When, in words, where a tool of the site gave it, to you alone; empty for documents."
NOTES_HELP = "What reading it left out, changed or guessed; what the text has lost first."


@extend_schema_field(str)
class BesideField(serializers.Field[Any, Any, Any, Any]):
    """What tells a document from another one of the same title, as `told_apart` has it for all that are listed."""

    def __init__(self) -> None:
        super().__init__(
            source="pk", read_only=True, help_text="Tells it from another document of the same title; else empty."
        )

    def to_representation(self, value: int) -> str:
        """Return it for the document of this id."""
        beside: str = self.context.get("beside", {}).get(value, "")
        return beside


class PagesField(serializers.IntegerField):
    """How many pages a document has."""

    def __init__(self) -> None:
        super().__init__(
            source="page_count", read_only=True, allow_null=True, help_text="null for formats without pages."
        )


class SourceSerializer(serializers.Serializer[Any]):
    """A passage the answer was given from. `content` is the document's text from `start` to `end`."""

    chunk_id = serializers.UUIDField(allow_null=True)
    document_id = serializers.IntegerField(allow_null=True)
    title = serializers.CharField()
    section = serializers.CharField(help_text="The path of headings above its beginning; may be empty.")
    beside = serializers.CharField(help_text="Tells it from another document of the same title; else empty.")
    url = serializers.CharField(allow_null=True)
    page = serializers.IntegerField(allow_null=True, help_text="That what was found begins on, counted from 1.")
    page_label = serializers.CharField(help_text="What is printed as that page's number; empty without pages.")
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    content = serializers.CharField()
    score = serializers.FloatField()
    looked_up = serializers.CharField(help_text=LOOKED_UP_HELP)


class CitationSerializer(serializers.Serializer[Any]):
    """What one marker in the answer rests on. `quote` stands word for word in the source, at `start` to `end`."""

    marker = serializers.IntegerField(help_text="The number in the answer: 1 for [1].")
    source = serializers.IntegerField(help_text="Index into `sources`, from 0.")  # type: ignore[assignment]
    quote = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    title = serializers.CharField(help_text="Of its document.")
    beside = serializers.CharField(help_text="Tells it from another document of the same title; else empty.")
    page = serializers.IntegerField(allow_null=True, help_text="That the quote begins on, where a document has pages.")
    page_label = serializers.CharField(help_text="What is printed as that page's number; empty without pages.")
    url = serializers.CharField(allow_null=True, help_text="Opens the document with the quote marked.")
    looked_up = serializers.CharField(help_text=LOOKED_UP_HELP)


class UsageSerializer(serializers.Serializer[Any]):
    """Tokens; empty where no language model was asked."""

    input_tokens = serializers.IntegerField(required=False)
    output_tokens = serializers.IntegerField(required=False)
    cached_tokens = serializers.IntegerField(required=False, help_text="Of the input, those the provider had kept.")
    reasoning_tokens = serializers.IntegerField(required=False, help_text="Of the output, those thought, not said.")


class CorrectionSerializer(serializers.Serializer[Any]):
    """A word of the question that no document holds, and the word that was searched for beside it."""

    written = serializers.CharField()
    read_as = serializers.CharField()


class AnswerSerializer(serializers.Serializer[Any]):
    """The answer to a question, and the body of the stream's `done` event."""

    answer = serializers.CharField()
    mode_used = serializers.ChoiceField(choices=Run.Mode.choices)
    answered = serializers.BooleanField(help_text="At least one claim carries a verified citation.")
    small_talk = serializers.ChoiceField(
        choices=Run.SmallTalk.choices,
        allow_blank=True,
        help_text="What was said instead of a question, which a fixed answer answers; empty for a question.",
    )
    withheld = serializers.BooleanField(help_text="It rests on what you may no longer read, so `answer` is empty.")
    unsupported = serializers.CharField(
        help_text="What the model wrote without one citation; `answer` then says that nothing answers the question."
    )
    cut_short = serializers.BooleanField(help_text="The answer reached a limit; ask with `continues` for the rest.")
    model = serializers.CharField()
    session_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    sources = SourceSerializer(many=True)
    citations = CitationSerializer(many=True)
    retrieval_time_ms = serializers.FloatField()
    model_time_ms = serializers.FloatField()
    total_time_ms = serializers.FloatField()
    usage = UsageSerializer()
    corrections = CorrectionSerializer(many=True)
    approvals = ApprovalSerializer(
        many=True, help_text="What waits for you before the answer goes on; then it is not whole. Else empty."
    )


class RunLinksSerializer(serializers.Serializer[Any]):
    """The addresses of a run."""

    self = serializers.CharField(help_text="How far it is, and its whole answer in the end.")
    events = serializers.CharField(help_text="All that happens, as text/event-stream.")
    stop = serializers.CharField()
    trace = serializers.CharField(help_text="How the answer came about.")


class RunUnderWaySerializer(serializers.Serializer[Any]):
    """A question that is being answered."""

    run_id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Run.State.choices)
    links = RunLinksSerializer()


class ErrorSerializer(serializers.Serializer[Any]):
    error = serializers.CharField(help_text="A code that stays the same.")
    message = serializers.CharField(help_text="What is wrong, the limit, and the fix.")
    details = serializers.DictField()
    request_id = serializers.CharField()


class RunSerializer(RunUnderWaySerializer):
    """A question to its end."""

    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    answer = AnswerSerializer(allow_null=True, help_text="null while it is written, and when there is none.")
    error = ErrorSerializer(allow_null=True, help_text="Why there is no answer; null when there is, or still may be.")


class TraceSearchSerializer(serializers.Serializer[Any]):
    """One search of a run, and what came of it."""

    query = serializers.CharField(help_text="Empty where you may not read all that was found.")
    passages = serializers.IntegerField(help_text="How many it has found.")
    failed = serializers.BooleanField()
    left_out = serializers.IntegerField(help_text="Of them, those that the model's window had no room for.")
    ms = serializers.FloatField()


class TraceSerializer(serializers.Serializer[Any]):
    """How an answer came about."""

    run_id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Run.State.choices)
    mode = serializers.ChoiceField(choices=Run.Mode.choices)
    error_code = serializers.CharField(help_text="`error` of the error that it ended with; else empty.")
    model = serializers.CharField(help_text="That answered last; `extractive`: sentences were quoted.")
    model_fault = serializers.CharField(help_text="Code of the error of a language model that failed; else empty.")
    kept = serializers.BooleanField(help_text="It goes on when the connection ends.")
    searches = TraceSearchSerializer(many=True)
    tools = TraceToolSerializer(many=True)
    usage = UsageSerializer()
    cost = serializers.FloatField(
        allow_null=True, help_text="US dollars, by today's price of the model; null when that is unknown."
    )
    retrieval_time_ms = serializers.FloatField()
    model_time_ms = serializers.FloatField()
    first_text_time_ms = serializers.FloatField(
        allow_null=True, help_text="Until the first words of the answer; null where none came."
    )
    total_time_ms = serializers.FloatField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class AttachmentRequestSerializer(serializers.Serializer[Any]):
    """A file for a conversation, as multipart/form-data."""

    file = serializers.FileField(help_text="Of a format that can be uploaded.")
    session_id = FormIdField(required=False, help_text="The conversation; a new one begins without it.")


class NoteSerializer(serializers.Serializer[Any]):
    """One thing that is to be said of how a document was read."""

    kind = serializers.ChoiceField(choices=list(KINDS))
    count = serializers.IntegerField(help_text="How often it was met.")
    names = serializers.ListField(child=serializers.CharField(), help_text="The first of where or what.")
    message = serializers.CharField(source="reason.message", help_text="It as a sentence.")
    lost = serializers.BooleanField(source="loses", help_text="The text lacks something that the file shows.")


class AttachmentSerializer(serializers.Serializer[Any]):
    """A file attached to a conversation. It can be asked once it is `ready`."""

    document_id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    filename = serializers.CharField()
    beside = BesideField()
    pages = PagesField()
    state = serializers.ChoiceField(choices=Document.State.choices)
    progress = serializers.IntegerField(help_text="Percent, while it is processing.")
    error = serializers.CharField(source="error.message", help_text="Why it can't be read; empty when it can.")
    url = serializers.CharField(source="get_absolute_url", help_text="Where the reader opens it.")
    notes = NoteSerializer(source="ordered_notes", many=True, help_text=NOTES_HELP)


class AttachmentsSerializer(serializers.Serializer[Any]):
    """All files attached to a conversation."""

    session_id = serializers.UUIDField()
    attachments = AttachmentSerializer(many=True)


class FindSerializer(serializers.Serializer[Any]):
    """Which documents to list, in the address."""

    words = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Each stands in the title or the file name."
    )
    document_ids = IdsField(required=False, help_text="Ids, divided by commas: only these.")
    collections = CommaSeparatedField(required=False, help_text="Slugs, divided by commas: only in these.")


class DocumentSerializer(serializers.Serializer[Any]):
    """A document, and how it was read."""

    document_id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    filename = serializers.CharField()
    beside = BesideField()
    collection = serializers.CharField(source="collection.name")
    pages = PagesField()
    state = serializers.ChoiceField(choices=Document.State.choices)
    notes = NoteSerializer(source="ordered_notes", many=True, help_text=NOTES_HELP)


class FoundSerializer(serializers.Serializer[Any]):
    """Documents that can be asked, by title."""

    documents = DocumentSerializer(many=True)
    more = serializers.BooleanField(help_text="There are further ones: name more words.")


class FeedbackSerializer(serializers.Serializer[Any]):
    """What a reader thought of an answer."""

    helpful = FlagField()
    reason = serializers.ChoiceField(choices=Feedback.Reason.choices, required=False, help_text="When not helpful.")
    comment = TextField(max_length=1_000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["helpful"] and "reason" in attrs:
            raise serializers.ValidationError({"reason": _("Says what was not helpful, but helpful is true.")})
        return attrs


class HealthSerializer(serializers.Serializer[Any]):
    """Whether questions can be answered; everything but `status` for the staff alone."""

    status = serializers.ChoiceField(choices=["ok", "degraded"])
    chat_model = serializers.CharField(required=False)
    chat_model_well_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When a language model has last answered, as far as the latest runs tell.",
    )
    chat_model_fault = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="The code of its last error, when it has not answered since; empty when it is well.",
    )
    chat_model_fault_at = serializers.DateTimeField(required=False, allow_null=True)
    embedding = serializers.CharField(required=False)
    store = serializers.CharField(required=False)
    documents = serializers.DictField(
        required=False, child=serializers.IntegerField(), help_text="How many are in which state."
    )
    loop = serializers.DictField(required=False, help_text="The managed event loop of the process that answered.")


class LiveSerializer(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.ChoiceField(choices=["ok"])


class ReadySerializer(serializers.Serializer[Any]):
    """Whether this process can answer questions, and what is in its way."""

    status = serializers.ChoiceField(choices=["ok", "degraded"])
    database = serializers.BooleanField()
    index = serializers.BooleanField()
