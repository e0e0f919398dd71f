"""Bytes to text: marks, labels as browsers read them, guesses that make words, and guesses that are said."""

from __future__ import annotations

import codecs
import time
from pathlib import Path

import pytest

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats import extract
from retrieval.parsing.formats.plain.encodings import declared_in, decode, wide_encoding
from retrieval.parsing.formats.plain.guessing import guess_encoding

GERMAN = "Die Tür ist geöffnet. Grüße aus Köln, Straße 5."
RUSSIAN = "Плата составляет двадцать рублей за ночь. Музей закрыт в полдень."
JAPANESE = "料金は一泊二十ユーロです。\n博物館は正午に閉まります。"
KOREAN = "요금은 하룻밤에 이십 유로입니다. 박물관은 정오에 닫습니다."


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        ("L’été, le musée est fermé à midi ; l’entrée coûte 3 €.", "cp1252 mac-roman"),
        ("Le train part a midi, voilà tout.", "cp1252 cp850 mac-roman"),
        (GERMAN, "cp1252 cp850 mac-roman cp437"),
        ("Name;Preis €\r\nÖlpumpe;12,50 €\r\n", "cp1252"),
        ("Müller;42", "cp1252 cp850"),
        ("It’s the owner’s duty – “always”.", "cp1252 mac-roman"),
        ("The oven heats to 20 °C.", "cp1252"),
        ("It is 20°C in here and 5 µm and 3 m² thick.", "cp1252"),
        ("Fläche: 20 m² – 5 €", "cp1252"),
        ("½ pound of butter", "cp1252"),
        ("Fee – 5 euros…", "cp1252"),
        ("20 °C ± 2, 5 µm, ½, § 4", "cp1252"),
        ("Café at 20 °C, ± 2", "cp1252"),
        ("The so-called “fee” – £5 – isn’t due…", "cp1252"),
        ("© 2024 Boiler® Ltd., 30 €", "cp1252"),
        ("pokój zamknięty, był są °5", "iso8859-2"),
        ("Price list of 山田商店", "cp932"),
        ("El año que viene costará más. ¿Dónde está la llave?", "cp1252 mac-roman cp850"),
        ("A reunião não começa às três; a decisão é do condomínio.", "cp1252 cp850"),
        ("Hyran är åtta tusen kronor och fönstret är öppet.", "cp1252"),
        ("Opłata wynosi dwadzieścia złotych za noc. Zażółć gęślą jaźń.", "cp1250 iso8859-2 cp852"),
        ("Poplatek činí dvacet korun za noc. Příliš žluťoučký kůň úpěl.", "cp1250 iso8859-2 cp852"),
        ("A díj húsz forint éjszakánként. Árvíztűrő tükörfúrógép.", "cp1250 iso8859-2"),
        ("Ücret gecelik yirmi liradır. Işık açık değil, kapı kapalı.", "cp1254"),
        ("Mokestis yra dvidešimt eurų už naktį.", "cp1257"),
        (RUSSIAN, "cp1251 koi8-r cp866 iso8859-5 mac-cyrillic"),
        ("Цена: 5 руб.", "cp1251 koi8-r cp866"),
        ("Плата становить двадцять гривень за ніч. Їжак і ґава.", "cp1251 koi8-u"),
        ("Η χρέωση είναι είκοσι ευρώ τη νύχτα. Άνοιξη και ήλιος.", "cp1253 iso8859-7"),
        ("המחיר הוא עשרים שקלים ללילה.", "cp1255"),
        ("الرسوم عشرون يورو في الليلة.", "cp1256"),
        ("ค่าธรรมเนียมยี่สิบบาทต่อคืน", "cp874"),
        (JAPANESE, "cp932 euc_jp iso2022_jp"),
        ("费用是每晚二十欧元。博物馆中午关门。", "gb18030"),
        ("費用是每晚二十歐元。博物館中午關門。", "big5"),
        (KOREAN, "cp949"),
    ],
)
def test_text_that_says_nothing_of_its_encoding_is_read_as_words(text: str, encodings: str) -> None:
    for encoding in encodings.split():
        assert decode(text.encode(encoding)) == text, encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["The fee is twenty euros.", RUSSIAN, JAPANESE, KOREAN, "okay"])
def test_wide_text_without_a_mark_is_text(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    extracted = extract(path, filename="a.txt", max_characters=1_000)
    assert extracted.text == text
    assert [note.names for note in extracted.notes] == [(encoding,)]


@pytest.mark.parametrize("content", [bytes(100), b"\x00\x01" * 50, b"ELF\0\x01\0\0\0\xff\xfe\x80\0" * 20, b"a\0\0"])
def test_zeros_and_binary_are_no_wide_text(content: bytes) -> None:
    assert wide_encoding(content) == ""


def test_binary_with_zeros_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(32)) * 40)
    with pytest.raises(ParsingError, match="binary data"):
        extract(path, filename="a.txt", max_characters=1_000)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE])
def test_mark_is_believed_before_any_label(mark: bytes) -> None:
    name = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(
        mark, "utf-32-le"
    )
    notes = Notes()
    assert decode(mark + "Größe".encode(name), notes=notes, declared="iso-8859-1") == "Größe"
    assert notes.all() == []


@pytest.mark.parametrize(
    ("label", "written_as", "text"),
    [
        ("iso-8859-1", "cp1252", "‘Gold’ 30 € – “free”"),
        ("US-ASCII", "cp1252", "café €"),
        ("latin1", "cp1252", "‚…†‡ˆ‰Š‹Œ"),
        ("iso-8859-9", "cp1254", "Işık €"),
        ("shift_jis", "cp932", "髙橋①"),
        ("Windows-31J", "cp932", "髙橋①"),
        ("gb2312", "gb18030", "朱镕基€"),
        ("x-gbk", "gb18030", "朱镕基€"),
        ("euc-kr", "cp949", "똠방각하"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("big5", "big5hkscs", "中環"),
        ("tis-620", "cp874", "ค่า…"),
        ("ibm850", "cp850", "Größe"),
    ],
)
def test_label_means_what_browsers_take_it_for(label: str, written_as: str, text: str) -> None:
    notes = Notes()
    assert decode(text.encode(written_as), notes=notes, declared=label) == text
    assert notes.all() == []


@pytest.mark.parametrize("label", ["utf-8", "no-such-charset", "hex", "replacement", "", "\x00"])
def test_label_that_is_wrong_is_passed_over_and_the_guess_is_said(label: str) -> None:
    notes = Notes()
    assert decode(GERMAN.encode("cp1252"), notes=notes, declared=label) == GERMAN
    assert [note.names for note in notes.all()] == [("windows-1252",)]


@pytest.mark.parametrize(
    ("head", "label"),
    [
        (b'<html><meta charset="Shift_JIS">', "shift_jis"),
        (b'<meta http-equiv=content-type content="text/html; charset=koi8-r">', "koi8-r"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "iso-8859-1"),
        (b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\n", "latin-1"),
        (b"\\documentclass{x}\n\\usepackage[latin1]{inputenc}", "windows-1252"),
        (b'<meta charset="utf-16">', "utf-8"),
        (b'<!-- <meta charset="koi8-r"> --><meta charset=windows-1251>', "windows-1251"),
        (b'<!-- a -- > b\n<meta charset="koi8-r">', ""),
        (b"plain", ""),
    ],
)
def test_declared_label_is_found(head: bytes, label: str) -> None:
    assert declared_in(head) == label


def test_utf_8_that_is_cut_in_its_last_character_loses_that_one_alone() -> None:
    for character in "é€😀":
        notes = Notes()
        assert decode(f"Grüße {character}".encode()[:-1], notes=notes) == "Grüße "
        assert notes.all() == []
    assert decode("Un café".encode("cp1252")) == "Un café"


def test_a_few_bytes_of_windows_in_utf_8_spoil_nothing_else() -> None:
    notes = Notes()
    assert decode((GERMAN * 3).encode() + "Bär".encode("cp1252"), notes=notes) == GERMAN * 3 + "Bär"
    assert notes.all()


@pytest.mark.parametrize("content", [b"\xff" * 3_000_000, "Плата".encode("koi8-r") * 500_000, b"\xe9\n" * 1_000_000])
def test_guess_looks_at_a_part_of_a_long_file(content: bytes) -> None:
    started = time.process_time()
    guess_encoding(content)
    assert time.process_time() - started < 5


def test_text_is_composed(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Cafe\u0301\n\nu\u0308ber \ufb01ne １２\n", encoding="utf-8")
    extracted = extract(path, filename="a.md", max_characters=1_000)
    assert extracted.text == "# Café\n\nüber \ufb01ne １２\n"
    assert extracted.headings[0].title == "Café"


def test_one_bad_byte_behind_a_megabyte_of_ascii_changes_nothing_else() -> None:
    content = b"plain words, " * 100_000 + "größe über ".encode() * 5_000 + b"caf\xe9 au lait"
    assert decode(content).endswith("größe über café au lait")
