"""OIDC_ISSUER is off, asks for its extra, and is what the tests beside this one are run with."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from tests.chatsite.accounts.factor.test_parts import run_with, start


def test_nothing_of_it_is_there_when_it_is_off(tmp_path: Path) -> None:
    assert not settings.OIDC_ISSUER
    assert "socialaccount" not in start(tmp_path, SECOND_FACTOR="staff")
    assert "socialaccount" in start(tmp_path, OIDC_ISSUER="https://sso.example.org/realm", OIDC_CLIENT_ID="docchat")


def test_site_does_not_start_without_the_extra_or_with_a_wrong_address(tmp_path: Path) -> None:
    missing = "import sys; sys.modules['allauth'] = None"
    assert "django-docchat[accounts]" in start(tmp_path, missing, OIDC_ISSUER="https://sso.example.org")
    assert "must be an address" in start(tmp_path, OIDC_ISSUER="sso.example.org")
    assert "must begin with https" in start(tmp_path, OIDC_ISSUER="http://sso.example.org")
    assert "{'OIDC_CLIENT_ID': ['Environment variable not set.']}" in start(
        tmp_path, OIDC_ISSUER="https://sso.example.org"
    )


def test_site_that_lets_a_provider_sign_in() -> None:
    run_with(Path(__file__).with_name("test_views.py"), OIDC_ISSUER="https://sso.example.org", OIDC_CLIENT_ID="docchat")
