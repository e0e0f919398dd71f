"""Name what can go wrong with a workflow, as a tree.

AgentError
└── WorkflowError
    ├── WorkflowInvalid    the file, or what it was given, is wrong; names file, line and key
    ├── ChangeRefused      a change that can't be made to a workflow's text
    ├── AnswerRefused      an answer that doesn't fit what a step waits for, or was given before
    ├── StepFailed         a step failed, and its `on_error` is `fail`
    ├── RunUnknown         no run of this id is recorded
    ├── RunLocked          a run of this id is under way, here or in another process
    ├── RunChanged         the recorded run is of another file, or of other inputs
    ├── RecordInvalid      the record of a run can't be read
    ├── RecordFailed       a state can't be recorded (a full disk), so nothing more is started
    └── ReplayDiffers      a replayed state is not the recorded one
"""

from __future__ import annotations

from agents.errors import AgentError


class WorkflowError(AgentError):
    code = "workflow_error"


class WorkflowInvalid(WorkflowError):
    """`file`, `line` (from 1) and `key` (dotted, from the top) say where; the message says all of it."""

    code = "workflow_invalid"

    def __init__(self, problem: str, *, file: str, line: int, key: str = "") -> None:
        super().__init__(f"{file}:{line}: {key}: {problem}" if key else f"{file}:{line}: {problem}")
        self.file, self.line, self.key, self.problem = file, line, key, problem


class ChangeRefused(WorkflowError, ValueError):
    code = "change_refused"


class AnswerRefused(WorkflowError, ValueError):
    code = "answer_refused"


class StepFailed(WorkflowError):
    code = "step_failed"

    def __init__(self, message: str, *, step: str) -> None:
        super().__init__(message)
        self.step = step


class RunUnknown(WorkflowError):
    code = "run_unknown"


class RunLocked(WorkflowError):
    code = "run_locked"


class RunChanged(WorkflowError):
    code = "run_changed"


class RecordInvalid(WorkflowError):
    code = "record_invalid"


class RecordFailed(WorkflowError):
    code = "record_failed"


class ReplayDiffers(WorkflowError):
    """`place` is the step, or `step[item]`; `field` is dotted; `recorded` and `replayed` are its two values."""

    code = "replay_differs"

    def __init__(self, place: str, *, field: str, recorded: object, replayed: object) -> None:
        super().__init__(f"{place}.{field}: recorded {recorded!r}, replayed {replayed!r}")
        self.place, self.field, self.recorded, self.replayed = place, field, recorded, replayed
