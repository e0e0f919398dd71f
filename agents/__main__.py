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

from agents.errors import AgentError
from agents.workflows.checkpoints import Record, is_running, read_record, read_records
from agents.workflows.drawing import draw
from agents.workflows.errors import ReplayDiffers
from agents.workflows.registry import Registry, registry
from agents.workflows.replay import replay
from agents.workflows.values import Json
from agents.workflows.workflow import Workflow, WorkflowResult, resume_workflow, run_workflow

RUNS = "runs"
SHOWN_CHARACTERS = 100  # of an output


def main(arguments: Sequence[str] | None = None) -> int:
    """0 for what went well, 1 for what failed, 2 for what can't be done as it was asked, 130 for Ctrl+C."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
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
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Callable[[argparse.Namespace], int], *, of: str, does: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=does)
        added.set_defaults(command=command)
        if of:
            added.add_argument(of)
        if of != "run_id" or name in ("resume", "replay"):
            added.add_argument("--registry", type=_registry, default=registry, metavar="package.module:name")
        if name != "draw":
            added.add_argument("--runs", default=RUNS, metavar="folder", help="where runs are recorded (%(default)s)")
        return added

    run = add("run", _run, of="workflow", does="Run a workflow file and print its output as JSON.")
    run.add_argument("-i", "--input", action="append", type=_input, default=[], dest="inputs", metavar="key=text")
    run.add_argument("--run-id", default="", help="of a new run, or of one to go on with")
    resume = add("resume", _resume, of="run_id", does="Go on with a run where it stopped.")
    for added in (run, resume):
        added.add_argument("--timeout", type=float, metavar="seconds")
    add("replay", _replay, of="run_id", does="Run it again from its record, with no model; verify every state.")
    add("show", _show, of="run_id", does="Show the states of a run.")
    add("list", _list, of="", does="List the recorded runs, oldest first.")
    add("draw", _draw, of="workflow", does="Draw a workflow's steps as text.")
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
        resume_workflow(options.run_id, checkpoints=options.runs, registry=options.registry, timeout=options.timeout)
    )


def _report(result: WorkflowResult) -> int:
    """Print the output alone on stdout, so that it can be piped."""
    print(f"run {result.run_id}: {result.status} in {result.total_seconds:.2f} s", file=sys.stderr)
    if result.error:
        print(result.error, file=sys.stderr)
    else:
        print(json.dumps(result.output, ensure_ascii=False, indent=2))
    return 0 if result.success else 1


def _replay(options: argparse.Namespace) -> int:
    try:
        states = replay(options.run_id, checkpoints=options.runs, registry=options.registry)
    except ReplayDiffers as error:
        print(f"run {options.run_id}: {error}", file=sys.stderr)
        return 1
    print(f"run {options.run_id}: {len(states)} states, all the same")
    return 0


def _show(options: argparse.Namespace) -> int:
    record = read_record(options.runs, run_id=options.run_id)
    print(_line(record, folder=options.runs))
    print(f"inputs {json.dumps(record.header.inputs, ensure_ascii=False)}")
    for state in record.states.values():
        told = state.error or json.dumps(state.output, ensure_ascii=False)
        shown = told if len(told) <= SHOWN_CHARACTERS else f"{told[:SHOWN_CHARACTERS]}…"
        print(f"  {state.status:9}  {state.place:24}  {state.seconds:7.2f} s  {shown}")
    if record.error:
        print(record.error)
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
