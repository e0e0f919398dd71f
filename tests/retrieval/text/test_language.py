"""The language of a document, told from prose in several places of it; unknown rather than guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from py3langid.langid import LanguageIdentifier

from retrieval.text import language
from tests.retrieval.parsing.test_parsers import read

PROSE = {
    "en": "The boiler is serviced every year in May by two people, who also look after the pumps and the valves.",
    "de": "Der Kessel wird jedes Jahr im Mai von zwei Leuten gewartet, die auch nach den Pumpen und Ventilen sehen.",
    "fr": "La chaudière est entretenue chaque année en mai par deux personnes, qui vérifient aussi les pompes.",
    "es": "La caldera se revisa todos los años en mayo por dos personas, que también cuidan de las bombas.",
    "nl": "De ketel wordt elk jaar in mei onderhouden door twee mensen, die ook naar de pompen en kleppen kijken.",
    "pl": "Kocioł jest serwisowany co roku w maju przez dwie osoby, które zajmują się również pompami i zaworami.",
    "ru": "Котёл обслуживают каждый год в мае два человека, которые также следят за насосами и клапанами.",
    "el": "Ο λέβητας συντηρείται κάθε χρόνο τον Μάιο από δύο άτομα, που φροντίζουν και τις αντλίες.",
    "ar": "تتم صيانة الغلاية كل عام في شهر مايو من قبل شخصين يعتنيان أيضًا بالمضخات والصمامات في المبنى.",
    "hi": "पंप और वाल्व की देखभाल करने वाले दो लोग हर साल मई में बॉयलर की जाँच करते हैं और फ़िल्टर साफ़ करते हैं।",
    "th": "หม้อไอน้ำได้รับการดูแลทุกปีในเดือนพฤษภาคมโดยคนสองคนที่ดูแลปั๊มน้ำและวาล์วด้วย",
    "bn": "প্রতি বছর মে মাসে দুজন লোক বয়লারটি পরীক্ষা করেন, যারা পাম্প এবং ভালভগুলিরও দেখাশোনা করেন।",
    "ta": "ஒவ்வொரு ஆண்டும் மே மாதத்தில் இரண்டு பேர் கொதிகலனைச் சரிபார்க்கிறார்கள், பம்புகளையும் கவனிக்கிறார்கள்.",
    "he": "הדוד מטופל מדי שנה בחודש מאי על ידי שני אנשים, שמטפלים גם במשאבות ובשסתומים של הבניין.",
    "km": "ឡចំហាយត្រូវបានថែទាំជារៀងរាល់ឆ្នាំនៅក្នុងខែឧសភាដោយមនុស្សពីរនាក់ដែលមើលថែស្នប់និងវ៉ាល់ផងដែរ។",
    "vi": "Nồi hơi được bảo dưỡng hàng năm vào tháng Năm bởi hai người, những người cũng chăm sóc máy bơm và van.",
    "zh": "锅炉每年五月由两个人进行保养，他们同时也负责检查水泵和阀门，并且在冬天之前清洗过滤器，保证供暖。",
    "ja": "ボイラーは毎年五月に二人の担当者が点検します。冬の前にはポンプとフィルターも掃除します。",
}


@pytest.mark.parametrize("language", PROSE)
def test_language_of_a_paragraph_is_told(tmp_path: Path, language: str) -> None:
    assert read(tmp_path, "a.txt", PROSE[language]).language == language


@pytest.mark.parametrize(
    "text",
    [
        "Kessel",
        "12.50 EUR 17:30 +49 228 1234567 2024-05-31\n" * 20,
        "| Teil | Preis |\n" * 50,
        "```python\ndef serve(request):\n    return render(request, template)\n```\n" * 20,
        "x = f(y); g(x[1]) // {a: b}\n" * 40,
    ],
    ids=["word", "numbers", "table", "fenced code", "code"],
)
def test_language_of_what_is_no_prose_is_unknown(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "a.md", text).language == ""


def test_language_is_that_of_the_document_and_not_of_its_beginning(tmp_path: Path) -> None:
    text = PROSE["en"] * 30 + ("\n" + PROSE["de"]) * 600
    assert read(tmp_path, "a.txt", text).language == "de"


def test_tables_and_code_do_not_change_the_language(tmp_path: Path) -> None:
    table = "| The price of the part | and how many of them there are in the store |\n" * 20
    assert read(tmp_path, "a.md", f"{PROSE['de']}\n\n{table}\n{PROSE['de']}\n").language == "de"


def test_model_is_loaded_once_for_all_choices_of_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    load = LanguageIdentifier.from_model_file

    def counted(*given: object, **also: object) -> LanguageIdentifier:
        loaded.append(given)
        return load(*given, **also)

    monkeypatch.setattr(LanguageIdentifier, "from_model_file", counted)
    language.load_model.cache_clear()
    language._identifier.cache_clear()
    assert language.language_of("Wie wird die Pumpe geölt?", among=["de", "en"]) == "de"
    assert language.language_of("¿Cómo se engrasa la bomba?", among=["de", "en", "es"]) == "es"
    assert language.detect_language("How is the pump oiled, and how often is that done in a year?" * 3) == "en"
    assert len(loaded) == 1
