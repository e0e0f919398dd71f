"""Where the sentences of a text begin and end: the one place that decides it, for chunks, quotes and citations.

Rules and lists, of the languages that the site speaks and of those it meets most. A text is not asked for its language,
for it often holds two; docs/decisions/014 says why no library does it. In linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.text.blocks import BlockKind, TextBlock, blocks
from retrieval.text.words import MARKS, is_unspaced

Span = tuple[int, int]

_WHOLE = frozenset(
    {BlockKind.HEADING, BlockKind.ROW, BlockKind.CODE, BlockKind.FENCE}
)  # each is one sentence, whatever stands in it
_LOOK_BACK = 40  # characters in front of a full stop

_CLOSING = r"""["'”’“»«›‹)\]}*_`」』）】》〉]*(?:\[\d{1,3}\])*"""  # quotes, brackets, emphasis, numbers of sources
_ALWAYS = "。！？｡．।॥۔؟።፧။។៕"  # end a sentence, whatever follows
_END = re.compile(rf"(?P<mark>[.!?…{_ALWAYS}][.!?…{_ALWAYS}]*){_CLOSING}")  # one, then more: searched twice as fast
_NEXT = re.compile(rf"""\s+(?P<opening>["'“”„‘’‚«»‹›(\[{{*_`¿¡–— -]{{0,8}})(?P<word>[\w{MARKS}]{{1,30}}\.?|\S)?""")
_CHAIN = re.compile(r"(?<!\w)(?:[^\W\d_]{1,2}\.[ \t\n\xa0\u202f]?)+[^\W\d_]{1,4}\Z")  # z. B, U.S, i. d. R, Ph.D
_LETTER = re.compile(r"[^\W\d_]")
_CHAIN_LAST = 4
_LETTERS = re.compile(rf"(?<![\w{MARKS}])[^\W\d_][\w{MARKS}]*\Z")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}\Z")
_DAY_AND_MONTH = re.compile(r"(?<!\d)\d{1,2}\.\s?\d{1,2}\Z")
_MEASURED = re.compile(r"\d\s?[a-zäöüµ]{1,3}\Z")  # 5 m, 10 min
_LED_IN = re.compile(r"(?:\A|[^\w])(\w{2,6})\s+\d{1,3}\Z")
_COUNTED = re.compile(r"[A-Z]?\d|[IVXLC]+\b|[A-Z]\b")  # what an abbreviation counts: 12, S1, IV, A

# What always leads on to something, so that no sentence ends with it.
_LEADING = frozenset(
    """akad approx bspw bzw ca capt cf cmdr col cpl dhr dipl dott dr drs engl env esp evtl excl exkl frau frl gen ggf
    griech hon hr hrn incl ing inkl insb insbes lt mag maj messrs mevr mlle mme mr mrs ms mx phil pres prof resp rev
    sen sgt sog sr sra srta supt vgl viz vs zzgl bijv dir gov rep пл проф акад им см ул डॉ पं प्रो
    c.f d.h d.w.z e.g h.c i.a i.d.r i.e i.v m.e o.g o.ä p.ej p.ex s.o s.u u.u v.a z.b z.t z.zt т.е""".split()
)
# What leads on to a number or a letter, and may end a sentence before anything else: "p. 12", but "No. It is shut."
_COUNTING = frozenset(
    """abb abs anh anl anm art arts bd bde bl blz cap ch chap eq eqs fax fig figs hs kap lfd lib no nos nr nrn op par
    para pg pos pp pt ref refs rn rz sec sect str tab tel tz ver vol vols ziff рис стр гл табл
    jan feb mar mär apr jun jul aug sep sept oct okt nov dec dez""".split()
)
# What may end a sentence, and then a word follows that sentences begin with: "Acme Inc. Paris", "Acme Inc. The".
_OPEN = frozenset(
    """al allg assn ave bhf blvd bros co corp dept einschl esq est fa ft geb gem gest hbf hrsg inc intl jh jr llc ltd
    mio mrd mt mind natl plc rd st std tsd univ verh aufl ing min max""".split()
)
_CLOSING_CHAINS = frozenset({"a.m", "p.m", "u.s.w", "u.v.m", "u.v.a"})  # before a capital, a sentence ends with them
_NAMES_WITH_MARKS = frozenset({"yahoo", "jeopardy"})
_MONTHS = frozenset(
    """januar jänner februar feber märz april mai juni juli august september oktober november dezember
    jan feb mär apr jun jul aug sep sept okt nov dez""".split()
)
_BEFORE_ORDINALS = frozenset(  # in German, where "3." is "third"
    """ab am an auf beim bis das dem den der des die diesem dieser ein eine einem einen einer eines etwa im ins jede
    jedem jeden jeder jedes mein seit sein seine seinem seinen seiner ihr ihre ihrem ihren ihrer unser vom vor zum zur
    zwischen und""".split()
)
_BEGINNING = frozenset(
    """a after all also although an and any as at because before both but by did do does during each every few for from
    he her here his how however i if in it its many more most my no nobody not nothing now of on once one only or other
    our she since so some such that the their then there therefore these they this those though thus to today two under
    until we what when where whether which while who why with you your yet
    aber alle allerdings als am an auch auf aus außerdem bei beide beim bis da dabei dafür daher damit danach dann darum
    das dass davon dazu dem den denn der des deshalb die dies diese diesem diesen dieser dieses doch dort du durch ein
    eine einem einen einer er erst es für heute hier ich ihr ihre im in ist jede jeder jedes jedoch jetzt kein keine man
    mit nach nicht nun nur ob oder ohne seine seit sie sind so solche über um und unter viele vom von vor wann warum was
    weil wenn wer wie wir wird wo zu zum zur zwar
    elle elles il ils le la les cette ces ce dans mais nous vous une un el los las una este esta pero""".split()
)


def sentence_spans(text: str) -> list[Span]:
    """Return where the sentences of `text` begin and end: `text[start:end]`, in order, without white space around
    them. A heading, a table row and a line of code are a sentence each; a list item's mark belongs to its first one."""
    return [span for block in blocks(text) for span in spans_of(text, block)]


def spans_of(text: str, block: TextBlock, *, start: int | None = None) -> list[Span]:
    """Return the sentences of a block of `text`, from its beginning or from character `start` in it."""
    start = block.start if start is None else start
    if block.kind in _WHOLE:
        return [(start, block.end)] if start < block.end else []
    return list(_spans(text, start, block.end))


def _spans(text: str, start: int, end: int) -> Iterator[Span]:
    read, has_words = start, False
    for mark in _END.finditer(text, start, end):
        has_words = has_words or _LETTER.search(text, read, mark.start()) is not None
        read = mark.end()
        if has_words and (mark["mark"][-1] in _ALWAYS or _ends(text, mark, end)):
            yield start, read
            start, has_words = read, False
            while start < end and text[start].isspace():
                start += 1
    if start < end:
        yield start, end


def _ends(text: str, mark: re.Match[str], end: int) -> bool:
    """Return whether a sentence ends with the mark of a script that also writes abbreviations with it."""
    ahead = _NEXT.match(text, mark.end(), end)
    if ahead is None:  # nothing follows, or no space
        return mark.end() == end or (mark["mark"][-1] in "!?" and is_unspaced(text[mark.end()]))
    word = ahead["word"]
    if not word:
        return True
    if word.islower():
        return "`" in ahead["opening"] and not _is_abbreviated(text, mark, word)
    if mark["mark"] == ".":
        return not (_is_abbreviated(text, mark, word) or _is_ordinal(text, mark.start(), word))
    return (
        mark["mark"] != "!"
        or _short_form(text[max(mark.start() - _LOOK_BACK, 0) : mark.start()])[0] not in _NAMES_WITH_MARKS
    )


def _is_abbreviated(text: str, mark: re.Match[str], following: str) -> bool:
    """Return whether the full stop marks an abbreviation that `following` belongs to."""
    before = text[max(mark.start() - _LOOK_BACK, 0) : mark.start()]
    short, chain = _short_form(before)
    if short in _LEADING:
        return True
    if short in _CLOSING_CHAINS or not short or (_MEASURED.search(before, len(before) - 6) and following[-1] != "."):
        return False
    if short in _COUNTING or short.endswith("str"):
        counted = _COUNTED.match(following)
        return counted is not None and (short != "no" or counted[0][-1].isdigit())  # "No. I think it is shut."
    if chain or short in _OPEN or len(short) == 1:
        return following[-1] == "." or following.casefold() not in _BEGINNING
    return False


def _short_form(before: str) -> tuple[str, bool]:
    """Return the word at the end of `before`, folded, and whether it is the last of several that full stops part, which
    it then comes with: "z.b" of "Das ist z. B"."""
    word = _LETTERS.search(before, before.rfind(" ") + 1)
    if word is None:
        return "", False
    if len(word[0]) <= _CHAIN_LAST and "." in before[max(word.start() - 2, 0) : word.start()]:
        chain = _CHAIN.search(before)
        if chain is not None:
            return "".join(chain[0].split()).casefold(), True
    return word[0].casefold(), False


def _is_ordinal(text: str, position: int, following: str) -> bool:
    """Return whether the number in front of the full stop counts `following`, as German writes it: "am 3. Mai"."""
    before = text[max(position - _LOOK_BACK, 0) : position]
    if not _NUMBER.search(before):
        return following[0].isdigit() and _DAY_AND_MONTH.search(before) is not None
    if following[0].isdigit():
        return following[-1] == "." or _DAY_AND_MONTH.search(before) is not None
    led_in = _LED_IN.search(before)
    ordinal = led_in is not None and led_in[1].casefold() in _BEFORE_ORDINALS
    return following.rstrip(".").casefold() in _MONTHS or (ordinal and following.casefold() not in _BEGINNING)
