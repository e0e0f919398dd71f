"""The table of what came out."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.projects.run import Tried

COLUMNS = (
    "project", "version", "what", "model", "lines", "seconds", "after save", "after delete",
    "its tests before", "after", "what was in the way",
)  # fmt: skip


def table(outcomes: Sequence[Tried]) -> str:
    """Return a line for each project, in Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---|" + "---:|" * 6 + "---|"]
    for tried in outcomes:
        project = tried.project
        cells = [
            project.package, project.version, project.kind, project.model, project.lines, f"{tried.seconds:.0f}",
            f"{tried.saved:.1f} s", f"{tried.gone:.1f} s", tried.before or "–", tried.after or "–", in_the_way(tried),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def in_the_way(tried: Tried) -> str:
    """Return what was in the way of a project: what its declaration says of it, and what was found just now."""
    found = [tried.project.met]
    if tried.clashes:
        found.append(f"It brings {', '.join(tried.clashes)}")
    if tried.warnings:
        found.append(f"`check` warns: {', '.join(tried.warnings)}")
    if tried.fault:
        found.append(f"**Failed**: {tried.fault.splitlines()[0][:200]}")
    return "; ".join(found)
