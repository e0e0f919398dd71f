"""Frameworks in environments of their own, as the Makefile makes them, and recipes for agents there."""

from __future__ import annotations

from pathlib import Path

from agents import Recipe

ROOT = Path(__file__).resolve().parent.parent
APART = ("any-agent", "openai-agents")


def interpreter(framework: str) -> Path:
    return ROOT / f".venv-{framework}" / "bin" / "python"


def recipe(framework: str, model_url: str) -> Recipe:
    """Return the one of an agent that tells how many copies there are of what it is asked for."""
    factory = f"tests.agents.isolated_{framework.replace('-', '_')}:agent"
    return Recipe(factory, {"url": model_url}, python=interpreter(framework))


def beside() -> str:
    """Return the folder of packages that run with those of the site: of other task queues, and of a debug toolbar."""
    [folder] = (ROOT / ".venv-beside" / "lib").glob("python*/site-packages")
    return str(folder)
