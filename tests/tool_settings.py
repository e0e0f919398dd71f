"""The site's own settings, with a tool that asks its reader first, and one that does not."""

from chatsite.settings import *  # noqa: F403

DOCCHAT = {"TOOLS": ["tests.chatsite.tools.counter.cancel_order", "tests.chatsite.tools.shop.order_status"]}
