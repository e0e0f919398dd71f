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
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sites.models import Site
from django.core.cache import cache

from retrieval.models import Document
from suite.building import FLAGS, TITLE, VERSIONED, editor, grant, page, permit, seen_by, translate

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
    documents.follow()
    assert Document.objects.count() == PageUrl.objects.exclude(path=None).count() > 8
    seen = []
    for _ in range(5):
        change_rights(chance, pages, users, groups, shop, settings)
        cache.clear()
        for user in [*users, editor(), None]:
            user = user and User.objects.get(pk=user.pk)
            client.logout()
            if user:
                client.force_login(user)
            shown = {
                str(one.pk)
                for one in PageUrl.objects.filter(pk__in=Document.objects.values("location"))
                if b"tells of pears" in client.get(one.page.get_absolute_url(one.language)).content
            }
            documents_seen = Document.objects.visible_to(user or AnonymousUser())
            assert {*documents_seen.values_list("location", flat=True)} == shown
            seen.append(len(shown))
    assert len({*seen}) > 4


def change_rights(chance, pages, users, groups, shop, settings):
    for kind in (PagePermission, GlobalPagePermission):
        kind.objects.all().delete()
    settings.CMS_PUBLIC_FOR = chance.choice(["all", "all", "staff"])
    for one in chance.sample(pages, 5):
        who = chance.choice([{"user": chance.choice(users)}, {"group": chance.choice(groups)}])
        flag = chance.choice(["can_view", "can_view", "can_change"])
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
    documents.follow()
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
