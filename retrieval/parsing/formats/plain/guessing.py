"""Which encoding bytes are in that say nothing of it: the one in which they make words of a language."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise

from retrieval.parsing.formats.plain.signs import holds_only_signs
from retrieval.text.stopwords import STOP_WORDS

_SAMPLE = 12_000  # bytes, of the lines that hold more than ASCII
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(r"[^\W\d_¹²³¼½¾]+")

_WESTERN = ("cp1252", "mac-roman", "cp850", "cp437")
_CENTRAL = ("cp1250", "iso8859-2", "cp852")
_CYRILLIC = ("cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp866", "mac-cyrillic")
_GREEK = ("cp1253", "iso8859-7", "cp737")

# The letters of each language beyond a to z, the frequent ones first, and the encodings that it is written in.
_LANGUAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "de": ("üäöß", _WESTERN),
    "fr": ("éèàêçôùîâûïœëæ", _WESTERN),
    "es": ("óíáéñúü", _WESTERN),
    "pt": ("ãçáéõíóêúâôà", _WESTERN),
    "it": ("èàòùéì", _WESTERN),
    "nl": ("ëéïèóöü", _WESTERN),
    "sv": ("äöåé", _WESTERN),
    "da": ("åøæé", _WESTERN),
    "no": ("åøæéòô", _WESTERN),
    "fi": ("äöå", _WESTERN),
    "ca": ("àéèíóòçúïü", _WESTERN),
    "is": ("íáðéóöúþæý", _WESTERN),
    "en": ("éèïçö", _WESTERN),
    "pl": ("ąęłóśżćńź", _CENTRAL),
    "cs": ("íáéěřčšžýůúťďňó", _CENTRAL),
    "sk": ("áéíýčžšúťľôäňďóŕĺ", _CENTRAL),
    "hu": ("áéőöóíüúű", _CENTRAL),
    "sl": ("čšžćđ", _CENTRAL),
    "ro": ("ăîâşţșț", (*_CENTRAL, "iso8859-16")),
    "tr": ("ıüşğçöâî", ("cp1254", "cp857", "mac-turkish")),
    "lt": ("ėšįžųčūąę", ("cp1257", "iso8859-13")),
    "lv": ("āīēšņūļķģčž", ("cp1257", "iso8859-13")),
    "et": ("äõüöšž", ("cp1257", "cp1252")),
    "vi": ("đươăâêôàáãéèíìóòõúùý\u0300\u0301\u0303\u0309\u0323", ("cp1258",)),
    "ru": ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", _CYRILLIC),
    "uk": ("оанивірелтксдумпьзягйбчхцжшщюєїфґ", _CYRILLIC),
    "bg": ("аиоентрсвлкдпмзгбуъяйцчжщшхфюь", _CYRILLIC),
    "sr": ("аоиенрстјвукдмлпгзбчцшћжњљхфђџ", _CYRILLIC),
    "el": ("αοιετσνηυρπκμλςωδγχθφβξζψάέήίόύώϊϋΐΰ", _GREEK),
    "he": ("יוהלאתרמבשנעדקפחצגטזסכםןךףץ", ("cp1255",)),
    "ar": ("ايلمونتربةعدسفهكحقجشصطخذىضثزأغءظإآئؤ", ("cp1256", "iso8859-6")),
    "fa": ("اینرهدتمسوبشکزگفخلعقپچجصحطآضغظثذژئ", ("cp1256",)),
    "th": ("านรอกเงมยลว่ทตสปด้คบีัชิจพุขผใำไหะแถึ์ูื็ธโญซฝ๊๋ณศษฟภฐฎฏฑฒฉฆฌฤฯๆฮ", ("cp874",)),
}
_SIGNS = frozenset("’‘‚“”„«»‹›–—…•€£¥§°©®™²³¹½¼¾·×±µ¡¿´ªº№¢¶†‡‰\u00a0\u2011\u00ad،؟؛")
_BETWEEN_LETTERS = frozenset("’·\u2011\u00ad")
_MONEY = frozenset("€£")
_MIXED = re.compile(r"[a-zA-Z][\u0370-\u1cff]|[\u0370-\u1cff][a-zA-Z]")  # two alphabets in one word
_TWO_CAPITALS = re.compile(r"[A-Z][À-ÖØ-Þ]")
_STRANGE_NEIGHBOURS = re.compile(r"[a-z][\u3400-\u9fff\uac00-\ud7a3]")
_ASCII_WORD = re.compile(r"[A-Za-z]{2,}")
_FEW = 2  # characters of an Eastern encoding, among words of ASCII
_BOXES = re.compile(r"[\u2500-\u259f]")

# Each with the lead bytes of the characters that its standard has in front as the frequent ones.
_EASTERN = {
    "cp932": (0x88, 0x97),
    "euc_jp": (0xB0, 0xCF),
    "gb18030": (0xB0, 0xD7),
    "big5hkscs": (0xA4, 0xC6),
    "cp949": (0xB0, 0xC8),
}
_FREQUENT = {
    "gb18030": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里",
    "big5hkscs": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡",
}
_EASTERN_SIGNS = frozenset("、。，．：；！？「」『』（）【】《》〈〉“”‘’・ー～〜―…　①②③④⑤％")


def guess_encoding(content: bytes) -> str:
    """Return the name of Python's codec whose text of `content` looks most like a language: Latin, Greek, Cyrillic,
    Hebrew, Arabic and Thai code pages, and those of Japanese, Chinese and Korean."""
    sample = _telling_lines(content)
    if holds_only_signs(sample):
        return "cp1252"
    scores = {name: _eastern_score(sample, name) for name in _EASTERN}
    for name, languages in _languages_of().items():
        text = _strictly(sample, name)
        scores[name] = _best_language_score(text, languages) if text is not None else float("-inf")
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > scores["cp1252"] else "cp1252"


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Return the languages of each encoding; of equally good ones the first is taken."""
    found: dict[str, list[str]] = {"cp1252": []}
    for language, (_letters, names) in _LANGUAGES.items():
        for name in names:
            found.setdefault(name, []).append(language)
    return {name: tuple(languages) for name, languages in found.items()}


def _telling_lines(content: bytes) -> bytes:
    """Return lines with more than ASCII, up to _SAMPLE bytes: of long ones what stands around those bytes."""
    parts: list[bytes] = []
    length, at = 0, 0
    while length < _SAMPLE and (found := _BEYOND_ASCII.search(content, at)):
        start = max(content.rfind(b"\n", max(found.start() - 200, at), found.start()) + 1, at)
        start = start if start > found.start() - 200 else max(found.start() - 200, at)
        end = content.find(b"\n", found.end(), found.end() + 2_000)
        end = end if end >= 0 else _ascii_end(content, found.end() + 1_000)
        parts.append(content[start:end])
        length += end - start
        at = end
    return b"\n".join(parts)


def _ascii_end(content: bytes, at: int) -> int:
    """Return the next place from `at` where a character of two bytes can't be cut."""
    for end in range(at, min(at + 500, len(content))):
        if content[end] < 0x30 and content[end - 1] < 0x80:
            return end
    return min(at + 500, len(content))


def _strictly(sample: bytes, name: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return None if name != "cp1252" else sample.decode(name, errors="replace")


def _best_language_score(text: str, languages: tuple[str, ...]) -> float:
    words = Counter(_WORD.findall(text))
    signs = _sign_score(text)
    return signs + max(_language_score(words, language) for language in languages)


def _language_score(words: Counter[str], language: str) -> float:
    """Return a sum over the letters beyond ASCII: up to 1 for one that is frequent in the language, less than nothing
    for one that isn't of it, or that stands in capitals inside a word."""
    letters = _LANGUAGES[language][0]
    small = STOP_WORDS.get(language, frozenset())
    weight = {letter: 1 - 0.7 * rank / len(letters) for rank, letter in enumerate(letters)}
    score = 0.0
    for word, count in words.items():
        lower = word.lower().replace("i\u0307", "i")
        if word.isascii():
            score += 0.02 * count * (lower in small)
            continue
        beyond = [letter for letter in lower if letter > "\x7f"]
        value = sum(weight.get(letter, -1.5) for letter in beyond)
        value -= 2 * sum(1 for before, letter in pairwise(word) if _turns_capital(before, letter))
        value -= _MIXED.search(word) is not None or (not word.isupper() and _TWO_CAPITALS.search(word) is not None)
        score += count * (value + 1.5 * (lower in small) if len(word) > 1 else min(value, 0.3))
    return score


def _turns_capital(before: str, letter: str) -> bool:
    return before.islower() and letter.isupper() and (before > "\x7f" or letter > "\x7f")


def _sign_score(text: str) -> float:
    """Return a sum over what is no letter: a little for signs that texts hold, where they hold them."""
    score = 0.0
    boxes = len(_BOXES.findall(text))
    for found in re.finditer(r"[^\x00-\x7f\w]|[¹²³¼½¾]", text):
        sign, at = found[0], found.start()
        inside = text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha()
        if (inside and sign in _BETWEEN_LETTERS) or (not inside and sign in _MONEY):
            score += 1
        elif unicodedata.category(sign) in {"Mn", "Mc"} or (sign in _SIGNS and (not inside or sign in "–—…")):
            score += 0.3
        elif _BOXES.match(sign):
            score += 0.1 if boxes > 20 and not inside else -1.5
        else:
            score -= 4 if sign < "\xa0" or sign == "\ufffd" else 1.5
    beyond = [character for character in text if character > "\x7f" and character not in _SIGNS]
    digits = sum(1 for character in beyond if not character.isalpha() and character.isalnum())
    return score - 0.5 * digits


def _eastern_score(sample: bytes, name: str) -> float:
    """Return a sum over the characters of two bytes: for each byte up to 1, as for the letters of other languages."""
    text = _strictly(sample, name)
    if text is None:
        return float("-inf")
    counts = Counter(character for character in text if character > "\x7f")
    score = sum(count * 2 * _eastern_weight(character, name) for character, count in counts.items())
    score -= 2 * len(_STRANGE_NEIGHBOURS.findall(text))
    beyond = sum(counts.values())
    if beyond <= _FEW and len(_ASCII_WORD.findall(text)) >= beyond:
        score -= 2
    kana = sum(count for character, count in counts.items() if "\u3040" <= character < "\u30fb")
    has_kana = kana > sum(counts.values()) // 20
    return score * 0.5 if name in {"cp932", "euc_jp"} and not has_kana else score


def _eastern_weight(character: str, name: str) -> float:
    first, last = _EASTERN[name]
    encoded = character.encode(name, errors="replace")
    lead = encoded[0]
    if character in _EASTERN_SIGNS or character in _FREQUENT.get(name, ""):
        return 1.0
    if "\u3040" <= character < "\u30fb":
        return 1.0 if name in {"cp932", "euc_jp"} else -0.5
    if "\uff61" <= character < "\uffa0" or not ("\u3400" <= character < "\ua000" or "\uac00" <= character < "\ud7a4"):
        return -0.3
    if name in {"cp949", "gb18030"} and encoded[1] < 0xA1:  # rare ones, which were added to the standard
        return -0.3
    if first <= lead <= last:
        return 0.95 if name == "cp949" else 0.8
    return -0.3
