"""Questions that a section answers, as people ask them in German: rules over its heading and its first sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from chatsite.asking.sections import Section

_ASKED = re.compile(
    r"(?:was|wer|wie|wo|wohin|woher|wann|warum|weshalb|wieso|wem|wen|welche[rsmn]?(?: \w+)?) (?:ist|sind|kann|können|"
    r"muss|müssen|darf|dürfen|soll|sollte|sollen|hat|haben|gibt|wird|werden|funktioniert|bekomme|erhalte|mache|brauche|"
    r"braucht|kostet|kosten|zahlt|haftet|hilft|gilt|gelten)\b.*|was tun\b.*",
    re.IGNORECASE,
)
_OTHER_QUESTION = re.compile(
    r"(?:was|wer|wie|wo|wann|warum|wieso|weshalb|welche[rsmn]?|ob|wenn|falls)\b", re.IGNORECASE
)
_DONE = re.compile(r"(?P<what>.+) (?P<verb>(?:[a-zäöüß]+(?:-,)? (?:und|oder|bzw\.) )?[a-zäöüß]+(?:en|ern|eln))")
_NOT_DONE = frozenset(
    """unten oben außen innen hinten vorne gegen neben zwischen morgen gestern geschlossen verboten enthalten vorhanden
    wegen ihnen denen seinen ihren meinen deinen unseren einen diesen jeden allen anderen weiteren eigenen sieben zehn
    verschiedenen öffentlichen neuen alten offen selten offenen""".split()
)
_MY = {"dein": "mein", "deine": "meine", "deinen": "meinen", "deiner": "meiner", "deinem": "meinem", "ihr": "mein",
       "ihre": "meine", "ihren": "meinen", "ihrer": "meiner", "ihrem": "meinem"}  # fmt: skip
_OBJECTS = "den|die|das|einen|eine|ein"
_GENITIVE = re.compile(r"(?P<noun>[A-ZÄÖÜ]\w+) (?P<rest>(?:des|der|von|eines|einer|ihre[rs]|deine[rs]) .+)")
_DIFFERENCE = re.compile(r"(?P<one>[^,]+?) (?:vs\.?|oder im Vergleich zu) (?P<other>[^,]+)", re.IGNORECASE)

# What is done, by how the noun ends: "Filterwechsel" as "Wechsel".
_ACTIONS = {
    "die": """installation deinstallation konfiguration einrichtung anmeldung abmeldung registrierung reinigung wartung
        montage demontage inbetriebnahme bedienung entsorgung lagerung kündigung bestellung bezahlung lieferung rückgabe
        rücksendung aktivierung deaktivierung sicherung wiederherstellung aktualisierung kalibrierung bewerbung
        einschreibung ausleihe verlängerung buchung stornierung programmierung steuerung abrechnung befüllung
        entleerung entkalkung entlüftung reparatur migration""",
    "der": "wechsel austausch einbau ausbau umbau umtausch versand widerruf zusammenbau",
    "das": "update backup upgrade",
}
_ACTION = {noun: article for article, nouns in _ACTIONS.items() for noun in nouns.split()}
_HIGH = re.compile(r"(?:\w*(?:kosten|gebühren|preise|beiträge|steuern|zinsen|grenzwerte))", re.IGNORECASE)
_MANY = re.compile(r"(?:\w*(?:ungen|heiten|keiten|schaften|ionen|täten|nisse|regeln|pflichten|rechte|termine|fristen|"
                   r"daten|wirkungen|formate|modelle|maße|tarife|zeiten|arten|typen|rollen|aufgaben|fehler|grenzen|"
                   r"kurse|leistungen|zutaten|werte))", re.IGNORECASE)  # fmt: skip
_ABOUT_THE_TEXT = frozenset(
    """einleitung einführung überblick übersicht zusammenfassung fazit inhalt inhaltsverzeichnis literatur anmerkungen
    hinweise hinweis anhang vorwort impressum beispiele beispiel quellen einzelnachweise weblinks glossar allgemeines
    informationen erläuterungen bemerkungen sonstiges anwendungen grundlagen daten werte abbildungen""".split()
)
_SUBJECT = r"(?P<subject>(?:Der|Die|Das|Ein|Eine|Jede[rs]?|Alle) (?:[\w’-]+ ){0,2}[A-ZÄÖÜ][\w’-]+|[A-ZÄÖÜ][\w’-]+)"
_COSTS = re.compile(rf"{_SUBJECT} (?P<verb>kostet|kosten) (?:\w+ )?\d")
_LASTS = re.compile(rf"{_SUBJECT} (?P<verb>dauert|dauern) ")
_LIES = re.compile(rf"{_SUBJECT} (?P<verb>befindet sich|befinden sich|liegt|liegen|steht|stehen|hängt) "
                   r"(?:in|im|am|an|auf|hinter|unter|über|neben|vor|bei|beim) ")  # fmt: skip
_OFTEN = re.compile(
    rf"{_SUBJECT} (?P<verb>wird|werden|muss|müssen|sollte|sollten) "
    r"(?:alle|jede[nrs]?|einmal|zweimal|täglich|wöchentlich|monatlich|jährlich) (?:[\w ]+? )??"
    r"(?P<done>\w+(?:t|en)(?: werden)?)\."
)
_OPENS = re.compile(rf"{_SUBJECT} (?P<verb>ist|sind) (?:von|montags|täglich|werktags|ab|an|Montag|dienstags|samstags)\b"
                    r"[^.]* geöffnet")  # fmt: skip


def german_questions(section: Section) -> Iterator[str]:
    """Yield questions, the one most like the heading first."""
    title = section.title
    if title.endswith("?"):
        yield title
    elif _ASKED.fullmatch(title):
        yield f"{title[0].upper()}{title[1:]}?"
    elif between := _DIFFERENCE.fullmatch(title):
        yield f"Was ist der Unterschied zwischen {between['one']} und {between['other']}?"
    elif not _OTHER_QUESTION.match(title):
        yield from filter(None, [_doing(section) or _acting(section), _definition(section)])
        yield from _of_many(title)
    yield from _of_sentences(section)


# ---- what is done ----------------------------------------------------------------------------------------------------
def _doing(section: Section) -> str:
    """Ask about a heading that ends with an infinitive, which alone is written small: "Den Filter wechseln"."""
    done = _DONE.fullmatch(section.title)
    if not done or done["verb"].split()[-1] in _NOT_DONE or "," in done["what"]:
        return ""
    first, _, rest = done["what"].partition(" ")
    if first.lower() in _MY:
        what = f"{_MY[first.lower()]} {rest}"
    elif re.fullmatch(rf"{_OBJECTS}|mit|von|aus|in|im|an|am|auf|ohne|für|zum?|zur|meinen?|meine", first.lower()):
        what = f"{first.lower()} {rest}"
    else:
        what = _with_article(done["what"], section)
    return f"Wie kann ich {what.strip()} {done['verb']}?"


def _with_article(noun: str, section: Section) -> str:
    """Return a noun with the article that the text below gives it as an object; without one where it gives none."""
    if len(noun.split()) > 1:
        return noun
    found = re.findall(rf"\b({_OBJECTS}) {re.escape(noun)}\b", section.body)
    return f"{Counter(found).most_common(1)[0][0]} {noun}" if found else noun


def _acting(section: Section) -> str:
    """Ask about a heading that names what is done: "Reinigung des Filters", "Filterwechsel"."""
    of_what = _GENITIVE.fullmatch(section.title)
    noun = of_what["noun"] if of_what else section.title
    article = next((_ACTION[end] for end in _ACTION if noun.casefold().endswith(end)), "")
    if not article or " " in noun:
        return ""
    more = " ".join(_MY.get(word, word) for word in of_what["rest"].split()) if of_what else ""
    return f"Wie funktioniert {article} {noun} {more}".strip() + "?"


# ---- what things are -------------------------------------------------------------------------------------------------
def _definition(section: Section) -> str:
    """Ask what a thing is whose first sentence says so, with the article it has there."""
    if not section.sentences:
        return ""
    what = rf"(?P<subject>(?:(?:Der|Die|Das|Ein|Eine) )?{re.escape(section.title)})(?: \([^)]*\))?"
    is_that = r"(?P<verb>ist|sind)\b(?! (?:in|im|am|an|auf|nicht|von|zu|nur|möglich|erlaubt|verboten)\b)"
    said = re.match(f"{what} {is_that}", section.sentences[0])
    return f"Was {said['verb']} {_named(said)}?" if said else ""


def _of_many(title: str) -> Iterator[str]:
    first, _, second = title.partition(" ")
    noun = second or first
    if title.casefold() in _ABOUT_THE_TEXT or " " in second or not noun[:1].isupper():
        return
    if second and not re.fullmatch(r"[A-ZÄÖÜ]?[a-zäöüß]+e", first):
        return
    if _HIGH.fullmatch(noun):
        yield f"Wie hoch sind die {first.lower() + 'n ' if second else ''}{noun}?"
    elif noun.endswith("zeiten"):
        yield f"Wie sind die {first.lower() + 'n ' if second else ''}{noun}?"
    elif _MANY.fullmatch(noun):
        yield f"Welche {first.lower() + 'n ' if second else ''}{noun} gibt es?"


# ---- what the first sentences say -----------------------------------------------------------------------------------
def _of_sentences(section: Section) -> Iterator[str]:
    for sentence in section.sentences:
        if said := _COSTS.match(sentence):
            yield f"Was {said['verb']} {_named(said)}?"
        elif said := _LASTS.match(sentence):
            yield f"Wie lange {said['verb']} {_named(said)}?"
        elif said := _OFTEN.match(sentence):
            yield f"Wie oft {said['verb']} {_named(said)} {said['done']}?"
        elif said := _OPENS.match(sentence):
            yield f"Wann {said['verb']} {_named(said)} geöffnet?"
        elif said := _LIES.match(sentence):
            verb, _, itself = said["verb"].partition(" ")
            yield " ".join(filter(None, ["Wo", verb, itself, _named(said)])) + "?"


def _named(said: re.Match[str]) -> str:
    first, _, rest = said["subject"].partition(" ")
    is_small = re.fullmatch(r"Der|Die|Das|Eine?|Jede[rs]?|Alle", first)
    return f"{first.lower()} {rest}" if is_small else said["subject"]
