"""Who may read what, said independently of the site: plain Python over plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

USERS, GROUPS, SHELVES, PER_SHELF = 4, 3, 4, 3
LISTED = SHELVES * PER_SHELF
ATTACHED = {LISTED: "user 0", LISTED + 1: "key 0"}  # document: whose conversation it is attached to
ROWS = range(LISTED + len(ATTACHED), LISTED + len(ATTACHED) + 3)  # documents that are rows of a model
KEY_USERS, SITES = (1, 2), 1


@dataclass
class Shelf:
    """A collection that is listed."""

    public: bool = True
    groups: set[int] = field(default_factory=set)
    owner: int | None = None


@dataclass
class State:
    """One state of all rights. Of users, shelves, keys and sites the index is the name."""

    groups: list[set[int]]  # of each user
    active: list[bool]
    superusers: set[int]
    shelves: list[Shelf]
    shelf_of: dict[int, int]  # of each listed document
    deleted: set[int]
    keys: list[set[int] | None]  # the shelves that each is limited to; None: not limited
    revoked: set[int]
    sites: list[set[int]]
    site_readers: list[int | None]
    withdrawn: set[int]
    open_rows: set[int]
    row_owners: dict[int, int | None]
    gone_rows: set[int]  # of which the documents don't know yet

    def is_in(self, viewer: str) -> bool:
        """Say whether `viewer` ("user 0", "browser", "key 0", "site 0") is let in as who they are."""
        kind, _, number = viewer.partition(" ")
        if kind == "user":
            return self.active[int(number)]
        if kind == "key":
            return int(number) not in self.revoked and self.active[KEY_USERS[int(number)]]
        if kind == "site":
            reader = self.site_readers[int(number)]
            return int(number) not in self.withdrawn and (reader is None or self.active[reader])
        return True

    def shelves_for(self, viewer: str) -> set[int]:
        """Return the shelves that `viewer` may read; someone whose account has ended as anybody else may."""
        kind, _, number = viewer.partition(" ")
        if kind == "user":
            return self._shelves_of_user(int(number) if self.active[int(number)] else None)
        if not self.is_in(viewer):
            return set()
        if kind == "key":
            limit = self.keys[int(number)]
            own = self._shelves_of_user(KEY_USERS[int(number)])
            return own if limit is None else own & limit
        if kind == "site":
            return self._shelves_of_user(self.site_readers[int(number)]) & self.sites[int(number)]
        return self._shelves_of_user(None)

    def _shelves_of_user(self, user: int | None) -> set[int]:
        public = {number for number, shelf in enumerate(self.shelves) if shelf.public}
        if user is None or not self.active[user]:
            return public
        if user in self.superusers:
            return set(range(len(self.shelves)))
        own = {number for number, shelf in enumerate(self.shelves) if shelf.owner == user}
        return public | own | {n for n, shelf in enumerate(self.shelves) if shelf.groups & self.groups[user]}

    def readable(self, viewer: str) -> set[int]:
        """Return the documents that `viewer` may read."""
        shelves = self.shelves_for(viewer)
        listed = {document for document, shelf in self.shelf_of.items() if shelf in shelves}
        attached = {document for document, whose in ATTACHED.items() if self._has_attached(viewer, whose)}
        return (listed | attached | self._rows_for(viewer)) - self.deleted - self.gone_rows

    def _rows_for(self, viewer: str) -> set[int]:
        """Return the rows that are open or their reader's own. The collection of rows is everybody's, but for a key
        that is limited to shelves; each site has it."""
        kind, _, number = viewer.partition(" ")
        if kind in ("key", "site") and not self.is_in(viewer):
            return set()
        if kind == "key" and self.keys[int(number)] is not None:
            return set()
        whose: int | None = None
        if kind == "site":
            whose = self.site_readers[int(number)]
        elif kind in ("user", "key"):
            whose = KEY_USERS[int(number)] if kind == "key" else int(number)
        if whose is not None and not self.active[whose]:
            whose = None
        own = {row for row, owner in self.row_owners.items() if owner is not None and owner == whose}
        return self.open_rows | own

    def _has_attached(self, viewer: str, whose: str) -> bool:
        """A file belongs to its user, who reads it by the session too; a key reads what it has attached itself."""
        owner = {"user 0": "user 0", "key 0": f"user {KEY_USERS[0]}"}[whose]
        return viewer in (whose, owner) and self.is_in(viewer)


def random_state(random: Random) -> State:
    """Return a state in which everything may have changed."""
    shelf_of = {document: document // PER_SHELF for document in range(LISTED)}
    for document in random.sample(range(LISTED), random.choice((0, 0, 1, 3))):
        shelf_of[document] = random.randrange(SHELVES)
    return State(
        groups=[_some(random, GROUPS) for _ in range(USERS)],
        active=[random.random() < 0.9 for _ in range(USERS)],
        superusers={user for user in range(USERS) if random.random() < 0.08},
        shelves=[
            Shelf(
                public=random.random() < 0.25,
                groups=_some(random, GROUPS),
                owner=random.choice((None, None, *range(USERS))),
            )
            for _ in range(SHELVES)
        ],
        shelf_of=shelf_of,
        deleted=set(random.sample(range(LISTED + len(ATTACHED) + len(ROWS)), random.choice((0, 0, 1, 2)))),
        keys=[random.choice((None, _some(random, SHELVES), _some(random, SHELVES))) for _ in KEY_USERS],
        revoked={key for key in range(len(KEY_USERS)) if random.random() < 0.1},
        sites=[_some(random, SHELVES) for _ in range(SITES)],
        site_readers=[random.choice((None, *range(USERS))) for _ in range(SITES)],
        withdrawn={site for site in range(SITES) if random.random() < 0.1},
        open_rows={row for row in ROWS if random.random() < 0.4},
        row_owners={row: random.choice((None, *range(USERS))) for row in ROWS},
        gone_rows={row for row in ROWS if random.random() < 0.1},
    )


def _some(random: Random, count: int) -> set[int]:
    return {number for number in range(count) if random.random() < 0.5}


def viewers() -> Sequence[str]:
    """Return all who look, by name."""
    users = [f"user {number}" for number in range(USERS)]
    return [*users, "browser", *(f"key {n}" for n in range(len(KEY_USERS))), *(f"site {n}" for n in range(SITES))]
