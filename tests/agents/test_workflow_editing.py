"""A workflow's text is changed where it was asked, and nowhere else."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agents.workflows.editing.cards import read_cards
from agents.workflows.editing.changes import (
    AddStep,
    Change,
    MoveStep,
    RemoveInput,
    RemoveStep,
    RenameStep,
    SetInput,
    SetKey,
    SetKind,
    SetTop,
    change,
)
from agents.workflows.errors import ChangeRefused, WorkflowError, WorkflowInvalid
from benchmarks.cards import check

DIGEST = """\
# The digest of the morning.
name: digest   # shown in lists

inputs:
  topic: {description: what the books are about}

steps:
  # All there is.
  find:
    tool:   shelf
    with: {topic: "${inputs.topic}"}  # two at most

  review:   # one by one
    foreach: ${steps.find.output}
    agent: reviewer
    prompt: "${item.title}: ${item.pages} pages"

  digest:
    function: join
    with:
      parts: ${steps.review.output}
    needs: [find]
output: ${steps.digest.output}
"""


def changed(*changes: Change, text: str = DIGEST) -> str:
    for each in changes:
        text = change(text, each)
    return text


def lines_that_differ(after: str, before: str = DIGEST) -> tuple[list[str], list[str]]:
    """The lines that are gone, and those that are new."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


# ---- cards -----------------------------------------------------------------------------------------------------------
def test_cards_say_what_stands_in_the_text() -> None:
    cards = read_cards(DIGEST)
    assert (cards.name, cards.output) == ("digest", "${steps.digest.output}")
    assert cards.inputs == {"topic": {"description": "what the books are about"}}
    assert [(card.name, card.kind, card.target, card.needs) for card in cards.steps] == [
        ("find", "tool", "shelf", ()),
        ("review", "agent", "reviewer", ("find",)),
        ("digest", "function", "join", ("find", "review")),
    ]
    assert cards.steps[0].keys == {"with": {"topic": "${inputs.topic}"}}
    assert [(card.first_line, card.last_line) for card in cards.steps] == [(8, 11), (13, 16), (18, 22)]


def test_cards_show_what_they_can() -> None:
    text = "steps:\n  a: {agent: nobody, wiht: 1}\n  b:\n  c: 3\n"
    text += "  d: {switch: '${steps.a.output}', cases: {x: {tool: y}}}\n"
    a, b, c, d = read_cards(text).steps
    assert (a.kind, a.target, a.keys) == ("agent", "nobody", {"wiht": 1})
    assert (b.kind, b.keys, c.keys) == ("", {}, {})
    assert (d.kind, d.target, d.needs, list(d.keys)) == ("switch", "", ("a",), ["switch", "cases"])


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "name: x\n", "steps:\n", "steps: {}\n", "---\n"])
def test_text_without_steps_has_no_cards_and_takes_the_first(text: str) -> None:
    assert read_cards(text).steps == ()
    first = change(text, AddStep("ask", "agent", "scribe", keys={"prompt": "Hello"}))
    assert [(card.kind, card.target, card.keys) for card in read_cards(first).steps] == [
        ("agent", "scribe", {"prompt": "Hello"})
    ]
    assert all(line in first for line in text.replace(" {}", "").splitlines())


def test_no_yaml_is_named_with_its_line() -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        read_cards("name: x\nsteps:\n  a: {b\n")
    assert caught.value.line == 4
    with pytest.raises(WorkflowInvalid, match="must be a mapping, not a list"):
        read_cards("name: x\nsteps:\n  - a\n")


# ---- steps -----------------------------------------------------------------------------------------------------------
def test_new_step_stands_between_blank_lines_like_the_others() -> None:
    added = changed(AddStep("ask", "agent", "scribe", after="find", keys={"prompt": "Is it: so?"}))
    assert '# two at most\n\n  ask:\n    agent: scribe\n    prompt: "Is it: so?"\n\n  review:' in added
    assert change(added, RemoveStep("ask")) == DIGEST


def test_new_step_is_the_last_where_nothing_is_said() -> None:
    added = changed(AddStep("ask", "tool", "shelf"))
    assert "    needs: [find]\n\n  ask:\n    tool: shelf\noutput:" in added


def test_comment_above_a_step_goes_with_it() -> None:
    gone, new = lines_that_differ(changed(RemoveStep("find")))
    assert gone == [
        "  # All there is.",
        "  find:",
        "    tool:   shelf",
        '    with: {topic: "${inputs.topic}"}  # two at most',
    ]
    assert new == []
    moved = changed(MoveStep("find", 2))
    assert moved.index("# one by one") < moved.index("  # All there is.\n  find:")
    assert change(moved, MoveStep("find", 0)) == DIGEST


def test_references_follow_a_name() -> None:
    renamed = changed(RenameStep("find", "search"), RenameStep("digest", "put-together"))
    assert lines_that_differ(renamed) == (
        [
            "  find:",
            "    foreach: ${steps.find.output}",
            "  digest:",
            "    needs: [find]",
            "output: ${steps.digest.output}",
        ],
        [
            "  search:",
            "    foreach: ${steps.search.output}",
            "  put-together:",
            "    needs: [search]",
            "output: ${steps.put-together.output}",
        ],
    )
    assert changed(RenameStep("search", "find"), RenameStep("put-together", "digest"), text=renamed) == DIGEST


def test_name_that_begins_alike_is_another() -> None:
    text = "steps:\n  a: {tool: x}\n  ab: {tool: y, with: {v: '${steps.a.output} $${steps.a.output}'}, else: a}\n"
    assert change(text, RenameStep("a", "c")) == (
        "steps:\n  c: {tool: x}\n  ab: {tool: y, with: {v: '${steps.c.output} $${steps.a.output}'}, else: c}\n"
    )


# ---- keys ------------------------------------------------------------------------------------------------------------
def test_set_value_leaves_the_rest_of_its_line() -> None:
    set_ = changed(SetKey("find", "tool", "archive"), SetKey("find", "with.topic", "all of ${inputs.topic}"))
    assert '    tool:   archive\n    with: {topic: "all of ${inputs.topic}"}  # two at most\n' in set_
    back = changed(SetKey("find", "tool", "shelf"), SetKey("find", "with.topic", "${inputs.topic}"), text=set_)
    assert back == DIGEST


def test_edited_flow_stays_flow() -> None:
    assert '    with: {topic: "${inputs.topic}", limit: 3}  # two at most\n' in changed(SetKey("find", "with.limit", 3))
    assert "    needs: [find, review]\n" in changed(SetKey("digest", "needs", ["find", "review"]))
    assert changed(SetKey("find", "with.limit", 3), SetKey("find", "with.limit", None)) == DIGEST


def test_new_values_are_written_as_blocks_with_the_quotes_they_need() -> None:
    set_ = changed(
        SetKey("find", "retry", {"times": 2, "seconds": 0.5}),
        SetKey("review", "prompt", "First line: ${item.title}\nSecond line\n"),
        SetKey("digest", "with.by", " - "),
        SetKey("digest", "needs", None),
        SetKey("digest", "when", "${steps.find.output} == 'yes'"),
    )
    assert "    retry:\n      times: 2\n      seconds: 0.5\n" in set_
    assert "    prompt: |\n      First line: ${item.title}\n      Second line\n" in set_
    assert '      by: " - "\n' in set_
    assert "    when: ${steps.find.output} == 'yes'\n" in set_
    assert "needs" not in set_


def test_mapping_that_was_made_goes_with_its_last_key() -> None:
    text = "steps:\n  a:\n    tool: x\n"
    made = change(text, SetKey("a", "with.topic", "whales"))
    assert made == "steps:\n  a:\n    tool: x\n    with:\n      topic: whales\n"
    assert change(made, SetKey("a", "with.topic", None)) == text


def test_mapping_is_set_key_by_key() -> None:
    text = "steps:\n  a:\n    tool: x\n    with:\n      b: 1  # stays\n      c: 2\n"
    set_ = change(text, SetKey("a", "with", {"b": 1, "d": [1, 2]}))
    assert set_ == "steps:\n  a:\n    tool: x\n    with:\n      b: 1  # stays\n      d:\n        - 1\n        - 2\n"


def test_cases_are_set_by_their_names() -> None:
    text = "steps:\n  a:\n    switch: ${inputs.kind}\n    cases: {bug: {agent: fixer}}\n"
    set_ = changed(
        SetKey("a", "cases.bug.prompt", "Mend ${inputs.text}"), SetKey("a", ("cases", "v1.0"), {"tool": "x"}), text=text
    )
    assert '    cases: {bug: {agent: fixer, prompt: "Mend ${inputs.text}"}, v1.0: {tool: x}}\n' in set_


def test_kind_is_set_in_its_place() -> None:
    set_ = changed(SetKind("find", "agent", "librarian"))
    assert "  find:\n    agent:   librarian\n    with:" in set_
    assert changed(SetKind("find", "tool", "shelf"), text=set_) == DIGEST


def test_keys_at_the_top_stand_in_their_order() -> None:
    text = "steps:\n    a:\n        tool: x\n"
    set_ = changed(
        SetTop("output", "${steps.a.output}"), SetTop("name", "mine"), SetInput("topic", "about what", 3), text=text
    )
    assert set_ == dedent("""\
        name: mine
        inputs:
            topic:
                description: about what
                default: 3
        steps:
            a:
                tool: x
        output: ${steps.a.output}
        """)
    assert changed(SetTop("output", None), SetTop("name", None), RemoveInput("topic"), text=set_) == text


def test_comment_at_the_top_stays_when_the_name_goes() -> None:
    assert changed(SetTop("name", None)).startswith("# The digest of the morning.\ninputs:\n")


def test_lines_may_end_in_two_characters_and_the_last_without() -> None:
    text = "steps:\r\n  a:\r\n    tool: x\r\n  b:\r\n    tool: y"
    added = change(text, AddStep("c", "tool", "z"))
    assert added == text + "\r\n  c:\r\n    tool: z"
    assert change(added, RemoveStep("c")) == text
    moved = change(text, MoveStep("b", 0))
    assert moved == "steps:\r\n  b:\r\n    tool: y\r\n  a:\r\n    tool: x"


# ---- what can't be done ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (RemoveStep("nobody"), "there is no step 'nobody'; there are: find, review, digest"),
        (AddStep("find", "tool", "x"), "there is a step 'find' already"),
        (AddStep("1a", "tool", "x"), "'1a': a name is made of letters"),
        (AddStep("a", "model", "x"), "a step has one of agent, function, tool"),
        (AddStep("a", "tool", "x", after="nobody"), "there is no step 'nobody'"),
        (RenameStep("find", "review"), "there is a step 'review' already"),
        (MoveStep("find", 3), "there are positions 0 to 2, not 3"),
        (SetKey("find", "retry", None), "there is no steps.find.retry"),
        (SetKey("find", "tool.name", 1), "steps.find.tool holds no keys"),
        (SetKey("find", "with..x", 1), "is no key"),
        (SetTop("steps", 1), "steps is none of name"),  # type: ignore[arg-type]
        (SetKey("find", "timeout", float("nan")), "nan is no JSON"),
        (RemoveInput("limit"), "there is no input 'limit'"),
    ],
)
def test_what_can_not_be_done_is_said(asked: Change, said: str) -> None:
    with pytest.raises(ChangeRefused) as caught:
        change(DIGEST, asked)
    assert said in str(caught.value)
    assert isinstance(caught.value, ValueError | WorkflowError)


def test_text_that_is_no_yaml_is_not_changed() -> None:
    with pytest.raises(ChangeRefused, match="workflow:1: "):
        change("steps: {a", RemoveStep("a"))


# ---- made up texts ---------------------------------------------------------------------------------------------------
def test_each_change_to_a_made_up_text_can_be_taken_back() -> None:
    """`python -m benchmarks.cards` does so with 10,000."""
    outcomes = [outcome for seed in range(30) for outcome in check(seed)]
    assert len(outcomes) > 300
    assert [outcome for outcome in outcomes if outcome.came in ("wrong", "refused")] == []


def test_text_of_several_lines_keeps_its_last_line_break_where_it_comes_last() -> None:
    text = "steps:\n  a:\n    prompt: |\n      one\n  b:\n    tool: x"
    assert change(text, RemoveStep("b")) == "steps:\n  a:\n    prompt: |\n      one\n"
    moved = change(text, MoveStep("a", 1))
    assert moved == "steps:\n  b:\n    tool: x\n  a:\n    prompt: |\n      one\n"
    added = change(text, SetKey("b", "prompt", "two\nlines\n"))
    assert added.endswith('    tool: x\n    prompt: "two\\nlines\\n"')
