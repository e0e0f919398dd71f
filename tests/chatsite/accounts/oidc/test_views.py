"""Signing in with a provider: who is let in, what of its token is looked at, and what comes after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client

from chatsite.accounts.oidc.adapter import _same
from chatsite.accounts.oidc.parts import oidc_settings
from tests.fakes.identity_provider import CLIENT, SECRET, IdentityProvider, new_key

BEGIN, END, LOGIN = "/accounts/with/oidc/login/", "/accounts/with/oidc/callback/", "/accounts/login/"


@pytest.fixture
def provider(settings: Any, db: None) -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        settings.OIDC_ISSUER = provider.url
        for name, value in oidc_settings(provider.url, CLIENT, SECRET, "Example").items():
            setattr(settings, name, value)
        yield provider


@pytest.fixture
def known(reader: User) -> User:
    reader.email = "Reader@example.org"
    reader.save()
    return reader


def go(provider: IdentityProvider, client: Client, next_url: str = "", **changed: str) -> Any:
    sent = client.get(BEGIN, {"next": next_url} if next_url else {})
    assert sent.status_code == 302, sent.text
    return client.get(END, provider.visit(sent["Location"]) | changed)


def who(client: Client) -> str:
    return client.session.get("_auth_user_id", "")


def test_sign_in_page_leads_to_the_provider_and_back(provider: IdentityProvider, known: User) -> None:
    client = Client()
    page = client.get(LOGIN, {"next": "/documents/"}).text
    assert f'href="{BEGIN}?next=%2Fdocuments%2F"' in page
    assert "Sign in with OpenID Connect" in page
    assert go(provider, client, "/documents/")["Location"] == "/documents/"
    assert who(client) == str(known.pk)
    assert provider.asked["redirect_uri"] == f"http://testserver{END}"
    assert provider.asked["code_challenge_method"] == "S256"


def test_account_stays_joined_when_its_address_changes(provider: IdentityProvider, known: User) -> None:
    go(provider, Client())
    provider.claims = {"email": "new@example.org"}
    go(provider, client := Client())
    assert who(client) == str(known.pk)
    known.refresh_from_db()
    assert known.check_password("a-readers-password")


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_token_that_is_not_for_this_is_refused(provider: IdentityProvider, known: User, changed: Any) -> None:
    provider.claims = changed
    page = go(provider, client := Client())
    assert "Signing in failed" in page.text
    assert who(client) == ""
    assert not SocialAccount.objects.exists()


def test_token_that_another_key_signed_is_refused(provider: IdentityProvider, known: User) -> None:
    provider.signed_with = new_key(2)
    assert "Signing in failed" in go(provider, client := Client()).text
    assert who(client) == ""


@pytest.mark.parametrize(("algorithm", "key"), [("none", None), ("HS256", "k" * 40)])
def test_token_without_a_signature_of_the_provider_is_refused(
    provider: IdentityProvider, known: User, algorithm: str, key: Any
) -> None:
    provider.algorithm, provider.signed_with = algorithm, key
    assert "Signing in failed" in go(provider, client := Client()).text
    assert who(client) == ""


def test_provider_that_names_another_issuer_is_refused(provider: IdentityProvider, known: User) -> None:
    provider.discovery = {"issuer": "https://other.example.org"}
    assert "Signing in failed" in go(provider, client := Client()).text
    assert who(client) == ""


def test_answer_to_nobodys_request_is_refused(provider: IdentityProvider, known: User) -> None:
    assert "Signing in failed" in go(provider, client := Client(), state="another").text
    assert who(client) == ""
    answer = provider.visit(Client().get(BEGIN)["Location"])
    assert "Signing in failed" in (client := Client()).get(END, answer).text  # a link with a stranger's answer
    assert who(client) == ""


@pytest.mark.parametrize("verified", [False, None, "no"])
def test_address_that_is_not_verified_is_nobodys(provider: IdentityProvider, known: User, verified: Any) -> None:
    provider.claims = {"email_verified": verified}
    assert "You have no account here" in go(provider, client := Client()).text
    assert who(client) == ""


@pytest.mark.parametrize(
    "like",
    ["reader@example.org\u200b", "reader@exampl\u0435.org", "\u0280eader@example.org", "reader@e\uff58ample.org"],
)
def test_address_that_only_looks_alike_is_nobodys(provider: IdentityProvider, known: User, like: str) -> None:
    provider.claims = {"email": like}
    go(provider, client := Client())
    assert who(client) == ""


@pytest.mark.parametrize("like", ["m\u0131ke@example.org", "mi\u212ae@example.org", "mike@example.org "])
def test_letters_that_a_database_takes_for_others_differ(like: str) -> None:
    assert _same("Mike@example.org", "mike@Example.org")
    assert not _same("mike@example.org", like)


def test_address_comes_from_userinfo_of_the_same_person_only(provider: IdentityProvider, known: User) -> None:
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = {"sub": "person-2", "email": "reader@example.org", "email_verified": True}
    assert "Signing in failed" in go(provider, Client()).text
    provider.userinfo["sub"] = "person-1"
    go(provider, client := Client())
    assert who(client) == str(known.pk)


def test_address_of_two_users_is_nobodys(provider: IdentityProvider, known: User, settings: Any) -> None:
    settings.OIDC_CREATE_USERS = True
    User.objects.create_user("another", email="reader@example.org")
    assert "You have no account here" in go(provider, client := Client()).text
    assert who(client) == ""


def test_deactivated_user_stays_out(provider: IdentityProvider, known: User, settings: Any) -> None:
    settings.OIDC_CREATE_USERS = True
    go(provider, Client())
    known.is_active = False
    known.save()
    for _ in range(2):
        assert "You have no account here" in go(provider, client := Client()).text
        assert who(client) == ""
        SocialAccount.objects.all().delete()
    assert User.objects.count() == 1


def test_stranger_gets_an_account_without_rights_where_that_is_on(provider: IdentityProvider, settings: Any) -> None:
    assert "You have no account here" in go(provider, Client()).text
    assert not User.objects.exists()
    settings.OIDC_CREATE_USERS = True
    provider.claims = {"preferred_username": "newcomer", "groups": ["admin"]}
    go(provider, client := Client())
    user = User.objects.get()
    assert who(client) == str(user.pk)
    assert (user.username, user.is_staff, user.is_superuser) == ("newcomer", False, False)
    assert not user.has_usable_password()
    assert not user.get_all_permissions()


def test_provider_signs_nobody_in_past_the_second_factor(
    provider: IdentityProvider, known: User, settings: Any
) -> None:
    settings.SECOND_FACTOR = "all"
    known.set_unusable_password()
    known.save()
    client = Client(headers={"accept": "text/html"})
    go(provider, client)
    assert client.get("/")["Location"] == "/accounts/second-factor/new/"
    assert client.get("/accounts/second-factor/new/").status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/"])
def test_next_leads_nowhere_else(provider: IdentityProvider, known: User, elsewhere: str) -> None:
    assert go(provider, Client(), elsewhere)["Location"] == "/"


def test_who_cancels_is_back_at_the_sign_in_page(provider: IdentityProvider) -> None:
    client = Client()
    state = provider.visit(client.get(BEGIN)["Location"])["state"]
    back = client.get(END, {"error": "access_denied", "state": state}, follow=True)
    assert back.redirect_chain[-1][0] == LOGIN


def test_provider_that_does_not_answer_is_told_as_such(provider: IdentityProvider, settings: Any) -> None:
    provider.discovery = {"authorization_endpoint": None}
    settings.SOCIALACCOUNT_PROVIDERS = oidc_settings("http://127.0.0.1:9", CLIENT, SECRET, "x")[
        "SOCIALACCOUNT_PROVIDERS"
    ]
    assert "Signing in failed" in Client().get(BEGIN).text


def test_other_provider_is_not_there(provider: IdentityProvider) -> None:
    assert Client().get("/accounts/with/another/login/").status_code == 404
