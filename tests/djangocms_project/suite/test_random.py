"""The site itself says who sees which page: whatever rights there are, the documents are the same."""

import random

import pytest
from cms.models import (
    ACCESS_CHOICES,
    ACCESS_PAGE,
    ACCESS_PAGE_AND_DESCENDANTS,
    GlobalPagePermission,
    Page,
    PagePermission,
    PageUrl,
)
from cms.utils.i18n import get_language_list, get_public_languages
from cms.utils.page_permissions import user_can_view_page
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sites.models import Site
from django.core.cache import cache

from retrieval.models import Document
from suite.building import FLAGS, TITLE, VERSIONED, editor, grant, page, permit, read, seen_by, translate

pytestmark = pytest.mark.django_db


def test_random_states_show_what_the_site_shows_to_everybody(documents, client, settings):
    chance = random.Random(5)
    groups = [Group.objects.create(name=f"group {number}") for number in range(2)]
    users = [User.objects.create_user(f"user {number}", is_staff=number == 2) for number in range(4)]
    shop = Site.objects.create(domain="shop.example.org", name="Shop")
    pages = []
    for number in range(9):
        parent = chance.choice([None, *pages])
        pages.append(
            page(f"Page {number}", "This page tells of pears.", parent=parent and Page.objects.get(pk=parent.pk))
        )
        if number % 3 == 0:
            translate(pages[-1], f"Seite {number}", "This page tells of pears.", chance.choice(["de", "nl"]))
    read(documents)
    assert Document.objects.count() == PageUrl.objects.exclude(path=None).count() > 8
    seen = []
    for state in range(24):
        change_rights(chance, pages, users, groups, shop, settings)
        cache.clear()
        for user in [*users, editor(), None]:
            user = User.objects.get(pk=user.pk) if user else AnonymousUser()
            there = PageUrl.objects.filter(pk__in=Document.objects.values("location"))
            shown = {str(one.pk) for one in there if is_shown(one, user)}
            assert {*Document.objects.visible_to(user).values_list("location", flat=True)} == shown
            seen.append(len(shown))
            if state % 8 == 0:
                client.logout()
                if user.is_authenticated:
                    client.force_login(user)
                answers = {str(one.pk): client.get(one.page.get_absolute_url(one.language)) for one in there}
                assert {pk for pk, one in answers.items() if b"tells of pears" in one.content} == shown
    assert len({*seen}) > 6


def is_shown(url, user):
    """Return what `cms.views.details` decides, step by step; each eighth time the site is asked itself."""
    languages = get_language_list(1) if user.is_staff else get_public_languages(1)
    signed_in = user.is_authenticated or not url.page.login_required
    content = url.page.get_content_obj(url.language, fallback=False)
    return url.language in languages and signed_in and bool(content) and user_can_view_page(user, url.page)


def change_rights(chance, pages, users, groups, shop, settings):
    for kind in (PagePermission, GlobalPagePermission):
        kind.objects.all().delete()
    settings.CMS_PUBLIC_FOR = chance.choice(["all", "all", "staff"])
    for one in chance.choices(pages, k=6):
        who = chance.choice([{"user": chance.choice(users)}, {"group": chance.choice(groups)}])
        flag = chance.choice(["can_view", "can_change"])
        grant(flag=flag, page=one, grant_on=chance.choice(ACCESS_CHOICES)[0], **who)
    if chance.random() < 0.4:
        everywhere = grant(kind=GlobalPagePermission, user=users[3], flag=chance.choice(["can_view", "can_change"]))
        everywhere.sites.set(chance.choice([[], [1], [shop], [1, shop]]))
    for user in users:
        user.groups.set(chance.sample(groups, chance.randrange(3)))
        user.user_permissions.clear()
        for codename in ("change_page", "view_page"):
            if chance.random() < (0.4 if codename == "change_page" else 0.1):
                permit(user, codename)
    for one in pages:
        Page.objects.filter(pk=one.pk).update(login_required=chance.random() < 0.2)
    for one in PageUrl.objects.all():
        take_back(one, chance.random() < 0.15)


def take_back(url, gone):
    if VERSIONED:
        from djangocms_versioning.models import Version

        Version.objects.filter(cms_pagecontent__page=url.page, cms_pagecontent__language=url.language).update(
            state="unpublished" if gone else "published"
        )


def test_very_many_pages_may_be_restricted(documents):
    member, template = User.objects.create_user("member"), page()
    read(documents)
    fields = {name: name == "can_view" for name in FLAGS} | {"user": member}
    for depth, parent in ((1, ""), (2, f"{template.path}")):
        paths = [f"{parent}9{number:03X}" for number in range(600)]
        Page.objects.bulk_create(Page(path=path, depth=depth, site_id=1) for path in paths)
    private = Page.objects.exclude(pk=template.pk)
    PagePermission.objects.bulk_create(
        PagePermission(page=one, grant_on=ACCESS_PAGE_AND_DESCENDANTS, **fields) for one in private
    )
    assert private.count() == 1_200
    assert seen_by(AnonymousUser()) == {TITLE}
    PagePermission.objects.create(page=template, grant_on=ACCESS_PAGE, **fields)
    assert seen_by(AnonymousUser()) == set()
    assert seen_by(member) == {TITLE}
