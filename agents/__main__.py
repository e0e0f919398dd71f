"""Workflows from the command line: `python -m agents run digest.yaml -i topic=whales --registry package.module`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from agents.agent import Runnable
from agents.errors import AgentError
from agents.workflows.checkpoints import Record, is_running, read_record, read_records
from agents.workflows.differences import run_differences
from agents.workflows.drawing import draw
from agents.workflows.errors import ReplayDiffers, WorkflowError
from agents.workflows.inspecting import inspect_agent, inspect_registry, inspect_workflow
from agents.workflows.page import draw_page
from agents.workflows.registry import Registry, registry
from agents.workflows.replay import replay
from agents.workflows.starting import begin_project, next_steps
from agents.workflows.values import Json
from agents.workflows.workflow import Workflow, WorkflowResult, resume_workflow, run_workflow

RUNS = "runs"
SHOWN_CHARACTERS = 100  # of an output


def main(arguments: Sequence[str] | None = None) -> int:
    """0 for what went well, 1 for what failed, 2 for what can't be done as it was asked, 3 for a run that waits for a
    person, 130 for Ctrl+C."""
    options = _parser().parse_args(arguments)
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(options.verbose, 2)]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("agents").setLevel(level)
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except AgentError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; `resume` goes on", file=sys.stderr, flush=True)
        os._exit(130)  # a clean exit would wait for the steps under way; all that is recorded is on the disk


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agents", description="Run workflows and look at their runs.")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log runs; twice: steps and tools as well")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Callable[[argparse.Namespace], int], does: str, *of: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=does)
        added.set_defaults(command=command)
        for each in of:
            added.add_argument(each)
        if name in ("run", "resume", "replay", "draw", "inspect"):
            added.add_argument("--registry", type=_registry, default=registry, metavar="package.module:name")
        if name not in ("draw", "init", "inspect"):
            added.add_argument("--runs", default=RUNS, metavar="folder", help="where runs are recorded (%(default)s)")
        return added

    init = add("init", _init, "Write a workflow and its agents to begin with.")
    init.add_argument("folder", nargs="?", default=".", type=Path, help="where to (%(default)s)")
    run = add("run", _run, "Run a workflow file and print its output as JSON.", "workflow")
    run.add_argument("-i", "--input", action="append", type=_input, default=[], dest="inputs", metavar="key=text")
    run.add_argument("--run-id", default="", help="of a new run, or of one to go on with")
    resume = add("resume", _resume, "Go on with a run where it stopped.", "run_id")
    resume.add_argument("--answer", action="append", type=_input, default=[], dest="answers", metavar="step=text")
    for added in (run, resume):
        added.add_argument("--timeout", type=float, metavar="seconds")
    replaying = add("replay", _replay, "Run it again from its record, with no model; verify every state.", "run_id")
    replaying.add_argument("--until", default="", metavar="step", help="replay only that step and what it needs")
    show = add("show", _show, "Show the states of a run, and their attempts.", "run_id")
    show.add_argument("--html", type=Path, metavar="file", help="write all of it as a page instead")
    add("list", _list, "List the recorded runs, oldest first.")
    add("diff", _diff, "Say in what two runs differ.", "run_id", "other_id")
    add("draw", _draw, "Draw a workflow's steps as text.", "workflow")
    inspecting = add("inspect", _inspect, "Say what a workflow, an agent or a registry is made of.")
    inspecting.add_argument("what", help="a workflow file, or package.module:name of an agent or a registry")
    return parser


def _registry(reference: str) -> Registry:
    """Imported because the one who types the command says so; nothing in a workflow file can."""
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name or "registry", None)
    except ImportError as error:
        raise argparse.ArgumentTypeError(f"{reference!r} can't be imported: {error}") from error
    if not isinstance(found, Registry):
        raise argparse.ArgumentTypeError(f"{reference!r} is no Registry")
    return found


def _input(text: str) -> tuple[str, Json]:
    """`key=text`, or `key:=JSON`."""
    key, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError("there is no =")
        return (key[:-1], json.loads(value)) if key.endswith(":") else (key, value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither key=text nor key:=JSON ({error})") from error


# ---- commands --------------------------------------------------------------------------------------------------------
def _run(options: argparse.Namespace) -> int:
    return _report(
        run_workflow(
            options.workflow,
            registry=options.registry,
            inputs=dict(options.inputs),
            checkpoints=options.runs,
            run_id=options.run_id,
            timeout=options.timeout,
        )
    )


def _resume(options: argparse.Namespace) -> int:
    return _report(
        resume_workflow(
            options.run_id,
            checkpoints=options.runs,
            registry=options.registry,
            timeout=options.timeout,
            answers=dict(options.answers),
        )
    )


def _report(result: WorkflowResult) -> int:
    """Print the output alone on stdout, so that it can be piped."""
    print(f"run {result.run_id}: {result.status} in {result.total_seconds:.2f} s", file=sys.stderr)
    for waiting in result.waiting:
        print(f"{waiting.place} waits for a person to {waiting.kind}: {waiting.prompt}", file=sys.stderr)
        if waiting.value is not None:
            print(json.dumps(waiting.value, ensure_ascii=False, indent=2), file=sys.stderr)
        if waiting.choices:
            print(f"one of {json.dumps(waiting.choices, ensure_ascii=False)}", file=sys.stderr)
    if result.status == "waiting":
        answer = f"--answer {result.waiting[0].place}=TEXT, or :=JSON"
        print(f"go on with: python -m agents resume {result.run_id} {answer}", file=sys.stderr)
        return 3
    if result.error:
        print(result.error, file=sys.stderr)
    else:
        print(json.dumps(result.output, ensure_ascii=False, indent=2))
    return 0 if result.success else 1


def _replay(options: argparse.Namespace) -> int:
    try:
        states = replay(options.run_id, checkpoints=options.runs, registry=options.registry, until=options.until)
    except ReplayDiffers as error:
        print(f"run {options.run_id}: {error}", file=sys.stderr)
        return 1
    print(f"run {options.run_id}: {len(states)} states, all the same")
    return 0


def _show(options: argparse.Namespace) -> int:
    record = read_record(options.runs, run_id=options.run_id)
    if options.html:
        return _write(options.html, draw_page(record))
    print(_line(record, folder=options.runs))
    print(f"inputs {json.dumps(record.header.inputs, ensure_ascii=False)}")
    for state in record.states.values():
        attempts = f"{state.attempts} attempts, " if state.attempts > 1 else ""
        value = state.arguments if state.status == "waiting" else state.output
        told = attempts + (state.error or json.dumps(value, ensure_ascii=False))
        print(f"  {state.status:9}  {state.place:24}  {state.seconds:7.2f} s  {_cut(told)}")
        for number, failure in enumerate(state.failures, start=1):
            print(f"  {'':9}  {'':24}  attempt {number}: {_cut(failure)}")
    if record.error:
        print(record.error)
    return 0


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _write(path: Path, text: str) -> int:
    """Write what people and models wrote for the owner's eyes only."""
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkflowError(f"{path} can't be written: {error.strerror}") from error
    print(path)
    return 0


def _diff(options: argparse.Namespace) -> int:
    """1 when they differ, as diff has it."""
    first, second = (read_record(options.runs, run_id=run_id) for run_id in (options.run_id, options.other_id))
    found = list(run_differences(first, second))
    for field, one, other in found:
        print(f"{field}: {_cut(json.dumps(one, ensure_ascii=False))} | {_cut(json.dumps(other, ensure_ascii=False))}")
    if not found:
        print("no difference")
    return 1 if found else 0


def _list(options: argparse.Namespace) -> int:
    for record in read_records(options.runs):
        print(_line(record, folder=options.runs))
    return 0


def _line(record: Record, *, folder: str) -> str:
    header = record.header
    ended = record.ended or ("running" if is_running(folder, run_id=header.run_id) else "interrupted")
    steps = sum(item is None for _, item in record.finished)
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(header.started_at))
    return f"{header.run_id}  {ended:11}  {header.name}  {steps} steps finished  begun {begun}"


def _draw(options: argparse.Namespace) -> int:
    print(draw(Workflow.load(options.workflow, registry=options.registry).file))
    return 0


def _inspect(options: argparse.Namespace) -> int:
    if options.what.endswith((".yaml", ".yml")) or Path(options.what).exists():
        print(inspect_workflow(Workflow.load(options.what, registry=options.registry).file))
        return 0
    module, _, name = options.what.partition(":")
    try:
        found = getattr(import_module(module), name or "registry", None)
    except ImportError as error:
        raise WorkflowError(f"{options.what!r} can't be imported: {error}") from error
    if isinstance(found, Registry):
        print(inspect_registry(found))
    elif isinstance(found, Runnable):
        print(inspect_agent(found))
    else:
        raise WorkflowError(f"{options.what!r} is no workflow file, agent or registry")
    return 0


def _init(options: argparse.Namespace) -> int:
    for path in begin_project(options.folder):
        print(path)
    print(next_steps(options.folder), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
