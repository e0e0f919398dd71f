"""Changing and resetting a password, and signing out elsewhere."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chatsite.accounts.devices import name_of_agent
from chatsite.accounts.mail import mail_settings
from chatsite.accounts.models import SignIn

OLD, NEW = "a-readers-password", "quite-another-password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
PRIVATE = "/c/00000000-0000-4000-8000-000000000000/rename/"


@pytest.fixture(autouse=True)
def _no_mail_was_sent_before() -> None:
    cache.clear()


def signed_in(agent: str = FIREFOX, *, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    assert client.post("/accounts/login/", {"username": "reader", "password": OLD}).status_code == 302
    client.get("/")
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/sign-ins/").status_code == 200


def change(client: Client, old: str = OLD, new: str = NEW) -> Any:
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/accounts/password/", fields)


# ---- changing a password ---------------------------------------------------------------------------------------------
def test_changed_password_signs_in_and_ends_every_other_session(reader: User) -> None:
    here, elsewhere = signed_in(), signed_in(IPHONE)
    assert change(here)["Location"] == "/accounts/password/changed/"
    assert here.get("/accounts/password/changed/").status_code == 200
    assert [is_signed_in(here), is_signed_in(elsewhere)] == [True, False]
    again = Client().post("/accounts/login/", {"username": "reader", "password": NEW})
    assert again.status_code == 302


@pytest.mark.case(23)
def test_old_password_can_not_be_guessed_with_a_stolen_session(reader: User) -> None:
    thief = signed_in(address="192.0.2.7")
    statuses = [change(thief, old=f"guess-{number}").status_code for number in range(12)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert change(thief).status_code == 429  # although it is right
    assert change(signed_in(address="192.0.2.8")).status_code == 302  # the owner elsewhere


@pytest.mark.parametrize(
    ("new", "said"), [("short1", "too short"), ("password123", "too common"), ("12345", "numeric")]
)
def test_weak_password_is_refused_by_name(reader: User, new: str, said: str) -> None:
    assert said in change(signed_in(), new=new).text


def test_password_of_the_admin_is_changed_at_the_same_page(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/"


# ---- having it reset -------------------------------------------------------------------------------------------------
@pytest.fixture
def mails(settings: Any, reader: User) -> list[Any]:
    settings.SENDS_MAIL = True
    reader.email = "reader@example.org"
    reader.save()
    return mail.outbox


def ask_for_a_link(address: str = "reader@example.org", **options: Any) -> Any:
    return Client().post("/accounts/password/forgotten/", {"email": address}, **options)


def link_in(message: Any) -> str:
    found = re.search(r"http://testserver(/accounts/password/\S+)", message.body)
    assert found, message.body
    return found[1]


def test_link_in_the_mail_sets_a_new_password_once(mails: list[Any], reader: User) -> None:
    elsewhere = signed_in()
    assert ask_for_a_link()["Location"] == "/accounts/password/sent/"
    [message] = mails
    assert message.to == ["reader@example.org"]
    client = Client()
    page = client.get(link_in(message), follow=True)
    fields = {"new_password1": NEW, "new_password2": NEW}
    assert client.post(page.redirect_chain[-1][0], fields)["Location"] == "/accounts/password/new/"
    assert is_signed_in(elsewhere) is False
    assert Client().post("/accounts/login/", {"username": "reader", "password": NEW}).status_code == 302
    assert "expired" in Client().get(link_in(message)).text


def test_nobody_is_told_who_has_an_account(mails: list[Any]) -> None:
    known, unknown = ask_for_a_link(), ask_for_a_link("nobody@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert len(mails) == 1


def test_one_address_gets_one_mail_at_a_time(mails: list[Any]) -> None:
    assert {ask_for_a_link(address).status_code for address in ("reader@example.org", "READER@example.org")} == {302}
    assert len(mails) == 1


def test_whoever_guesses_passwords_sends_no_mail(mails: list[Any]) -> None:
    for number in range(35):
        Client().post("/accounts/login/", {"username": f"name-{number}", "password": "guess"}, REMOTE_ADDR="192.0.2.9")
    assert ask_for_a_link(REMOTE_ADDR="192.0.2.9").status_code == 429
    assert mails == []


def test_wrong_host_is_no_address_of_a_link(mails: list[Any]) -> None:
    assert ask_for_a_link(headers={"host": "evil.example"}).status_code == 400
    assert mails == []


def test_site_that_sends_no_mail_offers_no_link(client: Client, db: None) -> None:
    assert "Forgotten" not in client.get("/accounts/login/").text
    assert client.get("/accounts/password/forgotten/").status_code == 404


def test_site_that_sends_mail_offers_a_link(client: Client, mails: list[Any]) -> None:
    assert "/accounts/password/forgotten/" in client.get("/accounts/login/").text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+tls://u%40x:p%2F@mail.example.org", ("mail.example.org", 587, "u@x", "p/", True, False)),
        ("smtp+ssl://mail.example.org", ("mail.example.org", 465, "", "", False, True)),
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, "", "", False, False)),
    ],
)
def test_address_says_how_mail_is_sent(url: str, expected: tuple[Any, ...]) -> None:
    found = mail_settings(url)
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(found[f"EMAIL_{name}"] for name in names) == expected


def test_console_prints_mail() -> None:
    assert mail_settings("console:")["EMAIL_BACKEND"].endswith("console.EmailBackend")


# ---- where one is signed in ------------------------------------------------------------------------------------------
def test_list_names_browsers_addresses_and_this_one(reader: User) -> None:
    signed_in(IPHONE, address="198.51.100.7")
    page = signed_in().get("/accounts/sign-ins/").text
    assert page.index("Firefox, Linux") < page.index("Safari, iPhone")
    assert "198.51.100.7" in page
    assert page.count("this browser") == 1
    assert page.count('name="sign_in"') == 1


def test_other_browser_is_signed_out_there(reader: User) -> None:
    other, third, here = signed_in(IPHONE), signed_in(IPHONE), signed_in()
    chosen = SignIn.objects.get(session_key=other.session.session_key)
    assert here.post("/accounts/sign-ins/end/", {"sign_in": chosen.pk}).status_code == 302
    assert [is_signed_in(client) for client in (other, third, here)] == [False, True, True]


def test_every_other_browser_is_signed_out(reader: User) -> None:
    other, third, here = signed_in(IPHONE), signed_in(), signed_in()
    assert here.post("/accounts/sign-ins/end/").status_code == 302
    assert [is_signed_in(client) for client in (other, third, here)] == [False, False, True]
    assert SignIn.objects.count() == 1


@pytest.mark.parametrize("chosen", ["of another", "77", "nonsense", "9" * 20])
def test_sign_in_of_another_is_404_like_none(reader: User, chosen: str) -> None:
    other = Client()
    other.force_login(User.objects.create_user("other"))
    other.get("/")
    if chosen == "of another":
        chosen = str(SignIn.objects.get(user__username="other").pk)
    assert signed_in().post("/accounts/sign-ins/end/", {"sign_in": chosen}).status_code == 404
    assert is_signed_in(other)


def test_session_that_has_ended_is_not_listed(reader: User) -> None:
    other, here = signed_in(IPHONE), signed_in()
    other.post("/accounts/logout/")
    assert "iPhone" not in here.get("/accounts/sign-ins/").text
    assert SignIn.objects.count() == 1


def test_browser_is_noted_once_in_a_while(reader: User, django_assert_num_queries: Any) -> None:
    client = signed_in()
    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    client.get("/accounts/password/changed/")
    assert SignIn.objects.get().last_seen_at < timezone.now() - timedelta(hours=1)
    session = client.session
    session["noted"] = (session.session_key, 0.0)
    session.save()
    client.get("/accounts/password/changed/")
    assert SignIn.objects.get().last_seen_at > timezone.now() - timedelta(hours=1)


def test_strangers_see_neither_and_pages_are_not_stored(client: Client, reader: User) -> None:
    for address in ("/accounts/sign-ins/", "/accounts/password/"):
        assert client.get(address)["Location"].startswith("/accounts/login/")
        assert "no-store" in signed_in().get(address)["Cache-Control"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        (IPHONE, "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_is_named_as_people_call_it(agent: str, name: str) -> None:
    assert name_of_agent(agent) == name
