"""Messages that ask nothing of the documents: greetings, thanks, "what can you do?". They get a fixed answer.

Phrases by language, of the languages that `retrieval.text.asked` knows. A message counts only when all of its words
belong to such phrases: what stands beside them is a question, and is searched for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import get_language, gettext_noop, override
from django.utils.translation import gettext as _

from chatsite.models import Run
from retrieval.searching.names import names_in
from retrieval.text.asked import asks
from retrieval.text.words import words

Talk = Run.SmallTalk
Phrase = tuple[str, ...]

_MOST_WORDS = 30  # of a message that says nothing else
_TALK: Mapping[Talk, Mapping[str, str]] = {
    Talk.GREETING: {
        "en": """hi, hello, hey, hiya, howdy, greetings, good morning, good afternoon, good evening, good day,
            how are you, how are you doing, how are you today, how is it going, how s it going,
            how do you do, what s up, nice to meet you, pleased to meet you, hello there, hi there, hey there""",
        "de": """hallo, guten morgen, guten tag, guten abend, moin, moin moin, servus, grüß gott, grüezi, grüß dich,
            grüße dich, tach, wie geht es dir, wie geht s, wie geht es ihnen, wie geht es, wie gehts,
            schönen guten tag, schönen guten morgen, schönen guten abend, freut mich, hallöchen""",
        "fr": "bonjour, bonsoir, salut, coucou, comment allez vous, comment vas tu, ça va, comment ça va, enchanté",
        "es": """hola, buenos días, buenas tardes, buenas noches, buenas, qué tal, cómo estás, cómo está,
            cómo está usted""",
        "it": "ciao, buongiorno, buonasera, buon giorno, buona sera, salve, come stai, come sta, come va",
        "pt": "olá, oi, bom dia, boa tarde, boa noite, tudo bem, como vai, como está, como você está",
        "nl": "hoi, goedemorgen, goedemiddag, goedenavond, goedendag, hallo, hoe gaat het, hoe gaat het met je",
        "ru": "привет, здравствуйте, здравствуй, добрый день, доброе утро, добрый вечер, как дела, как вы",
        "uk": "привіт, вітаю, добрий день, доброго дня, добрий ранок, добрий вечір",
        "pl": "cześć, dzień dobry, dobry wieczór, witam, hej",
        "tr": "merhaba, selam, günaydın, iyi günler, iyi akşamlar",
        "ar": "مرحبا, أهلا, السلام عليكم, صباح الخير, مساء الخير",
        "fa": "سلام, درود",
        "he": "שלום, בוקר טוב, ערב טוב",
        "hi": "नमस्ते, नमस्कार, हैलो, सुप्रभात, प्रणाम",
        "bn": "নমস্কার, হ্যালো",
        "th": "สวัสดี, สวัสดีครับ, สวัสดีค่ะ, หวัดดี",
        "vi": "xin chào, chào bạn, chào",
        "id": "halo, selamat pagi, selamat siang, selamat malam",
        "zh": "你好, 您好, 你们好, 大家好, 早上好, 下午好, 晚上好, 嗨",
        "ja": "こんにちは, こんばんは, おはよう, おはようございます, はじめまして",
        "ko": "안녕, 안녕하세요, 안녕하십니까",
        "el": "γεια, γεια σου, γεια σας, καλημέρα, καλησπέρα",
    },
    Talk.THANKS: {
        "en": """thanks, thank you, thank you very much, thanks a lot, many thanks, thx, ty, cheers, much appreciated,
            appreciated, i appreciate it, i appreciate your help, ok, okay, great, perfect, excellent, awesome, cool,
            nice, wonderful, brilliant, super, good, very good, well done, good job, great job, got it, i see,
            understood, i understand, all right, alright, that helped, that helps, that helped a lot, this helped,
            that s great, that was helpful, very helpful, helpful, that s all, that is all, that works, it works now,
            that worked, no problem, no worries, you re welcome, you are welcome, you re great, you are great,
            i love it, love it, lol, haha""",
        "de": """danke, danke schön, dankeschön, danke sehr, vielen dank, herzlichen dank, besten dank, tausend dank,
            schönen dank, vielen lieben dank, ich danke dir, ich danke ihnen, merci, okay, ok, alles klar, super, toll,
            prima, perfekt, klasse, ausgezeichnet, wunderbar, spitze, sehr gut, gut, gut gemacht, verstanden,
            ich verstehe, hab verstanden, habe ich verstanden, das hilft, das hat geholfen, das hat mir geholfen,
            sehr hilfreich, hilfreich, das war hilfreich, das ist alles, das war s, gern geschehen, kein problem,
            passt, sehr schön, schön, haha""",
        "fr": "merci, merci beaucoup, merci bien, mille mercis, d accord, parfait, super, génial, très bien, bien",
        "es": "gracias, muchas gracias, mil gracias, perfecto, vale, genial, muy bien, estupendo, de acuerdo",
        "it": "grazie, grazie mille, molte grazie, perfetto, va bene, ottimo, benissimo, bene",
        "pt": "obrigado, obrigada, muito obrigado, muito obrigada, perfeito, ótimo, muito bem, está bem",
        "nl": "bedankt, dank je, dank u, dank je wel, dank u wel, dankjewel, hartelijk dank, prima, perfect, oké",
        "ru": "спасибо, большое спасибо, спасибо большое, благодарю, отлично, хорошо, понятно, ясно",
        "uk": "дякую, щиро дякую",
        "pl": "dziękuję, dzięki",
        "tr": "teşekkürler, teşekkür ederim, sağol",
        "ar": "شكرا, شكرا جزيلا",
        "fa": "ممنون, متشکرم",
        "he": "תודה, תודה רבה",
        "hi": "धन्यवाद, शुक्रिया, बहुत धन्यवाद",
        "bn": "ধন্যবাদ",
        "th": "ขอบคุณ, ขอบคุณครับ, ขอบคุณค่ะ, ขอบคุณมาก",
        "vi": "cảm ơn, cảm ơn bạn",
        "id": "terima kasih",
        "zh": "谢谢, 谢谢你, 谢谢您, 多谢, 感谢",
        "ja": "ありがとう, ありがとうございます, どうも",
        "ko": "감사합니다, 고마워요, 고맙습니다",
        "el": "ευχαριστώ, ευχαριστώ πολύ",
    },
    Talk.GOODBYE: {
        "en": """bye, bye bye, goodbye, good bye, see you, see you later, see you soon, good night, farewell, cya,
            take care, have a nice day, have a good day, have a great day, have a nice evening, have a nice weekend,
            until next time, talk to you later""",
        "de": """tschüss, tschüs, tschau, auf wiedersehen, bis bald, bis später, bis dann, bis morgen, gute nacht,
            mach s gut, schönen tag noch, schönen abend noch, schönes wochenende, einen schönen tag noch""",
        "fr": "au revoir, à bientôt, bonne journée, bonne soirée, bonne nuit, à plus tard",
        "es": "adiós, hasta luego, hasta pronto, hasta mañana, chao",
        "it": "arrivederci, a presto, buona giornata, buona serata, buonanotte",
        "pt": "tchau, adeus, até logo, até breve, até mais",
        "nl": "doei, tot ziens, tot straks, tot later, fijne dag nog, goedenacht",
        "ru": "пока, до свидания, до встречи, всего доброго, спокойной ночи",
    },
    Talk.ABILITIES: {
        "en": """help, help me, please help, can you help me, could you help me, can you help, i need help,
            i need some help, i need your help, what can you do, what can you do for me, what do you do,
            what can you help me with, how can you help me, how can you help, what can i ask, what can i ask you,
            what should i ask, what may i ask, what can i do here, what do you know,
            what are you able to do, what are your capabilities, what are your abilities, who are you, what are you,
            who is this, how do you work,
            are you a bot, are you a robot, are you an ai, are you human, are you a human, are you real, are you there,
            is anybody there, is anyone there, what is your name, what s your name,
            can i ask you something, can i ask a question, can i ask you a question, may i ask a question,
            may i ask you something, i have a question, i have some questions, tell me about yourself,
            introduce yourself, let s chat, let s talk, this is a test, just testing""",
        "de": """hilfe, hilf mir, helfen sie mir, bitte um hilfe, kannst du mir helfen, können sie mir helfen,
            könnten sie mir helfen, ich brauche hilfe, was kannst du, was können sie, was kannst du tun,
            was kannst du alles, was können sie tun, was machst du, was kannst du für mich tun,
            was können sie für mich tun, wobei kannst du mir helfen, wobei können sie mir helfen,
            wie kannst du mir helfen, wie können sie mir helfen, was kann ich fragen, was kann ich dich fragen,
            was kann ich sie fragen, was darf ich fragen, was soll ich fragen, was kann ich hier tun,
            was kann ich hier machen, was weißt du, was wissen sie, was weißt du alles, wer bist du, wer sind sie,
            was bist du, wie funktionierst du, bist du ein bot, bist du ein roboter,
            bist du eine ki, bist du ein mensch, bist du da, ist da jemand, ist jemand da,
            wie heißt du, wie heißen sie, kann ich dich etwas fragen, kann ich sie etwas fragen,
            darf ich etwas fragen, darf ich dich etwas fragen, kann ich eine frage stellen, ich habe eine frage,
            ich hätte eine frage, ich habe mal eine frage, eine frage, stell dich vor, nur ein test,
            das ist ein test""",
        "fr": """aide, aidez moi, aide moi, à l aide, que peux tu faire, que pouvez vous faire, qui es tu,
            qui êtes vous, pouvez vous m aider, peux tu m aider, que puis je demander, j ai une question""",
        "es": """ayuda, ayúdame, qué puedes hacer, qué sabes hacer, quién eres, puedes ayudarme, me puedes ayudar,
            qué puedo preguntar, qué puedo preguntarte, tengo una pregunta""",
        "it": """aiuto, aiutami, cosa puoi fare, che cosa puoi fare, cosa sai fare, chi sei, puoi aiutarmi,
            mi puoi aiutare, cosa posso chiedere, ho una domanda""",
        "pt": """ajuda, o que você pode fazer, o que podes fazer, quem é você, quem és tu, pode me ajudar,
            podes ajudar me, o que posso perguntar, tenho uma pergunta""",
        "nl": "help, wat kun je, wat kan je, wat kun je doen, wie ben je, kun je me helpen, ik heb een vraag",
        "ru": """помощь, помоги, помогите, что ты умеешь, что вы умеете, кто ты, кто вы, у меня вопрос,
            у меня есть вопрос""",
    },
}
# Said around those phrases.
_BESIDE = frozenset(
    """there all everyone everybody anybody team folks guys sir madam ma am friend friends again you to so very much
    lot lots really indeed kindly for your the this that answer answers help information info and or please too today
    now oh ah well just my dear bot chatbot assistant then from me a quick with it in advance
    zusammen alle allen leute freunde liebe lieber liebes team nochmal noch auch dir euch ihnen für die das deine ihre
    eure antwort antworten hilfe auskunft information und oder bitte sehr so ja na also jetzt heute ganz erst mal
    erstmal du sie vorab schon im voraus wirklich
    beaucoup à pour votre ton aide réponse tous toutes et madame monsieur
    por tu su la respuesta ayuda todos y muy señor señora
    per il tuo aiuto risposta tutti e molto
    pela sua resposta ajuda todos muito senhor senhora
    voor je uw het antwoord hulp allemaal en heel veel
    за ответ помощь всем и большое очень вам тебе""".split()
)
# A sentence that begins so tells of the one who writes.
_SELF = frozenset(
    """i im ive we my our ich wir mein meine unser unsere mir mich je j nous mon ma mes notre yo nosotros me mi estoy
    soy tengo io noi sono ho mio mia eu nós meu minha sou estou tenho ik wij mijn onze я мы мой моя у""".split()
)
_REPLIES = {
    Talk.GREETING: gettext_noop(
        "Hello! Ask me what you would like to know from the documents here. Each answer shows the sentences it stands "
        "on, and where they were written."
    ),
    Talk.THANKS: gettext_noop("You're welcome. Just ask if there is anything else."),
    Talk.GOODBYE: gettext_noop("Goodbye! Come back whenever you have a question."),
    Talk.ABILITIES: gettext_noop(
        "I answer questions from the documents here, and show for each answer the sentences it stands on. You can also "
        "select text in a document and ask about just that. What isn't in the documents, I don't make up."
    ),
    Talk.STATEMENT: gettext_noop(
        "I see no question in this, and nothing that was found says more about it. What would you like to know?"
    ),
}
_HANDS = re.compile(r"[👋🙋]")
_KIND_PICTURES = re.compile(r"[👍👌🙏🙌👏💪🎉🥳💯✅✔🤝❤♥💙💚💛💜🧡🖤🤍💖💕😀-😌😍-😏😊🙂🙃🤗🥰☺]")


class _Heard(NamedTuple):
    """What the phrases of a message are, and how many of them each language has."""

    kinds: frozenset[Talk]
    languages: Counter[str]


def _known() -> dict[Phrase, list[tuple[Talk, str]]]:
    phrases: dict[Phrase, list[tuple[Talk, str]]] = {}
    for kind, by_language in _TALK.items():
        for language, listed in by_language.items():
            for phrase in listed.split(","):
                phrases.setdefault(tuple(words(phrase)), []).append((kind, language))
    return phrases


_PHRASES = _known()
_LONGEST = max(map(len, _PHRASES))
_POLITE = frozenset({Talk.GREETING, Talk.THANKS})
_FIRST_OF = (Talk.ABILITIES, Talk.THANKS, Talk.GREETING, Talk.GOODBYE)  # which counts, where several are said


def small_talk_in(message: str, *, selected: bool = False) -> str:
    """Return the kind of small talk that `message` is and nothing else (a value of Run.SmallTalk); empty where it may
    ask. With text `selected`, "what is this?" asks about that: then only greetings, thanks and goodbyes are."""
    heard = _heard(message)
    kind = next((kind for kind in _FIRST_OF if heard and kind in heard.kinds), "")
    return "" if selected and kind == Talk.ABILITIES else str(kind)


def asks_nothing(message: str) -> bool:
    """Return whether `message` only tells of the one who writes ("I am new here") or greets someone ("Hello Anna"): no
    question, no request, no name or code. It may still mean to ask; a search tells whether the documents know of it."""
    if asks(message) or names_in(message):
        return False
    said = words(message)
    first = next(_phrases_of(said), ())
    return not said or said[0] in _SELF or any(kind in _POLITE for kind, _ in _PHRASES.get(first, ()))


def reply_to(message: str, kind: str) -> str:
    """Return the fixed answer: in the language of `message`, where that is one of the site's and no other language says
    so; else in the reader's."""
    heard = _heard(message)
    offered = {code.partition("-")[0] for code, _name in settings.LANGUAGES}
    times = heard.languages if heard else {}
    spoken = [language for language, count in times.items() if count == max(times.values())]
    with override(spoken[0] if len(spoken) == 1 and offered.issuperset(spoken) else get_language()):
        return _(_REPLIES[Talk(kind)])


def _heard(message: str) -> _Heard | None:
    """Return what is said in `message` where that is nothing but such phrases; None where it says more."""
    said = words(message)
    if not said:
        kind = _of_signs(message)
        return _Heard(frozenset({kind}), Counter()) if kind else None
    if len(said) > _MOST_WORDS:
        return None
    phrases = list(_phrases_of(said))
    known = [phrase for phrase in phrases if phrase in _PHRASES]
    if not known or not all(phrase in _PHRASES or phrase[0] in _BESIDE for phrase in phrases):
        return None
    telling = [phrase for phrase in known if not _BESIDE.issuperset(phrase)] or known  # "thanks for your help"
    met = [one for phrase in telling for one in _PHRASES[phrase]]
    return _Heard(frozenset(kind for kind, _ in met), Counter(language for _, language in met))


def _phrases_of(said: list[str]) -> Iterator[Phrase]:
    """Yield the known phrases, the longest from each word on, and each word between them by itself."""
    at = 0
    while at < len(said):
        lengths = range(min(_LONGEST, len(said) - at), 1, -1)
        length = next((length for length in lengths if tuple(said[at : at + length]) in _PHRASES), 1)
        yield tuple(said[at : at + length])
        at += length


def _of_signs(message: str) -> Talk | None:
    """Return what a message without a word says: a wave greets, a heart or a thumb thanks, "???" wants help, and a
    rocket says nothing."""
    if _HANDS.search(message):
        return Talk.GREETING
    if message.isascii():
        return Talk.ABILITIES
    return Talk.THANKS if _KIND_PICTURES.search(message) else None
