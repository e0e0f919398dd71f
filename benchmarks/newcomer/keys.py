"""A page that is used by its keyboard alone, and how much that takes."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

MOST = 250  # presses of Tab until a thing is found not to be there


@dataclass
class Keys:
    """The keys of a page: characters `typed`, other keys `pressed`, mostly Tab; of these `picks` in a list, `fields`
    that were written in, and `buttons`."""

    page: Page
    typed: int = 0
    pressed: int = 0
    picks: int = 0
    fields: int = 0
    buttons: int = 0

    def press(self, key: str) -> None:
        self.pressed += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.typed += len(text)
        self.page.keyboard.type(text)

    def tab_to(self, wanted: Locator) -> None:
        """Press Tab until the element has the focus."""
        expect(wanted).to_be_visible(timeout=60_000)
        for _ in range(MOST):
            if wanted.evaluate("(element) => element === document.activeElement"):
                return
            self.press("Tab")
        raise AssertionError(f"no key leads to {wanted}")

    def write(self, field: Locator, text: str) -> None:
        self.tab_to(field)
        self.type(text)
        self.fields += 1

    def pick(self, choices: Locator, letters: str) -> None:
        """Choose from a list by typing what the option begins with."""
        self.tab_to(choices)
        self.type(letters)
        self.picks += 1

    def enter(self, button: Locator) -> None:
        self.tab_to(button)
        self.press("Enter")
        self.buttons += 1
