"""A workflow file, read and checked: what `Workflow.load` finds wrong is found here, before anything runs."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast

from agents.agent import Agent, Runnable
from agents.budget import Limits
from agents.tools import Tool
from agents.workflows import values as workflow_values
from agents.workflows.conditions import Condition, parse_condition
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.registry import Function, Registry
from agents.workflows.values import Json, Scope, Template, parse_text, paths_in, render, shown
from agents.workflows.yaml import Entry, parse_yaml, read_file

T = TypeVar("T")
Target: TypeAlias = "Runnable | Function | Tool | Switch"
OnError: TypeAlias = Literal["fail", "continue"]

KINDS = ("agent", "function", "tool")
TOP_KEYS = ("name", "inputs", "agents", "steps", "output", "timeout", "parallel")
CASE_KEYS = (*KINDS, "prompt", "with")
STEP_KEYS = (
    *CASE_KEYS,
    "switch",
    "cases",
    "default",
    "needs",
    "when",
    "else",
    "foreach",
    "retry",
    "timeout",
    "on_error",
)
AGENT_KEYS = ("instructions", "instructions_file", "model", "models", "tools", "limits")
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
    """`steps` are in an order in which each follows what it needs. `digest` changes with any file that was read."""

    path: Path
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
                    f"there is no input {name!r}; there are: {known}", file=str(self.path), line=1, key="inputs"
                )
        values = dict(given)
        for name, declared in self.inputs.items():
            if name not in values:
                default = declared.mapping().get("default")
                if default is None:
                    raise declared.wrong("this input is missing")
                values[name] = _plain(default)
        return values


def read_workflow(path: Path, *, registry: Registry) -> WorkflowFile:
    """Raises WorkflowInvalid, which names file, line and key, for whatever is wrong."""
    return _Reader(path, registry).workflow()


class _Reader:
    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path
        self.registry = registry
        self.raw = read_file(path)
        self.digest = hashlib.sha256(self.raw)

    def workflow(self) -> WorkflowFile:
        top = parse_yaml(self.raw, file=str(self.path))
        entries = top.mapping(keys=TOP_KEYS)
        if not (steps_entry := entries.get("steps")) or not (declared := steps_entry.mapping()):
            raise (steps_entry or top).wrong("a workflow has steps")
        self.inputs = entries["inputs"].mapping() if "inputs" in entries else {}
        for name, entry in (*self.inputs.items(), *declared.items()):
            if not name.replace("-", "_").isidentifier():
                raise entry.wrong("a name is made of letters, digits, - and _, and begins with no digit")
        for entry in self.inputs.values():
            entry.mapping(keys=("default", "description"))
        self.step_names = tuple(declared)
        self.agents = self._agents(entries.get("agents"))
        steps = self._in_order([self._step(name, entry) for name, entry in declared.items()])
        _check_otherwise(steps)
        last = workflow_values.Path(("steps", self.step_names[-1], "output"))
        return WorkflowFile(
            path=self.path,
            name=entries["name"].text() if "name" in entries else self.path.stem,
            digest=self.digest.hexdigest(),
            inputs=self.inputs,
            steps=steps,
            output=self._template(entries["output"]) if "output" in entries else last,
            output_at=entries.get("output", steps_entry),
            timeout=self._timeout(entries),
            parallel=entries["parallel"].whole(least=1) if "parallel" in entries else PARALLEL,
        )

    # ---- agents that the file defines ----
    def _agents(self, declared: Entry | None) -> dict[str, Runnable]:
        agents = dict(self.registry.agents)
        for name, entry in (declared.mapping() if declared else {}).items():
            if name in agents:
                raise entry.wrong("the registry has an agent of this name")
            agents[name] = self._agent(name, entry)
        return agents

    def _agent(self, name: str, entry: Entry) -> Agent:
        keys = entry.mapping(keys=AGENT_KEYS)
        if ("instructions" in keys) == ("instructions_file" in keys):
            raise entry.wrong("an agent has instructions, or an instructions_file")
        if ("model" in keys) == ("models" in keys):
            raise entry.wrong("an agent has a model, or models")
        models = keys["models"].entries() if "models" in keys else [keys["model"]]
        tools = keys["tools"].entries() if "tools" in keys else []
        instructions = keys.get("instructions")
        try:
            return Agent(
                name,
                instructions.text() if instructions else self._file(keys["instructions_file"]),
                tools=[_known(self.registry.tools, "tool", item) for item in tools],
                models=[_known(self.registry.models, "model", item) for item in models],
                limits=self._limits(keys.get("limits")),
            )
        except (TypeError, ValueError) as error:
            raise entry.wrong(str(error)) from error

    def _limits(self, entry: Entry | None) -> Limits:
        if entry is None:
            return Limits()
        given = entry.mapping(keys=[limit.name for limit in fields(Limits)])
        values: dict[str, Any] = {name: value.number(least=0) for name, value in given.items()}
        try:
            return Limits(**values)
        except ValueError as error:
            raise entry.wrong(str(error)) from error

    def _file(self, entry: Entry) -> str:
        """Return the text of a file in the workflow's folder, or below it; links are followed first."""
        folder = self.path.parent.resolve()
        try:
            path = (folder / entry.text()).resolve(strict=True)
            if not path.is_relative_to(folder):
                raise entry.wrong(f"{entry.text()!r} is outside the workflow's folder")
            raw = path.read_bytes()
            self.digest.update(raw)
            return raw.decode()
        except (OSError, ValueError) as error:  # a NUL in the name and a text that isn't UTF-8 are ValueErrors
            raise entry.wrong(f"{entry.text()!r} can't be read: {error}") from error

    # ---- steps ----
    def _step(self, name: str, entry: Entry) -> Step:
        keys = entry.mapping(keys=STEP_KEYS)
        repeats = "foreach" in keys
        foreach = self._template(keys["foreach"]) if repeats else None
        when = _parsed(keys["when"], parse_condition) if "when" in keys else None
        if when is not None:
            self._check_paths(when.paths(), at=keys["when"], repeats=False)
        if repeats and not isinstance(foreach, list | workflow_values.Path):
            raise keys["foreach"].wrong("must be a list, or a ${path} to one")
        case = self._switch(entry, keys) if "switch" in keys else self._case(entry, {}, repeats=repeats)
        paths = [*_paths_of(case), *paths_in(foreach), *(when.paths() if when else [])]
        named = self._step_names(keys["needs"].entries() if "needs" in keys else [])
        otherwise = self._step_names(_one_or_more(keys["else"]) if "else" in keys else [])
        referred = [path.parts[1] for path in paths if path.parts[0] == "steps"]
        return Step(
            name=name,
            where=entry,
            kind=case.kind,
            target=case.target,
            arguments=case.arguments,
            needs=tuple(dict.fromkeys([*named, *otherwise, *referred])),
            when=when,
            otherwise=otherwise,
            foreach=foreach,
            retry=_retry(keys.get("retry")),
            timeout=self._timeout(keys),
            on_error=_on_error(keys.get("on_error")),
        )

    def _switch(self, entry: Entry, keys: Mapping[str, Entry]) -> Case:
        repeats = "foreach" in keys
        for kind in KINDS:
            if kind in keys:
                raise keys[kind].wrong("a step with a switch has its agents, functions and tools in its cases")
        on = self._template(keys["switch"], repeats=repeats)
        if not isinstance(on, workflow_values.Path):
            raise keys["switch"].wrong("must be a ${path}, whose value names the case")
        given = keys["cases"].mapping() if "cases" in keys else {}
        if not given:
            raise keys["switch"].wrong("a switch has cases")
        cases: dict[str, Case] = {}
        for name, case in given.items():
            if not case_name(name) or case_name(name) in cases:
                raise case.wrong("a case has a name of its own, in which capitals and marks around don't count")
            cases[case_name(name)] = self._case(case, keys, repeats=repeats)
        default = self._case(keys["default"], keys, repeats=repeats) if "default" in keys else None
        return Case("switch", Switch(on, cases, default), None)

    def _case(self, entry: Entry, shared: Mapping[str, Entry], *, repeats: bool) -> Case:
        """Read what a step, or a case of one, runs; what it isn't given itself is that of the `shared` keys."""
        keys = entry.mapping(keys=CASE_KEYS if shared else None)
        for key in ("cases", "default"):
            if not shared and key in keys:
                raise keys[key].wrong("is for a step with a switch")
        kinds = [kind for kind in KINDS if kind in keys]
        if len(kinds) != 1:
            what, known = ("case", KINDS) if shared else ("step", (*KINDS, "switch"))
            found = " and ".join(kinds) or "none"
            raise entry.wrong(f"a {what} has one of {', '.join(known)}; this one has {found}")
        kind = kinds[0]
        wanted = "prompt" if kind == "agent" else "with"
        given = keys if wanted in keys or wanted not in shared else {**keys, wanted: shared[wanted]}
        arguments = self._arguments(entry, kind, given, repeats=repeats)
        target = self._target(kind, keys[kind])
        if kind != "agent":
            _check_arguments(target, cast("dict[str, Template]", arguments), at=given.get("with", entry))
        return Case(kind, target, arguments)

    def _arguments(self, entry: Entry, kind: str, keys: Mapping[str, Entry], *, repeats: bool) -> Template:
        wanted, unwanted = ("prompt", "with") if kind == "agent" else ("with", "prompt")
        if unwanted in keys:
            raise keys[unwanted].wrong(f"{kind} steps have no {unwanted}, but {wanted}")
        given = keys.get(wanted)
        if kind != "agent":
            return {
                name: self._template(value, repeats=repeats)
                for name, value in (given.mapping() if given else {}).items()
            }
        if given is None or given.value is None:
            raise entry.wrong("agent steps have a prompt")
        return self._template(given, repeats=repeats)

    def _target(self, kind: str, entry: Entry) -> Target:
        known: dict[str, Mapping[str, Target]] = {
            "agent": self.agents,
            "function": self.registry.functions,
            "tool": self.registry.tools,
        }
        target = _known(known[kind], kind, entry)
        if (isinstance(target, Runnable) and target.pauses) or (isinstance(target, Tool) and target.approve):
            raise entry.wrong(f"{kind} {target.name} needs approval, and a workflow waits for nobody")
        return target

    def _step_names(self, names: Sequence[Entry]) -> tuple[str, ...]:
        for name in names:
            if name.text() not in self.step_names:
                raise name.wrong(f"there is no step {name.text()!r}; there are: {', '.join(self.step_names)}")
        return tuple(name.text() for name in names)

    def _in_order(self, steps: list[Step]) -> tuple[Step, ...]:
        by_name = {step.name: step for step in steps}
        try:
            order = [*TopologicalSorter({step.name: step.needs for step in steps}).static_order()]
        except CycleError as error:
            circle = error.args[1][::-1]  # graphlib lists what is needed before what needs it
            first = by_name[circle[0]]
            raise first.where.wrong(f"needs itself: {' needs '.join(circle)}") from error
        return tuple(by_name[name] for name in order)

    # ---- values ----
    def _template(self, entry: Entry, *, repeats: bool = False) -> Template:
        match entry.value:
            case dict(entries):
                return {key: self._template(value, repeats=repeats) for key, value in entries.items()}
            case list(items):
                return [self._template(item, repeats=repeats) for item in items]
            case str():
                template = _parsed(entry, parse_text)
                self._check_paths(paths_in(template), at=entry, repeats=repeats)
                return template
            case scalar:
                return scalar

    def _check_paths(self, paths: Iterable[workflow_values.Path], *, at: Entry, repeats: bool) -> None:
        for path in paths:
            match path.parts:
                case ("inputs", name, *_) if name in self.inputs:
                    pass
                case ("inputs", *_):
                    raise at.wrong(f"{path}: there is no such input; there are: {', '.join(self.inputs) or 'none'}")
                case ("steps", name, *_) if name not in self.step_names:
                    raise at.wrong(f"{path}: there is no step {name!r}; there are: {', '.join(self.step_names)}")
                case ("steps", _, "output" | "status" | "error", *_):
                    pass
                case ("item" | "index", *_) if repeats:
                    pass
                case ("item" | "index", *_):
                    raise at.wrong(f"{path} is for the prompt and the arguments of a step with foreach")
                case _:
                    raise at.wrong(f"{path}: a path begins with inputs.name, steps.name.output (status, error) or item")

    @staticmethod
    def _timeout(keys: Mapping[str, Entry]) -> float | None:
        if "timeout" not in keys:
            return None
        if not (seconds := keys["timeout"].number(least=0)):
            raise keys["timeout"].wrong("must be more than 0 seconds")
        return seconds


def _paths_of(case: Case) -> Iterator[workflow_values.Path]:
    yield from paths_in(case.arguments)
    if isinstance(case.target, Switch):
        yield from paths_in(case.target.on)
        for each in case.target.all_cases:
            yield from paths_in(each.arguments)


def _check_otherwise(steps: Iterable[Step]) -> None:
    """Raise WorkflowInvalid for the `else` of a step that is never skipped."""
    by_name = {step.name: step for step in steps}
    for step in by_name.values():
        for name in step.otherwise:
            other = by_name[name]
            if not (other.when or other.otherwise or isinstance(other.target, Switch)):
                at = step.where.mapping()["else"]
                raise at.wrong(f"step {name} has no when, so that it is never skipped")


def _one_or_more(entry: Entry) -> list[Entry]:
    return [entry] if isinstance(entry.value, str) else entry.entries()


def _parsed(entry: Entry, parse: Callable[[str], T]) -> T:
    try:
        return parse(entry.text())
    except ValueError as error:
        raise entry.wrong(str(error)) from error


def _known(known: Mapping[str, T], kind: str, entry: Entry) -> T:
    try:
        return known[entry.text()]
    except KeyError:
        names = ", ".join(known) or "none"
        raise entry.wrong(f"there is no {kind} {entry.text()!r} in the registry; there are: {names}") from None


def _check_arguments(target: Target, arguments: Mapping[str, Template], *, at: Entry) -> None:
    """Check the names alone: values are known when the step runs."""
    try:
        if isinstance(target, Function):
            inspect.signature(target.function).bind(**arguments)
        elif isinstance(target, Tool):
            known, required = target.parameters["properties"], target.parameters.get("required", ())
            for name in required:
                if name not in arguments:
                    raise TypeError(f"missing a required argument: {name!r}")
            for name in arguments:
                if name not in known:
                    raise TypeError(f"got an unexpected keyword argument {name!r}")
    except (TypeError, ValueError) as error:  # a ValueError: some built-in functions tell no signature
        raise at.wrong(f"{target.name}: {error}") from error


def _retry(entry: Entry | None) -> Retry:
    if entry is None:
        return Retry()
    if not isinstance(entry.value, dict):
        return Retry(entry.whole(least=0))
    keys = entry.mapping(keys=("times", "seconds"))
    if "times" not in keys:
        raise entry.wrong("says how many times")
    seconds = keys["seconds"].number(least=0) if "seconds" in keys else RETRY_SECONDS
    return Retry(keys["times"].whole(least=0), seconds)


def _on_error(entry: Entry | None) -> OnError:
    word = entry.text() if entry else "fail"
    if word == "fail" or word == "continue":
        return word  # type: ignore[return-value]
    assert entry is not None
    raise entry.wrong(f"must be fail or continue, not {word!r}")


def _plain(entry: Entry) -> Json:
    match entry.value:
        case dict(entries):
            return {key: _plain(value) for key, value in entries.items()}
        case list(items):
            return [_plain(item) for item in items]
        case scalar:
            return scalar
