"""The tool that is confirmed: what it does stands in a file, which no transaction takes back."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

SECONDS = 0.01  # before and behind the one thing it does
EFFECTS = Path(os.environ.get("DATA_DIR", ".")) / "effects.txt"  # not ours: where each run of this benchmark keeps all


def cancel_order(number: int) -> str:
    """Cancel an order."""
    time.sleep(SECONDS)
    with EFFECTS.open("ab", buffering=0) as file:
        file.write(f"{number}\n".encode())
    time.sleep(SECONDS)
    return f"Order {number} is cancelled."


def effects() -> Counter[int]:
    """Return how often each order was cancelled."""
    lines = EFFECTS.read_text().split() if EFFECTS.exists() else []
    return Counter(map(int, lines))
