"""Every part of a mail that is text is read; the others are named."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from retrieval.notes import Note
from tests.retrieval.parsing.formats.reading import noted, outline, read

HEAD = "Subject: S\nFrom: a@x.org\nMIME-Version: 1.0\n"


def parts(*bodies: str, kind: str = "mixed") -> str:
    joined = "".join(f"--B\n{body}\n" for body in bodies)
    return f'{HEAD}Content-Type: multipart/{kind}; boundary="B"\n\n{joined}--B--\n'


def plain(text: str, more: str = "") -> str:
    return f"Content-Type: text/plain; charset=utf-8{more}\n\n{text}"


def page(text: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\n\n<html><body>{text}</body></html>"


def body(content: str | bytes) -> str:
    return read("a.eml", content).text.partition("From: a@x.org")[2].strip()


def test_all_text_parts_are_read_in_their_order() -> None:
    picture = "Content-Type: image/png; name=plan.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
    content = parts(plain("One."), picture, plain("Two."), page("<p>Three.</p>"))
    assert body(content) == "One.\n\nTwo.\n\nThree.\n\nAttachments: plan.png"
    assert read("a.eml", content).notes == [Note("attachments", 1, ("plan.png",))]


def test_attached_texts_stand_under_their_names() -> None:
    content = parts(
        plain("See below."),
        plain("The board chose blue.", "; name=minutes.txt\nContent-Disposition: attachment; filename=minutes.txt"),
        'Content-Type: application/octet-stream; name="list.csv"\n\nPart;Price\nvalve;12',
        'Content-Type: text/html; name="page.html"\nContent-Disposition: attachment\n\n<ol><li>First</ol>',
        "Content-Type: application/pdf; name=report.pdf\n\n%PDF-",
    )
    extracted = read("a.eml", content)
    assert extracted.text.endswith(
        "See below.\n\nminutes.txt\n\nThe board chose blue.\n\nlist.csv\n\nPart;Price\nvalve;12\n\n"
        "page.html\n\n1. First\n\nAttachments: report.pdf"
    )
    assert outline(extracted) == [(1, "S"), (2, "minutes.txt"), (2, "list.csv"), (2, "page.html")]
    assert noted(extracted) == {"attachments": 1}


def test_mails_in_a_mail_are_parts_with_headings_of_their_own() -> None:
    inner = "Content-Type: message/rfc822\n\nSubject: Older\nFrom: c@x.org\n\nThe gate code is 7733."
    deeper = (
        'Content-Type: message/rfc822\n\nSubject: Old\nContent-Type: multipart/mixed; boundary="C"\n\n--C\n'
        "Content-Type: message/rfc822\n\nSubject: Oldest\n\nThe first word.\n--C--\n"
    )
    attached = 'Content-Type: application/octet-stream; name="x.eml"\n\nSubject: As a file\n\nAlso this.'
    extracted = read("a.eml", parts(plain("Forwarded."), inner, deeper, attached))
    assert outline(extracted) == [(1, "S"), (2, "Older"), (2, "Old"), (3, "Oldest"), (2, "As a file")]
    for said in ("From: c@x.org", "The gate code is 7733.", "The first word.", "Also this."):
        assert said in extracted.text


@pytest.mark.parametrize(
    "stub",
    ["", "This message is in HTML.", "Please view this email in your browser: https://x.org/1", "See online version"],
)
def test_html_behind_a_stub_is_read(stub: str) -> None:
    content = parts(plain(stub), page("<h1>Price list</h1><p>The fee is 5 euros a night.</p>"), kind="alternative")
    assert "The fee is 5 euros a night." in body(content)


def test_html_is_not_read_beside_a_text_that_says_the_same() -> None:
    content = parts(plain("The fee is 5 euros."), page("<p>The fee is <b>5 euros</b>.</p>"), kind="alternative")
    assert body(content) == "The fee is 5 euros."


def test_short_text_beside_a_long_page_is_a_stub() -> None:
    content = parts(plain("Hello!"), page("<p>The fee is 5 euros.</p>" * 40), kind="alternative")
    assert "The fee is 5 euros." in body(content)


def test_pictures_within_the_page_are_named_and_cost_nothing() -> None:
    logo = "Content-Type: image/png; name=logo.png\nContent-ID: <1>\nContent-Disposition: inline\n\nx"
    extracted = read("a.eml", parts(page("<p>Hello.</p>"), logo, kind="related"))
    assert extracted.text.endswith("Hello.\n\nAttachments: logo.png")
    assert noted(extracted) == {"pictures": 1}


def test_charset_is_read_as_browsers_read_it() -> None:
    content = f"{HEAD}Content-Type: text/plain; charset=iso-8859-1\n\n".encode() + "“30 €”".encode("cp1252")
    assert body(content) == "“30 €”"
    assert noted(read("a.eml", content)) == {}
    content = f"{HEAD}Content-Type: text/plain\n\n".encode() + "Über 30 €, schön für Gäste".encode("cp1252")
    assert body(content) == "Über 30 €, schön für Gäste"
    assert noted(read("a.eml", content)) == {"encoding": 1}


def test_wrapped_lines_are_put_together() -> None:
    assert body(f"{HEAD}Content-Type: text/plain; format=flowed\n\nOne \nline.\n\n-- \nA.\n") == "One line.\n\n-- \nA."


def test_report_of_a_failed_delivery_says_why() -> None:
    status = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.org\n\nStatus: 5.1.1\nAction: failed\n"
    assert "Status: 5.1.1\nAction: failed" in body(parts(plain("It failed."), status, kind="report"))


def test_parts_without_a_boundary_are_text() -> None:
    assert body(f"{HEAD}Content-Type: multipart/mixed\n\nStill text.") == "Still text."


def test_subject_is_the_title() -> None:
    message = EmailMessage()
    message["Subject"] = "Übergabe am 4. Mai"
    message.set_content("x")
    assert read("a.eml", message.as_bytes()).title == "Übergabe am 4. Mai"


# ---- invitations -----------------------------------------------------------------------------------------------------


def calendar(*lines: str) -> str:
    event = "\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"))
    return body(f"{HEAD}Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\n{event}\n")


def test_invitation_says_what_when_where_and_who() -> None:
    assert calendar(
        "SUMMARY;LANGUAGE=en:Fire drill\\, yearly",
        "DTSTART:20250310T090000Z",
        "DTEND:20250310T103000Z",
        "LOCATION:Yard 4",
        'ORGANIZER;CN="Berg, Ada":mailto:ada@x.org',
        "ATTENDEE;ROLE=REQ-PARTICIPANT;CN=Bo:MAILTO:bo@x.org",
        "ATTENDEE:mailto:cy@x.org",
        "DESCRIPTION:Bring your",
        "  helmet.\\nNo lifts.",
        "BEGIN:VALARM",
        "DESCRIPTION:Reminder",
        "END:VALARM",
    ) == (
        "Event: Fire drill, yearly\nWhen: 2025-03-10 09:00–10:30 UTC\nWhere: Yard 4\n"
        "Organiser: Berg, Ada <ada@x.org>\nInvited: Bo <bo@x.org>, cy@x.org\n\nBring your helmet.\nNo lifts."
    )


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        (["DTSTART;TZID=Europe/Berlin:20250310T090000"], "2025-03-10 09:00 (Europe/Berlin)"),
        (['DTSTART;TZID="W. Europe Standard Time":20250310T090000'], "2025-03-10 09:00 (W. Europe Standard Time)"),
        (["DTSTART:20250310T230000Z", "DURATION:PT2H30M"], "2025-03-10 23:00 UTC – 2025-03-11 01:30 UTC"),
        (["DTSTART;VALUE=DATE:20250310", "DTEND;VALUE=DATE:20250311"], "2025-03-10"),
        (["DTSTART;VALUE=DATE:20250310", "DTEND;VALUE=DATE:20250313"], "2025-03-10 – 2025-03-12"),
        (["DTSTART:20250310T090000"], "2025-03-10 09:00"),
    ],
)
def test_invitation_says_when(lines: list[str], when: str) -> None:
    assert calendar(*lines, "SUMMARY:x") == f"Event: x\nWhen: {when}"


def test_invitation_says_how_it_repeats_and_that_it_is_cancelled() -> None:
    assert calendar(
        "SUMMARY:x",
        "STATUS:CANCELLED",
        "DTSTART:20250310T090000Z",
        "RRULE:FREQ=MONTHLY;BYDAY=2MO,-1FR;INTERVAL=2;UNTIL=20251231T000000Z",
        "EXDATE:20250510T090000Z",
    ) == (
        "Event: x\nStatus: CANCELLED\nWhen: 2025-03-10 09:00 UTC\n"
        "Repeats: monthly, every 2, on 2 Monday, -1 Friday, until 2025-12-31 00:00 UTC\nExcept: 2025-05-10 09:00 UTC"
    )


def test_invitation_beside_a_text_is_read_as_well() -> None:
    event = "Content-Type: text/calendar; charset=utf-8\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Drill\nEND:VEVENT"
    text = body(parts(plain("You are invited."), page("<p>You are invited.</p>"), event, kind="alternative"))
    assert text == "You are invited.\n\nEvent: Drill"


@pytest.mark.parametrize(
    "broken", ["BEGIN:VEVENT", "DTSTART:2025", "SUMMARY", ";;;:", "RRULE:FREQ", "DTSTART:20259999"]
)
def test_broken_invitation_costs_only_what_is_broken(broken: str) -> None:
    assert "Event: x" in calendar(broken, "SUMMARY:x")


@pytest.mark.parametrize("content_type", ["text/plain; charset=windows-1252", "text/plain"])
def test_headers_of_raw_bytes_are_read_as_the_body_is(content_type: str) -> None:
    mail = f"From: Jörg Müller <j@example.org>\nSubject: Gebühr – für Gäste\nContent-Type: {content_type}\n\nGrüße.\n"
    extracted = read("a.eml", mail.encode("cp1252"))
    assert extracted.text == "Gebühr – für Gäste\n\nFrom: Jörg Müller <j@example.org>\n\nGrüße."
    assert extracted.title == "Gebühr – für Gäste"


def test_headers_of_raw_utf_8_are_read() -> None:
    assert read("a.eml", "Subject: Gebühr\n\nText.\n".encode()).title == "Gebühr"


def event(*lines: str) -> str:
    invitation = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", "SUMMARY:Meet", *lines, "END:VEVENT", "END:VCALENDAR"])
    return body(f"{HEAD}Content-Type: text/calendar; charset=utf-8\n\n{invitation}\n")


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        (["DTSTART:20240531T240000"], "20240531T240000"),
        (["DTSTART:20240531T996199", "DURATION:PT1H"], "20240531T996199"),
        (["DTSTART;VALUE=DATE:20240531", "DTEND;VALUE=DATE:00010101"], "2024-05-31"),
        (["DTSTART:20240531T100000", "DTEND:20240531T996199"], "2024-05-31 10:00 – 20240531T996199"),
        (["DTSTART:sometime", "DTEND:later"], "sometime – later"),
        (["DTSTART:99991231T230000", "DURATION:P9999W"], "9999-12-31 23:00"),
    ],
)
def test_moment_that_is_none_stands_as_it_is_written(lines: list[str], when: str) -> None:
    assert event(*lines) == f"Event: Meet\nWhen: {when}"


def test_header_of_brackets_alone_costs_no_mail() -> None:
    extracted = read("a.eml", "Subject: S\nTo: " + "(" * 50_000 + "\n\nHello.\n")
    assert extracted.text.endswith("Hello.")


def test_mails_in_mails_a_thousand_deep_are_named_and_noted() -> None:
    deep = "".join(f"Subject: S{n}\nContent-Type: message/rfc822\n\n" for n in range(1_000)) + "Subject: In\n\nHi\n"
    extracted = read("a.eml", deep)
    assert extracted.text.startswith("S0\n\nS1\n\nS2")
    assert extracted.text.endswith("Attachments: message/rfc822")
    assert extracted.notes == [Note("attachments", 1, ("message/rfc822",))]


def test_parts_in_parts_a_thousand_deep_stand_as_they_are_written() -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(1_000))
    extracted = read("a.eml", f"Subject: S\n{deep}\nHello.\n")
    assert "Hello." in extracted.text
    assert noted(extracted) == {"parts": 1}
