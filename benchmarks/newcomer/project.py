"""What the newcomer's project has of its own: a tool that publishes a text, and gives it back."""

from __future__ import annotations

from agents import Registry, tool

registry = Registry()


@registry.tool
@tool
def publish(text: str) -> str:
    """Publish a text where everybody reads it.

    Args:
        text: What is published.
    """
    return text
