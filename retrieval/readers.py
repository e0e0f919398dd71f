"""Who may read: a user, or several together."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True)
class Together:
    """Several users, in place of one where it is asked what may be read: what each of them may."""

    users: tuple[User, ...]


Readers = User | Together


def each_of(readers: Readers) -> tuple[User, ...]:
    """Return the users who must all be allowed to read something."""
    return readers.users if isinstance(readers, Together) else (readers,)
