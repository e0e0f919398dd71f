"""How the site is right now, each as a line for staff: documents, queue, index, language model, loop, disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import agents
from chatsite.answering.language_models import model_configured, model_name
from chatsite.answering.model_state import FIXES, model_state
from retrieval.doctor import LEAST_FREE_BYTES, IndexCounts, Queue
from retrieval.errors import RetrievalError
from retrieval.ingestion import spaces
from retrieval.models import Document


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said `about` something; `fix` is empty when it is well, `url` leads to what it is about."""

    about: str
    said: str
    fix: str = ""
    url: str = ""

    @property
    def is_well(self) -> bool:
        return not self.fix


def lines() -> Iterator[Fact]:
    """Yield a line about each; no language model and no embedding address is asked."""
    yield from _documents()
    yield _queue()
    yield _index()
    yield _model()
    yield _loop()
    yield _disk()


def _documents() -> Iterator[Fact]:
    counts = dict(Document.objects.listed().order_by().values_list("state").annotate(total=Count("pk")))
    ready = counts.get(Document.State.READY, 0)
    said = ngettext("%(count)s is ready", "%(count)s are ready", ready) % {"count": _number(ready)}
    yield Fact(_("Documents"), said, url=_list())
    for state in (Document.State.FAILED, Document.State.NEEDS_OCR):
        if count := counts.get(state, 0):
            fix = _("Each says why: replace it, or re-index it.")
            yield Fact(str(state.label), _number(count), fix, f"{_list()}?state__exact={state}")


def _queue() -> Fact:
    queue = Queue.now()
    if queue.oldest is None:
        said = ngettext("none waits, %(count)s is read", "none waits, %(count)s are read", queue.working)
        return Fact(_("Queue"), said % {"count": _number(queue.working)})
    said = ngettext("%(count)s waits, for %(time)s", "%(count)s wait, the first for %(time)s", queue.waiting)
    said %= {"count": _number(queue.waiting), "time": timesince(queue.oldest.updated_at)}
    left = _("Nobody reads: start “manage.py worker”, or the site itself.") if queue.is_left else ""
    return Fact(_("Queue"), said, queue.oldest.error or left, f"{_list()}?state__exact={Document.State.QUEUED}")


def _index() -> Fact:
    try:
        counts = IndexCounts.now()
    except RetrievalError as error:
        return Fact(_("Index"), str(error), _("Searches fail until it answers."))
    said = _("%(held)s of %(chunks)s passages") % {"held": _number(counts.held), "chunks": _number(counts.chunks)}
    if reason := spaces.mismatch():
        return Fact(_("Index"), said, reason)
    return Fact(_("Index"), said, _("Run “manage.py reconcile”.") if counts.needs_repair else "")


def _model() -> Fact:
    if not model_configured():
        return Fact(_("Language model"), _("none: answers quote the documents"))
    state = model_state()
    if state.is_well:
        return Fact(_("Language model"), model_name())
    fix = FIXES.get(state.fault, _("“manage.py doctor” asks it, and says what is wrong."))
    return Fact(_("Language model"), f"{model_name()}: {state.fault}", fix)


def _loop() -> Fact:
    state = agents.loop_state()
    if not state["started"]:
        return Fact(_("Loop"), _("not needed yet"))
    if not state["alive"] or state["lag_ms"] is None:
        return Fact(_("Loop"), _("not running"), _("The next question starts it anew. Look into the log."))
    said = ngettext("%(count)s answer, %(lag)s ms behind", "%(count)s answers, %(lag)s ms behind", state["runs"])
    return Fact(_("Loop"), said % {"count": _number(state["runs"]), "lag": _number(round(state["lag_ms"]))})


def _disk() -> Fact:
    free = shutil.disk_usage(settings.DATA_DIR).free
    fix = _("Make room: documents can't be read without.") if free < LEAST_FREE_BYTES else ""
    return Fact(_("Disk"), _("%(size)s free") % {"size": filesizeformat(free)}, fix)


def _number(count: int) -> str:
    return number_format(count, force_grouping=True)


def _list() -> str:
    """Return the address of the admin's list of documents; empty in a project whose admin has none."""
    try:
        return reverse("admin:retrieval_document_changelist")
    except NoReverseMatch:
        return ""
