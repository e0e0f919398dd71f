"""Name what can go wrong, as a tree.

AgentError
├── ModelError            the model gave no complete answer
│   ├── ModelUnavailable     refused connection, DNS failure, 429 or 5xx after the retries
│   ├── ModelRefused         a request the server will never accept (401, 403, 404, 400): an operator must act
│   │   └── ContextOverflow     the messages are longer than the model's context window
│   ├── ModelInterrupted     the answer broke off
│   ├── ModelAnswerInvalid   what came is no answer: an HTML page, broken JSON, nothing at all
│   │   └── OutputInvalid       the answer does not fit the agent's output type, also when asked once more
│   ├── AnswerTruncated      the answer reached a limit on its length, or repeated itself
│   ├── DeadlineExceeded     the model was silent, or busy, for too long
│   └── LoopMismatch         the model holds something that is bound to another event loop
├── LimitExceeded         the run reached one of its limits
├── PriceUnknown          money is limited, but nobody knows what the model costs
├── Blocked               a guardrail did not let the question or the answer pass
├── ToolFailed            raised by a tool without which the run makes no sense
├── ExitRequested         code under an agent raised SystemExit or the like
├── Cancelled             the work was cancelled, and not by the one who waits for it
├── LoopStopped           the managed loop's thread ended under a run
├── ForeignFailed         an agent of another framework, in an environment of its own, raised
└── WorkerLost            an isolated run's process died
    └── WorkerNotStarted     there was no process or thread, or its factory made no agent: nothing has run
"""

from __future__ import annotations


class AgentError(Exception):
    """An error of a run. `code` is stable and safe to show; the message is for the log and the operator."""

    code = "agent_error"


class ModelError(AgentError):
    code = "model_error"


class ModelUnavailable(ModelError):
    """`retry_after` is the number of seconds the server asked for, if it did."""

    code = "model_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelRefused(ModelError):
    code = "model_refused"


class ContextOverflow(ModelRefused):
    """`window` is the number of tokens that the model reads and writes at once, if its server said so."""

    code = "context_overflow"

    def __init__(self, message: str, *, window: int | None = None) -> None:
        super().__init__(message)
        self.window = window


class ModelInterrupted(ModelError):
    code = "model_interrupted"


class ModelAnswerInvalid(ModelError):
    code = "model_answer_invalid"


class OutputInvalid(ModelAnswerInvalid):
    code = "output_invalid"


class AnswerTruncated(ModelError):
    """`reason` is "length", or "repetition" for an answer that was stopped since it repeated itself."""

    code = "answer_truncated"

    def __init__(self, message: str, *, reason: str = "length") -> None:
        super().__init__(message)
        self.reason = reason


class DeadlineExceeded(ModelError):
    code = "deadline_exceeded"


class LoopMismatch(ModelError):
    code = "loop_mismatch"


class LimitExceeded(AgentError):
    code = "limit_exceeded"


class PriceUnknown(AgentError):
    code = "price_unknown"


class Blocked(AgentError):
    """`stage` is "input", "output" or "citations", `reason` what the guardrail said."""

    code = "blocked"

    def __init__(self, reason: str, stage: str) -> None:
        super().__init__(reason, stage)  # both, so that it can be pickled
        self.reason = reason
        self.stage = stage

    def __str__(self) -> str:
        return f"{self.stage} blocked: {self.reason}"


class ToolFailed(AgentError):
    code = "tool_failed"


class ExitRequested(AgentError):
    code = "exit_requested"


class Cancelled(AgentError):
    code = "cancelled"


class LoopStopped(AgentError):
    code = "loop_stopped"


class WorkerLost(AgentError):
    code = "worker_lost"


class WorkerNotStarted(WorkerLost):
    code = "worker_not_started"


class ForeignFailed(AgentError):
    code = "foreign_failed"
