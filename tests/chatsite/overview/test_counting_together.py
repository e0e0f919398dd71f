"""Several that count and several that change at the same time leave no difference, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import postgres
from tests.servers import manage, migrate

TOGETHER = """
import random, threading
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone
from chatsite.models import Citation, Conversation, Feedback, Run
from chatsite.models.counts import ChangedMoment, CountedPeriod
from chatsite.overview import counting
from chatsite.overview.counting import bring_up_to_date
from chatsite.overview.recounting import differing
from retrieval.models import Collection, Document

collection = Collection.objects.create(name="C", slug="c")
documents = [Document.objects.create(collection=collection, title=str(n), filename=f"{n}.md") for n in range(3)]
group = Group.objects.create(name="Plumbers")
users = [User.objects.create_user(f"reader{n}") for n in range(3)]
now = timezone.now()
talks = Conversation.objects.bulk_create([Conversation(user=users[n % 3]) for n in range(30)])
runs = Run.objects.bulk_create([
    Run(conversation=talk, mode="retrieval", question="When?", state="completed", ended_at=now, answered=True)
    for talk in talks for _ in range(4)
])
for n, run in enumerate(runs):
    run.created_at = now - timedelta(hours=2 + n)
Run.objects.bulk_update(runs, ["created_at"])
Citation.objects.bulk_create(
    [Citation(run=run, marker=1, document=documents[n % 3], quote="", start=0, end=1) for n, run in enumerate(runs)]
)
counting.FEW = 20  # so that many periods are counted one by one
bring_up_to_date()
failed = []

def change(seed):
    chance = random.Random(seed)
    for _ in range(20):
        run = chance.choice(runs)
        one = chance.randrange(5)
        if one == 0:
            Feedback.objects.update_or_create(run_id=run.pk, defaults={"helpful": chance.random() < 0.5})
        elif one == 1:
            Run.objects.filter(pk=run.pk).update(answered=chance.random() < 0.5)
        elif one == 2:
            Run.objects.filter(pk=run.pk).update(replaced_by=chance.choice([None, runs[0].pk]))
        elif one == 3:
            chance.choice(users).groups.set(chance.choice([[group], []]))
        else:
            Conversation.objects.filter(pk=run.conversation_id).update(user=chance.choice(users))

def look(_):
    for _ in range(8):
        bring_up_to_date()

def guarded(work, seed):
    try:
        work(seed)
    except Exception as error:
        failed.append(repr(error))
    finally:
        connection.close()

threads = [threading.Thread(target=guarded, args=[work, n]) for n in range(3) for work in (change, look)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
noted = ChangedMoment.objects.count()
bring_up_to_date(all_of_it=True)
# What has not settled is noted, to be counted again.
left = ChangedMoment.objects.filter(moment__lt=now - timedelta(minutes=90))
print(failed, differing(), left.count(), CountedPeriod.objects.count() >= 90)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield {}
        return
    with postgres(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield {"DATABASE_URL": server.url}


@pytest.mark.hosts
def test_nothing_is_missed_while_others_change(database: dict[str, str], tmp_path: Path) -> None:
    manage("migrate", "--verbosity", "0", data_dir=tmp_path, **database)
    said = manage("shell", "--no-imports", "-c", TOGETHER, data_dir=tmp_path, **database).strip()
    assert said.splitlines()[-1] == "[] [] 0 True"


SLOWLY = """
import threading, time
from django.db import connection
from chatsite.models import Conversation
from chatsite.overview import counting

counting.FEW = -1
plain, written, ended = counting.counts_of, [], threading.Event()

def counts_of(due):
    time.sleep(0.15)  # as a day with very many questions
    yield from plain(due)

def write():
    while not ended.is_set():
        Conversation.objects.create()
        written.append(1)
    connection.close()

counting.counts_of, counting.DAYS = counts_of, 12
thread = threading.Thread(target=write)
thread.start()
counting.bring_up_to_date()
ended.set()
thread.join()
print(len(written) > 5)
"""


@pytest.mark.hosts
def test_questions_are_asked_between_the_days_that_are_counted(tmp_path: Path) -> None:
    """SQLite has one lock: taken again at once, it would be the counting's from the first day to the last."""
    migrate(tmp_path)
    assert manage("shell", "--no-imports", "-c", SLOWLY, data_dir=tmp_path).strip() == "True"
