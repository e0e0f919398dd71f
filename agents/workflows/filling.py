"""Choose the template that a sentence describes, and fill it with what a registry has. No model is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.workflows.editing.cards import Card, read_cards
from agents.workflows.editing.changes import SetKey, SetKind, change
from agents.workflows.editing.choices import Argument, Choices, Described, arguments_of, choices
from agents.workflows.registry import Registry
from agents.workflows.step import KINDS
from agents.workflows.templates import WorkflowTemplate, template, templates
from agents.workflows.values import Json

# What people also say who want a template, in the languages of the site.
WORDS = {
    "simple": "answer question one antworten beantworten frage",
    "sequential": "then summarise rewrite shorten translate dann danach suchen zusammenfassen kürzen übersetzen",
    "collaborative": "several together views advantages risks debate mehrere zusammen gleichzeitig ansichten vorteile",
    "routed": "route kind sort depending triage classify support je nach art sortieren weiterleiten zuordnen",
    "review": "person human someone approve approval check publish release mensch jemanden prüfen freigeben freigabe "
    "veröffentlichen",
    "report": "every night nightly daily weekly schedule report topics jede nacht täglich wöchentlich bericht",
}
# What a tool or an agent may be called that does what a template's does.
ALIKE = {
    "search": "search find look passages documents retrieve suchen finden",
    "publish": "publish release send post save veröffentlichen senden",
    "writer": "writer write summarise summary draft author schreiben zusammenfassen",
    "editor": "editor edit shorten improve rewrite proofread überarbeiten",
    "advocate": "advocate advantages optimist for",
    "critic": "critic risks review sceptic against",
    "researcher": "researcher research facts librarian find",
    "triage": "triage classify router kind sort",
    "fixer": "fixer bug error support",
    "planner": "planner feature wish plan",
    "helper": "helper assistant general",
    "assistant": "assistant answer helper general",
}
NOTES = {
    "nearest": "This is the template “%(title)s”, which is nearest to what you described.",
    "filled": "Step %(step)s runs %(kind)s %(name)s: check whether that is what you want.",
    "missing": "Step %(step)s needs a %(kind)s like “%(name)s”, and there is none: register one, or choose another.",
    "argument": "Step %(step)s: say what %(name)s gets for %(argument)s.",
    "unavailable": "The model could not be asked: %(error)s.",
    "invalid": "What the model proposed can't be run, also when asked again: %(error)s.",
    "kept": "Without a model a workflow can't be changed from a description: this is a new one.",
}


@dataclass(frozen=True, slots=True)
class ProposalNote:
    """What a person should know about a proposal; `message` is that of NOTES for the code, with the values."""

    code: str
    values: Mapping[str, str]

    @property
    def message(self) -> str:
        return NOTES[self.code] % self.values


def nearest(sentence: str) -> WorkflowTemplate:
    """Return the template that has most of the sentence's words, rare words counting more; the first of equals."""
    vocabulary = {each.name: _stems(_words_of(each)) for each in templates()}
    spread = Counter(stem for stems in vocabulary.values() for stem in stems)
    asked = _stems(sentence)
    scores = {name: sum(1 / spread[stem] for stem in asked & stems) for name, stems in vocabulary.items()}
    return template(max(scores, key=lambda name: scores[name]))


def _words_of(each: WorkflowTemplate) -> str:
    return f"{each.title} {each.description} {WORDS[each.name]}"


def _stems(text: str) -> set[str]:
    """Return the beginnings of the words, so that "summarises" is "summary"."""
    return {word[:5] for word in re.findall(r"\w{3,}", text.casefold())} - COMMON


PARTS = re.compile(r"[,;.\n]|\b(?:and|then|und|dann)\b")
COMMON = {
    "the",
    "and",
    "for",
    "them",
    "with",
    "this",
    "that",
    "agent",
    "from",
    "only",
    "into",
    "its",
    "der",
    "die",
    "das",
}


# ---- filling ---------------------------------------------------------------------------------------------------------
def fill(sentence: str, *, registry: Registry) -> tuple[str, list[ProposalNote]]:
    """Return the text of the nearest template with the registry's names, and what is missing."""
    found = nearest(sentence)
    text, notes = found.text, [ProposalNote("nearest", {"title": found.title})]
    there = choices("", "", registry=registry)
    for card in read_cards(text).steps:
        for keys, kind, name in _places(card):
            chosen = _chosen(kind, name, sentence, there=there)
            if chosen is None:
                notes.append(ProposalNote("missing", {"step": card.name, "kind": kind, "name": name}))
                continue
            if chosen[1] != name:
                notes.append(ProposalNote("filled", {"step": card.name, "kind": chosen[0], "name": chosen[1]}))
            if keys:
                text = change(text, SetKey(card.name, (*keys, kind), chosen[1]))
                continue
            text = change(text, SetKind(card.name, *chosen))
            if kind != "agent":
                text, asked = _with_arguments(text, card, *chosen, registry=registry)
                notes += asked
    return text, notes


def _places(card: Card) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Return where a step names what it runs: the keys to it (none for its own), the kind and the name."""
    if card.kind in KINDS:
        yield (), card.kind, card.target
    cases = card.keys.get("cases")
    inner = [(("cases", name), case) for name, case in cases.items()] if isinstance(cases, dict) else []
    for keys, case in [*inner, (("default",), card.keys.get("default"))]:
        if isinstance(case, dict):
            yield from ((keys, kind, str(case[kind])) for kind in KINDS if kind in case)


def _chosen(kind: str, name: str, sentence: str, *, there: Choices) -> tuple[str, str] | None:
    """Return kind and name of what fits best. An agent that fits in no way is better than none; a tool is not."""
    if kind == "agent":
        best = _best(there.agents, name, sentence) or next(iter(there.agents), None)
        return ("agent", best.name) if best else None
    for other, known in (("tool", there.tools), ("function", there.functions)):
        if best := _best(known, name, sentence):
            return other, best.name
    return None


def _best(known: Sequence[Described], name: str, sentence: str) -> Described | None:
    wanted = _stems(f"{name} {ALIKE.get(name, '')}")
    for part in PARTS.split(sentence):  # the part of the sentence that is about this says what else it is called
        if (stems := _stems(part)) & wanted:
            wanted = wanted | stems

    def score(each: Described) -> int:
        return 3 * len(_stems(each.name.replace("_", " ")) & wanted) + len(_stems(each.description) & wanted)

    if exact := next((each for each in known if each.name == name), None):
        return exact
    best = max(known, key=score, default=None)
    return best if best and score(best) else None


def _with_arguments(
    text: str, card: Card, kind: str, name: str, *, registry: Registry
) -> tuple[str, list[ProposalNote]]:
    """Give what the template passes on to the arguments that there are, the required first."""
    arguments = arguments_of(kind, name, registry=registry)
    given = card.keys.get("with")
    passed = _passed(given if isinstance(given, dict) else {}, arguments)
    left = [each.name for each in arguments if each.required and each.name not in passed]
    text = change(text, SetKey(card.name, "with", passed)) if passed != given else text
    return text, [ProposalNote("argument", {"step": card.name, "name": name, "argument": each}) for each in left]


def _passed(given: Mapping[str, Json], arguments: Iterable[Argument]) -> dict[str, Json]:
    named = {each.name for each in arguments}
    passed = {key: value for key, value in given.items() if key in named}
    free = sorted((each for each in arguments if each.name not in passed), key=lambda each: not each.required)
    values = [value for key, value in given.items() if key not in named]
    return passed | {each.name: value for each, value in zip(free, values, strict=False)}
