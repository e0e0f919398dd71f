"""A workflow file, read and checked: what `Workflow.load` finds wrong is found here, before anything runs."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

from agents.agent import Agent, Runnable
from agents.budget import Limits
from agents.tools import Tool
from agents.workflows import values as workflow_values
from agents.workflows.conditions import Condition, parse_condition
from agents.workflows.errors import WorkflowInvalid
from agents.workflows.persons import PERSON_KINDS, Person
from agents.workflows.registry import Function, Registry
from agents.workflows.step import (
    AGENT_KEYS,
    CASE_KEYS,
    KINDS,
    NAME_RULE,
    PARALLEL,
    RETRY_SECONDS,
    STEP_KEYS,
    STEP_KINDS,
    TOP_KEYS,
    Case,
    OnError,
    Retry,
    Step,
    Switch,
    Target,
    WorkflowFile,
    case_name,
    is_name,
)
from agents.workflows.values import Template, parse_text, paths_in
from agents.workflows.yaml import Entry, parse_yaml, read_bounded, read_file

T = TypeVar("T")
U = TypeVar("U")
FAILS: OnError = "fail"


def read_workflow(path: Path, *, registry: Registry) -> WorkflowFile:
    """Raises WorkflowInvalid, which names file, line and key, for the first thing that is wrong."""
    return _read(_Reader(read_file(path), file=str(path), path=path, registry=registry))


def parse_workflow(text: str, *, name: str, registry: Registry) -> WorkflowFile:
    """Read a text that is no file, and is called `name`. Raises WorkflowInvalid."""
    return _read(_Reader(text, file=name, path=None, registry=registry))


def all_wrong(text: str, *, name: str, registry: Registry) -> list[WorkflowInvalid]:
    """Return all that is wrong with a text, in the order of its lines; of what is no YAML, the first alone."""
    reader = _Reader(text, file=name, path=None, registry=registry)
    try:
        reader.workflow()
    except WorkflowInvalid as error:
        return [error]
    return sorted(reader.wrong, key=lambda wrong: wrong.line)


def _read(reader: _Reader) -> WorkflowFile:
    workflow = reader.workflow()
    if reader.wrong or workflow is None:
        raise reader.wrong[0]
    return workflow


class _Reader:
    """Reads a workflow and goes on behind what is wrong, which it puts into `wrong`."""

    def __init__(self, written: bytes | str, *, file: str, path: Path | None, registry: Registry) -> None:
        self.file, self.path = file, path
        self.registry = registry
        self.written = written
        self.digest = hashlib.sha256()
        self.wrong: list[WorkflowInvalid] = []

    def workflow(self) -> WorkflowFile | None:
        """Return it, or None if there are no steps that could be put in order. Raises WorkflowInvalid for no YAML."""
        top = parse_yaml(self.written, file=self.file)
        self.digest.update(self.written.encode() if isinstance(self.written, str) else self.written)
        entries = self._keys(top, TOP_KEYS)
        steps_entry = entries.get("steps")
        declared = self._keys(steps_entry) if steps_entry else {}
        if not declared:
            self._note((steps_entry or top).wrong("a workflow has steps"))
            return None
        self.inputs = self._keys(entries["inputs"]) if "inputs" in entries else {}
        for name, entry in (*self.inputs.items(), *declared.items()):
            if not is_name(name):
                self._note(entry.wrong(NAME_RULE))
        for entry in self.inputs.values():
            self._keys(entry, ("default", "description"))
        self.step_names = tuple(declared)
        self.agents = self._agents(entries.get("agents"))
        read = [step for name, entry in declared.items() if (step := self._step(name, entry))]
        steps = self._tried(lambda: _in_order(read), ())
        self._check_otherwise(steps)
        last = workflow_values.Path(("steps", self.step_names[-1], "output"))
        return WorkflowFile(
            file=self.file,
            path=self.path,
            name=self._tried(entries["name"].text, "") if "name" in entries else Path(self.file).stem,
            digest=self.digest.hexdigest(),
            inputs=self.inputs,
            steps=steps,
            output=self._template(entries["output"]) if "output" in entries else last,
            output_at=entries.get("output", steps_entry or top),
            timeout=self._tried(lambda: _timeout(entries), None),
            parallel=self._tried(lambda: _parallel(entries), PARALLEL),
        )

    # ---- what is wrong ----
    def _note(self, error: WorkflowInvalid) -> None:
        self.wrong.append(error)

    def _tried(self, read: Callable[[], T], otherwise: U) -> T | U:
        try:
            return read()
        except WorkflowInvalid as error:
            self._note(error)
            return otherwise

    def _keys(self, entry: Entry, known: Sequence[str] = ()) -> dict[str, Entry]:
        """Return the entries of a mapping by key; where keys are `known`, others are wrong and left out."""
        found: dict[str, Entry] = self._tried(entry.mapping, {})
        if not known:
            return found
        for key, unknown in found.items():
            if key not in known:
                self._note(unknown.wrong(f"unknown key; known: {', '.join(known)}"))
        return {key: each for key, each in found.items() if key in known}

    # ---- agents that the file defines ----
    def _agents(self, declared: Entry | None) -> dict[str, Runnable | None]:
        """Return all agents by name; None for one that could not be read."""
        agents: dict[str, Runnable | None] = dict(self.registry.agents)
        for name, entry in (self._keys(declared) if declared else {}).items():
            if name in agents:
                self._note(entry.wrong("the registry has an agent of this name"))
            else:
                agents[name] = self._tried(partial(self._agent, name, entry), None)
        return agents

    def _agent(self, name: str, entry: Entry) -> Agent:
        keys = self._keys(entry, AGENT_KEYS)
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
                instructions.text() if instructions else self._text_of(keys["instructions_file"]),
                tools=[_known(self.registry.tools, "tool", item) for item in tools],
                models=[_known(self.registry.models, "model", item) for item in models],
                limits=self._limits(keys.get("limits")),
            )
        except (TypeError, ValueError) as error:
            raise entry.wrong(str(error)) from error

    def _limits(self, entry: Entry | None) -> Limits:
        if entry is None:
            return Limits()
        given = self._keys(entry, [limit.name for limit in fields(Limits)])
        values: dict[str, Any] = {name: value.number(least=0) for name, value in given.items()}
        try:
            return Limits(**values)
        except ValueError as error:
            raise entry.wrong(str(error)) from error

    def _text_of(self, entry: Entry) -> str:
        """Return the text of a file in the workflow's folder, or below it; links are followed first."""
        if self.path is None:
            raise entry.wrong("this workflow is no file, and has no folder; write the instructions here")
        folder = self.path.parent.resolve()
        try:
            path = (folder / entry.text()).resolve(strict=True)
            if not path.is_relative_to(folder):
                raise entry.wrong(f"{entry.text()!r} is outside the workflow's folder")
            raw = read_bounded(path)
            self.digest.update(raw)
            return raw.decode()
        except (OSError, ValueError) as error:  # a NUL in the name and a text that isn't UTF-8 are ValueErrors
            raise entry.wrong(f"{entry.text()!r} can't be read: {error}") from error

    # ---- steps ----
    def _step(self, name: str, entry: Entry) -> Step | None:
        """Return a step, or None when something is wrong with it."""
        before = len(self.wrong)
        keys = self._keys(entry, STEP_KEYS)
        if len(self.wrong) > before and not keys and entry.value is not None:
            return None
        repeats = "foreach" in keys
        foreach = self._template(keys["foreach"]) if repeats else None
        when = self._when(keys.get("when"))
        if len(self.wrong) == before and repeats and not isinstance(foreach, list | workflow_values.Path):
            self._note(keys["foreach"].wrong("must be a list, or a ${path} to one"))
        case = self._tried(partial(self._what_runs, entry, keys, repeats=repeats), None)
        named = self._step_names(lambda: keys["needs"].entries() if "needs" in keys else [])
        otherwise = self._step_names(lambda: _one_or_more(keys["else"]) if "else" in keys else [])
        retry = self._tried(lambda: self._retry(keys.get("retry")), Retry())
        timeout = self._tried(lambda: _timeout(keys), None)
        on_error = self._tried(lambda: _on_error(keys.get("on_error")), FAILS)
        if case is None or len(self.wrong) > before:
            return None
        paths = [*_paths_of(case), *paths_in(foreach), *(when.paths() if when else [])]
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
            retry=retry,
            timeout=timeout,
            on_error=on_error,
        )

    def _what_runs(self, entry: Entry, keys: Mapping[str, Entry], *, repeats: bool) -> Case:
        kinds = [kind for kind in STEP_KINDS if kind in keys]
        if "switch" in kinds:
            return self._switch(entry, keys, repeats=repeats)
        if kinds == ["person"]:
            return self._person(entry, keys, repeats=repeats)
        for key in ("cases", "default"):
            if key in keys:
                self._note(keys[key].wrong("is for a step with a switch"))
        for key in ("value", "choices"):
            if key in keys:
                self._note(keys[key].wrong("is for a step with a person"))
        return self._case(entry, {}, keys, repeats=repeats)

    def _person(self, entry: Entry, keys: Mapping[str, Entry], *, repeats: bool) -> Case:
        kind = keys["person"].text()
        if kind not in PERSON_KINDS:
            raise keys["person"].wrong(f"must be one of {', '.join(PERSON_KINDS)}, not {kind!r}")
        taken = {"approve": ("prompt",), "edit": ("prompt", "value"), "answer": ("prompt", "choices")}[kind]
        for key in ("prompt", "value", "with", "choices", "cases", "default", "retry", "timeout"):
            if key in keys and key not in taken:
                self._note(keys[key].wrong(f"is not for a step with person: {kind}"))
        for key in {"prompt", "value"} & set(taken):
            if key not in keys or keys[key].value is None:
                raise entry.wrong(f"a step with person: {kind} has a {key}")
        asked = {key: self._template(keys[key], repeats=repeats) for key in taken if key in keys}
        if "choices" in asked and not isinstance(asked["choices"], list | workflow_values.Path):
            raise keys["choices"].wrong("must be a list, or a ${path} to one")
        return Case("person", Person(kind), {"person": kind, **asked})

    def _when(self, entry: Entry | None) -> Condition | None:
        when = self._tried(lambda: _parsed(entry, parse_condition), None) if entry else None
        if entry and when:
            self._check_paths(when.paths(), at=entry, repeats=False)
        return when

    def _switch(self, entry: Entry, keys: Mapping[str, Entry], *, repeats: bool) -> Case:
        for key in (*KINDS, "person", "value", "choices"):
            if key in keys:
                raise keys[key].wrong("a step with a switch has its agents, functions and tools in its cases")
        before = len(self.wrong)
        on = self._template(keys["switch"], repeats=repeats)
        if len(self.wrong) == before and not isinstance(on, workflow_values.Path):
            self._note(keys["switch"].wrong("must be a ${path}, whose value names the case"))
        given = keys["cases"].mapping() if "cases" in keys else {}
        if not given:
            raise keys["switch"].wrong("a switch has cases")
        cases: dict[str, Case | None] = {}
        for name, case in given.items():
            if not case_name(name) or case_name(name) in cases:
                self._note(case.wrong("a case has a name of its own, in which capitals and marks around don't count"))
            cases[case_name(name)] = self._case_of_switch(case, keys, repeats=repeats)
        default = self._case_of_switch(keys["default"], keys, repeats=repeats) if "default" in keys else None
        whole = {name: case for name, case in cases.items() if case}
        return Case("switch", Switch(on, whole, default), None)

    def _case_of_switch(self, entry: Entry, shared: Mapping[str, Entry], *, repeats: bool) -> Case | None:
        return self._tried(lambda: self._case(entry, shared, self._keys(entry, CASE_KEYS), repeats=repeats), None)

    def _case(self, entry: Entry, shared: Mapping[str, Entry], keys: Mapping[str, Entry], *, repeats: bool) -> Case:
        """Read what a step, or a case of one, runs; what it isn't given itself is that of the `shared` keys."""
        what, known = ("case", KINDS) if shared else ("step", STEP_KINDS)
        kinds = [kind for kind in known if kind in keys]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise entry.wrong(f"a {what} has one of {', '.join(known)}; this one has {found}")
        kind = kinds[0]
        wanted = "prompt" if kind == "agent" else "with"
        given = keys if wanted in keys or wanted not in shared else {**keys, wanted: shared[wanted]}
        arguments = self._tried(lambda: self._arguments(entry, kind, given, repeats=repeats), None)
        target = self._target(kind, keys[kind])
        if isinstance(arguments, dict) and kind != "agent":
            _check_arguments(target, arguments, at=given.get("with", entry))
        return Case(kind, target, arguments)

    def _arguments(self, entry: Entry, kind: str, keys: Mapping[str, Entry], *, repeats: bool) -> Template:
        wanted, unwanted = ("prompt", "with") if kind == "agent" else ("with", "prompt")
        if unwanted in keys:
            self._note(keys[unwanted].wrong(f"{kind} steps have no {unwanted}, but {wanted}"))
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
        known: dict[str, Mapping[str, Target | None]] = {
            "agent": self.agents,
            "function": self.registry.functions,
            "tool": self.registry.tools,
        }
        target = _known(known[kind], kind, entry)
        if target is None:
            raise entry.wrong(f"{kind} {entry.text()} could not be read")
        if (isinstance(target, Runnable) and target.pauses) or (isinstance(target, Tool) and target.approve):
            raise entry.wrong(f"{kind} {target.name} needs approval, and a workflow asks a person in a step of its own")
        return target

    def _step_names(self, read: Callable[[], Sequence[Entry]]) -> tuple[str, ...]:
        names = [name for entry in self._tried(read, ()) if (name := self._tried(partial(self._step_name, entry), ""))]
        return tuple(names)

    def _step_name(self, entry: Entry) -> str:
        if (name := entry.text()) not in self.step_names:
            raise entry.wrong(f"there is no step {name!r}; there are: {', '.join(self.step_names)}")
        return name

    def _check_otherwise(self, steps: Iterable[Step]) -> None:
        """Note the `else` of a step that is never skipped."""
        by_name = {step.name: step for step in steps}
        for step in by_name.values():
            for other in (by_name[name] for name in step.otherwise if name in by_name):
                if not (other.when or other.otherwise or isinstance(other.target, Switch)):
                    at = step.where.mapping()["else"]
                    self._note(at.wrong(f"step {other.name} has no when, so that it is never skipped"))

    def _retry(self, entry: Entry | None) -> Retry:
        if entry is None:
            return Retry()
        if not isinstance(entry.value, dict):
            return Retry(entry.whole(least=0))
        keys = self._keys(entry, ("times", "seconds"))
        if "times" not in keys:
            raise entry.wrong("says how many times")
        seconds = keys["seconds"].number(least=0) if "seconds" in keys else RETRY_SECONDS
        return Retry(keys["times"].whole(least=0), seconds)

    # ---- values ----
    def _template(self, entry: Entry, *, repeats: bool = False) -> Template:
        match entry.value:
            case dict(entries):
                return {key: self._template(value, repeats=repeats) for key, value in entries.items()}
            case list(items):
                return [self._template(item, repeats=repeats) for item in items]
            case str():
                template = self._tried(lambda: _parsed(entry, parse_text), "")
                self._check_paths(paths_in(template), at=entry, repeats=repeats)
                return template
            case scalar:
                return scalar

    def _check_paths(self, paths: Iterable[workflow_values.Path], *, at: Entry, repeats: bool) -> None:
        for path in paths:
            if problem := self._problem_of(path, repeats=repeats):
                self._note(at.wrong(problem))

    def _problem_of(self, path: workflow_values.Path, *, repeats: bool) -> str:
        match path.parts:
            case ("inputs", name, *_) if name in self.inputs:
                return ""
            case ("inputs", *_):
                return f"{path}: there is no such input; there are: {', '.join(self.inputs) or 'none'}"
            case ("steps", name, *_) if name not in self.step_names:
                return f"{path}: there is no step {name!r}; there are: {', '.join(self.step_names)}"
            case ("steps", _, "output" | "status" | "error", *_):
                return ""
            case ("item" | "index", *_) if repeats:
                return ""
            case ("item" | "index", *_):
                return f"{path} is for the prompt and the arguments of a step with foreach"
        return f"{path}: a path begins with inputs.name, steps.name.output (status, error) or item"


def _in_order(steps: list[Step]) -> tuple[Step, ...]:
    """Return steps so that each follows what it needs of them. Raises WorkflowInvalid for a circle."""
    by_name = {step.name: step for step in steps}
    try:
        order = [*TopologicalSorter({step.name: step.needs for step in steps}).static_order()]
    except CycleError as error:
        circle = error.args[1][::-1]  # graphlib lists what is needed before what needs it
        first = by_name[circle[0]]
        raise first.where.wrong(f"needs itself: {' needs '.join(circle)}") from error
    return tuple(by_name[name] for name in order if name in by_name)


def _timeout(keys: Mapping[str, Entry]) -> float | None:
    if "timeout" not in keys:
        return None
    if not (seconds := keys["timeout"].number(least=0)):
        raise keys["timeout"].wrong("must be more than 0 seconds")
    return seconds


def _parallel(keys: Mapping[str, Entry]) -> int:
    return keys["parallel"].whole(least=1) if "parallel" in keys else PARALLEL


def _paths_of(case: Case) -> Iterator[workflow_values.Path]:
    yield from paths_in(case.arguments)
    if isinstance(case.target, Switch):
        yield from paths_in(case.target.on)
        for each in case.target.all_cases:
            yield from paths_in(each.arguments)


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


def _on_error(entry: Entry | None) -> OnError:
    word = entry.text() if entry else "fail"
    if word == "fail" or word == "continue":
        return word  # type: ignore[return-value]
    assert entry is not None
    raise entry.wrong(f"must be fail or continue, not {word!r}")
