"""An agent of the chat, as a question is asked of it: declared in the settings, made by staff, or the site itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language_info

from chatsite.conf import chat_models


@dataclass(frozen=True, slots=True)
class AskedAgent:
    """What an agent answers from, how and for whom. Without a name it is the site itself, narrowed by nothing."""

    name: str = ""  # in its address
    title: str = ""
    description: str = ""
    instructions: str = ""  # as they were declared; a published version of its prompt goes before
    model: str = ""  # likewise
    tone: str = ""
    languages: tuple[str, ...] = ()  # codes of ISO 639-1 that it answers in; empty: any
    collections: tuple[str, ...] | None = None  # slugs; None: all that its reader may read
    tools: tuple[str, ...] | None = None  # names; None: all there are
    starters: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None  # names; None: everyone may ask it
    workflow: str = ""  # the name of the published one that answers

    @property
    def manner(self) -> str:
        """Return what a model is told of tone and languages, a sentence each; empty where neither is said."""
        said = [f"Tone: {self.tone.strip().rstrip('.')}."] if self.tone.strip() else []
        names = [_english(code) for code in self.languages]
        if len(names) == 1:
            said.append(f"Answer in {names[0]}, whatever the language of the question.")
        elif names:
            listed = f"{', '.join(names[:-1])} or {names[-1]}"
            said.append(f"Answer in {listed}: in the one of the question, else in {names[0]}.")
        return " ".join(said)

    @property
    def unknown_model(self) -> str:
        """Return the name of its model where that is none of the configured ones, of which there are some."""
        known = chat_models()
        return self.model if known and self.model and self.model not in known else ""


def _english(code: str) -> str:
    try:
        return str(get_language_info(code)["name"])
    except KeyError:
        return code
