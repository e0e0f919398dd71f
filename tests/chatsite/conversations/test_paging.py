"""A long conversation is shown in parts, and leaves whole."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chatsite.conversations.paging import PART, VERSIONS
from chatsite.models import Conversation, EmbedSite, Run, Share
from tests.chatsite.conversations.test_chat_views import login

MANY = 5_000
SHOWN = re.compile(r"<h2 data-question>Question (\d+)\?</h2>")
VERSION = re.compile(r'class="earlier-question">Question (\d+)\?<')


def conversation_of(count: int, **more: Any) -> Conversation:
    """Return a conversation of so many questions, with answers of 500 characters, as a language model writes them."""
    conversation = Conversation.objects.create(title="Long", **more)
    began = timezone.now() - timedelta(days=1)
    runs = [
        Run(
            conversation=conversation, mode="retrieval", question=f"Question {number}?", state="completed",
            ended_at=began, answer="An answer. " * 45, model="tiny",
        )
        for number in range(count)
    ]  # fmt: skip
    Run.objects.bulk_create(runs, batch_size=500)
    for number, run in enumerate(runs):
        run.created_at = began + timedelta(seconds=number // 2)  # two at a time: the order is that of their ids then
    Run.objects.bulk_update(runs, ["created_at"], batch_size=200)
    return conversation


def questions(page: str) -> list[int]:
    return [int(number) for number in SHOWN.findall(page)]


def link(page: str, words: str) -> str:
    found = re.search(rf'<a class="button" href="([^"]+)"[^>]*>{words}</a>', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_case_130_page_of_a_conversation_of_5000_questions_stays_small(reader: User) -> None:
    conversation = conversation_of(MANY, user=reader)
    client = login(reader)
    addresses = [f"/c/{conversation.pk}/", f"/embed/?conversation={conversation.pk}"]
    for address in addresses:
        page = client.get(address)
        assert len(page.content) < 300_000
        assert sorted(questions(page.content.decode())) == list(range(MANY - PART, MANY))
    for ending in ("md", "json"):
        response = client.get(f"/c/{conversation.pk}/conversation.{ending}")
        assert response.streaming
        whole = b"".join(response.streaming_content).decode()
        assert len(re.findall(r"Question \d+\?", whole)) == MANY
    assert len(json.loads(whole)["runs"]) == MANY


def test_every_part_is_reached_by_its_link_and_each_question_shown_once(reader: User) -> None:
    conversation = conversation_of(2 * PART + 5, user=reader)
    client, address, seen = login(reader), f"/c/{conversation.pk}/", list[int]()
    while address:
        page = client.get(address).content.decode()
        assert len(questions(page)) <= PART
        assert bool(link(page, "To the latest questions")) is bool(seen)
        seen += reversed(questions(page))
        address = link(page, "Earlier questions")
    assert sorted(seen) == list(range(2 * PART + 5))
    assert [number // 2 for number in seen] == [number // 2 for number in reversed(range(2 * PART + 5))]


@pytest.mark.parametrize("before", ["nonsense", "7b0f5a9e-0000-4000-8000-000000000000", ""])
def test_unknown_place_shows_the_latest_part(reader: User, before: str) -> None:
    conversation = conversation_of(PART + 1, user=reader)
    page = login(reader).get(f"/c/{conversation.pk}/", {"before": before}).content.decode()
    assert len(questions(page)) == PART
    assert link(page, "To the latest questions") == ""


def test_place_in_anothers_conversation_is_unknown(reader: User) -> None:
    conversation, other = conversation_of(PART + 1, user=reader), conversation_of(2)
    last = other.runs.latest("created_at")
    page = login(reader).get(f"/c/{conversation.pk}/", {"before": str(last.pk)}).content.decode()
    assert len(questions(page)) == PART
    assert set(range(2, PART + 1)) < set(questions(page))


def test_earlier_versions_of_one_question_are_bounded_as_well(reader: User) -> None:
    conversation = conversation_of(200, user=reader)
    last = conversation.runs.latest("created_at", "pk")
    conversation.runs.exclude(pk=last.pk).update(replaced_by=last)
    page = login(reader).get(f"/c/{conversation.pk}/").content.decode()
    assert len(questions(page)) == 1
    assert len(VERSION.findall(page)) == VERSIONS


def test_frame_of_a_token_and_a_shared_link_have_parts_too(db: None) -> None:
    site = EmbedSite.objects.create(name="Partner", origins="https://www.example.org")
    conversation = conversation_of(PART + 4, embed_site=site)
    share = Share.objects.create(conversation=conversation)
    for address in (f"/embed/{site.token}/?conversation={conversation.pk}", f"/shared/{share.token}/"):
        page = Client().get(address).content.decode()
        assert len(questions(page)) == PART
        earlier = Client().get(f"{address.partition('?')[0]}{link(page, 'Earlier questions').partition('/')[0]}")
        if "embed" in address:
            earlier = Client().get(link(page, "Earlier questions"))
        assert sorted(questions(earlier.content.decode())) == [0, 1, 2, 3]


def test_queries_of_a_page_do_not_grow_with_the_conversation(reader: User, django_assert_max_num_queries: Any) -> None:
    conversation = conversation_of(3 * PART, user=reader)
    client = login(reader)
    client.get(f"/c/{conversation.pk}/")
    with django_assert_max_num_queries(30):
        client.get(f"/c/{conversation.pk}/")


def test_shared_link_to_a_file_alone_does_not_name_it(reader: User) -> None:
    share = Share.objects.create(conversation=Conversation.objects.create(title="secret.pdf", user=reader))
    assert "secret.pdf" not in Client().get(f"/shared/{share.token}/").content.decode()
