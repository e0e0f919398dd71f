"""A recorded run as an HTML page of its own: no script, nothing loaded, all that people and models wrote escaped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from html import escape

from agents.workflows.checkpoints import Record, State
from agents.workflows.values import Json

OPEN_CHARACTERS = 200  # a longer value is folded

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem }
section { border-left: .3rem solid #767676; padding-left: 1rem } section.completed { border-color: #1a7f37 }
section.failed { border-color: #b3261e } section.waiting { border-color: #9a6700 } dt { font-weight: 600 }
dd { margin: 0 0 .5rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f3f3f3; padding: .5rem; margin: .25rem 0 }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } pre { background: #262626 } }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def draw_page(record: Record) -> str:
    """Return the page: the run, and each state with what it was given, gave, and needed attempts for."""
    header = record.header
    title = escape(f"{header.name}: {header.run_id}")
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(header.started_at))
    facts = [("ended", record.ended or "not yet"), ("begun", begun), ("file", header.workflow)]
    if record.error:
        facts.append(("error", record.error))
    body = [f"<h1>{title}</h1>", _list(facts), _value("inputs", dict(header.inputs))]
    body += map(_state, record.states.values())
    return PAGE.format(title=title, style=STYLE, body="\n".join(body))


def _state(state: State) -> str:
    return "\n".join([f'<section class="{escape(state.status)}">', *_parts(state), "</section>"])


def _parts(state: State) -> Iterator[str]:
    yield f"<h2>{escape(state.place)}</h2>"
    facts: list[tuple[str, str]] = [("status", state.status)]
    if state.attempts:
        facts += [("attempts", str(state.attempts)), ("seconds", f"{state.seconds:.2f}")]
    yield _list(facts)
    for number, failure in enumerate(state.failures, start=1):
        yield _value(f"attempt {number} failed", failure)
    if state.error:
        yield _value("error", state.error)
    if state.arguments not in (None, {}):
        yield _value("given", state.arguments)
    if state.output is not None:
        yield _value("output", state.output)
    if state.messages:
        yield _value("messages", state.messages)


def _list(facts: list[tuple[str, str]]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<dl>{''.join(rows)}</dl>"


def _value(name: str, value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    opened = " open" if len(text) <= OPEN_CHARACTERS else ""
    return f"<details{opened}><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>"
