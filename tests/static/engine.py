"""Runs the chat's scripts without a browser: QuickJS, and as much of a page as dom.js has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import quickjs
from django.template.loader import render_to_string

SCRIPTS = Path(__file__).resolve().parents[2] / "chatsite/static/chatsite"

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";$', re.MULTILINE)
_TOP = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)


class Engine:
    """A page that holds `html` and the sentences of the real one in English, with no script yet."""

    def __init__(self, html: str = "") -> None:
        self._context = quickjs.Context()
        self._context.eval((Path(__file__).parent / "dom.js").read_text())
        page = render_to_string("chatsite/fragments/texts.html").strip() + html
        self._context.eval(
            f"document.body.insertAdjacentHTML('beforeend', {json.dumps(page)}); globalThis.modules = {{}}"
        )
        self._loaded: set[str] = set()

    def load(self, name: str) -> Engine:
        """Run the module `name` and what it imports; `modules[name]` then holds everything at its top level."""
        if name in self._loaded:
            return self
        self._loaded.add(name)
        source = (SCRIPTS / name).read_text()
        for _names, imported in _IMPORT.findall(source):
            self.load(imported)
        body = _IMPORT.sub(lambda found: f"const {found[1].replace(' as ', ': ')} = modules['{found[2]}'];", source)
        body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
        names = ", ".join(_TOP.findall(source))
        self._context.eval(f"modules['{name}'] = (() => {{ {body}\nreturn {{ {names} }}; }})()")
        return self

    def run(self, script: str) -> Any:
        """Return what the body of an async function gives, as JSON carries it. Raises AssertionError for a throw."""
        self._context.eval(
            f"globalThis.told = null; (async () => {{ {script} }})().then((value) => (told = {{ value }}), "
            "(error) => (told = { error: `${error}\\n${error.stack}` }))"
        )
        while self._context.execute_pending_job():
            pass
        told = json.loads(self._context.eval("JSON.stringify(told)"))
        assert told is not None, "It waits for something that does not come."
        assert "error" not in told, told["error"]
        return told.get("value")
