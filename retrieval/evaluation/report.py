"""What was measured, as tables for a person and as JSON for another day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.measures import estimate, p_value
from retrieval.evaluation.run import Values

_LABEL, _COLUMN = 24, 24


def table(results: Mapping[str, Values]) -> str:
    """Return a row for each measure, a column for each way of searching: the mean and its 95 % interval."""
    lines = ["".join([" " * _LABEL, *(f"{name:>{_COLUMN}}" for name in results)])]
    for measure in _measures(list(results.values())):
        cells = (_cell(values.get(measure, [])) for values in results.values())
        lines.append("".join([f"{measure:<{_LABEL}}", *(f"{cell:>{_COLUMN}}" for cell in cells)]))
    return "\n".join(lines)


def comparison(results: Mapping[str, Values]) -> str:
    """Return two ways of searching side by side, with the difference of the second to the first and how likely chance
    made it.

    Raises EvaluationSetError when they were not asked the same questions.
    """
    (one, first), (other, second) = results.items()
    lines = [f"{'':<{_LABEL}}{one:>{_COLUMN}}{other:>{_COLUMN}}{'difference':>12}{'p':>8}"]
    for measure in _measures([first, second]):
        before, after = first.get(measure, []), second.get(measure, [])
        line = f"{measure:<{_LABEL}}{_cell(before):>{_COLUMN}}{_cell(after):>{_COLUMN}}"
        if before and len(before) == len(after):
            difference = sum(after) / len(after) - sum(before) / len(before)
            line += f"{difference:>+12.1f}{p_value(before, after):>8.3f}"
        lines.append(line)
    return "\n".join(lines)


def save(path: Path, *, name: str, results: Mapping[str, Values]) -> None:
    path.write_text(json.dumps({"set": name, "results": results}))


def load(path: Path) -> dict[str, Values]:
    """Return the results under names of their own, which begin with that of the file. Raises EvaluationSetError."""
    try:
        results = json.loads(path.read_text())["results"]
        return {f"{path.stem}: {method}": values for method, values in results.items()}
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise EvaluationSetError(f"{path} holds no saved results: save some with --save.") from error


def _measures(results: Sequence[Values]) -> list[str]:
    return list(dict.fromkeys(measure for values in results for measure in values))


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    found = estimate(values)
    return f"{found.mean:.1f} ({found.low:.1f} to {found.high:.1f})"
