"""Runs side by side, as one of the staff may see them: what each answered, cited and found, and what it took."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from chatsite.conversations.run_views import RunView
from chatsite.conversations.transcript import run_views
from chatsite.models import Run
from chatsite.overview.run_page import RunPage, run_page
from chatsite.reader import Reader, TrialReader

MOST = 4  # runs beside each other


@dataclass(frozen=True, slots=True)
class Beside:
    """One of them: its row, its answer as a reader sees it, how it came about, and the person that it was asked as."""

    run: Run
    answer: RunView
    page: RunPage
    person: str = ""

    @property
    def goes_on(self) -> bool:
        return self.run.state == Run.State.RUNNING


def runs_beside(ids: Iterable[str], *, request: HttpRequest, reader: Reader) -> list[Beside]:
    """Return the runs of these ids, in their order, that whoever looks may see: all for who may view runs, and what
    they tried themselves. One whose process has died is recorded as interrupted first."""
    wanted = [uuid.UUID(text) for text in list(ids)[:MOST] if _is_id(text)]
    own = Q(conversation__in=TrialReader(request.user).conversations().values("pk"))
    seen = Q() if request.user.has_perm("chatsite.view_run") else own
    Run.objects.filter(pk__in=wanted).close_lost()
    rows = Run.objects.filter(seen, pk__in=wanted).select_related("prompt", "conversation", "feedback")
    found = {run.pk: run for run in rows.prefetch_related("citations")}
    runs = [found[pk] for pk in wanted if pk in found]
    views = {view.id: view for run in runs for view in run_views([run], reader=reader, suggests=False)}
    people = _people(runs) if may_see_people(request) else {}
    return [
        Beside(run, views[str(run.pk)], run_page(run, user=request.user), people.get(run.scope.get("person"), ""))
        for run in runs
    ]


def may_see_people(request: HttpRequest) -> bool:
    """Say whether they may see who has an account, and so may look as one of them at what they may read themselves."""
    users = get_user_model()._meta
    return any(request.user.has_perm(f"{users.app_label}.{verb}_{users.model_name}") for verb in ("view", "change"))


def _people(runs: Sequence[Run]) -> dict[str, str]:
    """Return the names of those that `runs` were asked as, by key."""
    keys = {run.scope["person"] for run in runs if "person" in run.scope}
    found = get_user_model()._default_manager.filter(pk__in=keys) if keys else ()
    return {str(person.pk): str(person) for person in found}


def beside_url(runs: Sequence[Run]) -> str:
    """Return the address of the page that shows these side by side."""
    return f"{reverse('admin:chatsite_run_beside')}?{urlencode([('run', str(run.pk)) for run in runs])}"


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
