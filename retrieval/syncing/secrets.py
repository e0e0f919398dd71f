"""What nobody may see of a source: what its secret fields were given, and credentials that stand in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from django import forms
from django.utils.crypto import salted_hmac

from retrieval.syncing.declaring import DocumentSource

Kind = type[DocumentSource]

_SECRET = re.compile(
    r".*(password|passwd|passphrase|secret|token|apikey)|secret.*|(access|private|secret)key|pwd|key|credentials?"
)
_IN_ADDRESSES = frozenset({"auth", "jwt", "sig", "signature"})  # beside those
_KEY_CHARACTERS = 16  # of a `key` in an address that is a secret: shorter ones name pages
_USER = re.compile(r"(?<=://)[^/\s?#]+@")
_QUERY = re.compile(r"[?#;][^\s\"'<>?#]*")
_SEPARATOR = re.compile(r"[&;]")


def says_secret(name: str) -> bool:
    """Return whether the name of a field says that it is a secret: a password, a token, a key."""
    return any(map(_SECRET.fullmatch, _words(name)))


def secret_fields(kind: Kind | None, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that are secret: whatever a PasswordInput takes, those that the kind names, or,
    where it names none, texts whose names say so."""
    fields = kind.Form.base_fields if kind else {}
    said = kind.secrets if kind else None
    found = [name for name, one in fields.items() if isinstance(one.widget, forms.PasswordInput)]
    for name in [*fields, *settings]:
        is_text = isinstance(settings.get(name, ""), str) and _takes_text(fields.get(name))
        if is_text and (says_secret(name) if said is None else name in said):
            found.append(name)
    return list(dict.fromkeys(found))


def has_credentials(value: Any) -> bool:
    """Return whether a setting is an address with credentials in it."""
    return isinstance(value, str) and "://" in value and without_credentials(value) != value


def without_secrets(kind: Kind | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they may leave the database: what is secret is empty."""
    empty = dict.fromkeys(name for name in secret_fields(kind, settings) if name in settings)
    return {name: "" if name in empty else _cleared(value) for name, value in settings.items()}


def without_credentials(text: str) -> str:
    """Return a text without the credentials of the addresses in it: users with their passwords, tokens, signatures."""
    return _QUERY.sub(_without_secret_pairs, _USER.sub("", text))


class Secrets:
    """The secrets of one source, to be cut out of all that is told of it."""

    def __init__(self, kind: Kind | None, settings: Mapping[str, Any]) -> None:
        plain = [str(settings[name]) for name in secret_fields(kind, settings) if settings.get(name)]
        # Also as it stands in an address; the longest first, for one may hold another.
        written = {form for text in plain for form in (text, quote(text), quote(text, safe=""), quote_plus(text))}
        self._written = sorted(written, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._written)

    def cut_from(self, text: str) -> str:
        """Return the text without them, and without the credentials of any address."""
        for secret in self._written:
            text = text.replace(secret, "…")
        return without_credentials(text)

    def key(self, key: str) -> str:
        """Return the name under which an entry is kept: without what is secret in its key, and still one of its own."""
        shown = self.cut_from(key)
        if shown == key:
            return key
        digest = salted_hmac(__name__, key.encode(errors="replace"), algorithm="sha256").hexdigest()
        return f"{shown}#{digest[:12]}"


def _words(name: str) -> list[str]:
    """Return the words of a name: "accessKey2" has two, "monkey" one."""
    return re.split(r"[^a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def _takes_text(field: forms.Field | None) -> bool:
    return field is None or (
        isinstance(field, forms.CharField) and isinstance(field.widget, (forms.TextInput, forms.Textarea))
    )


def _cleared(value: Any) -> Any:
    if isinstance(value, dict):
        return without_secrets(None, value)
    if isinstance(value, list):
        return [_cleared(one) for one in value]
    return without_credentials(value) if has_credentials(value) else value


def _without_secret_pairs(query: re.Match[str]) -> str:
    pairs = _SEPARATOR.split(query[0][1:])
    kept = [pair for pair in pairs if not _is_secret_pair(pair)]
    if len(kept) == len(pairs):
        return query[0]
    return f"{query[0][0]}{'&'.join(kept)}" if kept else ""


def _is_secret_pair(pair: str) -> bool:
    name, equals, value = pair.partition("=")
    name = unquote(name)
    if not equals or not value:
        return False
    if name.lower() == "key":
        return len(value) >= _KEY_CHARACTERS
    return says_secret(name) or bool(_IN_ADDRESSES & {*_words(name)})
