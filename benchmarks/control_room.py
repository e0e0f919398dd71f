"""How long the admin's pages take on a site where a million messages were written, and how many queries each makes.

    python -m benchmarks.control_room [--messages 1000000] [--keep FOLDER]

Half of the messages are questions of the last 90 days, from 1,000 readers, in conversations of five; of ten, six are
answered with a citation, two refused, one without a source, one failed; one in twenty was rated. There are 10,000
documents in ten collections. Requests go through the whole site by Django's test client: what the first look took, and
the median of three, in milliseconds, and of the time that the processor worked for it in this process, which on SQLite
is all of it and, on a busy machine, less than what passed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

MESSAGES, READERS, DOCUMENTS, COLLECTIONS, PER_CONVERSATION = 1_000_000, 1_000, 10_000, 10, 5
BATCH, TIMES = 5_000, 3
WORDS = "filter pump valve lathe kettle boiler ladder paint screw drawer window gutter hinge radiator lamp".split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the database is kept for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = str(options.keep or temporary)
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "chatsite.settings", "QDRANT_URL": ""}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from chatsite.models import Run

        if not Run.objects.exists():
            fill(options.messages // 2)
        measure()


def fill(questions: int) -> None:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from chatsite.models import Citation, Conversation, Feedback, Run

    chance, now = random.Random(4), timezone.now()
    readers = User.objects.bulk_create([User(username=f"reader{number}") for number in range(READERS)])
    documents = [document.pk for document in make_documents()]
    User.objects.create_superuser("root")
    for first in range(0, questions, BATCH):
        many = min(BATCH, questions - first)
        talks = Conversation.objects.bulk_create(
            [Conversation(user=chance.choice(readers), title="Care") for _ in range(max(1, many // PER_CONVERSATION))]
        )
        runs = Run.objects.bulk_create([question(chance, now, talks) for _ in range(many)])
        for run in runs:
            run.created_at = now - timedelta(days=90 * chance.random() ** 2)
        Run.objects.bulk_update(runs, ["created_at"], batch_size=400)
        cited = [(run, chance.choice(documents)) for run in runs if run.answered]
        Citation.objects.bulk_create(
            [Citation(run=run, marker=1, document_id=pk, quote="In March.", start=0, end=9) for run, pk in cited]
        )
        Feedback.objects.bulk_create([Feedback(run=run, helpful=run.answered) for run in runs[::20]])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_documents() -> list[Any]:
    from retrieval.models import Collection, Document

    collections = Collection.objects.bulk_create(
        [Collection(name=f"Machines {number}", slug=f"machines-{number}", public=True) for number in range(COLLECTIONS)]
    )
    return Document.objects.bulk_create(
        [
            Document(
                collection=collections[number % COLLECTIONS], title=f"Manual {number}", filename=f"{number}.md",
                content_hash=str(number), state="ready", live_generation=1, size=9_000, chunk_count=10,
            )
            for number in range(DOCUMENTS)
        ],
        batch_size=1_000,
    )  # fmt: skip


def question(chance: random.Random, now: Any, talks: list[Any]) -> Any:
    from chatsite.models import Run

    fate = chance.random()
    one, other = chance.sample(WORDS, 2)
    begun = chance.expovariate(1 / 400)
    return Run(
        conversation=chance.choice(talks), mode="retrieval", ended_at=now, model="gpt-4.1-mini",
        question=f"How is the {one} of the {other} cleaned?",
        answer="In March [1]." if fate < 0.6 else "No document says.",
        state="failed" if fate > 0.9 else "completed", error="model_unavailable" if fate > 0.9 else "",
        answered=fate < 0.6, unsupported="Every six weeks." if 0.8 < fate < 0.9 else "",
        first_text_time_ms=begun, total_time_ms=begun + chance.expovariate(1 / 1_000),
        usage={"input_tokens": 1_800, "output_tokens": 60},
    )  # fmt: skip


def measure() -> None:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from chatsite.models import Conversation, Gap, Run
    from chatsite.overview.recounting import count_anew
    from retrieval.models import Collection, Document

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.get(username="root"))
    print(f"{Run.objects.count() * 2:,} messages, {Document.objects.count():,} documents")
    began, worked = time.perf_counter(), time.process_time()
    count_anew()
    took, busy_for = time.perf_counter() - began, time.process_time() - worked
    print(f"all days counted once, in {took:,.0f} s, of which the processor worked {busy_for:,.0f}\n")
    print(f"{'page of the admin':<44}{'first':>8}{'ms':>8}{'cpu':>8}{'queries':>9}{'status':>8}")
    run, talk = Run.objects.filter(answered=True).first(), Conversation.objects.first()
    document, collection = Document.objects.first(), Collection.objects.first()
    assert run is not None
    assert talk is not None
    assert document is not None
    assert collection is not None
    for name, address in [
        ("first page, 30 days", "/admin/"),
        ("first page, 90 days", "/admin/?days=90"),
        ("first page, 90 days, a collection", f"/admin/?days=90&collection={collection.slug}"),
        ("questions", "/admin/chatsite/run/"),
        ("questions, refused ones", "/admin/chatsite/run/?answered__exact=0"),
        ("questions, searched for a word", "/admin/chatsite/run/?q=kettle"),
        ("questions that cite a document", f"/admin/chatsite/run/?cites={document.pk}"),
        ("a question", f"/admin/chatsite/run/{run.pk}/change/"),
        ("conversations", "/admin/chatsite/conversation/"),
        ("a conversation", f"/admin/chatsite/conversation/{talk.pk}/change/"),
        ("feedback", "/admin/chatsite/feedback/"),
        ("unanswered questions (groups some more)", "/admin/chatsite/gap/"),
        ("collections", "/admin/retrieval/collection/"),
        ("a collection with its documents", f"/admin/retrieval/collection/{collection.pk}/change/"),
        ("a collection, documents never used", f"/admin/retrieval/collection/{collection.pk}/change/?use=never"),
        ("documents", "/admin/retrieval/document/"),
        ("a document", f"/admin/retrieval/document/{document.pk}/change/"),
        ("prompts", "/admin/chatsite/promptversion/"),
        ("saved questions", "/admin/chatsite/savedquestion/"),
        ("workflows", "/admin/chatsite/workflow/"),
        ("workflow runs", "/admin/chatsite/workflowrun/"),
    ]:
        times, busy = [], []
        for _ in range(TIMES):
            connection.queries_log.clear()
            began, worked = time.perf_counter(), time.process_time()
            with CaptureQueriesContext(connection) as queries:
                response = client.get(address)
            times.append((time.perf_counter() - began) * 1000)
            busy.append((time.process_time() - worked) * 1000)
        middle = f"{statistics.median(times):>8,.0f}{statistics.median(busy):>8,.0f}"
        print(f"{name:<44}{times[0]:>8,.0f}{middle}{len(queries):>9}{response.status_code:>8}", flush=True)
    print(f"\n{Gap.objects.count():,} groups of unanswered questions by now")


if __name__ == "__main__":
    main()
