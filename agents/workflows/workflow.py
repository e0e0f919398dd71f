"""Workflows: steps in a YAML file, run from anywhere, at once where they can, each state recorded as it is reached.

    result = run_workflow("digest.yaml", inputs={"topic": "whales"}, registry=registry, checkpoints="runs")

Killed, the run goes on with `resume_workflow(result.run_id, checkpoints="runs")`: what has finished is not done again.
`workflow_file` says what a file may hold, `checkpoints` what is kept, `workflow_replay` re-runs a record.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, TypedDict, Unpack, cast

from agents.agent import ignore
from agents.bridge import acall, call
from agents.budget import spending
from agents.errors import AgentError, ExitRequested, LimitExceeded
from agents.events import Event
from agents.messages import Usage, UserMessage, dump_message
from agents.steps import Request
from agents.tools import ERROR_MAX_CHARACTERS, Context, Tool, invoke, to_model_text
from agents.tracing import Span, log_end, span
from agents.workflows.checkpoints import Header, Journal, State, StateKey, read_record
from agents.workflows.errors import AnswerRefused, RecordFailed, RunChanged, StepFailed
from agents.workflows.events import StepBegan, StepEnded, StepTold, StepWaits, WorkflowEvent
from agents.workflows.file import parse_workflow, read_workflow
from agents.workflows.persons import Person, Waiting, answered, check_asked, waiting_of
from agents.workflows.registry import Function, Registry, registry
from agents.workflows.step import Step, Switch, WorkflowFile
from agents.workflows.values import Json, Scope, ValueMissing, render

logger = logging.getLogger(__name__)


OnEvent: TypeAlias = Callable[[WorkflowEvent], Awaitable[None] | None]


class RunOptions(TypedDict, total=False):
    """What one run of a workflow is given.

    With `checkpoints`, a folder, the run is recorded there under its `run_id`; when that id is recorded already, for
    the same file and inputs, the run goes on where it stopped. `timeout` is in seconds, for the whole of it. `on_event`
    is called with each event as it happens, and holds the run up until it returns; `deps` are for tools with a Context.
    `answers` are those of persons that the recorded run waits for, by step.
    """

    inputs: Mapping[str, object]
    checkpoints: Path | str | None
    run_id: str
    timeout: float | None
    on_event: OnEvent | None
    deps: object
    answers: Mapping[str, object]


def check_options(options: Mapping[str, object], *, door: str, more: Sequence[str] = ()) -> None:
    """Raise TypeError for an option that there is not, which names the nearest, and for a value of a wrong type."""
    known = [*RunOptions.__annotations__, *more]
    for name in options:
        if name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(known)}"
            raise TypeError(f"{door} has no option {name!r}; {hint}")
    on_event, timeout = options.get("on_event"), options.get("timeout")
    for name in ("inputs", "answers"):
        if (given := options.get(name)) is not None and not isinstance(given, Mapping):
            raise TypeError(f"{door}: {name} must be a mapping of names to values, not {given!r}")
    if on_event is not None and not callable(on_event):
        raise TypeError(f"{door}: on_event must be a function of an event, not {on_event!r}")
    if timeout is not None and (not isinstance(timeout, int | float) or not timeout > 0):
        raise ValueError(f"{door}: timeout must be more than 0 seconds, not {timeout!r}")


RunStatus: TypeAlias = Literal["completed", "failed", "limited", "waiting"]


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """How a run ended. `states` are those of all steps, and of all items of steps with foreach.

    `error` says what failed; `limited` is a run that took longer than its timeout. One that is `waiting` has done what
    it could, and says in `waiting` for which persons' answers it goes on. `usage` and `cost` (US dollars; None
    when a price is unknown) are those of its agents, without what an earlier process had used before it was killed.
    """

    run_id: str
    status: RunStatus
    output: Json
    states: Sequence[State]
    error: AgentError | None
    usage: Usage
    cost: Decimal | None
    total_seconds: float
    waiting: Sequence[Waiting] = ()
    trace: Span | None = field(default=None, compare=False, repr=False)

    @property
    def success(self) -> bool:
        return self.status == "completed"

    @property
    def steps(self) -> dict[str, State]:
        return {state.step: state for state in self.states if state.item is None}


# ---- the doors -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Workflow:
    file: WorkflowFile

    @classmethod
    def load(cls, path: Path | str, *, registry: Registry = registry) -> Workflow:
        """Raises WorkflowInvalid, which names file, line and key, for whatever is wrong with the file."""
        return cls(read_workflow(Path(path), registry=registry))

    @classmethod
    def parse(cls, text: str, *, name: str, registry: Registry = registry) -> Workflow:
        """Load it from a text that is no file; `name` is what errors call it, and its own unless it says another.

        Raises WorkflowInvalid, also for an `instructions_file`: there is no folder for it.
        """
        return cls(parse_workflow(text, name=name, registry=registry))

    def run(self, **options: Unpack[RunOptions]) -> WorkflowResult:
        """Run it from sync code anywhere; sync functions and tools run on this thread. A step that fails doesn't raise.

        Raises WorkflowInvalid for inputs that are missing or unknown; RunLocked, RunChanged, RecordInvalid and
        RecordFailed for a record that can't be used; AnswerRefused for an answer that can't be taken.
        """
        check_options(options, door="Workflow.run()")
        return call(self._to_end, options)

    async def arun(self, **options: Unpack[RunOptions]) -> WorkflowResult:
        """`run` for async code; cancelling it cancels the steps that are under way."""
        check_options(options, door="Workflow.arun()")
        return await acall(self._to_end, options)

    async def _to_end(self, options: RunOptions) -> WorkflowResult:
        inputs = cast("dict[str, Json]", to_json(self.file.inputs_from(options.get("inputs") or {})))
        run_id = options.get("run_id") or time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
        folder, timeout = options.get("checkpoints"), options.get("timeout")
        answers = cast("dict[str, Json]", to_json(options.get("answers") or {}))
        run = WorkflowRun(self.file, inputs, run_id=run_id, on_event=options.get("on_event"), deps=options.get("deps"))
        if folder is None:
            for step in self.file.steps:
                if isinstance(step.target, Person):
                    raise step.where.wrong("it waits for a person, so the run needs checkpoints to go on from")
            return await run.to_end(timeout=timeout)
        with await asyncio.to_thread(Journal, folder, run_id=run_id) as journal:
            states = await self._begin(journal, inputs, run_id, answers)
            run.record(journal)
            for state in states:
                await run.save(state)
            return await run.to_end(timeout=timeout)

    async def _begin(
        self, journal: Journal, inputs: dict[str, Json], run_id: str, answers: dict[str, Json]
    ) -> list[State]:
        """Record that the run begins, or goes on; return the states of steps that are answered."""
        if journal.record is None and answers:
            raise AnswerRefused(f"run {run_id!r} has not begun, and waits for no answer")
        if journal.record is None:
            path = str(self.file.path.resolve()) if self.file.path else self.file.file
            await journal.begin(Header(run_id, path, self.file.name, self.file.digest, inputs, time.time()))
            return []
        if journal.record.header.digest != self.file.digest:
            raise RunChanged(f"{self.file.file} has changed since run {run_id!r} began")
        if journal.record.header.inputs != inputs:
            raise RunChanged(f"run {run_id!r} began with other inputs")
        states = answered(journal.record, answers)
        await journal.resume()
        return states


def run_workflow(path: Path | str, *, registry: Registry = registry, **options: Unpack[RunOptions]) -> WorkflowResult:
    """`Workflow.load(path).run(...)`. Raises TypeError for an unknown option."""
    check_options(options, door="run_workflow()", more=["registry"])
    return Workflow.load(path, registry=registry).run(**options)


async def arun_workflow(
    path: Path | str, *, registry: Registry = registry, **options: Unpack[RunOptions]
) -> WorkflowResult:
    """`Workflow.load(path).arun(...)`. Raises TypeError for an unknown option."""
    check_options(options, door="arun_workflow()", more=["registry"])
    workflow = await asyncio.to_thread(Workflow.load, path, registry=registry)
    return await workflow.arun(**options)


def resume_workflow(
    run_id: str,
    *,
    checkpoints: Path | str,
    registry: Registry = registry,
    timeout: float | None = None,
    on_event: OnEvent | None = None,
    deps: object = None,
    answers: Mapping[str, object] | None = None,
    workflow: Workflow | None = None,
) -> WorkflowResult:
    """Go on with a recorded run: its own inputs, and its own file, or the `workflow` that was no file.

    `answers` are those of persons, by the step that waits: without one, the step still does. Raises RunUnknown,
    AnswerRefused, and what `Workflow.run` raises.
    """
    header = read_record(checkpoints, run_id=run_id).header
    options = RunOptions(inputs=header.inputs, checkpoints=checkpoints, run_id=run_id)
    options.update(RunOptions(timeout=timeout, on_event=on_event, deps=deps, answers=answers or {}))
    if workflow is not None:
        return workflow.run(**options)
    return run_workflow(header.workflow, registry=registry, **options)


# ---- one run ---------------------------------------------------------------------------------------------------------
class Attempt(NamedTuple):
    """How one attempt ended: `error` says why it failed, and a `fatal` one ends the run whatever the step says."""

    output: Json = None
    messages: Json = None
    error: str | None = None
    fatal: bool = False


class WorkflowRun:
    """One run of a workflow, on the managed loop."""

    def __init__(
        self,
        file: WorkflowFile,
        inputs: dict[str, Json],
        *,
        run_id: str,
        on_event: OnEvent | None = None,
        deps: object = None,
    ) -> None:
        self.file = file
        self.run_id = run_id
        self.on_event = on_event
        self.deps = deps
        self.journal: Journal | None = None
        self.states: dict[StateKey, State] = {}
        self.steps: dict[str, Json] = {}  # what paths see of them
        self.scope: Scope = {"inputs": inputs, "steps": self.steps}
        self.free = asyncio.Semaphore(file.parallel)
        self.reached: dict[str, asyncio.Task[None]] = {}
        self.waiting: list[Waiting] = []
        self.error: AgentError | None = None  # nothing is started once there is one; what has started goes on

    def record(self, journal: Journal) -> None:
        """Record the states in the journal, and go on from those that it holds."""
        self.journal = journal
        self.states = journal.record.finished if journal.record else {}

    async def tell(self, event: WorkflowEvent) -> None:
        """Call `on_event`. Its errors are for the log: whoever looks on is no part of the run."""
        if self.on_event is None:
            return
        try:
            await invoke(self.on_event, event)
        except Exception:
            logger.exception("on_event failed for %s", type(event).__name__)

    async def to_end(self, *, timeout: float | None) -> WorkflowResult:  # noqa: ASYNC109 - of the run, not the call
        began = time.perf_counter()
        with span("workflow", name=self.file.name, run_id=self.run_id) as trace, spending(None) as budget:
            limits = [seconds for seconds in (timeout, self.file.timeout) if seconds is not None]
            status, output = await self.outcome(min(limits, default=None))
            trace.error = self.error.code if self.error else None
        try:
            if self.journal:
                await self.journal.finish(status, error=str(self.error) if self.error else None)
        except RecordFailed as error:
            self.error = self.error or error
        result = WorkflowResult(
            run_id=self.run_id,
            status="failed" if self.error and status != "limited" else status,
            output=output,
            states=tuple(self.states.values()),
            error=self.error,
            usage=budget.usage,
            cost=budget.cost,
            total_seconds=time.perf_counter() - began,
            waiting=tuple(self.waiting),
            trace=trace,
        )
        log_end(logger, f"workflow {self.file.name}, run {self.run_id},", result)
        return result

    async def outcome(self, seconds: float | None) -> tuple[RunStatus, Json]:
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for step in self.file.steps:
                    self.reached[step.name] = group.create_task(self.reach(step))
            if self.error is None and self.waiting:
                return "waiting", None
            if self.error is None:
                return "completed", render(self.file.output, scope=self.scope)
        except ValueMissing as error:
            self.error = self.file.output_at.wrong(str(error))
        except TimeoutError:  # it can only be ours: what steps raise is in their states
            self.error = LimitExceeded(f"the workflow took longer than {seconds:g} seconds")
            return "limited", None
        return "failed", None

    # ---- a step ----
    async def reach(self, step: Step) -> None:
        """Wait for what the step needs, then take it, unless the record has its state."""
        await asyncio.gather(*(self.reached[need] for need in step.needs))
        if not all(need in self.steps for need in step.needs):
            return
        if state := self.states.get((step.name, None)) or await self.take(step):
            self.steps[step.name] = {"output": state.output, "status": state.status, "error": state.error}

    async def take(self, step: Step) -> State | None:
        if not self.may_start(step, None):
            return None
        try:
            if not self.is_due(step):
                return await self.save(State(step.name, "skipped"))
            if step.repeats:
                return await self.take_each(step)
        except ValueMissing as error:
            return await self.save(_failed(step, str(step.where.wrong(str(error)))))
        return await self.take_once(step, self.scope)

    def is_due(self, step: Step) -> bool:
        """Raises ValueMissing."""
        others = (cast("dict[str, Json]", self.steps[name])["status"] for name in step.otherwise)
        return all(status == "skipped" for status in others) and (step.when is None or step.when.holds(self.scope))

    async def take_each(self, step: Step) -> State | None:
        """All items at once, as far as `parallel` allows; those with a recorded state are not done again."""
        items = render(step.foreach, scope=self.scope)
        if not isinstance(items, list):
            raise ValueMissing(f"{step.foreach} is no list")
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.take_once(step, {**self.scope, "item": item, "index": index}, item=index))
                for index, item in enumerate(items)
            ]
        states = [task.result() for task in tasks]
        for state in states:
            if state and not state.final:
                return await self.save(
                    State(step.name, "failed", error=f"item {state.item}: {state.error}", final=False)
                )
        if None in states:
            return None
        outputs = [state.output for state in states if state]
        failed = [f"item {state.item}: {state.error}" for state in states if state and state.error]
        error = f"{len(failed)} of {len(items)} items failed; {failed[0]}" if failed else None
        return await self.save(State(step.name, "completed", output=outputs, error=error))

    async def take_once(self, step: Step, scope: Scope, *, item: int | None = None) -> State | None:
        if recorded := self.states.get((step.name, item)):
            return recorded
        async with self.free:
            if not self.may_start(step, item):
                return None
            try:
                if (chosen := _chosen(step, scope)) is None:
                    return await self.save(State(step.name, "skipped", item=item))
                arguments = render(chosen.arguments, scope=scope)
                if isinstance(chosen.target, Person):
                    check_asked(arguments)
            except ValueMissing as error:
                return await self.save(_failed(step, str(step.where.wrong(str(error))), item=item))
            if isinstance(chosen.target, Person):
                return await self.ask(State(step.name, "waiting", item=item, arguments=arguments, final=False))
            await self.tell(StepBegan(step.name, item))
            return await self.save(await self.attempt(chosen, arguments, item=item))

    async def attempt(self, step: Step, arguments: Json, *, item: int | None) -> State:
        """Once, and again as often as the step's retry says."""
        began, failures = time.perf_counter(), list[str]()
        while (outcome := await self.once(step, arguments, item=item)).error and not outcome.fatal:
            if len(failures) >= step.retry.times or self.error:
                break
            failures.append(outcome.error)
            pause = step.retry.seconds * 2.0 ** (len(failures) - 1)
            logger.info("step %s is tried again in %.2f s, after %d failures", step.name, pause, len(failures))
            await asyncio.sleep(pause)
        return State(
            step=step.name,
            status="failed" if outcome.error else "completed",
            item=item,
            arguments=arguments,
            output=outcome.output,
            error=outcome.error,
            messages=outcome.messages,
            attempts=len(failures) + 1,
            failures=failures,
            seconds=round(time.perf_counter() - began, 3),
            final=not outcome.error or (step.on_error == "continue" and not outcome.fatal),
        )

    async def once(self, step: Step, arguments: Json, *, item: int | None) -> Attempt:
        try:
            async with asyncio.timeout(step.timeout) as deadline:
                return await self.perform(step, arguments, item=item)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return Attempt(error="it was cancelled from inside", fatal=True)
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                return Attempt(error=f"it took longer than {step.timeout:g} seconds")
            logger.warning("Step %s failed", step.name, exc_info=True)
            told = f"{type(error).__name__}: {error}"[:ERROR_MAX_CHARACTERS]
            return Attempt(error=told, fatal=isinstance(error, ExitRequested))
        except (SystemExit, KeyboardInterrupt) as error:
            return Attempt(error=f"ExitRequested: {type(error).__name__} was raised", fatal=True)

    # ---- what a replay does in another way ----
    async def ask(self, state: State) -> State | None:
        """Let a step wait for a person. Return None: nothing may rest on it until it is answered."""
        await self.save(state)
        self.waiting.append(waiting_of(state))
        return None

    def may_start(self, step: Step, item: int | None) -> bool:
        return self.error is None

    async def perform(self, step: Step, arguments: Json, *, item: int | None) -> Attempt:
        """Raises whatever the step's function or tool raises, or the error that ended its agent's run."""
        match step.target:
            case Function() as function:
                with span("tool", name=function.name, step=step.name):
                    return Attempt(to_json(await function.execute(cast("dict[str, object]", arguments))))
            case Tool() as tool:
                with span("tool", name=tool.name, step=step.name):
                    context = Context(self.deps)
                    return Attempt(to_json(await tool.execute(json.dumps(arguments), context=context)))
            case Switch() | Person():
                raise AssertionError(f"step {step.name} has not chosen its case, or waits for a person")
            case agent:
                request = Request(UserMessage(to_model_text(arguments)), deps=self.deps)

                async def tell(event: Event) -> None:
                    await self.tell(StepTold(step.name, item, event))

                result = await agent.perform(request, tell if self.on_event else ignore)
                if result.status == "cancelled":  # a run ends even then with a result; the step does not
                    raise asyncio.CancelledError
                if not result.success:
                    raise result.error or StepFailed(f"its run ended as {result.status}", step=step.name)
                output = result.content if result.output is None else result.output
                return Attempt(to_json(output), to_json(list(map(dump_message, result.messages))))

    async def save(self, state: State) -> State | None:
        """None when it could not be recorded: then nothing may rest on it."""
        if not state.final and state.status != "waiting":
            self.error = self.error or StepFailed(f"step {state.place} failed: {state.error}", step=state.step)
        try:
            if self.journal:
                await self.journal.save(state)
        except RecordFailed as error:
            self.error = self.error or error
            return None
        self.states[state.key] = state
        logger.debug("step %s: %s, %d attempts, %.2f s", state.place, state.status, state.attempts, state.seconds)
        await self.tell(StepWaits(state) if state.status == "waiting" else StepEnded(state))
        return state


def _chosen(step: Step, scope: Scope) -> Step | None:
    """Return the step with the case that its switch chooses, or None when there is none. Raises ValueMissing."""
    if not isinstance(step.target, Switch):
        return step
    if (case := step.target.choose(scope)) is None:
        return None
    return replace(step, kind=case.kind, target=case.target, arguments=case.arguments)


def _failed(step: Step, error: str, *, item: int | None = None) -> State:
    return State(step.name, "failed", item=item, error=error, final=step.on_error == "continue")


def to_json(value: object) -> Json:
    """As it is recorded, so that a resumed run sees the same values as the one before: JSON, and nothing else.

    Raises ValueError for what has no JSON form.
    """
    from pydantic_core import to_json

    return cast(Json, json.loads(to_json(value, inf_nan_mode="null", bytes_mode="base64")))
