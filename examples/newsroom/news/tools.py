"""What the chat looks up, or does, for the reader who asks: orders of back issues."""

from chatsite.tools import Context, Source, tool
from news.models import Order


def order_status(number: int, context: Context) -> Source | str:
    """Look up one of the reader's own orders by its number."""
    order = Order.objects.filter(customer=context.user.pk, number=number).first()
    return Source(f"Your order {number}", order.status()) if order else "The reader has no such order."


@tool(approve=True, title="Cancel an order")
def cancel_order(number: int, context: Context) -> str:
    """Cancel one of the reader's own orders that has not been sent yet."""
    orders = Order.objects.filter(customer=context.user.pk, number=number, sent_on=None, cancelled=False)
    return f"Order {number} is cancelled." if orders.update(cancelled=True) else "It can't be cancelled any more."
