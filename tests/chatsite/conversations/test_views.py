"""Conversations: found, renamed, pinned, deleted, taken along and shared, and only by who may."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from chatsite.models import Conversation, Run, Share
from retrieval.models import Collection
from tests.chatsite.conversations.test_chat_views import QUESTION, TEA, ask, login, without_token

ACTIONS = ["rename", "pin", "delete", "share", "unshare"]
EXPORTS = ["conversation.md", "conversation.json"]
NO_ID = "7b0f5a9e-0000-4000-8000-000000000000"


@pytest.fixture
def asked(reader: User, public: Collection, put: Any) -> tuple[Client, str]:
    """A reader who has asked, and the id of the conversation."""
    put(public, "tea.md", TEA)
    client = login(reader)
    return client, ask(client)["session_id"]


def test_list_is_by_day_with_pinned_ones_first(asked: tuple[Client, str]) -> None:
    client, pinned = asked
    for title, days in (("Of yesterday", 1), ("Of last year", 400)):
        session_id = ask(client, title)["session_id"]
        at = timezone.now() - timedelta(days=days)
        Conversation.objects.filter(pk=session_id).update(updated_at=at)
    assert client.post(f"/c/{pinned}/pin/", {"pinned": "1"}).status_code == 303
    groups = client.get("/").context["groups"]
    assert [group.label for group in groups][:3] == ["Pinned", "Today", "Yesterday"]
    assert [[c.title for c in group.conversations] for group in groups] == [
        [QUESTION], [], ["Of yesterday"], ["Of last year"],
    ]  # fmt: skip


@pytest.mark.parametrize(("find", "found"), [("pour the TEA", 1), ("never asked", 0), ("%", 0), ("renamed", 0)])
def test_conversations_are_found_by_what_was_asked(asked: tuple[Client, str], find: str, found: int) -> None:
    client, _ = asked
    groups = client.get("/", {"find": find}).context["groups"]
    assert sum(len(group.conversations) for group in groups) == found


def test_search_finds_nothing_of_others(asked: tuple[Client, str]) -> None:
    other = login(User.objects.create_user("other"))
    assert not any(group.conversations for group in other.get("/", {"find": "tea"}).context["groups"])


def test_renamed_conversation_keeps_its_day_and_its_markup_stays_text(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    before = Conversation.objects.get().updated_at
    name = "<b>Tea</b>  time" + "x" * 200
    assert client.post(f"/c/{session_id}/rename/", {"title": name})["Location"] == f"/c/{session_id}/"
    kept = Conversation.objects.get()
    assert (kept.title, kept.updated_at) == (("<b>Tea</b> time" + "x" * 200)[:120], before)
    assert "<b>Tea" not in client.get(f"/c/{session_id}/").content.decode()
    client.post(f"/c/{session_id}/rename/", {"title": " \x00 "})
    assert Conversation.objects.get().title == kept.title


def test_deleted_conversation_takes_its_runs_and_link_with_it(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    client.post(f"/c/{session_id}/share/")
    assert client.post(f"/c/{session_id}/delete/")["Location"] == "/"
    assert (Conversation.objects.count(), Run.objects.count(), Share.objects.count()) == (0, 0, 0)
    assert client.get(f"/c/{session_id}/").status_code == 404


@pytest.mark.parametrize("action", [*ACTIONS, *EXPORTS])
def test_case_01_05_conversation_of_another_is_404_like_one_that_is_not_there(
    asked: tuple[Client, str], action: str
) -> None:
    _, session_id = asked
    before = Conversation.objects.values().get()
    for other in (login(User.objects.create_user("other")), Client()):
        answers = []
        for wanted in (session_id, NO_ID):
            if action in EXPORTS:
                response = other.get(f"/c/{wanted}/{action}")
            else:
                response = other.post(f"/c/{wanted}/{action}/", {"title": "Mine now", "pinned": "1"})
            answers.append((response.status_code, without_token(response.content).replace(wanted.encode(), b"")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert Conversation.objects.values().get() == before
    assert Share.objects.count() == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_need_a_post_with_its_token(asked: tuple[Client, str], reader: User, action: str) -> None:
    client, session_id = asked
    assert client.get(f"/c/{session_id}/{action}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reader)
    assert strict.post(f"/c/{session_id}/{action}/").status_code == 403
    assert Conversation.objects.count() == 1


def test_case_13_fields_that_are_not_the_readers_are_ignored(asked: tuple[Client, str], reader: User) -> None:
    client, session_id = asked
    other = User.objects.create_user("other")
    client.post(f"/c/{session_id}/rename/", {"title": "New", "user": other.pk, "id": NO_ID, "browser": "x"})
    kept = Conversation.objects.get()
    assert (str(kept.pk), kept.user, kept.browser, kept.title) == (session_id, reader, "", "New")


def test_exports_hold_question_answer_and_sources(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    markdown = client.get(f"/c/{session_id}/conversation.md")
    assert markdown["Content-Disposition"].startswith("attachment; ")
    text = markdown.content.decode()
    assert text.startswith(f"# {QUESTION}\n")
    assert "[1] Tea: “Wait four minutes before you pour the tea.”" in text
    body = json.loads(client.get(f"/c/{session_id}/conversation.json").content)
    assert body["runs"][0]["question"] == QUESTION
    assert "[1]" in body["runs"][0]["answer"]
    assert body["runs"][0]["citations"][0]["quote"] == "Wait four minutes before you pour the tea."


INVENTION = "Every <b>six</b> weeks.\n\nRinse it."
NOTHING = "Nothing that was found answers this question."


@pytest.fixture
def unsupported(asked: tuple[Client, str]) -> tuple[Client, str]:
    """A conversation whose second answer a model has made up."""
    client, session_id = asked
    Run.objects.create(
        conversation_id=session_id, mode="retrieval", question="When?", state="completed", ended_at=timezone.now(),
        model="a-model", answer=NOTHING, unsupported=INVENTION,
    )  # fmt: skip
    return client, session_id


def last_run(client: Client, page: str) -> str:
    return client.get(page).content.decode().rpartition('<article class="run" id=')[2].partition("</article>")[0]


def test_case_110_export_marks_a_text_that_no_passage_supports(unsupported: tuple[Client, str]) -> None:
    client, session_id = unsupported
    text = client.get(f"/c/{session_id}/conversation.md").content.decode()
    assert text.endswith(
        f"\n## When?\n\n{NOTHING}\n\n> Your documents don't support this:\n>\n"
        "> Every \\<b>six\\</b> weeks.\n> \n> Rinse it.\n"
    )
    first, second = json.loads(client.get(f"/c/{session_id}/conversation.json").content)["runs"]
    assert first["unsupported"] == ""
    assert (second["answer"], second["answered"], second["unsupported"]) == (NOTHING, False, INVENTION)


def test_case_135_export_begins_no_line_that_a_model_did_not(unsupported: tuple[Client, str]) -> None:
    client, session_id = unsupported
    Run.objects.exclude(unsupported="").update(unsupported="It is so.\u2028# Sources")
    assert "\n> # Sources" not in client.get(f"/c/{session_id}/conversation.md").content.decode()


def test_case_110_page_folds_a_text_that_no_passage_supports(unsupported: tuple[Client, str]) -> None:
    client, session_id = unsupported
    for page in (f"/c/{session_id}/", share(client, session_id)):
        run = last_run(client, page)
        answer, folded = run.split("<details", 1)
        assert f"<p>{NOTHING}</p>" in answer
        assert "six" not in answer
        assert "Your documents don't support this" in folded
        assert "<p>Every &lt;b&gt;six&lt;/b&gt; weeks.</p>" in folded
        assert "data-copy-text" not in folded


@pytest.mark.parametrize(("free", "shown"), [(False, True), (True, False)])
def test_text_cut_short_before_its_first_citation_is_shown_as_unsupported(
    asked: tuple[Client, str], settings: Any, free: bool, shown: bool
) -> None:
    client, session_id = asked
    settings.FREE_CHAT = free
    Run.objects.create(
        conversation_id=session_id, mode="retrieval", question="?", state="cancelled", ended_at=timezone.now(),
        answer="Every six", error="cancelled",
    )  # fmt: skip
    run = last_run(client, f"/c/{session_id}/")
    assert ("data-answer data-unsupported><p>Every six</p>" in run) is shown
    assert ("So far no passage supports this." in run) is shown


def test_uncited_sentences_are_marked_unless_the_site_takes_any_text_for_an_answer(
    asked: tuple[Client, str], settings: Any
) -> None:
    client, session_id = asked
    Run.objects.update(answer="It is four minutes [1]. It is an old tradition.", model="a-model")
    why = '<span class="uncited">Dotted</span>: no passage is cited for this.'
    page = client.get(f"/c/{session_id}/").content.decode()
    assert '<span class="uncited" title="No passage is cited for this.">It is an old tradition.</span>' in page
    assert page.count(why) == 1
    assert "uncited" not in client.get(f"/c/{session_id}/conversation.md").content.decode()
    settings.FREE_CHAT = True
    assert "uncited" not in client.get(f"/c/{session_id}/").content.decode()
    settings.FREE_CHAT = False
    Run.objects.update(model="extractive")  # which only quotes
    assert "uncited" not in client.get(f"/c/{session_id}/").content.decode()


def test_case_11_export_says_nothing_of_a_document_that_may_no_longer_be_read(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    Collection.objects.update(public=False)
    body = json.loads(client.get(f"/c/{session_id}/conversation.json").content)
    assert [citation["quote"] for citation in body["runs"][0]["citations"]] == [""]


# ---- shared ----------------------------------------------------------------------------------------------------------
def share(client: Client, session_id: str, **more: str) -> str:
    client.post(f"/c/{session_id}/share/", more)
    return f"/shared/{Share.objects.get().token}/"


def test_link_shows_the_conversation_and_nothing_to_do_with_it(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    link = share(client, session_id)
    assert f"http://testserver{link}" in client.get(f"/c/{session_id}/?menu=1").content.decode()
    page = login(User.objects.create_user("other")).get(link)
    text = page.content.decode()
    assert "Wait four minutes before you pour the tea." in text
    assert "<form" not in text.partition("<main")[2]
    assert session_id not in text
    assert "no-store" in page["Cache-Control"]


def test_answer_that_rests_on_what_its_reader_may_not_read_is_withheld(reader: User, public: Any, put: Any) -> None:
    group = Group.objects.create(name="board")
    reader.groups.add(group)
    hidden = Collection.objects.create(name="Board", slug="board")
    hidden.groups.add(group)
    put(public, "tea.md", TEA)
    put(hidden, "secret.md", "The phrase of the board is xylophone marmalade.")
    client = login(reader)
    session_id = ask(client)["session_id"]
    first = Run.objects.get()
    ask(client, "What is the phrase of the board?", session_id=session_id, collections=["board"])
    ask(client, "How long do I wait for tea?", session_id=session_id, collections=["handbook"])
    Run.objects.filter(pk=first.pk).update(sources=[s for s in first.sources if s["marker"] == 1])
    link = share(client, session_id)
    page = login(User.objects.create_user("other")).get(link)
    assert [run.is_withheld for run in page.context["runs"]] == [False, True, True]  # the third may repeat the second
    text = page.content.decode()
    assert text.count("This answer rests on documents you can't read.") == 2
    assert "xylophone" not in text
    assert "secret" not in text
    assert "What is the phrase of the board?" in text
    assert "xylophone" in client.get(link).content.decode()


def test_case_118_link_closes_when_whoever_shared_is_deactivated(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    link, other = share(client, session_id), login(User.objects.create_user("other"))
    assert other.get(link).status_code == 200
    owner = User.objects.filter(conversations=session_id)
    assert owner.update(is_active=False) == 1
    assert other.get(link).status_code == 404
    User.objects.update(is_active=True)
    assert other.get(link).status_code == 200


def test_link_ends_when_it_expires_is_revoked_or_made_anew(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    other = login(User.objects.create_user("other"))
    first = share(client, session_id, days="7")
    assert Share.objects.get().expires_at is not None
    assert other.get(first).status_code == 200
    second = share(client, session_id)
    assert Share.objects.get().expires_at is None
    assert (other.get(first).status_code, other.get(second).status_code) == (404, 200)
    Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert other.get(second).status_code == 404
    Share.objects.update(expires_at=None)
    client.post(f"/c/{session_id}/unshare/")
    assert other.get(second).status_code == 404


def test_link_asks_strangers_to_sign_in_where_nobody_else_may_ask(asked: tuple[Client, str], settings: Any) -> None:
    client, session_id = asked
    link = share(client, session_id)
    settings.ANONYMOUS_CHAT = False
    for address in (link, "/shared/nothing/"):
        assert Client().get(address)["Location"] == f"/accounts/login/?next={address}"


# ---- without JavaScript ----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_form_without_javascript_is_answered_in_its_conversation(reader: User, put: Any) -> None:
    put(Collection.objects.create(name="Handbook", slug="handbook", public=True), "tea.md", TEA)
    client = login(reader)
    page = client.get("/").content.decode()
    assert '<form class="composer" method="post" action="/ask/"' in page
    assert "Asking needs JavaScript" not in page
    response = client.post("/ask/", {"query": QUESTION, "session_id": "", "collections": ["handbook"]})
    conversation = Conversation.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/c/{conversation.pk}/")
    assert "Wait four minutes before you pour the tea." in client.get(response["Location"]).content.decode()
    client.post("/ask/", {"query": "And then?", "session_id": str(conversation.pk)})
    assert conversation.runs.count() == 2


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"query": "x" * 4_001}, 400, "the limit of 4,000"),
        ({"query": "  "}, 400, "Is required"),
        ({"query": "Why not?", "session_id": NO_ID}, 404, "no conversation"),
        ({"query": "Why not?", "session_id": "nonsense"}, 400, "UUID"),
        ({"query": "Why not?", "collections": ["board"]}, 404, "No such collection"),
    ],
)
def test_refused_form_keeps_what_was_typed_and_says_why(
    asked: tuple[Client, str], sent: dict[str, Any], status: int, words: str
) -> None:
    client, _ = asked
    response = client.post("/ask/", sent)
    assert response.status_code == status
    page = response.content.decode()
    assert words in page
    assert sent["query"].strip() in page


def test_model_is_offered_to_who_may_choose_it_and_kept_in_its_conversation(
    asked: tuple[Client, str], reader: User, settings: Any
) -> None:
    client, session_id = asked
    settings.CHAT_MODELS, settings.OPENAI_BASE_URL = ["small", "large"], "http://127.0.0.1:9/v1"
    chosen = '<option value="large" selected>'
    assert 'name="model"' not in client.get("/").content.decode()
    reader.user_permissions.add(Permission.objects.get(codename="choose_model"))
    for address in ("/", "/embed/"):
        page = client.get(address).content.decode()
        assert 'name="model"' in page
        assert chosen not in page
    Run.objects.update(model="large")
    assert chosen in client.get(f"/c/{session_id}/").content.decode()
    refused = client.post("/ask/", {"query": "Why?", "session_id": session_id, "model": "another"})
    assert refused.status_code == 400
    assert "Send one of these: small, large." in refused.content.decode()
    kept = client.post("/ask/", {"query": " ", "model": "large"}).content.decode()
    assert chosen in kept


def test_page_with_a_running_answer_asks_again_by_itself_without_javascript(asked: tuple[Client, str]) -> None:
    client, session_id = asked
    assert 'http-equiv="refresh"' not in client.get(f"/c/{session_id}/").content.decode()
    Run.objects.create(conversation_id=session_id, mode="retrieval", question="?", kept=True, checked_at=timezone.now())
    assert 'http-equiv="refresh"' in client.get(f"/c/{session_id}/").content.decode()
    Run.objects.filter(question="?").update(checked_at=timezone.now() - timedelta(minutes=2))
    assert "The site was interrupted" in client.get(f"/c/{session_id}/").content.decode()
