"""Which browser on which device a User-Agent names, as people call them."""

from __future__ import annotations

from django.utils.translation import gettext as _

# In this order: a browser also names those that it wants to pass for.
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "Vivaldi": "Vivaldi", "SamsungBrowser": "Samsung Internet", "Firefox": "Firefox",
    "FxiOS": "Firefox", "CriOS": "Chrome", "Chromium": "Chromium", "Chrome": "Chrome", "Safari": "Safari",
}  # fmt: skip
DEVICES = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS",
    "Macintosh": "macOS", "Linux": "Linux",
}  # fmt: skip


def name_of_agent(agent: str) -> str:
    """Return “Firefox, Linux”; what can't be told is left out, and nothing known is an unknown browser."""
    known = [next((name for part, name in names.items() if part in agent), "") for names in (BROWSERS, DEVICES)]
    return ", ".join(filter(None, known)) or _("Unknown browser")
