"""Bytes that are signs in windows-1252 and stand where such signs stand: a degree, a fraction, a dash, an ellipsis.

In other encodings the same bytes are letters, and a score of letters prefers letters. Where a sign stands tells more:
`20 °C` is no Korean.
"""

from __future__ import annotations

import re

# Where no letter of another encoding would stand.
_CERTAIN = re.compile(
    r"(?<=\d)[\u00a0 ]?°(?![a-z]{2})|(?<![^\W_])°(?=[CFKRN]\b)"
    r"|(?<![^\W\d_])[±×÷][\u00a0 ]?(?=[\d.])"
    r"|(?<![^\W_])µ(?=(?:[mslLgAVFHWSMJ]|mol|Sv|Gy|in)(?![a-z]))"
    r"|(?<=\d)[\u00a0 ]?[‰€£¢²³¹](?!\w)|(?<=\d)[µºª](?!\w)"
    r"|(?<!\w)[€£][\u00a0 ]?(?=\d)|(?<!\w)¥(?=\d)"
    r"|\b(?:[kcdm]?m|ft|in|s|ha)[²³](?!\w)"
    r"|(?<![^\W\d_])[¼½¾](?![^\W\d_])"
    r"|(?<![^\W_])§{1,2}[\u00a0 ]?(?=\d)"
    r"|(?<!\w)©[\u00a0 ]?(?=[\dA-Z])|(?<=[A-Za-z0-9])®(?!\w)"
    r"|(?<![^\W\d_])[–—](?![^\W\d_])|(?<!\S)[•·](?=\s)"
)
# Where a sign may stand, and a letter of another encoding as well.
_POSSIBLE = re.compile(
    r"[…–—\u00a0\xad]|(?<!\w)[“‘„‚«‹¡¿](?=\w)|(?<=[\w.,;:!?)…])[”’“‘»›†‡™](?!\w)|(?<=[^\W_])’(?=[^\W_])|(?<=\b[nN])°"
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def holds_only_signs(sample: bytes) -> bool:
    """Return whether all that is not ASCII are signs of windows-1252 where they may stand, and one of them stands where
    only a sign does."""
    text, certain = _CERTAIN.subn(" ", sample.decode("cp1252", errors="replace"))
    return certain > 0 and _BEYOND_ASCII.search(_POSSIBLE.sub(" ", text)) is None
