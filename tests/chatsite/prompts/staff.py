"""Staff with some permissions, and questions that they save."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from chatsite.models import PromptVersion, SavedQuestion


def staff(name: str, *codenames: str) -> User:
    """Make one of the staff who has these permissions."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def published(number: int, **said: Any) -> PromptVersion:
    return PromptVersion.objects.create(number=number, is_draft=False, **said)


def saved(question: str, **fields: Any) -> SavedQuestion:
    return SavedQuestion.objects.create(question=question, **fields)
