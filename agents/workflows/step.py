"""What a workflow is made of, read and checked: its steps, what they run, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from agents.agent import Runnable
from agents.tools import Tool
from agents.workflows.conditions import Condition
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.persons import Person
from agents.workflows.registry import Function
from agents.workflows.values import Scope, Template, render, shown
from agents.workflows.yaml import Entry

Target: TypeAlias = "Runnable | Function | Tool | Switch | Person"
OnError: TypeAlias = Literal["fail", "continue"]

KINDS = ("agent", "function", "tool")
STEP_KINDS = (*KINDS, "switch", "person")
TOP_KEYS = ("name", "inputs", "agents", "steps", "output", "timeout", "parallel")
CASE_KEYS = (*KINDS, "prompt", "with")
STEP_KEYS = (
    *CASE_KEYS,
    "switch",
    "cases",
    "default",
    "person",
    "value",
    "choices",
    "needs",
    "when",
    "else",
    "foreach",
    "retry",
    "timeout",
    "on_error",
)
AGENT_KEYS = ("instructions", "instructions_file", "model", "models", "tools", "limits")
NAME_RULE = "a name is made of letters, digits, - and _, and begins with no digit"
PARALLEL = 8  # steps and items at once, when the file doesn't say
RETRY_SECONDS = 0.5  # before the first retry, when the file doesn't say; twice as long before each next one


@dataclass(frozen=True, slots=True)
class Retry:
    """`times` more attempts; `seconds` before the first of them, twice as many before each next one."""

    times: int = 0
    seconds: float = RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Case:
    """What a step runs, and with what."""

    kind: str
    target: Target
    arguments: Template


@dataclass(frozen=True, slots=True)
class Switch:
    """Cases, of which a step runs the one that is named by the value of `on`, or else the default."""

    on: Template
    cases: Mapping[str, Case]
    default: Case | None

    @property
    def name(self) -> str:
        return f"{self.on}: {', '.join([*self.cases, *(['default'] if self.default else [])])}"

    @property
    def all_cases(self) -> list[Case]:
        return [*self.cases.values(), *([self.default] if self.default else [])]

    def choose(self, scope: Scope) -> Case | None:
        """Return the case for this scope, or None when there is none. Raises ValueMissing."""
        return self.cases.get(case_name(shown(render(self.on, scope=scope))), self.default)


def case_name(text: str) -> str:
    """Return a text as cases are compared: in small letters, without the blanks and marks that models put around."""
    return text.strip(" \t\r\n.,:;!\"'`*").casefold()


@dataclass(frozen=True, slots=True)
class Step:
    """A step, which runs if `when` holds and the steps of `otherwise` were all skipped."""

    name: str
    where: Entry
    kind: str
    target: Target
    arguments: Template
    needs: tuple[str, ...]
    when: Condition | None
    otherwise: tuple[str, ...]
    foreach: Template
    retry: Retry
    timeout: float | None
    on_error: OnError

    @property
    def repeats(self) -> bool:
        return self.foreach is not None


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """`steps` are in an order in which each follows what it needs. `digest` changes with any file that was read.

    `file` is what errors call it; `path` is None for a text that is no file.
    """

    file: str
    path: Path | None
    name: str
    digest: str
    inputs: Mapping[str, Entry]
    steps: tuple[Step, ...]
    output: Template
    output_at: Entry
    timeout: float | None
    parallel: int

    def inputs_from(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return what was given, and the defaults of the rest. Raises WorkflowInvalid for one unknown or missing."""
        for name in given:
            if name not in self.inputs:
                known = ", ".join(self.inputs) or "none"
                raise WorkflowInvalid(
                    f"there is no input {name!r}; there are: {known}", file=self.file, line=1, key="inputs"
                )
        values = dict(given)
        for name, declared in self.inputs.items():
            if name not in values:
                default = declared.mapping().get("default")
                if default is None:
                    raise declared.wrong("this input is missing")
                values[name] = default.plain()
        return values


def is_name(text: str) -> bool:
    return text.replace("-", "_").isidentifier()
