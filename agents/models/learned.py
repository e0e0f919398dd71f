"""Remember for this process what each server turned out to take and to refuse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock

SCALES = (0.75, 4.0)  # bounds of how far a server's count of tokens is believed to differ from our estimate
OVERHEAD_MOST = 1_024  # tokens that a template adds to any prompt
CLOSINGS_LEAST = 2
MODELS_MOST = 1_000  # that are remembered
TELLING_TOKENS = 200  # a prompt of fewer says little about that, but how much comes on top of any


@dataclass(slots=True)
class Learned:
    """What is known of one model at one address.

    `refused` names parts of a request it does not take, as `refusals.py` calls them, `needed` what it asked for.
    `window` is in its own tokens; `scale` is how many of those make one of our estimate, and `overhead` how many come
    on top. `thinks` is whether it was seen thinking, `closings` how often its thoughts ended with a tag that nothing
    opened, and `calls` whether it was seen calling a tool in the protocol's own way.
    """

    refused: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    window: int | None = None
    output_limit: int | None = None
    scale: float = 1.0
    overhead: int = 0
    thinks: bool = False
    closings: int = 0
    calls: bool = False

    @property
    def closes_only(self) -> bool:
        """Return whether thoughts end with a tag that nothing opens: once may have been a quotation."""
        return self.closings >= CLOSINGS_LEAST

    def with_(self, tried: Learned) -> Learned:
        """Return what is known, and what an error has told but no answer has proved yet."""
        return replace(
            self,
            refused=self.refused | tried.refused,
            needed=self.needed | tried.needed,
            output_limit=tried.output_limit or self.output_limit,
        )

    def prove(self, tried: Learned) -> None:
        """Remember what an answer has proved: the request that was made so was taken."""
        self.refused |= tried.refused
        self.needed |= tried.needed
        self.output_limit = tried.output_limit or self.output_limit

    def count(self, estimate: int, actual: int) -> None:
        """Compare a prompt of `estimate` tokens with what the server counted."""
        if estimate < TELLING_TOKENS:
            measured = min(OVERHEAD_MOST, max(0, actual - estimate))
            self.overhead = max(measured, (self.overhead + measured) // 2)
        elif actual > 0:
            low, high = SCALES
            self.scale = min(high, max(low, actual / estimate))

    def has_read(self, tokens: int) -> None:
        """Forget a window that was too small for what was read and answered."""
        if self.window and tokens > self.window:
            self.window = None

    def tokens(self, estimate: int) -> int:
        """Return how many of the server's tokens a prompt has, by our estimate of it."""
        return max(int(estimate * self.scale), estimate + self.overhead)

    def estimate(self, tokens: int) -> int:
        """Return what we estimate a text at that has so many of the server's tokens."""
        return max(0, min(int(tokens / self.scale), tokens - self.overhead))


_by_model: dict[tuple[str, str], Learned] = {}
_lock = Lock()


def learned_of(url: str, name: str) -> Learned:
    """The one that was not asked for longest is forgotten where there are too many."""
    with _lock:
        learned = _by_model.pop((url, name), None) or Learned()
        _by_model[url, name] = learned
        if len(_by_model) > MODELS_MOST:
            del _by_model[next(iter(_by_model))]
        return learned


def forget() -> None:
    """Know nothing of any server, for tests that begin anew."""
    _by_model.clear()
