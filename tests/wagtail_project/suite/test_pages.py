"""Pages answer what they show, to whom they show it; what they hide answers nobody, at once."""

import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone
from home.models import GardenPage, PlantPage, Tip
from wagtail.models import Locale, Page, PageViewRestriction, Site

from chatsite.testing import assert_answers, assert_refuses
from retrieval.model_documents.declaring import declared_for
from retrieval.model_documents.following import follow
from retrieval.models import Document

KINDS = ("none", "login", "groups", "password")
OPENING = "When does the old orchard open?"


@pytest.fixture(autouse=True)
def home(db):
    """Make what Wagtail's migrations make, which take longer than all of these tests."""
    cache.clear()  # of the addresses of sites, which Wagtail keeps there
    Locale.objects.create(language_code="en")
    home = Page.add_root(instance=Page(title="Root")).add_child(instance=Page(title="Home"))
    Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)
    return home


def page(parent, title="The old orchard", text="The old orchard opens on 4 May.", **fields):
    blocks = [{"type": "paragraph", "value": f"<p>{text}</p>"}]
    return parent.add_child(instance=GardenPage(title=title, body=fields.pop("body", blocks), **fields))


def seen_by(user):
    return {document.title for document in Document.objects.visible_to(user)}


def text_of(title):
    with Document.objects.get(title=title).file.open() as stored:
        return stored.read().decode()


def restrict(one, kind="login", *groups, **fields):
    restriction = PageViewRestriction.objects.create(page=one, restriction_type=kind, **fields)
    restriction.groups.set(groups)
    return restriction


def test_page_answers_and_a_citation_opens_it_at_the_quoted_words(home, documents, client):
    page(home)
    documents.follow()
    asked = assert_answers(OPENING, cites="The old orchard", quotes="opens on 4 May")
    client.force_login(User.objects.create_user("reader"))
    opened = client.get(asked.body["citations"][0]["url"])
    assert opened["Location"] == "/en/the-old-orchard/#:~:text=The%20old%20orchard%20opens%20on%204%20May."
    assert b"opens on 4 May" in client.get("/en/the-old-orchard/").content


def test_stream_is_read_block_by_block(home, documents):
    person = {"name": "Ada Fern", "duties": ["Pruning", "Grafting"], "phone": "555 0199"}
    table = {"data": [["Day", "Opens"], ["Monday", "8:30"], [None, "9 < 10"]], "first_row_is_table_header": True}
    body = [
        {"type": "heading", "value": "Who cares"},
        {"type": "paragraph", "value": "<p>Ask <a linktype='page' id='3'>the gardener</a>.</p>"},
        {"type": "person", "value": person},
        {"type": "hours", "value": table},
        {"type": "html", "value": "<p>Dogs stay outside.</p>"},
        {"type": "more", "value": [{"type": "quote", "value": "A tree & a bench."}, {"type": "note", "value": "Wet."}]},
    ]
    page(home, body=body)
    documents.follow()
    said = text_of("The old orchard")
    told = ["<h2>Who cares</h2>", "the gardener", "Ada Fern", "Pruning", "Grafting", "<td>8:30</td>", "9 &lt; 10",
            "Dogs stay outside.", "A tree &amp; a bench.", "Wet."]  # fmt: skip
    assert [said.find(one) for one in told] == sorted(max(said.find(one), 0) for one in told)
    assert "555" not in said
    assert_answers("When does it open on Monday?", cites="The old orchard", quotes="8:30")


def test_fields_are_those_that_the_site_searches(home, documents):
    plant = PlantPage(title="Quince", latin="Cydonia <oblonga>", care="<p>Water it weekly.</p>", internal="Too costly.")
    home.add_child(instance=plant)
    documents.follow()
    said = text_of("Quince")
    assert "Cydonia &lt;oblonga&gt;" in said
    assert "<p>Water it weekly.</p>" in said
    assert "costly" not in said


def test_children_in_the_database_are_there_when_a_page_is_published(home, documents, monkeypatch):
    monkeypatch.setattr(type(declared_for("wagtailcore.page")), "fields", ["care", "tips__text"])
    plant = home.add_child(instance=PlantPage(title="Quince", care="<p>Water it.</p>", live=False))
    plant.tips = [Tip(text="Pick it <late>.")]
    plant.save_revision().publish()
    assert follow() is True
    assert "Pick it &lt;late&gt;." in text_of("Quince")


def test_draft_answers_nobody_and_published_it_does(home, documents):
    one = page(home, text="The old orchard stays shut.")
    page(home, "A draft", "The secret orchard opens in March.", live=False)
    documents.follow()
    one.body = [("paragraph", "<p>The old orchard opens on 9 June.</p>")]
    revision = one.save_revision()
    follow()
    documents.follow()
    assert seen_by(User.objects.create_superuser("root")) == {"The old orchard"}
    assert "9 June" not in text_of("The old orchard")
    revision.publish()
    assert follow() is True
    documents.follow()
    assert_answers(OPENING, cites="The old orchard", quotes="9 June")


@pytest.mark.parametrize("way", ["unpublish", "expire", "delete", "quietly"])
def test_what_is_taken_back_is_gone_at_once_also_from_answers_given(home, documents, client, way):
    one = page(home)
    documents.follow()
    client.force_login(reader := User.objects.create_user("reader"))
    asked = assert_answers(OPENING, reader=reader, cites="The old orchard")
    run = f"/ask/api/v1/chat/runs/{asked.body['run_id']}"
    assert client.get(run).json()["answer"]["answered"] is True
    match way:
        case "unpublish":
            one.unpublish()
        case "expire":  # nobody has run publish_scheduled since
            Page.objects.filter(pk=one.pk).update(expire_at=timezone.now() - timedelta(seconds=1))
        case "delete":
            one.delete()
        case "quietly":
            Page.objects.filter(pk=one.pk).update(live=False)
    assert client.get(run).json()["answer"]["withheld"] is True
    assert seen_by(reader) == set()
    assert_refuses(OPENING, reader=reader)
    follow()
    call_command("sync_models", verbosity=0)
    assert not Document.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_view_restriction_holds_for_the_page_and_all_below_it(home, documents, client, kind):
    members = Group.objects.create(name="members")
    section = page(home, "Section", "Here is a section.")
    page(section)
    documents.follow()
    restrict(section, kind, members, password="pear")
    member, other = User.objects.create_user("member"), User.objects.create_user("other")
    member.groups.add(members)
    root = User.objects.create_superuser("root")
    passing = {"none": {None, member, other, root}, "login": {member, other, root}, "groups": {member, root}}
    for user in (None, member, other, root):
        if user in passing.get(kind, set()):
            assert_answers(OPENING, reader=user, cites="The old orchard")
        else:
            assert_refuses(OPENING, reader=user)
            assert seen_by(user or AnonymousUser()) == set()


def test_pages_of_other_languages_and_sites_answer_with_their_own_addresses(home, documents, monkeypatch):
    german = Locale.objects.create(language_code="de")
    start = home.copy_for_translation(german)
    start.save_revision().publish()
    page(start, "Der alte Garten", "Der alte Garten öffnet am 4. Mai.", locale=german)
    page(home)
    shop = page(Page.get_first_root_node(), "Shop", "The shop sells pears.")
    page(Page.get_first_root_node(), "Nowhere", "Nowhere is on no site.")
    Site.objects.create(hostname="shop.example.org", root_page=shop)
    call_command("sync_models", verbosity=0)
    documents.follow()
    addresses = dict(Document.objects.values_list("title", "address"))
    assert addresses == {
        "Der alte Garten": "http://localhost/de/der-alte-garten/",
        "The old orchard": "http://localhost/en/the-old-orchard/",
        "Shop": "http://shop.example.org/en/",
    }
    kind = type(declared_for("wagtailcore.page"))
    for name, limits, left in (
        ("locales", ["de"], {"Der alte Garten"}),
        ("sites", ["shop.example.org"], {"Shop"}),
    ):
        monkeypatch.setattr(kind, name, limits)
        assert seen_by(AnonymousUser()) == left
        monkeypatch.undo()


def test_addresses_of_those_below_follow_a_page_that_is_moved_or_renamed(home, documents):
    section, other = page(home, "Section"), page(home, "Other")
    page(section, "Leaf")
    documents.follow()
    section.refresh_from_db()
    section.slug = "part"
    section.save_revision().publish()
    while follow():
        pass
    assert Document.objects.get(title="Leaf").address == "/en/part/leaf/"
    section.refresh_from_db()
    section.move(Page.objects.get(pk=other.pk), pos="last-child")
    while follow():
        pass
    assert Document.objects.get(title="Leaf").address == "/en/other/part/leaf/"


def test_random_states_show_what_the_site_shows_to_everybody(home, documents, client):
    chance = random.Random(5)
    groups = [Group.objects.create(name=f"group {number}") for number in range(2)]
    users = [User.objects.create_user(f"user {number}") for number in range(2)] + [
        User.objects.create_superuser("root")
    ]
    pages = [home]
    for number in range(14):
        parent = Page.objects.get(pk=chance.choice(pages).pk)
        pages.append(page(parent, f"Page {number}", f"Page {number} tells of pears."))
    aliases = [
        Page.objects.get(pk=pages[number].pk).create_alias(parent=home, update_slug=f"alias-{number}", recursive=True)
        for number in (3, 5)
    ]
    call_command("sync_models", verbosity=0)
    documents.follow()
    assert Document.objects.count() >= 14 + len(aliases)
    for _ in range(8):
        PageViewRestriction.objects.all().delete()
        for one in chance.sample(pages[1:], 4):
            restrict(one, chance.choice(KINDS), *chance.sample(groups, chance.randrange(3)), password="pear")
        for user in users[:2]:
            user.groups.set(chance.sample(groups, chance.randrange(3)))
        for pk in [one.pk for one in pages[1:]]:
            Page.objects.filter(pk=pk).update(live=chance.random() < 0.8)
        for user in [*users, None]:
            if user:
                client.force_login(user)
            else:
                client.logout()
            documents_seen = Document.objects.visible_to(user or AnonymousUser())
            assert {int(key) for key in documents_seen.values_list("location", flat=True)} == {
                one.pk for one in Page.objects.filter(pk__in=Document.objects.values_list("location", flat=True))
                if b"tells of pears" in client.get(one.get_url()).content  # and no form for a password
            }  # fmt: skip


def test_other_documents_stand_beside_the_pages(home, documents):
    page(home)
    documents({"Rules": "Nobody climbs a tree."})
    documents.follow()
    assert_answers("Does anybody climb a tree?", cites="Rules")


def test_very_many_pages_may_be_restricted(home, documents):
    page(home)
    documents.follow()
    template = home.get_children().get()
    for number in range(1_100):
        Page.objects.create(
            title=f"Private {number}",
            slug=f"private-{number}",
            path=f"{home.path}9{number:03X}",
            depth=home.depth + 1,
            content_type=template.content_type,
            url_path=f"/home/private-{number}/",
            locale=template.locale,
        )
    private = Page.objects.filter(title__startswith="Private")
    PageViewRestriction.objects.bulk_create(PageViewRestriction(page=one, restriction_type="login") for one in private)
    assert seen_by(AnonymousUser()) == {"The old orchard"}
