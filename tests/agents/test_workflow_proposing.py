"""A sentence becomes a workflow: written by a model and checked, or a template filled with what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from agents.agent import Agent
from agents.models.openai_model import OpenAIModel
from agents.testing import ScriptedModel
from agents.tools import tool
from agents.workflows.editing.cards import read_cards
from agents.workflows.editing.choices import problems
from agents.workflows.filling import NOTES, nearest
from agents.workflows.proposing import Proposal, propose
from agents.workflows.registry import Registry
from tests.fakes.chat_server import MODEL, ChatServer, failure, text

SENTENCE = "find passages, summarise them, ask a person, publish"
WRITTEN = """\
steps:
  find:
    tool: find_passages
    with: {topic: whales}
  sum: {agent: summariser, prompt: "${steps.find.output}"}
output: ${steps.sum.output}
"""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @tool
    def find_passages(topic: str, limit: int = 3) -> list[str]:
        """Find passages in the documents."""
        return [topic] * limit

    @registry.function
    def publish_page(body: str, section: str) -> str:
        """Publish a text as a page."""
        return body + section

    registry.tool(find_passages)
    for name, does in (("greeter", "Greet people."), ("summariser", "Summarise texts.")):
        registry.agent(Agent(name, does, models=[ScriptedModel([])]))
    return registry


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def by_model(server: ChatServer, registry: Registry, *answers: str, before: str = "") -> Proposal:
    server.script(*(text(json.dumps({"workflow": answer})) for answer in answers))
    model = OpenAIModel(MODEL, base_url=server.url, api_key="k")
    return propose(SENTENCE, registry=registry, model=model, text=before)


def codes(proposal: Proposal) -> list[str]:
    return [note.code for note in proposal.notes]


# ---- without a model -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        (SENTENCE, "review"),
        ("Textstellen suchen, zusammenfassen, einen Menschen fragen und veröffentlichen", "review"),
        ("answer a question", "simple"),
        ("search for a topic, then summarise and shorten it", "sequential"),
        ("several agents say what they think, and one puts it together", "collaborative"),
        ("depending on the kind of a message, a bug or a wish, another agent answers", "routed"),
        ("every night a report on our topics", "report"),
        ("jede Nacht ein Bericht", "report"),
        ("", "simple"),
        ("xyzzy", "simple"),
    ],
)
def test_nearest_template_is_found_by_words(sentence: str, name: str) -> None:
    assert nearest(sentence).name == name


def test_template_is_filled_with_what_there_is(registry: Registry) -> None:
    proposal = propose(SENTENCE, registry=registry)
    assert proposal.source == "template"
    steps = {card.name: (card.kind, card.target) for card in read_cards(proposal.text).steps}
    assert steps == {
        "find": ("tool", "find_passages"),
        "summarise": ("agent", "summariser"),
        "change": ("person", "edit"),
        "approve": ("person", "approve"),
        "publish": ("function", "publish_page"),
    }
    cards = read_cards(proposal.text)
    assert [card.keys["with"] for card in cards.steps if "with" in card.keys] == [
        {"topic": "${inputs.topic}"},
        {"body": "${steps.change.output}"},
    ]
    assert [note.message for note in proposal.notes] == [
        "This is the template “With a person”, which is nearest to what you described.",
        "Step find runs tool find_passages: check whether that is what you want.",
        "Step summarise runs agent summariser: check whether that is what you want.",
        "Step publish runs function publish_page: check whether that is what you want.",
        "Step publish: say what publish_page gets for section.",
    ]
    assert [each.step for each in problems(proposal.text, registry=registry)] == ["publish"]
    assert "# The run waits here for a person, however long it takes.\n  change:" in proposal.text


def test_what_is_missing_is_said() -> None:
    proposal = propose(SENTENCE, registry=Registry())
    assert codes(proposal) == ["nearest", "missing", "missing", "missing"]
    assert [note.values["name"] for note in proposal.notes[1:]] == ["search", "writer", "publish"]


def test_cases_are_filled_too(registry: Registry) -> None:
    proposal = propose("sort by kind: bug or feature", registry=registry)
    assert problems(proposal.text, registry=registry) == []
    assert codes(proposal) == ["nearest"] + ["filled"] * 4


def test_text_is_not_changed_without_a_model(registry: Registry) -> None:
    assert codes(propose("answer", registry=registry, text=WRITTEN))[0] == "kept"


# ---- with a model ----------------------------------------------------------------------------------------------------
def test_workflow_of_a_model_is_taken_when_it_is_whole(server: ChatServer, registry: Registry) -> None:
    assert by_model(server, registry, f"```yaml\n{WRITTEN}```") == Proposal(WRITTEN, (), "model")
    body = server.requests[0].body
    told, asked = body["messages"][0]["content"], body["messages"][-1]["content"]
    assert "- tool find_passages (topic: text, limit: number, optional): Find passages in the documents." in told
    assert "- function publish_page (body: text, section: text): Publish a text as a page." in told
    assert "- agent summariser: Summarise texts." in told
    assert asked == SENTENCE


def test_model_is_told_once_what_is_wrong(server: ChatServer, registry: Registry) -> None:
    proposal = by_model(server, registry, WRITTEN.replace("find_passages", "search"), WRITTEN)
    assert (proposal.source, proposal.text) == ("model", WRITTEN)
    told = server.requests[1].body["messages"][-1]["content"]
    assert "line 3: steps.find.tool: there is no tool 'search' in the registry; there are: find_passages" in told


def test_template_stands_in_for_what_stays_wrong(server: ChatServer, registry: Registry) -> None:
    proposal = by_model(server, registry, "steps: {", "name: x\n")
    assert (proposal.source, len(server.requests)) == ("template", 2)
    assert codes(proposal)[:2] == ["invalid", "nearest"]
    assert proposal.notes[0].message.endswith("line 1: a workflow has steps.")


def test_template_stands_in_for_a_model_that_is_away(server: ChatServer, registry: Registry) -> None:
    server.script(failure(401))
    proposal = by_model(server, registry)
    assert (proposal.source, codes(proposal)[0]) == ("template", "unavailable")


def test_workflow_is_changed_by_a_model(server: ChatServer, registry: Registry) -> None:
    assert by_model(server, registry, WRITTEN, before="name: old\n").source == "model"
    asked = server.requests[0].body["messages"][-1]["content"]
    assert asked == f"Change this workflow:\n\nname: old\n\n\nas follows: {SENTENCE}"


def test_each_note_has_a_message() -> None:
    assert {code for code, message in NOTES.items() if message.endswith(".")} == set(NOTES)
