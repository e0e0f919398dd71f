"""A tool that asks first, for a site in a process of its own."""

from __future__ import annotations

from chatsite.tools import Context, tool


@tool(approve=True, title="Cancel an order")
def cancel_order(order_number: int, reason: str, context: Context) -> str:
    """Cancel one of the reader's own orders."""
    return f"Order {order_number} is cancelled."
