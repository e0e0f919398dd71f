"""What a message asks: people greet, explain and thank around a question, and a search is only after the question.

Rules and lists, of the languages that the site speaks and of those it meets most; in linear time. Where nothing is
found to ask, the whole message does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from retrieval.text.sentences import sentence_spans
from retrieval.text.stopwords import STOP_WORDS
from retrieval.text.words import fold, words

QUESTIONS_MOST = 4  # of one message; each is a search
_SHORT = 16  # words; a message of so few and of one sentence is the question, whatever stands in it
_TELLING = 3  # words that say something; a question of fewer is asked together with the sentence before it
_APART = 3  # questions in one sentence, each of which is surely one
_WORDY = 25  # words; of a longer sentence only the clauses from the first that asks count
_LONG = 40  # words of a sentence in front of a question; only the end of a longer one is taken along

_MARKS = re.compile(r"[?？؟;՞፧⁇⁈⁉][\s\"'”’»)\]*_]*\Z")
_SHORT_END = re.compile(r"(?<!\w)\w{1,4}\.\Z")
_CLAUSE = re.compile(r"[,;:—–]\s+|\s[-–—]\s|\.{3}\s+|…\s*|\s(?=(?:and|but|so|und|aber|et|mais|y|pero|e|ma)\s)")

# A sentence that begins so asks, also without a question mark.
_OPENING = frozenset(
    """what which who whom whose when where why how is are was were do does did can could may might must should would
    will
    have has shall
    was welche welcher welches welchen welchem wer wem wen wessen wann wo woher wohin warum weshalb wieso wie womit
    wofür
    wodurch wieviel ist sind war waren kann können könnte darf dürfen muss müssen soll sollte gibt hat haben
    que quel quelle quels quelles qui quand où pourquoi comment combien est peut puis faut
    qué cuál cuáles quién quiénes cuándo dónde cómo cuánto cuántos cuánta cuántas puedo puede hay
    che quale quali chi quando dove perché come quanto quanti posso
    o qual quais quem onde por quanto quantos pode
    wat welke wie wanneer waar waarom hoe kan mag moet
    что какой какая какие кто когда где почему зачем как сколько можно""".split()
)
_REQUESTS = frozenset(
    """tell explain describe list show give find compare summarize summarise name define help calculate
    sag sage sagen erkläre erklär erklären beschreibe nenne zeige zeig liste vergleiche fasse hilf
    dis expliquez explique décrivez décris donne donnez montre montrez liste
    dime explica explícame describe enumera muestra
    dimmi spiega descrivi elenca mostra
    vertel leg beschrijf noem toon
    расскажи объясни опиши перечисли покажи""".split()
)
_ASIDE = re.compile(  # somewhere in a sentence, then it asks
    r"\b(?:wonder(?:ing|ed)?|let me know|tell me|(?:can|could) anyone|any idea|question is"
    r"|(?:like|love|want(?:ed)?|need|trying|try|curious|able|help me|figure|find out|know|ask)\b.{0,40}"
    r"\b(?:know|find out|understand|learn|ask|whether|if|what|which|who|when|where|why|how)"
    r"|frage mich|fragte mich|wissen|wüsste|erfahren|verstehen|frage ist|weiß jemand|kann mir jemand"
    r"|voudrais savoir|aimerais savoir|me demande|quisiera saber|me gustaría saber|me pregunto|vorrei sapere)\b",
    re.IGNORECASE,
)
# Said around questions, and about no document.
_FRIENDLY = frozenset(
    """hi hello hey dear good morning afternoon evening day days everyone everybody all team folks guys there sir madam
    hope hoping
    well great lovely nice fine thanks thank thankful appreciate appreciated appreciation grateful advance please
    sorry
    apologies bother bothering busy quick quickly question questions ask asking asked wonder wondering wondered wanted
    want like just really very much help helpful kind kindly regards best wishes cheers greetings look looking forward
    reading hearing hear time weekend week today first new here long story short anyway by way let know tell me if
    possible maybe perhaps someone somebody anyone could would might able trying try find found out answer answers
    reply
    message writing write because curious moment minute enjoy enjoying site website doing you your i am we
    hallo guten morgen tag abend liebe lieber liebes sehr geehrte geehrter damen herren hoffe hoffentlich geht gut
    danke
    vielen dank vorab voraus bitte entschuldigung sorry störung kurze kurz frage fragen fragte gerne gern mal einfach
    hilfe freundliche freundlichen grüße gruß viele liebe schöne schönen woche wochenende zeit mühe wissen würde
    möchte
    bonjour bonsoir salut madame monsieur merci beaucoup avance excusez désolé question savoir voudrais aimerais
    cordialement bonne journée hola buenos días buenas tardes gracias antemano por favor pregunta saber quisiera
    saludos
    ciao buongiorno buonasera grazie anticipo favore domanda sapere vorrei saluti""".split()
)
_GREETINGS = frozenset(
    """hi hello hey dear good greetings thanks thank sorry hallo moin guten danke vielen liebe lieber sehr
    entschuldigung bonjour bonsoir salut merci hola buenos buenas gracias ciao buongiorno buonasera grazie""".split()
)
_ADDRESSED = frozenset("you dir euch ihnen ihr sie vous usted".split())
_LEADS = frozenset(
    """hi hello hey please so and but also now ok okay well or then just
    hallo bitte und aber also nun oder et mais y pero e ma""".split()
)
_RELATIVE = frozenset("which who whom whose where when was wo wer qui que quand où dont cui che donde cuando".split())
_INTERROGATIVE = frozenset(
    """what which who whom whose when where why how was welche welcher welches welchen welchem wer wem wen wann wo woher
    wohin warum weshalb wieso wie womit wofür wieviel quel quelle quels quelles qui quand où pourquoi comment combien
    qué cuál cuáles quién cuándo dónde cómo cuánto cuántos cuántas""".split()
)
_VERBS = frozenset(
    """is are was were do does did can could may might must should would will have has ist sind war waren kann können
    darf dürfen muss müssen soll sollte hat haben wird werden est sont peut es son está hay""".split()
)
_CONDITIONS = frozenset(
    """when if assuming suppose given after before since while once
    wenn falls nachdem bevor seit sobald quand si cuando se""".split()
)
_ARTICLES = frozenset("das dem den die der es il la lo le se".split())
_POINTING = frozenset(
    """it its this that these those they them their he she his her there then one ones such
    es sie er ihn ihm ihr ihre dies diese dieser dieses das dem den davon damit dafür dazu dort deren
    il elle ils elles ça cela celui ello esto eso esta ese lo la esso questo quello""".split()
)
_ONWARD = frozenset(
    "and but or so then also und aber oder also et mais ou alors y pero o entonces e ma en maar".split()
)
_BACKWARD = _POINTING - _ARTICLES | frozenset("there same instead former latter stattdessen gleiche letztere".split())
_ABOUT = re.compile(
    r"\W*(?:(?:what|how) about|what if|was ist mit|wie (?:ist|wäre) es mit|wat met|et pour|y qué)\b", re.I
)
_JOINED = re.compile(
    r"\A(?:(?:and|or|but|und|oder|aber|sowie|et|ou|y|o|e)\s+)+|[,;:–—\s]+\Z|\s+(?:and|und|et|y)\Z", re.I
)
_SMALL = frozenset().union(*STOP_WORDS.values())
ASKING = _OPENING | _REQUESTS | _FRIENDLY | _SMALL
"""The folded words that people ask, greet and thank with, and those that say little."""


def asked_in(message: str) -> list[str]:
    """Return the questions of `message`, in their order, at most QUESTIONS_MOST; the message itself where it is short,
    or where nothing in it asks. One that says little by itself ("How do I reset it?") has the sentence before it."""
    sentences = [message[start:end] for start, end in _question_spans(message)]
    if len(sentences) <= 1 and len(message.split()) <= _SHORT:
        question = _without_greeting(message)
        parts = _apart(_clauses(question))
        return parts if len(parts) > 1 else [question]
    found = list(dict.fromkeys(_questions(sentences)))
    found = [question for question in found if not _is_polite(question)] or found
    if not found:
        found = [" ".join(sentence for sentence in sentences if not _is_friendly(sentence))]
    return [question for question in found[:QUESTIONS_MOST] if question.strip()] or [message]


def asks(message: str) -> bool:
    """Return whether any sentence of `message` asks or requests something."""
    return any(_questions([message[start:end] for start, end in _question_spans(message)]))


def goes_on(question: str) -> bool:
    """Return whether the question seems to follow up another: it begins like "and" or "what about", points at something
    said before, or says next to nothing by itself."""
    said = words(question)
    if not _ONWARD.isdisjoint(said[:1]) or not _BACKWARD.isdisjoint(said) or _ABOUT.match(question):
        return True
    return sum(word not in _SMALL for word in said) < 2


def _question_spans(message: str) -> list[tuple[int, int]]:
    """Return where the sentences of `message` begin and end; a question that an abbreviation seems to end goes on to
    its mark: "Where did Mgr. Smith live?", "Wann wurde Johannes Paul II. Bischof?"."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(message):
        if spans and _is_cut(message[slice(*spans[-1])], message[start:end]):
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _is_cut(question: str, following: str) -> bool:
    """Return whether what seem to be two sentences are one question."""
    return (
        _SHORT_END.search(question) is not None
        and _MARKS.search(following) is not None
        and _begins(question, relative=False)
        and not _begins(following, relative=False)
    )


def _without_greeting(message: str) -> str:
    """Return the message from its first clause on that doesn't greet or thank; all of it where each does."""
    start = 0
    for match in _CLAUSE.finditer(message):
        clause = message[start : match.end()]
        if _GREETINGS.isdisjoint(words(clause)[:1]) or not _is_friendly(clause):
            break
        start = match.end()
    return message[start:] if words(message[start:]) and not _is_friendly(message[start:]) else message


def _questions(sentences: list[str]) -> Iterator[str]:
    before = ""
    marked = any(_MARKS.search(sentence) and not _is_polite(sentence) for sentence in sentences)
    for sentence in sentences:
        clauses = _clauses(sentence)
        if not clauses:
            continue
        asking = _asking(clauses) if len(sentence.split()) > _WORDY else clauses
        asks = _asks(sentence, clauses, marked=marked)
        for told in _apart(asking) if asks else [" ".join(asking)]:
            if asks:
                yield f"{before} {told}".strip() if _needs(told, before) else told
            before = " ".join(told.split()[-_LONG:])


def _apart(clauses: list[str]) -> list[str]:
    """Return a sentence as the questions that it is made of: "How long does it last, and what does support cost?" is
    two. Each says enough to be searched for by itself; of two without a comma, the second often goes on about the first
    ("Who wrote the music for it and what was new about the themes?")."""
    parts: list[list[str]] = []
    for clause in clauses:
        if parts and _is_whole(parts[-1][0], first=len(parts) == 1) and _is_whole(clause):
            parts.append([clause])
        else:
            parts[-1:] = [[*(parts[-1] if parts else ()), clause]]
    if len(parts) < _APART and not (len(parts) == 2 and parts[0][-1].endswith((",", ";")) and _is_joined(parts[1][0])):
        return [" ".join(clauses)]
    return [_JOINED.sub("", " ".join(part)) for part in parts]


def _is_joined(clause: str) -> bool:
    return not _ONWARD.isdisjoint(words(clause)[:1])


def _is_whole(clause: str, *, first: bool = False) -> bool:
    """Return whether a clause is a question of its own, that points at nothing before it. What isn't `first` and begins
    with "which" or "who" is one only with a verb behind that, as questions have it."""
    said = [word for word in words(clause) if word not in _LEADS]
    if not said or said[0] not in _INTERROGATIVE or sum(word not in _SMALL for word in said) < _TELLING - 1:
        return False
    if first or not _BACKWARD.isdisjoint(said):
        return first
    return said[0] not in _RELATIVE or _is_joined(clause) or not _VERBS.isdisjoint(said[1:2])


def _clauses(sentence: str) -> list[str]:
    """Return the parts of a sentence that say more than a greeting does."""
    edges = [0, *(match.end() for match in _CLAUSE.finditer(sentence)), len(sentence)]
    parts = [sentence[start:end].strip() for start, end in pairwise(edges)]
    return [part for part in parts if part and not _is_friendly(part)]


def _asks(sentence: str, clauses: list[str], *, marked: bool) -> bool:
    """Return whether a sentence asks or requests something. Where some of a message are `marked` by a question mark,
    one without tells, unless it says that it asks."""
    if _MARKS.search(sentence) or _ASIDE.search(sentence):
        return True
    if marked:
        return any(word in _REQUESTS for word in [word for word in words(clauses[0]) if word not in _LEADS][:1])
    return any(_begins(clause, relative=place > 0) for place, clause in enumerate(clauses))


def _asking(clauses: list[str]) -> list[str]:
    """Return the clauses from the first that asks on, with the condition in front of it; all where none does."""
    asides = (place for place, clause in enumerate(clauses) if _ASIDE.search(clause))
    openings = (place for place, clause in enumerate(clauses) if _begins(clause, relative=place > 0))
    place = next(asides, next(openings, 0))
    return clauses[place - 1 :] if place and _is_condition(clauses[place - 1]) else clauses[place:]


def _is_condition(clause: str) -> bool:
    return bool(_CONDITIONS.intersection(words(clause)[:2]))


def _begins(clause: str, *, relative: bool) -> bool:
    """Return whether the clause begins with a word that questions or requests begin with; where it may be a `relative`
    clause, not with one that those begin with as well."""
    for word in words(clause)[:4]:
        if word in _OPENING or word in _REQUESTS:
            return not (relative and word in _RELATIVE)
        if word not in _LEADS:
            return False
    return False


def _is_friendly(text: str) -> bool:
    return all(word in _FRIENDLY or word in _SMALL for word in words(text)) and not _MARKS.search(text)


def _is_polite(question: str) -> bool:
    """Return whether it only asks how the reader is, or for help: "How are you all doing today?"."""
    said = words(question)
    return not _ADDRESSED.isdisjoint(said) and all(word in _FRIENDLY or word in _SMALL for word in said)


def _needs(question: str, before: str) -> bool:
    """Return whether the question isn't understood without the sentence `before`: it points there, or says one word
    about what is numbered there ("I have the E200. What is its weight?")."""
    said = [word for word in words(question) if word not in _SMALL and word not in _FRIENDLY]
    points = not _POINTING.isdisjoint(fold(question).split()) or not _POINTING.isdisjoint(words(question))
    numbered = any(map(str.isdigit, before))
    return len(said) < _TELLING if points else len(said) < 1 + numbered
