"""What was measured, as tables for a person and as JSON for another day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from retrieval.errors import EvaluationSetError
from retrieval.evaluation.measures import estimate, middle, p_value
from retrieval.evaluation.run import (
    ANSWERED,
    FIRST,
    FOUND_AND_ANSWERED,
    GOLD_WORDS,
    IN_FIRST_SENTENCE,
    QUOTED,
    REFUSED,
    WORDS,
    Values,
)
from retrieval.evaluation.variants import AS_ASKED

_LABEL, _COLUMN = 24, 24
_NONE = "-"
OF_SEARCHES = (FIRST, "recall@5", "nDCG@10", ANSWERED, FOUND_AND_ANSWERED, REFUSED)
OF_QUOTES = (QUOTED, GOLD_WORDS, IN_FIRST_SENTENCE, WORDS)


def table(results: Mapping[str, Values]) -> str:
    """Return a row for each measure, a column for each way of searching: the mean and its 95 % interval."""
    columns = list(results.values())
    return _laid_out(results, {measure: [_cell(values, measure) for values in columns] for measure in _named(columns)})


def variants_table(results: Mapping[str, Values]) -> str:
    """Return a row for each variant of the questions, with their number, and a column for each figure; the figures of
    quotes stand below."""
    named = {f"{name} ({max(map(len, values.values()))})": values for name, values in results.items() if values}
    tables = []
    for figures in (OF_SEARCHES, OF_QUOTES):
        rows = {name: [_cell(values, figure) for figure in figures] for name, values in named.items()}
        held = {name: cells for name, cells in rows.items() if set(cells) != {_NONE}}
        tables += [_laid_out(figures, held)] if held else []
    return "\n\n".join(tables)


def comparison(results: Mapping[str, Values]) -> str:
    """Return two ways of searching side by side, with the difference of the second to the first and how likely chance
    made it."""
    (one, first), (other, second) = results.items()
    lines = [f"{'':<{_LABEL}}{one:>{_COLUMN}}{other:>{_COLUMN}}{'difference':>12}{'p':>8}"]
    for measure in _named([first, second]):
        before, after = first.get(measure, []), second.get(measure, [])
        line = f"{measure:<{_LABEL}}{_cell(first, measure):>{_COLUMN}}{_cell(second, measure):>{_COLUMN}}"
        if before and len(before) == len(after):
            difference = _middle(after, measure) - _middle(before, measure)
            line += f"{difference:>+12.1f}{p_value(before, after):>8.3f}"
        lines.append(line)
    return "\n".join(lines)


def save(path: Path, *, name: str, results: Mapping[str, Values]) -> None:
    path.write_text(json.dumps({"set": name, "results": results}))


def load_pairs(one: Path, other: Path) -> list[dict[str, Values]]:
    """Return what two files hold of the same, as pairs to compare: of each variant, else of the default way to search.
    Raises EvaluationSetError."""
    first, second = _load(one), _load(other)
    shared = [name for name in first if name in second] if AS_ASKED in first else []
    pairs = [(name, name) for name in shared] or [(_hybrid_of(first), _hybrid_of(second))]
    return [{f"{one.stem}: {name}": first[name], f"{other.stem}: {like}": second[like]} for name, like in pairs]


def _load(path: Path) -> dict[str, Values]:
    try:
        results: dict[str, Values] = dict(json.loads(path.read_text())["results"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EvaluationSetError(f"{path} holds no saved results: save some with --save.") from error
    if not results:
        raise EvaluationSetError(f"{path} holds no results.")
    return results


def _hybrid_of(results: Mapping[str, Values]) -> str:
    """Return which of the saved results to compare: that of the default way to search, or the first."""
    return "hybrid" if "hybrid" in results else next(iter(results))


def _laid_out(columns: Iterable[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = {"": list(columns), **rows}
    return "\n".join(f"{name:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in lines[name]) for name in lines)


def _named(results: Iterable[Values]) -> list[str]:
    return list(dict.fromkeys(measure for values in results for measure in values))


def _cell(values: Values, measure: str) -> str:
    if not (of_questions := values.get(measure, [])):
        return _NONE
    found = estimate(of_questions, median=measure == WORDS)
    return f"{found.mean:.1f} ({found.low:.1f} to {found.high:.1f})"


def _middle(values: Sequence[float], measure: str) -> float:
    return middle(values, median=measure == WORDS)
