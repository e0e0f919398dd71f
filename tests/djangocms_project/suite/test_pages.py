"""Pages answer what they show, in step with what editors do to them."""

import pytest
from cms.api import add_plugin
from cms.models import Page, PageContent, PageUrl
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.urls import reverse
from djangocms_alias.models import Alias, AliasContent, Category

from chatsite.testing import assert_answers, assert_refuses
from retrieval.model_documents.declaring import declared_for
from retrieval.model_documents.following import follow
from retrieval.models import Collection, Document, ModelChange
from suite.building import (
    OPENING,
    VERSIONED,
    address,
    content,
    document,
    editor,
    follow_all,
    page,
    publish,
    read,
    said,
    say,
    seen_by,
    slot,
    text_of,
    translate,
)

pytestmark = pytest.mark.django_db
CLOSED = "When is the old orchard closed?"
without_versions = pytest.mark.skipif(VERSIONED, reason="with versions, nobody changes what is published")


def alias(text, *, static_code=None):
    category = Category.objects.first() or Category.objects.create(name="All")
    one = Alias.objects.create(category=category, static_code=static_code)
    AliasContent.objects.with_user(editor()).create(alias=one, name="Alias", language="en")
    version = AliasContent.admin_manager.latest_content(alias=one).get()
    add_plugin(version.placeholder, "TextPlugin", "en", body=f"<p>{text}</p>")
    if VERSIONED:
        version.versions.get().publish(editor())
    return one


def test_page_answers_and_a_citation_opens_it_at_the_quoted_words(documents, client):
    page()
    read(documents)
    asked = assert_answers(OPENING, cites="The old orchard", quotes="opens on 4 May")
    client.force_login(User.objects.create_user("reader"))
    opened = client.get(asked.body["citations"][0]["url"])
    assert opened["Location"] == "/en/the-old-orchard/#:~:text=The%20old%20orchard%20opens%20on%204%20May."
    assert b"opens on 4 May" in client.get("/en/the-old-orchard/").content
    assert Collection.objects.get().name == "Pages"


def test_text_is_what_plugins_show_to_somebody_who_is_not_signed_in(documents, monkeypatch):
    one = page(published=False)
    placeholder = slot(content(one))
    bed = add_plugin(placeholder, "BedPlugin", "en")
    add_plugin(placeholder, "OpeningPlugin", "en", target=bed, day="<Monday>", note="Costs too much.")
    add_plugin(placeholder, "GreetingPlugin", "en")
    outer = alias("Outside the hedge.")
    add_plugin(AliasContent.admin_manager.get(alias=outer).placeholder, "Alias", "en", alias=alias("Inside the hedge."))
    add_plugin(placeholder, "Alias", "en", alias=outer)
    say(one, "Dogs stay outside.", name="side")
    alias("All rights reserved.", static_code="footer")
    publish(one)
    read(documents)
    told = [
        "<p>The old orchard opens on 4 May.</p>",
        "It is open on &lt;Monday&gt;, rain or shine.",
        "Sign in at http://example.com/en/the-old-orchard/ for the code of the gate.",
        "Outside the hedge.",
        "Inside the hedge.",
        "Dogs stay outside.",
    ]
    positions = [text_of().find(one) for one in told]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert not [word for word in ("Costs", "4711", "reserved", "script") if word in text_of()]
    monkeypatch.setattr(type(declared_for("cms.pageurl")), "slots", ["side"])
    call_command("sync_models", verbosity=0)
    assert text_of().strip() == "<p>Dogs stay outside.</p>"


def test_placeholders_that_the_template_no_longer_has_are_left_out(documents):
    one = page(published=False)
    say(one, "Dogs stay outside.", name="side")
    content(one).update(template="garden/narrow.html")
    publish(one)
    read(documents)
    assert "4 May" in text_of()
    assert "Dogs" not in text_of()


def test_what_leads_elsewhere_or_shows_something_else_is_no_document(documents):
    page("Moved", redirect="/en/elsewhere/")
    page("Type", is_page_type=True)
    hooked = page("Shop")
    Page.objects.filter(pk=hooked.pk).update(application_urls="ShopApp")
    page("Empty", "")
    read(documents)
    assert not Document.objects.exists()


@without_versions
def test_plugins_are_followed_as_they_are_added_changed_moved_and_deleted(documents, client):
    one = page()
    read(documents)
    second = say(one, "The old orchard is closed on Mondays.")
    assert follow()
    read(documents)
    assert_answers(CLOSED, cites="The old orchard", quotes="closed on Mondays")
    second.body = "<p>The old orchard is closed on Tuesdays.</p>"
    second.save()
    assert follow()
    read(documents)
    assert_answers(CLOSED, cites="The old orchard", quotes="closed on Tuesdays")
    client.force_login(editor())
    moved = {"plugin_id": second.pk, "target_language": "en", "target_position": 1}
    told = client.post(f"{reverse('admin:cms_placeholder_move_plugin')}?cms_path=/en/the-old-orchard/", moved)
    assert told.status_code == 200
    assert follow()
    assert text_of().index("Tuesdays") < text_of().index("4 May")
    second.refresh_from_db()
    second.placeholder.delete_plugin(second)
    follow_all()
    read(documents)
    assert "Tuesdays" not in text_of()
    assert_refuses(CLOSED)


def test_alias_is_followed_on_all_pages_that_show_it(documents):
    outer, inner = alias("Outside the hedge."), alias("The old orchard is closed on Mondays.")
    add_plugin(AliasContent.admin_manager.get(alias=outer).placeholder, "Alias", "en", alias=inner)
    one, other = page(published=False), page("Another")
    add_plugin(slot(content(one)), "Alias", "en", alias=outer)
    publish(one)
    read(documents)
    before = AliasContent.objects.get(alias=inner)
    after = before.versions.get().copy(editor()).content if VERSIONED else before
    plugin = after.placeholder.get_plugins().get().get_bound_plugin()
    plugin.body = "<p>The old orchard is closed on Tuesdays.</p>"
    plugin.save()
    assert follow() is not VERSIONED
    if VERSIONED:
        after.versions.get().publish(editor())
        assert {change.key for change in ModelChange.objects.all()} == {document().location}
        assert follow()
    assert "Tuesdays" in text_of()
    assert document("Another").location == str(other.urls.get().pk)


@pytest.mark.parametrize("way", ["unpublish", "delete", "translation", "redirect", "quietly"])
def test_what_is_taken_back_is_gone_at_once_also_from_answers_given(documents, client, way):
    one = page()
    read(documents)
    client.force_login(reader := User.objects.create_user("reader"))
    run = assert_answers(OPENING, reader=reader, cites="The old orchard").body["run_id"]
    assert said(client, run)["answered"] is True
    match way:
        case "unpublish" if VERSIONED:
            content(one).versions.get().unpublish(editor())
        case "delete":
            one.delete()
        case "translation":
            one.delete_translations("en")
        case "redirect":
            content(one).update(redirect="/en/elsewhere/")
        case _:
            PageUrl.objects.filter(page=one).update(path=None)
    assert said(client, run)["withheld"] is True
    assert seen_by(reader) == set()
    assert_refuses(OPENING, reader=reader)
    follow_all()
    call_command("sync_models", verbosity=0)
    assert not Document.objects.exists()
    assert "orchard opens" not in str(said(client, run))


def test_languages_of_a_page_are_documents_with_their_own_addresses(documents, client, monkeypatch):
    one = page()
    translate(one, "Der alte Garten", "Der alte Garten öffnet am 4. Mai.", "de")
    translate(one, "De oude tuin", "De oude tuin gaat open op 4 mei.", "nl")
    read(documents)
    addresses = dict(Document.objects.values_list("title", "address"))
    assert addresses == {
        "The old orchard": "/en/the-old-orchard/",
        "Der alte Garten": "/de/der-alte-garten/",
        "De oude tuin": "/nl/de-oude-tuin/",
    }
    assert_answers("Wann öffnet der alte Garten?", cites="Der alte Garten", quotes="öffnet am 4. Mai")
    assert b"4. Mai" in client.get(addresses["Der alte Garten"]).content
    assert seen_by(AnonymousUser()) == {"The old orchard", "Der alte Garten"}
    assert client.get(addresses["De oude tuin"]).status_code == 404
    assert seen_by(editor()) == {*addresses}  # a language that is not public is shown to staff
    client.force_login(editor())
    assert b"4 mei" in client.get(addresses["De oude tuin"]).content
    monkeypatch.setattr(type(declared_for("cms.pageurl")), "languages", ["de"])
    assert seen_by(editor()) == {"Der alte Garten"}


def test_pages_of_another_site_answer_there(documents, settings, monkeypatch):
    shop = Site.objects.create(domain="shop.example.org", name="Shop")
    page()
    page("Pears", "The shop sells pears.", site=shop)
    read(documents)
    assert seen_by(editor()) == {"The old orchard"}
    settings.SITE_ID = shop.pk
    assert seen_by(editor()) == {"Pears"}
    assert document("Pears").address == "/en/pears/"
    del settings.SITE_ID
    call_command("sync_models", verbosity=0)
    assert seen_by(AnonymousUser()) == {"The old orchard", "Pears"}
    assert document("Pears").address == "http://shop.example.org/en/pears/"
    shop.domain = "pears.example.org"
    shop.save()
    follow_all()
    assert document("Pears").address == "http://pears.example.org/en/pears/"
    monkeypatch.setattr(type(declared_for("cms.pageurl")), "sites", ["pears.example.org"])
    assert seen_by(AnonymousUser()) == {"Pears"}


def test_addresses_of_those_below_follow_a_page_that_is_moved_or_renamed(documents, client):
    section, other = page("Section"), page("Other")
    leaf = page("Leaf", parent=section)
    read(documents)
    assert document("Leaf").address == "/en/section/leaf/"
    rename(section, "part")
    follow_all()
    assert document("Leaf").address == address(leaf) == "/en/part/leaf/"
    client.force_login(editor())
    moved = client.post(reverse("admin:cms_page_move_page", args=[section.pk]), {"target": other.pk, "position": 0})
    assert moved.status_code == 200
    follow_all()
    assert document("Leaf").address == address(leaf) == "/en/other/part/leaf/"


def rename(one, slug):
    before = content(one)
    after = before.versions.get().copy(editor()).content if VERSIONED else before
    after.slug = slug
    after.save()
    publish(one)


def test_other_documents_stand_beside_the_pages(documents):
    page()
    documents({"Rules": "Nobody climbs a tree."})
    read(documents)
    assert_answers("Does anybody climb a tree?", cites="Rules")


@pytest.mark.skipif(not VERSIONED, reason="of djangocms-versioning")
def test_draft_answers_nobody_and_published_it_does(documents, client):
    one, draft = page(), page("A draft", "The secret orchard opens in March.", published=False)
    read(documents)
    key, number = document().pk, document().location
    client.force_login(reader := User.objects.create_user("reader"))
    run = assert_answers(OPENING, reader=reader, cites="The old orchard").body["run_id"]
    changed = content(one).versions.get().copy(editor())
    plugin = slot(changed.content).get_plugins().get().get_bound_plugin()
    plugin.body += "<p>The old orchard is closed on Mondays.</p>"
    plugin.save()
    assert follow() is False  # a draft is noted by nobody
    read(documents)
    assert seen_by(editor()) == {"The old orchard"}
    assert "Mondays" not in text_of()
    changed.publish(editor())
    publish(draft)
    assert follow()
    read(documents)
    assert (document().pk, document().location) == (key, number)  # a version more, and the same document
    assert said(client, run)["answered"] is True
    assert_answers(CLOSED, cites="The old orchard", quotes="closed on Mondays")
    assert_answers("When does the secret orchard open?", cites="A draft", quotes="in March")
    assert PageContent.admin_manager.filter(page=one).count() == 2
