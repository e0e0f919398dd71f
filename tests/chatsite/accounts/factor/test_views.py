"""Signing in with a second factor, setting one up, and what a session may without it."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

PASSWORD = "a-readers-password"
LOGIN, CODE, SETUP, AGAIN = (
    "/accounts/login/",
    "/accounts/login/code/",
    "/accounts/second-factor/new/",
    "/accounts/again/",
)
PAGE = {"accept": "text/html,application/xhtml+xml"}
only_staff = pytest.mark.skipif(settings.SECOND_FACTOR != "staff", reason="is of SECOND_FACTOR=staff")


@pytest.fixture(autouse=True)
def _no_code_was_given_before() -> None:
    cache.clear()


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("boss", password=PASSWORD)


def code_of(secret: str, step: int = 0) -> str:
    """Return what an authenticator app shows now, or so many steps of 30 seconds from now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + step), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def browser(address: str = "192.0.2.1") -> Client:
    return Client(headers=PAGE, REMOTE_ADDR=address)


def give_password(client: Client, user: User, password: str = PASSWORD, **fields: str) -> Any:
    return client.post(LOGIN, {"login": user.username, "password": password} | fields)


def set_up(client: Client) -> tuple[str, list[str]]:
    """Set a factor up for who is signed in here; return its secret and the recovery codes that were shown."""
    again = client.get(SETUP, follow=True)
    assert again.redirect_chain[-1][0].startswith(AGAIN)
    page = client.post(again.request["PATH_INFO"] + "?next=" + SETUP, {"password": PASSWORD}, follow=True)
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page.text)
    assert secret, page.text
    done = client.post(SETUP, {"code": code_of(secret[1])}, follow=True)
    codes = re.findall(r"<code>(\d{8})</code>", done.text)
    assert len(codes) == 10, done.text
    return secret[1], codes


def with_factor(user: User) -> tuple[str, list[str]]:
    client = browser()
    give_password(client, user)
    made = set_up(client)
    cache.clear()  # the code that set it up is not taken a second time
    return made


def opens_admin(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


# ---- setting it up ---------------------------------------------------------------------------------------------------
def test_staff_are_led_to_set_one_up_before_the_admin_opens(staff: User) -> None:
    client = browser()
    assert give_password(client, staff, next="/admin/")["Location"] == "/admin/"
    assert client.get("/admin/")["Location"] == SETUP
    assert client.get("/")["Location"] == SETUP
    assert client.get("/accounts/sign-ins/")["Location"] == SETUP
    set_up(client)
    assert opens_admin(client)


def test_staff_without_one_have_no_rights_at_the_api(staff: User) -> None:
    client = Client()
    give_password(client, staff)
    assert client.get("/api/v1/keys").status_code in {401, 403}
    assert client.get("/admin/")["Location"].startswith("/admin/login/")  # a program's request, as nobody's


@only_staff
def test_reader_needs_none_and_may_have_one(reader: User) -> None:
    client = browser()
    give_password(client, reader)
    assert client.get("/accounts/sign-ins/").status_code == 200
    assert "password alone" in client.get("/accounts/second-factor/").text
    set_up(client)
    assert "authenticator app" in client.get("/accounts/second-factor/").text
    again = browser()
    assert give_password(again, reader)["Location"] == CODE


@pytest.mark.skipif(settings.SECOND_FACTOR != "all", reason="is of SECOND_FACTOR=all")
def test_reader_is_led_to_set_one_up(reader: User) -> None:
    client = browser()
    give_password(client, reader)
    assert client.get("/")["Location"] == SETUP
    set_up(client)
    assert client.get("/accounts/sign-ins/").status_code == 200


def test_wrong_code_sets_nothing_up(staff: User) -> None:
    client = browser()
    give_password(client, staff)
    client.get(SETUP)
    page = client.post(AGAIN + "?next=" + SETUP, {"password": PASSWORD}, follow=True)
    assert "Set up a second factor" in page.text
    assert client.post(SETUP, {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    assert not opens_admin(client)


def test_setting_up_takes_the_password_again(staff: User) -> None:
    client = browser()
    client.force_login(staff)
    assert client.get(SETUP)["Location"].startswith(AGAIN)
    assert client.post(AGAIN + "?next=" + SETUP, {"password": "another"}).status_code == 200
    assert client.get(SETUP)["Location"].startswith(AGAIN)


def test_setting_up_ends_sessions_that_have_the_password_alone(reader: User, staff: User) -> None:
    elsewhere = browser("192.0.2.9")
    give_password(elsewhere, staff)
    with_factor(staff)
    assert elsewhere.get("/admin/")["Location"].startswith("/admin/login/")
    assert "_auth_user_id" not in elsewhere.session


def test_who_ends_theirs_is_led_to_set_another_up(staff: User) -> None:
    client = browser()
    give_password(client, staff)
    set_up(client)
    assert client.post("/accounts/second-factor/end/")["Location"] == "/accounts/second-factor/"
    assert client.get("/admin/")["Location"] == SETUP


def test_admin_takes_it_from_who_has_lost_it_and_shows_no_secret(staff: User, reader: User) -> None:
    secret, _ = with_factor(reader)
    client = browser()
    give_password(client, staff)
    set_up(client)
    factor = Authenticator.objects.get(user=reader, type="totp")
    page = client.get(f"/admin/mfa/authenticator/{factor.pk}/change/")
    assert page.status_code == 200
    assert "secret" not in page.text
    assert secret not in page.text
    client.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert give_password(browser(), reader)["Location"] == "/"


# ---- signing in ------------------------------------------------------------------------------------------------------
def test_password_and_code_sign_in_and_lead_on(staff: User) -> None:
    secret, _ = with_factor(staff)
    client = browser()
    assert give_password(client, staff, next="/admin/")["Location"] == CODE
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/admin/"
    assert opens_admin(client)


def test_password_alone_opens_nothing(staff: User) -> None:
    with_factor(staff)
    client = browser()
    give_password(client, staff)
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    assert client.get("/accounts/sign-ins/")["Location"].startswith(LOGIN)
    assert client.get("/accounts/second-factor/codes/")["Location"].startswith(LOGIN)
    assert client.get("/api/v1/keys").status_code in {401, 403}


def test_session_that_was_signed_in_elsewhere_opens_nothing(staff: User) -> None:
    with_factor(staff)
    client = browser()
    client.force_login(staff)  # as a page of Django's would
    assert not opens_admin(client)
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("step", [-3, 3])
def test_code_of_another_time_is_refused(staff: User, step: int) -> None:
    secret, _ = with_factor(staff)
    client = browser()
    give_password(client, staff)
    assert client.post(CODE, {"code": code_of(secret, step)}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_code_is_taken_once(staff: User) -> None:
    secret, _ = with_factor(staff)
    code = code_of(secret)
    for client, status in [(browser(), 302), (browser(), 200)]:
        give_password(client, staff)
        assert client.post(CODE, {"code": code}).status_code == status


def test_recovery_code_signs_in_once(staff: User) -> None:
    _, codes = with_factor(staff)
    for client, code, status in [(browser(), codes[3], 302), (browser(), codes[3], 200), (browser(), codes[4], 302)]:
        give_password(client, staff)
        assert client.post(CODE, {"code": code}).status_code == status


def test_new_recovery_codes_end_the_old(staff: User) -> None:
    client = browser()
    give_password(client, staff)
    _, old = set_up(client)
    page = client.post("/accounts/second-factor/codes/new/", follow=True)
    new = re.findall(r"<code>(\d{8})</code>", page.text)
    assert len(new) == 10
    for code, status in [(old[0], 200), (new[0], 302)]:
        give_password(other := browser(), staff)
        assert other.post(CODE, {"code": code}).status_code == status


def test_admins_own_page_leads_to_both_steps(staff: User, reader: User) -> None:
    assert browser().get("/admin/login/?next=/admin/auth/")["Location"] == f"{LOGIN}?next=%2Fadmin%2Fauth%2F"
    posted = browser().post("/admin/login/", {"username": "boss", "password": PASSWORD})
    assert posted["Location"].startswith(LOGIN)


@only_staff
def test_reader_is_told_that_the_admin_is_not_theirs(reader: User) -> None:
    client = browser()
    give_password(client, reader)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http:///evil"]
)
def test_next_leads_nowhere_else(staff: User, elsewhere: str) -> None:
    secret, _ = with_factor(staff)
    client = browser()
    page = client.get(LOGIN, {"next": elsewhere})
    assert "evil" not in page.text
    give_password(client, staff, next=elsewhere)
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/"


def test_strangers_can_not_sign_up() -> None:
    assert browser().get("/accounts/signup/").status_code == 404


def test_cancelling_forgets_the_password(staff: User) -> None:
    with_factor(staff)
    client = browser()
    give_password(client, staff)
    assert client.get(CODE).status_code == 200
    client.post("/accounts/logout/")
    assert client.get(CODE)["Location"] == LOGIN


# ---- guessing --------------------------------------------------------------------------------------------------------
def test_wrong_passwords_lock_their_address_and_not_the_owner(reader: User) -> None:
    thief = browser("192.0.2.7")
    statuses = [give_password(thief, reader, f"guess-{number}").status_code for number in range(12)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert give_password(thief, reader).status_code == 429  # although it is right
    assert give_password(browser("192.0.2.8"), reader).status_code == 302


def test_wrong_codes_count_as_wrong_passwords(staff: User) -> None:
    secret, _ = with_factor(staff)
    thief = browser("192.0.2.7")
    give_password(thief, staff)
    statuses = [thief.post(CODE, {"code": "000000"}).status_code for _ in range(12)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    cache.clear()
    assert thief.post(CODE, {"code": code_of(secret)}).status_code == 429  # although it is right
    assert give_password(browser("192.0.2.7"), staff).status_code == 429


def test_codes_of_one_account_can_not_be_guessed_from_many_addresses(staff: User) -> None:
    secret, _ = with_factor(staff)
    for number in range(6):
        give_password(guess := browser(f"192.0.2.{20 + number}"), staff)
        guess.post(CODE, {"code": "000000"})
    give_password(late := browser("192.0.2.40"), staff)
    page = late.post(CODE, {"code": code_of(secret)})
    assert page.status_code == 200
    assert "Too many" in page.text


# ---- pages -----------------------------------------------------------------------------------------------------------
def test_pages_are_private_and_strict(staff: User) -> None:
    client = browser()
    give_password(client, staff)
    set_up(client)
    for address in ("", "codes/", "codes/new/", "end/"):
        page = client.get(f"/accounts/second-factor/{address}")
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
        assert "script-src 'self'" in page["Content-Security-Policy"]
        assert not re.search(r"<script|style=|<style", page.text)
