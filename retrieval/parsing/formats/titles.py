"""Which of the titles that files bear in their metadata are titles: many are what a program filled in."""

from __future__ import annotations

import re

_LONGEST = 300  # characters; what is longer is a summary
_FEWEST_LETTERS = 3
_LETTERS_OF_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")  # of which two are a word
_BROKEN = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x80-\x9f]|\\(cid:|&#\\d")
_PROGRAMS = re.compile(
    r"(?:microsoft|libreoffice|openoffice(?:\.org)?|adobe|corel|quarkxpress|wordpad|notepad)\b[^-–—]{0,30}[-–—] "
    r"|.* - (?:notepad|editor|wordpad|paint)$"
)
_PLACE = re.compile(r"\w{1,10}:[/\\]|\\\\|about:|mailto:|www\.\S+$|[./~]?/\w")
_FILE = re.compile(
    r".*[^\s.]\.(?:docx?|docm|dotx?|dotm|rtf|wpd|wps|sxw|sdw|odt|ott|ods|odp|odg|fodt|txt|text|log|md|rst|tex|dvi|ps|eps|"
    r"pdf|xps|djvu|xlsx?|xlsm|xlsb|xltx?|csv|tsv|pptx?|pptm|ppsx?|potx?|vsdx?|pub|mpp|one|msg|eml|indd|indt|idml|qxd|qxp|"
    r"pmd|p65|fm|book|ai|cdr|psd|svg|dwg|dxf|graffle|pages|numbers|keynote|html?|xhtml|mht|mhtml|aspx?|php|jsp|xml|json|"
    r"png|jpe?g|gif|bmp|tiff?|webp|heic|exe|zip|tmp|bak|dat)\.?(?: \(\d+\))?"
)
_BARE_FILE = re.compile(r"\S+\.(?=[a-z0-9]*[a-z])[a-z0-9]{1,4}")
_IDENTIFIER = re.compile(r"[a-z0-9.+~\-]*[0-9][a-z0-9.+~\-]*")  # one word with a digit: a part number, a code, a hash
_COUNTED = r"[\s_-]*(?:\(?[0-9]+\)?)?"
_FILLED_IN = re.compile(
    "(?:"
    + "|".join(
        (
            r"untitled(?:[ -]?(?:document|page|presentation|spreadsheet|form|drawing|notebook))?",
            r"(?:no|new|the|document|doc|your|sample|page|slide|report|insert|enter|pdf[ _]document|default)?[ _]?title"
            r"(?: (?:here|goes here|of document|of the document))?",
            r"\W*(?:title|titel|titre|título|titolo)\W*",
            r"(?:new |blank |empty |word |pdf |text |scanned |my |microsoft word |google )?(?:document|documento|doc)",
            r"(?:new |blank |powerpoint |microsoft powerpoint |google )?presentation",
            r"(?:new |blank |excel )?(?:workbook|worksheet|spreadsheet|book|sheet|tabelle|mappe|classeur|feuil|libro)",
            r"(?:neues |word[- ])?dokument|(?:powerpoint[- ])?präsentation|(?:leere )?seite",
            r"présentation(?: powerpoint)?|presentación(?: de powerpoint)?|apresentação(?: do powerpoint)?",
            r"presentazione(?: (?:standard di )?(?:di )?powerpoint)?|prezentacja(?: programu)?(?: powerpoint)?",
            r"(?:ohne|kein) titel|unbenannt(?:es dokument)?|sans[ -](?:titre|nom)|sin t[ií]tulo|sem t[ií]tulo",
            r"senza (?:titolo|nome)|naamloos|zonder titel|uten (?:navn|tittel)|utan titel|namnlös|bez (?:tytułu|názvu)",
            r"без (?:имени|названия)|документ|презентация(?: powerpoint)?",
            r"无标题|未命名|无题|無題|名称未設定|제목 ?없음|文档|文書|幻灯片",
            r"(?:powerpoint )?(?:演示文稿|プレゼンテーション|프레젠테이션)",
            r"slide|folie|diapositive|diapositiva|page|scan|scanned image|image|img|print|output|enscript output|file",
            r"(?:pdf|word|text)[ -]file|pdf|draft|null|none|undefined|unknown|n/?a|template|index|home|start",
            r"\(?(?:anonymous|unspecified)\)?",
            r"paper title \(use style: paper title\)|\[.*\]|<.*>|full page fax print|screenshot\b.*|screen shot\b.*",
        )
    )
    + ")"
    + _COUNTED
)


def is_title(text: str) -> bool:
    """Return whether `text`, which a file's metadata call its title, is one: not a file's name or place, not what a
    program filled in ("Microsoft Word - x", "untitled", "Slide 1"), not a code, not broken."""
    title = " ".join(text.split())
    folded = title.casefold()
    if not title or len(title) > _LONGEST or _BROKEN.search(title):
        return False
    fewest = 2 if _LETTERS_OF_WORDS.search(title) else _FEWEST_LETTERS
    if sum(map(str.isalpha, title)) < fewest:
        return False
    if _PROGRAMS.match(folded) or _PLACE.match(folded) or _FILE.fullmatch(folded) or _FILLED_IN.fullmatch(folded):
        return False
    if title.count("_") > title.count(" "):
        return False
    return " " in title or not (_BARE_FILE.fullmatch(folded) or _IDENTIFIER.fullmatch(folded))
