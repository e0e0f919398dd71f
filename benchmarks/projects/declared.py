"""What is known of a public project: how it is installed, how a row is made, what its documents are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUESTION = "When does the ferry to the island leave?"
FIRST = "The ferry to the island leaves at half past seven in the morning."
SECOND = "The ferry to the island leaves at noon."
FIRST_WORDS, SECOND_WORDS = "half past seven", "at noon"


@dataclass(frozen=True)
class Suite:
    """The project's own tests: in the source that the package index has beside the wheel, or in the wheel.

    `command` follows the environment's Python, in `folder` of the source; {settings} stands in it for the settings
    module that is used: theirs, or one that adds the chat to theirs. `needs` is installed for them. Without `settings`
    of theirs, those of the throw-away site are taken, with what `adds` says.
    """

    command: Sequence[str]
    settings: str = ""
    needs: Sequence[str] = ()
    folder: str = ""
    adds: str = ""
    in_wheel: bool = False


@dataclass(frozen=True)
class Project:
    """A public project, and how its rows become documents.

    `settings` is Python that follows the settings of `startproject`, `urls` the lines of `urlpatterns`. `rows` is
    Python that makes `row`, with TEXT as its text and `reader` as the user who will ask; `change` gives `row` another
    TEXT and saves it, `hide` takes it away. `met` is what was in the way.
    """

    package: str
    version: str
    kind: str
    model: str
    docchat: str
    rows: str
    change: str
    apps: Sequence[str] = ()
    settings: str = ""
    urls: str = ""
    hide: str = "row.delete()"
    needs: Sequence[str] = ()
    opens: bool = True  # the row has a page of its own that the reader may open
    suite: Suite | None = None
    met: str = "nothing"

    @property
    def lines(self) -> int:
        """Return how many lines `docchat.py` has, without imports and empty ones."""
        lines = [line.strip() for line in self.docchat.splitlines()]
        return sum(bool(line) and not line.startswith(("from ", "import ")) for line in lines)
