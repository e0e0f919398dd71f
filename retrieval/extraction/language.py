"""The language a text is written in, by py3langid's model.

The model takes 70 MB. Each document is read by a forked child, and to fork is to copy the tables of all memory that is
the process's own: so the model is put into files, which are mapped read-only and shared, and read with no object of
Python's for each number, whose count of references would copy its page.
"""

from __future__ import annotations

import math
import re
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SAMPLES = 5  # places spread over the text: a document may begin with a licence in another language
_SAMPLE_CHARACTERS = 600
_LETTERS_NEEDED = 40
_SURE = 0.5  # of a probability that is calibrated to the length (py3langid's norm_probs)
_CODE = re.compile(r"[{}\[\]<>=;\\$#@_/]|\w\.\w|\w\(")
_FENCED = re.compile(r"^(```|~~~)[^\n]*\n(?:(?!\1)[^\n]*\n)*+(?:\1|\Z)", re.MULTILINE)


def detect_language(text: str) -> str:
    """As ISO 639-1; empty for a text that is too short, is no prose, or can't be told."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _LETTERS_NEEDED:
        return ""
    code, probability = classify(sample)
    return code if probability >= _SURE else ""


def classify(text: str) -> tuple[str, float]:
    """Its likeliest language and how likely that is, as py3langid's `LanguageIdentifier.classify` says."""
    import numpy as np

    model = load_model()
    encoded = unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode(errors="surrogatepass")
    found = _count_features(encoded, model)
    if not found:
        return "", 0.0
    counts = np.fromiter(found.values(), np.float32, len(found))
    scores = np.log1p(counts) @ model.weights[np.fromiter(found, np.intp, len(found))] + model.priors
    likely = np.exp((scores - scores.max()) / math.sqrt(len(encoded)))
    likely /= likely.sum()
    by_code = Counter[str]()  # one language may have a label for each of its scripts
    for code, probability in zip(model.codes, likely.tolist(), strict=True):
        by_code[code] += probability
    return by_code.most_common(1)[0]


def _count_features(encoded: bytes, model: _Model) -> Counter[int]:
    """An automaton walks over the bytes, and where it comes to the end of a feature it says which."""
    state, found = 0, []
    rows, targets, features = model.rows, model.targets, model.features
    for byte in encoded:
        state = targets[rows[state] + byte]
        if (feature := features[state]) >= 0:
            found.append(feature)
    return Counter(found)


@dataclass(frozen=True)
class _Model:
    """`weights` [feature, code] and `priors` [code] are logarithms. From a state the automaton goes, by a byte, to
    `targets[rows[state] + byte]`; `features` of a state: the number of the one that ends there, or -1."""

    codes: list[str]
    weights: NDArray[np.float16]
    priors: NDArray[np.float32]
    rows: memoryview[int]
    targets: memoryview[int]
    features: memoryview[int]


@cache
def load_model() -> _Model:
    """Half a second of CPU, so it is done once, before processes are forked that need it."""
    import numpy as np
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE)
    # Regional languages have no ISO 639-1 code: without them a text is counted to their larger neighbour.
    found.set_languages([label for label in found.labels if len(label) == 2])
    return _Model(
        codes=found.nb_classes,
        weights=_shared(found.nb_ptc),
        priors=found.nb_pc,
        rows=_shared(np.asarray(found.tk_row, np.uint32) << 8).data,
        targets=_shared(np.asarray(found.tk_nextmove)).data,
        features=_shared(np.asarray(found.tk_output, np.int32)).data,
    )


def _shared(array: NDArray[Any]) -> NDArray[Any]:
    """The same in a file without a name, which no process can write to."""
    import numpy as np

    with tempfile.NamedTemporaryFile() as written, Path(written.name).open("rb") as mapped:
        written.write(np.ascontiguousarray(array).data.cast("B"))
        written.flush()
        return np.memmap(mapped, array.dtype, "r", shape=array.shape)


def _sample(text: str) -> str:
    """Prose from several places: lines of words, not table rows and not code."""
    longest = 8 * _SAMPLE_CHARACTERS  # of which a sample is the first prose
    windows = (text[start : start + longest] for start in range(0, len(text), max(len(text) // _SAMPLES, longest)))
    return "\n".join(_prose(window)[:_SAMPLE_CHARACTERS] for window in windows)


def _prose(window: str) -> str:
    lines = _FENCED.sub("", window).split("\n")
    return "\n".join(line for line in lines if _is_prose(line))


def _is_prose(line: str) -> bool:
    stripped = line.strip()
    if line.startswith(("|", "    ", "\t")) or not stripped:
        return False
    letters = sum(map(str.isalpha, stripped))
    return letters > 0.6 * len(stripped) and len(_CODE.findall(stripped)) <= len(stripped) // 25
