"""Questions as people write them: the same question with typos, in a message, with another name, or going on."""

from __future__ import annotations

import re
from collections.abc import Set
from random import Random

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ACCENTS = dict(zip("aeioucn", "áéíóüçñ", strict=True))
SYLLABLES = ("zu", "vor", "mel", "tak", "ri", "bex", "qua", "dol", "fen", "ji", "wol", "kir", "sab", "nu", "plo")
_WORD = re.compile(r"[^\W\d_]{4,}")
_NAME = re.compile(r"(?<=[\w,] )[A-Z][a-z]{3,}\b|\b[A-Za-z]*\d[\w.-]*\w\b|\b\d{3,}\b")
_PROPER = re.compile(r"\b[A-Z]\w{2,}(?: [A-Z]\w+)*\b")

CHATTER = """I have been working here for a few months now and so far everyone has been friendly and patient with me.
Yesterday my colleague told me over lunch that the coffee in the new kitchen is much better than the old one was. We also
talked about the weather, the football match on Saturday, and the holidays that his family is planning by the sea. On the
way home the train was late again, so I read a little and listened to some music until it came. My sister called in the
evening because her dog had run away, but he was back before dinner, wet and very happy. This morning I had to wait for
the plumber, who came an hour late and forgot his tools. Anyway, the sun is shining today and I am in a good mood. The
office is quiet, half of the team is travelling, and the phones hardly ring at all. I brought a cake for my birthday, which
nobody has touched so far, so please take a piece when you come by. In the afternoon there will be a small party for a
friend who is leaving for another town, and we have collected some money for a present. I hope that she will like the blue
bicycle that we have chosen together. Now I am sitting at my desk with a cup of tea and looking out of the window at the
old trees, the river behind them and a few children who are playing there with a red ball.""".split()


def spelt_wrong(text: str, share: float, chance: Random) -> str:
    """Return the text with one random edit in that share of its words of four letters or more."""
    return _WORD.sub(lambda word: _edited(word[0], chance) if chance.random() < share else word[0], text)


def _edited(word: str, chance: Random) -> str:
    at, letter = chance.randrange(len(word) - 1), chance.choice(LETTERS)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return chance.choice(
        [swapped, word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]]
    )


def accented(text: str, chance: Random) -> str:
    """Return the text with an accent in half of its longer words."""

    def changed(word: re.Match[str]) -> str:
        places = [at for at, letter in enumerate(word[0]) if letter in ACCENTS]
        if not places or chance.random() < 0.5:
            return word[0]
        at = chance.choice(places)
        return word[0][:at] + ACCENTS[word[0][at]] + word[0][at + 1 :]

    return _WORD.sub(changed, text)


def between(text: str, *, words: int, place: str) -> str:
    """Return the question in front of, within or behind so many words about something else."""
    chatter = [CHATTER[at % len(CHATTER)] for at in range(words)]
    chatter[-1] = chatter[-1].rstrip(".,") + "."
    cut = {"first": 0, "middle": words // 2, "last": words}[place]
    ends = [at + 1 for at, word in enumerate(chatter) if word.endswith(".")]
    cut = min([0, words, *ends], key=lambda end: abs(end - cut))
    return " ".join([*chatter[:cut], text, *chatter[cut:]])


def absent_name(text: str, known: Set[str], chance: Random) -> str:
    """Return the text with one of its names, codes or numbers exchanged for one that no document holds; empty when it
    has none."""
    names = [match for match in _NAME.finditer(text)]
    if not names:
        return ""
    name = chance.choice(names)
    while True:
        other = _another(name[0], chance)
        if not all(part in known for part in re.findall(r"\w+", other.casefold())):
            return text[: name.start()] + other + text[name.end() :]


def _another(name: str, chance: Random) -> str:
    if any(map(str.isdigit, name)):
        return re.sub(r"\d", lambda digit: chance.choice("123456789"), name)
    return "".join(chance.choices(SYLLABLES, k=3)).capitalize()


def named_again(before: str, text: str) -> str:
    """Return a question with the name that it shares with the question before it as a pronoun; empty without one."""
    shared = [name for name in _PROPER.findall(text)[0:] if name in before and not text.startswith(name)]
    if not shared:
        return ""
    name = max(shared, key=len)
    possessive = re.compile(rf"(?:\b[Tt]he )?{re.escape(name)}['’]s?\b")
    if possessive.search(text):
        return possessive.sub("its", text, count=1)
    return re.sub(rf"(?:\b[Tt]he )?\b{re.escape(name)}\b", "it", text, count=1)
