"""`POST /api/v1/chat/query`, as a program sees it. No language model: answers are quoted sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatsite.models import Conversation, Run
from retrieval.models import Collection, Document

Put = Callable[..., Document]

TEA = """# Tea

Boil the water before anything else. Add two spoons of tea leaves to the pot.

## Waiting

Wait four minutes before you pour the tea. The kettle is kept in the blue cupboard.
"""


def ask(client: Client, body: Any, **headers: str) -> Any:
    return client.post("/api/v1/chat/query", body, content_type="application/json", headers=headers)


def events(response: Any) -> list[tuple[str, dict[str, Any]]]:
    """The stream's events, as its text says them."""
    text = b"".join(response.streaming_content).decode()
    blocks = [block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]


def test_answer_cites_a_sentence_that_stands_in_the_document(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    response = ask(client, {"query": "Where is the kettle kept?"})
    body = response.json()
    assert response.status_code == 200
    assert body["answered"] is True
    assert body["mode_used"] == "retrieval"
    assert body["model"] == "extractive"
    assert "blue cupboard" in body["answer"]
    citation = body["citations"][0]
    assert f"[{citation['marker']}]" in body["answer"]
    assert citation["quote"] == "The kettle is kept in the blue cupboard."
    source = body["sources"][citation["source"]]
    assert source["document_id"] == document.pk
    assert (source["title"], source["section"]) == ("Tea", "Tea")
    text = "".join(document.chunks.values_list("text", flat=True))
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert text[source["start"] : source["end"]] == source["content"]
    assert set(body) == {
        "answer", "mode_used", "answered", "small_talk", "withheld", "unsupported", "cut_short", "approvals", "model",
        "session_id", "run_id", "sources", "citations",
        "retrieval_time_ms", "model_time_ms", "total_time_ms", "usage", "corrections",
    }  # fmt: skip


def test_question_that_nothing_answers_is_declined(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    body = ask(client, {"query": "Who won the football world cup in 1974?"}).json()
    assert body["answered"] is False
    assert body["citations"] == []
    assert "[" not in body["answer"]


def test_no_documents_at_all_is_declined(client: Client, index: None) -> None:
    body = ask(client, {"query": "Where is the kettle kept?"}).json()
    assert (body["answered"], body["sources"]) == (False, [])


def test_stream_tells_the_steps_and_ends_with_the_whole_answer(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    told = events(ask(client, {"query": "Where is the kettle kept?", "stream": True}))
    names = [name for name, _ in told]
    assert names[:4] == ["run", "tool_call", "tool_result", "sources"]
    assert names[-1] == "done"
    assert names.count("text") > 1
    done = told[-1][1]
    assert "".join(body["text"] for name, body in told if name == "text").strip() == done["answer"]
    assert [body for name, body in told if name == "citation"] == done["citations"]
    plain = ask(client, {"query": "Where is the kettle kept?"}).json()
    changing = {"session_id", "run_id", "retrieval_time_ms", "model_time_ms", "total_time_ms"}
    assert {k: v for k, v in done.items() if k not in changing} == {k: v for k, v in plain.items() if k not in changing}


def test_accept_header_asks_for_the_stream(client: Client, public: Collection, put: Put) -> None:
    response = ask(client, {"query": "Where is the kettle?"}, accept="text/event-stream")
    assert response["Content-Type"].startswith("text/event-stream")
    assert events(response)[-1][0] == "done"


def test_errors_of_a_stream_are_plain_json(client: Client, db: None) -> None:
    response = ask(client, {"query": ""}, accept="text/event-stream")
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


def test_selected_text_is_all_that_is_answered_from(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    selected = "Cats sleep for sixteen hours a day. Dogs sleep for twelve hours."
    body = ask(client, {"query": "How long do dogs sleep?", "selected_text": selected}).json()
    assert body["mode_used"] == "selected_text"
    assert "Dogs sleep for twelve hours." in body["answer"]
    assert body["citations"][0]["quote"] == "Dogs sleep for twelve hours."
    assert [source["document_id"] for source in body["sources"]] == [None]
    declined = ask(client, {"query": "Where is the kettle kept?", "selected_text": selected}).json()
    assert declined["answered"] is False


def test_selection_in_a_document_links_back_to_it(client: Client, public: Collection, put: Put) -> None:
    document = put(public, "tea.md", TEA)
    start = TEA.index("Wait four")
    selected = TEA[start:].strip()
    selection = {"document_id": document.pk, "start": start, "end": start + len(selected)}
    body = ask(client, {"query": "Where is the kettle?", "selected_text": selected, "selection": selection}).json()
    citation = body["citations"][0]
    assert body["sources"][citation["source"]]["document_id"] == document.pk
    assert TEA[citation["start"] : citation["end"]] == citation["quote"] == "The kettle is kept in the blue cupboard."
    alone = ask(client, {"query": "Where is the kettle?", "selection": selection}).json()
    assert alone["citations"] == body["citations"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"end": 10_000}, "beyond"),
        ({"start": 0, "end": 20}, "not selected_text"),
        ({"document_id": 10**9}, "no document"),
    ],
)
def test_selection_that_is_not_there_names_the_field(
    client: Client, public: Collection, put: Put, change: dict[str, int], fault: str
) -> None:
    document = put(public, "tea.md", TEA)
    selection = {"document_id": document.pk, "start": 7, "end": 40} | change
    response = ask(client, {"query": "Why?", "selected_text": "Something else entirely", "selection": selection})
    assert response.status_code == (404 if "document_id" in change else 400)
    assert response.json()["message"].startswith("selection: ")
    assert fault in response.json()["message"]
    assert Run.objects.count() == 0


def test_follow_up_is_searched_with_the_history_in_mind(client: Client, public: Collection, put: Put) -> None:
    put(public, "one.md", "Version 1 of the pump is installed with four screws.")
    put(public, "two.md", "Version 2 of the pump is installed with a magnet.")
    first = ask(client, {"query": "How is version 1 of the pump installed?"}).json()
    told = events(ask(client, {"query": "and in version 2?", "session_id": first["session_id"], "stream": True}))
    searched = next(json.loads(body["arguments"]) for name, body in told if name == "tool_call")
    assert searched == {"query": "and in version 2?"}
    assert "magnet" in told[-1][1]["answer"]
    [_, run] = Conversation.objects.get().runs.order_by("created_at")
    assert run.steps[0]["query"] == "How is version 1 of the pump installed? and in version 2?"


def test_misspelt_word_is_searched_for_as_what_it_was_meant(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    body = ask(client, {"query": "Where is the ketlte kept?"}).json()
    assert "blue cupboard" in body["answer"]
    assert body["corrections"] == [{"written": "ketlte", "read_as": "kettle"}]


def test_scope_limits_what_is_searched(client: Client, public: Collection, put: Put) -> None:
    other = Collection.objects.create(name="Other", slug="other", public=True)
    tea = put(public, "tea.md", TEA)
    put(other, "tea-too.md", TEA.replace("blue", "red").replace("# Tea", "# Other tea"))
    body = ask(client, {"query": "Where is the kettle kept?", "collections": ["other"]}).json()
    assert "red cupboard" in body["answer"]
    assert {source["title"] for source in body["sources"]} == {"Other tea"}
    body = ask(client, {"query": "Where is the kettle kept?", "document_ids": [tea.pk], "top_k": 1}).json()
    assert {source["document_id"] for source in body["sources"]} == {tea.pk}
    assert len(body["sources"]) == 1


LONG = "x" * 4_001


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "query", "Is required"),
        ({"query": ""}, "query", "must not be empty"),
        ({"query": "   "}, "query", "must not be empty"),
        ({"query": None}, "query", "null"),
        ({"query": 5}, "query", "must be a string"),
        ({"query": ["a"]}, "query", "must be a string"),
        ({"query": LONG}, "query", "more characters than the limit of 4,000"),
        ({"query": "x" * 1_000_000}, "query", "the limit of 4,000"),
        ({"query": "a", "selected_text": "x" * 20_001}, "selected_text", "the limit of 20,000"),
        ({"query": "a", "selected_text": ""}, "selected_text", "must not be empty"),
        ({"query": "a", "mode": "both"}, "mode", "not a valid choice"),
        ({"query": "a", "mode": "selected_text"}, "mode", "no selected_text"),
        ({"query": "a", "mode": "retrieval", "selected_text": "b"}, "mode", "takes no selected_text"),
        ({"query": "a", "top_k": 0}, "top_k", "greater than or equal to 1"),
        ({"query": "a", "top_k": 11}, "top_k", "less than or equal to 10"),
        ({"query": "a", "top_k": "5"}, "top_k", "integer"),
        ({"query": "a", "top_k": True}, "top_k", "integer"),
        ({"query": "a", "session_id": "nonsense"}, "session_id", "UUID"),
        ({"query": "a", "collections": "docs"}, "collections", "list"),
        ({"query": "a", "collections": []}, "collections", "empty"),
        ({"query": "a", "document_ids": ["1"]}, "document_ids", "integer"),
        ({"query": "a", "document_ids": [1.5]}, "document_ids", "integer"),
        ({"query": "a", "document_ids": [2**70]}, "document_ids", "less than"),
        ({"query": "a", "stream": "yes"}, "stream", "boolean"),
        ({"query": "a", "selection": {"document_id": 1, "start": 5, "end": 5}}, "selection.end", "after start"),
        ({"query": "a", "selection": {"document_id": 1, "start": 0}}, "selection.end", "required"),
        ({"query": "a", "selection": {"document_id": 1, "start": 0, "end": 20_001}}, "selection.end", "20,000"),
        (["query"], "", "dictionary"),
        ("query", "", "dictionary"),
    ],
)
def test_bad_input_names_the_field_and_the_limit(client: Client, db: None, body: Any, field: str, words: str) -> None:
    response = ask(client, json.dumps(body))
    error = response.json()
    assert response.status_code == 400
    assert error["error"] == "invalid_request"
    assert error["message"].startswith(field)
    assert words.lower() in error["message"].lower()
    assert error["request_id"] == response["X-Request-ID"]
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("collections", {"should": []}),
        ("collections", None),
        ("collections", [None]),
        ("collections", [["handbook"]]),
        ("collections", [{"slug__contains": ""}]),
        ("document_ids", {"must_not": [{"key": "document_id"}]}),
        ("document_ids", [[1]]),
        ("document_ids", [{"gte": 0}]),
        ("document_ids", [None]),
        ("document_ids", "1,2"),
        ("session_id", {"user__is_superuser": True}),
        ("replaces", ["7b0f5a9e-0000-4000-8000-000000000000"]),
        ("document_ids__gte", 0),
        ("collection__public", True),
        ("filter", {"should": []}),
        ("should", []),
    ],
)
def test_case_10_filter_that_is_smuggled_in_is_refused(client: Client, db: None, field: str, value: Any) -> None:
    response = ask(client, json.dumps({"query": "a", field: value}))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert response.json()["message"].startswith(field)
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    "raw", ["", "{", "{'query': 1}", '{"query": NaN}', '{"top_k": Infinity}', "\xff", "[" * 100_000]
)
def test_body_that_is_not_json_is_refused(client: Client, db: None, raw: str) -> None:
    response = ask(client, raw.encode("latin-1"))
    assert response.status_code == 400
    assert response.json()["error"] in {"invalid_json", "invalid_request"}


def test_case_42_lone_surrogate_is_refused(client: Client, db: None) -> None:
    response = ask(client, '{"query": "\\ud800"}')
    assert response.status_code == 400
    assert "surrogate" in response.json()["message"]


@pytest.mark.parametrize(
    ("address", "field", "value"),
    [("chat/query", "mode", "\ud800"), ("search", "\ud800", 1), ("search", "since", "\ud800")],
)
def test_case_42_lone_surrogate_is_refused_wherever_it_stands(
    client: Client, db: None, address: str, field: str, value: Any
) -> None:
    body = json.dumps({"query": "Who?", field: value})
    response = client.post(f"/api/v1/{address}", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_case_21_json_sent_as_text_is_415(client: Client, db: None) -> None:
    response = client.post("/api/v1/chat/query", '{"query": "a"}', content_type="text/plain")
    assert (response.status_code, response.json()["error"]) == (415, "unsupported_media_type")


def test_body_over_the_limit_is_413(client: Client, db: None) -> None:
    response = ask(client, b'{"query": "' + b"x" * 2_100_000 + b'"}')
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")


def test_unknown_address_and_method_have_the_same_shape(client: Client, db: None) -> None:
    missing = client.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
    wrong = client.get("/api/v1/chat/query")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "method_not_allowed")


def test_case_06_unknown_and_forbidden_scope_are_the_same_404(
    client: Client, public: Collection, reader: User, put: Put
) -> None:
    hidden = Collection.objects.create(name="Board", slug="board")
    secret = put(hidden, "secret.md", "The secret phrase is xylophone marmalade.")
    client.force_login(reader)
    bodies = []
    for scope in ({"collections": ["board"]}, {"collections": ["bored"]}):
        response = ask(client, {"query": "What is the secret phrase?"} | scope)
        assert response.status_code == 404
        bodies.append(response.content.replace(b"bored", b"board"))
    assert json.loads(bodies[0])["message"] == json.loads(bodies[1])["message"]
    for missing in (secret.pk, 10**9):
        response = ask(client, {"query": "What is the secret phrase?", "document_ids": [missing]})
        assert response.status_code == 404
        assert response.json()["message"] == (
            f"document_ids: No such document: {missing}. It does not exist, or you may not read it."
        )
    assert Run.objects.count() == 0


def test_case_07_forbidden_phrase_is_nowhere_in_the_answer(client: Client, public: Collection, put: Put) -> None:
    put(public, "tea.md", TEA)
    hidden = Collection.objects.create(name="Board", slug="board")
    put(hidden, "secret.md", "The secret phrase is xylophone marmalade.")
    told = events(ask(client, {"query": "xylophone marmalade", "stream": True}))
    assert not any("secret" in json.dumps(body) for name, body in told if name != "tool_call")
    assert told[-1][1]["answered"] is False


def test_case_02_conversation_of_another_reader_is_404(
    client: Client, public: Collection, reader: User, put: Put
) -> None:
    put(public, "tea.md", TEA)
    other = Client()
    other.force_login(reader)
    session_id = ask(other, {"query": "Where is the kettle?"}).json()["session_id"]
    response = ask(client, {"query": "And then?", "session_id": session_id})
    unknown = ask(client, {"query": "And then?", "session_id": "7b0f5a9e-0000-4000-8000-000000000000"})
    assert response.status_code == unknown.status_code == 404
    assert response.json()["error"] == unknown.json()["error"] == "not_found"
    assert Run.objects.count() == 1


def test_asking_needs_sign_in_where_anonymous_chat_is_off(
    client: Client, reader: User, settings: Any, index: None
) -> None:
    settings.ANONYMOUS_CHAT = False
    refused = ask(client, {"query": "Hello?"})
    assert (refused.status_code, refused.json()["error"]) == (401, "sign_in_required")
    assert "Sign in" in refused.json()["message"]
    client.force_login(reader)
    assert ask(client, {"query": "Hello?"}).status_code == 200


def test_case_19_post_without_csrf_token_on_a_session_is_403(reader: User, index: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(reader)
    assert ask(client, {"query": "Hello?"}).status_code == 403


def test_case_13_fields_that_are_not_the_clients_are_ignored(client: Client, reader: User, index: None) -> None:
    body = {
        "query": "Hello there?",
        "owner": reader.pk,
        "user": reader.pk,
        "id": 1,
        "state": "completed",
        "is_staff": True,
    }
    assert ask(client, body).status_code == 200
    assert Conversation.objects.get().user is None


def test_case_72_index_down_is_503_and_selected_text_still_works(client: Client, index_down: None) -> None:
    Collection.objects.create(name="Handbook", slug="handbook", public=True)
    response = ask(client, {"query": "Where is the kettle kept?"})
    assert (response.status_code, response.json()["error"]) == (503, "index_unavailable")
    assert int(response["Retry-After"]) > 0
    run = Run.objects.get()
    assert (run.question, run.state) == ("Where is the kettle kept?", "failed")
    selected = ask(client, {"query": "How long do dogs sleep?", "selected_text": "Dogs sleep for twelve hours."})
    assert selected.json()["answered"] is True
