"""Questions that a section answers, as people ask them in English: rules over its heading and its first sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatsite.asking.sections import Section
from retrieval.text.stems import stem

_ASKED = re.compile(
    r"(?:what|which|where|when|why|how|who)(?: else)? "
    r"(?:is|are|do|does|did|can|could|may|must|should|will|has|have|was|were) .+"
    r"|who (?:gets|pays|needs|decides|owns|uses|sees|reads|asks|answers) .+",
    re.IGNORECASE,
)
_HOW_TO = re.compile(r"how (?:to|(?:do|can) (?:i|you|we)) (?P<rest>.+)", re.IGNORECASE)
_WHAT_TO_DO = re.compile(r"what to do (?P<rest>(?:if|when|after|before|in case) .+)", re.IGNORECASE)
_WHEN_TO = re.compile(r"(?P<word>when|where) to (?P<rest>.+)", re.IGNORECASE)
_DIFFERENCE = re.compile(r"(?P<one>[^,]+?) (?:vs\.?|versus) (?P<other>[^,]+)", re.IGNORECASE)
_WHAT_HAPPENS = re.compile(r"(?:without|if|when|while) \w+ .*\w", re.IGNORECASE)
_INDIRECT = re.compile(  # "what a search can be narrowed to"
    r"(?P<word>what|how|where|when|why|which \w+) (?P<subject>(?!else)(?:\w+ ){0,3}?\w+) "
    r"(?P<verb>is|are|can|could|may|must|should|will|was|were|has|have) (?P<rest>.+)",
    re.IGNORECASE,
)
_INDIRECT_DOES = re.compile(
    r"(?P<word>what|how|where|when|why) (?P<subject>(?:an?|the|your|each|every) \w+) "
    r"(?P<verb>[a-z]+[^s]s)(?P<rest>| .+)",
    re.IGNORECASE,
)
_INDIRECT_DO = re.compile(
    r"(?P<word>what|how|where|when|why) (?P<subject>[a-z]+s) (?P<verb>work|come|go|look|need|do|get|mean|happen|cost)"
    r"(?P<rest>| .+)",
    re.IGNORECASE,
)
_OTHER_QUESTION = re.compile(r"(?:what|which|where|when|why|how|who|whose|whether|if)\b", re.IGNORECASE)
_GERUND = re.compile(r"[A-Za-z]{2,}ing")
_ACTION_OF = re.compile(r"(?:the )?(?P<action>\w+) of (?P<rest>(?:the|a|an|your) .+)", re.IGNORECASE)
_SILENT_E = re.compile(  # verbs that lose an e in front of -ing: of one short syllable, or with one of these ends
    r"[^aeiouy]*[aiouy][bdgklmnprstz]"
    r"|.*(?:[cvzu]|[^s]s|[bdgkptfz]l|[rd]g|ang|[^aeo]ir|ur|par|stor|plor|nor|[^eo]at|creat|[^o]ut|vit|writ|[^o]id|ud|cod"
    r"|[^eo]ad|[fbml]in|nam|tim|sum|[mtw]ak|vok|[hc]ap|[bpf]il|dul|rib)"
)
_PART_OF = re.compile(r"(?P<the>the )?(?P<noun>[a-z]+) of (?P<rest>(?:the|an?|your) .+)", re.IGNORECASE)
_ME = {"your": "my", "yourself": "myself", "yours": "mine", "you": "I"}
_SUBJECT = r"(?P<subject>(?:The|A|An|Your|Our|Each|Every|All) (?:[\w'’-]+ ){0,3}[\w'’-]+|[A-Z][\w'’-]+)"

# What a gerund is followed by where it is no part of a noun, as in "opening hours".
_LEADS_ON = frozenset(
    """a an the your my our its their this that these those all any both each every several some more another new up
    down in out on off with without from to for by at into onto over between via through back about as it them and or
    what how which who when where multiple many one two""".split()
)
_NO_VERBS = frozenset(
    """during nothing something anything everything morning evening according regarding concerning string thing king
    ring spring wing ceiling""".split()
)
_ARTICLES = frozenset("a an the your my our its their up down out off all any".split())
_OFTEN_NOUNS = frozenset(
    """opening building operating training mailing parking boarding meeting working living existing remaining following
    missing pending billing shipping housing warning beginning closing waiting being landing recurring ongoing
    outstanding leading binding heating cooling lighting filing pricing marketing engineering accounting
    fencing flooring funding hearing wedding painting drawing saving savings offering rating finding findings setting
    settings understanding amazing interesting increasing growing swimming planning catering clothing
    advertising banking nursing dining sleeping bearing""".split()
)
_POINTING = frozenset("it its them this that these those here there one others".split())
_VERBS = frozenset(
    """add adjust allow apply assemble assign attach back begin book build calculate calibrate cancel change check
    choose clean close collect compare configure confirm connect contact convert copy create customize define delete
    deploy detect disable disconnect download drain edit embed enable enter export extend fill find fix follow format
    get give handle identify import improve insert inspect install invite join keep launch learn limit list load log
    lower maintain make manage measure migrate monitor mount move open operate order pack pair pay perform place plan
    plug prepare prevent print protect publish put read receive recover reduce register reinstall remove rename renew
    repair replace report request reset resolve restart restore restrict return review rotate run save schedule search
    secure select send set share ship show sign start stop store submit switch tighten transfer translate turn
    uninstall unlock unpack update upgrade upload use validate verify view wash watch withdraw work write""".split()
)
_ALSO_NOUNS = frozenset(
    """back book change check contact copy design fix format handle import export limit list load log order pack pair
    pay place plan plug print report request reset return review run search set share ship show sign start stop store
    switch transfer turn update upgrade upload download use view watch work clean open close lower secure read fill
    build find follow repair display save""".split()
)
_ACTIONS = {
    "installation": "install", "configuration": "configure", "registration": "register", "maintenance": "maintain",
    "assembly": "assemble", "disposal": "dispose of", "storage": "store", "replacement": "replace",
    "activation": "activate", "deactivation": "deactivate", "removal": "remove", "setup": "set up",
    "upgrade": "upgrade", "update": "update", "calibration": "calibrate", "repair": "repair", "deployment": "deploy",
    "uninstallation": "uninstall", "cancellation": "cancel", "renewal": "renew", "restoration": "restore",
    "backup": "back up", "adjustment": "adjust", "inspection": "inspect", "cleaning": "clean", "mounting": "mount",
    "migration": "migrate", "creation": "create", "deletion": "delete", "submission": "submit",
    "preparation": "prepare",
}  # fmt: skip
_NOUNS = re.compile(r"[A-Za-z' -]+")
_ATTRIBUTES = frozenset(
    """hours fees prices costs rates charges requirements prerequisites limits limitations restrictions conditions terms
    benefits advantages disadvantages risks ingredients symptoms effects causes consequences features options rules
    rights duties responsibilities obligations dimensions specifications deadlines dates times steps goals objectives
    penalties exceptions exclusions differences phases stages components criteria measures results recommendations
    complications contraindications properties reasons principles formats types kinds modes states roles plans levels
    categories variants""".split()
)
_MEASURED = frozenset(
    """time period price fee cost rate limit capacity size weight height width length temperature pressure voltage
    address deadline number purpose difference duration range speed procedure policy frequency distance age amount
    budget salary warranty guarantee diameter depth power interval dose dosage dress code format version port
    password default""".split()
)
_COSTS = re.compile(rf"{_SUBJECT} (?P<verb>costs?) (?:about |only |around |up to )?[$€£]?\d")
_TAKES = re.compile(rf"{_SUBJECT} (?P<verb>takes?|lasts?) [\w ]{{0,20}}?(?:\d+|an?|one|two|three|four|five|ten) "
                    r"(?:second|minute|hour|day|week|month|year)s?\b")  # fmt: skip
_OFTEN = re.compile(rf"{_SUBJECT} (?P<verb>is|are|must be|should be|needs to be|has to be) (?P<done>\w+(?:ed|en|t)) "
                    r"(?:every|once|twice|daily|weekly|monthly|yearly|annually)\b")  # fmt: skip
_LIES = re.compile(rf"{_SUBJECT} (?P<verb>is|are) (?P<done>located|kept|stored|found|held|situated)? ?"
                   r"(?:in|at|on|under|behind|above|below|beside|near|next to) (?:the|a|an|[A-Z])")  # fmt: skip
_OPENS = re.compile(rf"{_SUBJECT} (?P<verb>is|are) open (?:from|on|daily|every|between|until|Monday)")


def english_questions(section: Section) -> Iterator[str]:
    """Yield questions, the one most like the heading first."""
    yield from _of_heading(section)
    yield from _of_sentences(section)


def _of_heading(section: Section) -> Iterator[str]:
    title = section.title
    if not _POINTING.isdisjoint(title.lower().strip("?").split()):
        return
    if title.endswith("?"):
        yield title
    elif _ASKED.fullmatch(title):
        yield f"{title[0].upper()}{title[1:]}?"
    elif how := _HOW_TO.fullmatch(title):
        yield _how(how["rest"], section)
    elif asked := _what_or_when(section) or _indirect(section) or _doing(section):
        yield asked
    elif not _OTHER_QUESTION.match(title):
        yield from _of_nouns(section)


def _what_or_when(section: Section) -> str:
    title = section.title
    if what := _WHAT_TO_DO.fullmatch(title):
        return f"What should I do {_as_mine(what['rest'])}?"
    if when := _WHEN_TO.fullmatch(title):
        return f"{when['word'].capitalize()} should I {_as_mine(when['rest'])}?"
    if (between := _DIFFERENCE.fullmatch(title)) and len(title.split()) <= 8:
        return f"What is the difference between {between['one']} and {between['other']}?"
    if _WHAT_HAPPENS.fullmatch(title):
        first = section.sentences[0].split()[0].lower() if section.sentences else ""
        asked = "What should I do" if first in _VERBS else "What happens"
        return f"{asked} {title[0].lower()}{_as_mine(title[1:])}?"
    return ""


def _indirect(section: Section) -> str:
    """Turn a heading like "What a host needs" into its question."""
    title = section.title
    if asked := _INDIRECT.fullmatch(title):
        verb, end = asked["verb"].lower(), f" {asked['rest']}"
    elif asked := _INDIRECT_DOES.fullmatch(title):
        verb, end = "does", f" {_plural(asked['verb'])}{asked['rest']}"
    elif asked := _INDIRECT_DO.fullmatch(title):
        verb, end = "do", f" {asked['verb']}{asked['rest']}"
    else:
        return ""
    return f"{asked['word'].capitalize()} {verb} {_as_mine(_in_text(asked['subject'], section) + end)}?"


def _plural(verb: str) -> str:
    """Return a verb without the ending of the third person: needs, passes, applies."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    return verb[:-2] if re.search(r"(?:ss|sh|ch|x|z|o)es\Z", verb) else verb[:-1]


def _how(rest: str, section: Section) -> str:
    return f"How do I {_as_mine(_in_text(rest, section))}?"


def _as_mine(words: str) -> str:
    """Return what a text tells its reader as that reader says it."""
    return " ".join(_ME.get(word, word) for word in words.split())


def _in_text(words: str, section: Section) -> str:
    """Return words of a heading as they are written inside a sentence: in lower case, unless the text knows them as
    names or abbreviations."""
    return " ".join(_lower(word, section) for word in words.split())


def _lower(word: str, section: Section) -> str:
    capital = word[:1].isupper() and word[1:].islower()
    return word.lower() if capital and (word.lower() in section.vocabulary or word.lower() in _LEADS_ON) else word


# ---- what is done ----------------------------------------------------------------------------------------------------
def _doing(section: Section) -> str:
    """Ask about a heading that says what is done: "Changing the filter", "Change the filter"; nothing for others."""
    first, *rest = section.title.split()
    following = rest[0].lower() if rest else ""
    if _is_gerund(first, following, section):
        done = [_base(word, section) if _is_joined(rest, at) else word for at, word in enumerate(rest)]
        is_whole = not _is_joined(rest, len(rest) - 1)  # "replacing and deleting": of what?
        return _how(" ".join([_base(first, section), *done]), section) if is_whole else ""
    verb = first.lower() if first[1:].islower() else ""
    clear = following in _LEADS_ON or (verb not in _ALSO_NOUNS and rest)
    return _how(" ".join([verb, *rest]), section) if verb in _VERBS and clear else ""


def _is_gerund(word: str, following: str, section: Section) -> bool:
    if not _GERUND.fullmatch(word) or word.lower() in _NO_VERBS or not following:
        return False
    if word.lower() in _OFTEN_NOUNS:
        return following in _ARTICLES
    return following in _LEADS_ON or _base_in_text(word, section) != "" or _spelt_base(word) in _VERBS


def _is_joined(rest: list[str], at: int) -> bool:
    """Return whether the word at `at` is a further gerund: "(installing) and using"."""
    return at > 0 and rest[at - 1] in {"and", "or", "&"} and _GERUND.fullmatch(rest[at]) is not None


def _base(gerund: str, section: Section) -> str:
    return _base_in_text(gerund, section) or _spelt_base(gerund)


def _base_in_text(gerund: str, section: Section) -> str:
    """Return the verb of a gerund as the text below uses it; empty where it doesn't."""
    wanted = stem(gerund.lower(), language="en")
    spelt = _spelt_base(gerund)
    forms = {word.lower() for word in section.vocabulary if stem(word.lower(), language="en") == wanted}
    bases = [form for form in forms if form in {spelt, gerund.lower()[:-3], f"{gerund.lower()[:-3]}e"}]
    return min(bases, key=lambda form: (form != spelt, form), default="")


def _spelt_base(gerund: str) -> str:
    """Return the verb of a gerund by how English spells it: changing, running, editing, making."""
    root = gerund.lower()[:-3]
    if root in _VERBS or f"{root}e" in _VERBS:
        return root if root in _VERBS else f"{root}e"
    if len(root) > 2 and root[-1] == root[-2] and root[-1] not in "lsfz":
        return root[:-1]
    return f"{root}e" if _SILENT_E.fullmatch(root) else root


# ---- what things are ------------------------------------------------------------------------------------------------
def _of_nouns(section: Section) -> Iterator[str]:
    title = section.title
    words = title.split()
    last = words[-1].lower()
    if (action := _ACTION_OF.fullmatch(title)) and action["action"].lower() in _ACTIONS:
        yield _how(f"{_ACTIONS[action['action'].lower()]} {action['rest']}", section)
    elif (part := _PART_OF.fullmatch(title)) and (part["the"] or part["noun"].endswith("s")):
        verb = "are" if re.search(r"[^siu]s\Z", part["noun"]) else "is"
        yield f"What {verb} the {part['noun'].lower()} of {_as_mine(part['rest'])}?"
    elif last in _ACTIONS and len(words) <= 3:
        yield from _of_action(_ACTIONS[last], " ".join(words[:-1]) or _thing(section.document_title), section)
        if len(words) == 1:
            yield f"How does the {last} work?"
    if defined := _definition(section):
        yield defined
    elif len(words) <= 4 and _NOUNS.fullmatch(title) and _LEADS_ON.isdisjoint(title.lower().split()):
        name = _in_text(title, section)
        name = f"{name[0].lower()}{name[1:]}" if words[0][1:].islower() and _common(words[0], section) else name
        if last in _ATTRIBUTES:
            yield f"What are the {name}?"
        elif last in _MEASURED and len(words) > 1:
            yield f"What is the {name}?"


def _common(word: str, section: Section) -> bool:
    """Return whether a word has its capital from beginning a heading: inside a sentence the text writes it without."""
    inside = {part for sentence in section.sentences for part in sentence.split()[1:]}
    return word not in inside or word.lower() in section.vocabulary


def _of_action(verb: str, thing: str, section: Section) -> Iterator[str]:
    """Ask how a thing is installed, replaced or the like; the text says whether it has an article."""
    thing = _in_text(thing.removeprefix("The ").removeprefix("the "), section)
    text = section.body.casefold()
    if thing and f"the {thing.casefold()}" in text:
        yield f"How do I {verb} the {thing[0].lower() + thing[1:] if thing[1:].islower() else thing}?"
    elif thing and thing in section.body and thing[0].isupper():
        yield f"How do I {verb} {thing}?"


_KINDS = re.compile(
    r"\s*\b(?:user(?:'s)? (?:manual|guide)|manual|guide|handbook|documentation|docs|instructions|readme|reference)\b.*",
    re.IGNORECASE,
)


def _thing(document_title: str) -> str:
    """Return what a document is about, by its title: "Pump manual" is about the pump. Empty where the title names no
    kind of document, or the rest of it is long."""
    thing = _KINDS.sub("", document_title)
    return thing if thing != document_title and 0 < len(thing.split()) <= 3 else ""


def _definition(section: Section) -> str:
    """Ask what a thing is whose first sentence says so."""
    if not section.sentences:
        return ""
    title = re.escape(section.title)
    what = rf"(?P<what>(?:(?:The|A|An) )?{title}s?(?: \([^)]*\))?)"
    is_that = r"(?P<verb>is|are) (?:an?|the|one of|any|what|how|used|where|when)\b"
    said = re.match(f"{what} {is_that}", section.sentences[0], re.IGNORECASE)
    if not said:
        return ""
    defined = re.sub(r" \([^)]*\)", "", said["what"])
    return f"What {said['verb']} {_beginning(defined, section)}?"


# ---- what the first sentences say -----------------------------------------------------------------------------------
def _of_sentences(section: Section) -> Iterator[str]:
    for sentence in section.sentences:
        if said := _COSTS.match(sentence):
            yield f"How much {_do(said['verb'])} {_named(said, section)} cost?"
        elif said := _TAKES.match(sentence):
            yield f"How long {_do(said['verb'])} {_named(said, section)} {said['verb'].rstrip('s')}?"
        elif said := _OFTEN.match(sentence):
            verb, _, more = said["verb"].partition(" ")
            does = {"needs": "does", "has": "does"}.get(verb, verb)
            more = f"{'need' if verb == 'needs' else 'have'} {more}" if does == "does" else more
            yield " ".join(filter(None, ["How often", does, _named(said, section), more, f"{said['done']}?"]))
        elif said := _OPENS.match(sentence):
            yield f"When {said['verb']} {_named(said, section)} open?"
        elif said := _LIES.match(sentence):
            yield " ".join(filter(None, ["Where", said["verb"], _named(said, section), said["done"]])) + "?"


def _do(verb: str) -> str:
    return "does" if verb.endswith("s") else "do"


def _named(said: re.Match[str], section: Section) -> str:
    return _as_mine(_beginning(said["subject"], section))


def _beginning(words: str, section: Section) -> str:
    """Return words that begin a sentence as they stand inside one."""
    first, _, rest = words.partition(" ")
    small = first.lower() in _LEADS_ON or (first[1:].islower() and _common(first, section))
    return f"{first.lower()} {rest}".strip() if small else words
