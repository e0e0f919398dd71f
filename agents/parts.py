"""Hold an image or a file that goes to a model with a message."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, get_args

BYTES_MOST = 20 * 1024 * 1024  # of one part: about what Gemini takes in a request; OpenAI takes 50 MB
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # those that every provider with eyes takes
DATA_URL = re.compile(r"data:([^;,\s]*)(?:;[^;,\s]+)*;base64,")
ADDRESS = re.compile(r"https?://[^\s/]\S*")
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")

Detail = Literal["auto", "low", "high", "original"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An image: its `data` (PNG, JPEG, GIF or WebP), or the `url` that the provider fetches it from.

    A data: URL is read as data. The media type is told from the data. `detail` is how closely the model looks, where
    the provider lets one choose. Raises TypeError or ValueError, which name the field.
    """

    data: bytes = field(default=b"", repr=False)
    url: str = ""
    media_type: str = ""
    detail: Detail | None = None

    def __post_init__(self) -> None:
        _check_types(self, url=str, media_type=str)
        if self.detail is not None and self.detail not in get_args(Detail):
            raise ValueError(f"detail is {self.detail!r}: it must be one of {', '.join(get_args(Detail))}")
        if self.url.startswith("data:") and not self.data:
            media_type, data = read_data_url(self.url, name="url")
            _set(self, data=data, url="", media_type=self.media_type or media_type)
        if bool(self.url) == bool(self.data):
            raise ValueError("an image has either data, which isn't empty, or a url: give one of them")
        if self.url and not ADDRESS.fullmatch(self.url):
            raise ValueError(f"url is {self.url!r:.80}: it must begin with https://, http:// or data:")
        if self.data:
            _set(self, media_type=_checked_image(self.data, self.media_type))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], *, detail: Detail | None = None) -> Self:
        """Read an image. Raises OSError too."""
        return cls(data=_read(path), detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file, such as a PDF. The media type is guessed from the `name` where none is given.

    Raises TypeError or ValueError, which name the field.
    """

    data: bytes = field(repr=False)
    name: str
    media_type: str = ""

    def __post_init__(self) -> None:
        _check_types(self, name=str, media_type=str)
        if not self.data:
            raise ValueError("data is empty: give the bytes of the file")
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError(f"name is {self.name!r:.80}: give the file's name, such as 'report.pdf'")
        media_type = self.media_type or mimetypes.guess_type(self.name)[0] or ""
        if not MEDIA_TYPE.fullmatch(media_type):
            known = f"is {media_type!r:.80}" if media_type else f"can't be told from the name {self.name!r:.80}"
            raise ValueError(f"media_type {known}: give one, such as 'application/pdf'")
        _set(self, media_type=media_type)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], *, media_type: str = "") -> Self:
        """Read a file. Raises OSError too."""
        return cls(data=_read(path), name=Path(path).name, media_type=media_type)


Part: TypeAlias = ImagePart | FilePart


def data_url(part: Part) -> str:
    return f"data:{part.media_type};base64,{base64.b64encode(part.data).decode()}"


def read_data_url(url: str, *, name: str) -> tuple[str, bytes]:
    """Return the media type and the data. Raises ValueError, which calls the value by `name`."""
    begins = DATA_URL.match(url)
    if not begins:
        raise ValueError(f"{name} is {url!r:.80}: a data: URL is data:<media type>;base64,<data>")
    if len(url) > BYTES_MOST * 3 // 2:
        raise ValueError(_too_large(name, len(url) * 3 // 4))
    return begins[1], _decode(url[begins.end() :], name)


# ---- as JSON ---------------------------------------------------------------------------------------------------------
def dump_part(part: Part) -> dict[str, Any]:
    """Return plain JSON values, the data as base64."""
    match part:
        case FilePart(data=data, name=name):
            return {"type": "file", "data": _encode(data), "name": name, "media_type": part.media_type}
        case ImagePart(data=data):
            row = {"url": part.url, "media_type": part.media_type, "detail": part.detail}
            kept = {key: value for key, value in row.items() if value}
            return {"type": "image", "data": _encode(data), **kept} if data else {"type": "image", **kept}


def load_part(row: Mapping[str, Any]) -> Part:
    """Raises KeyError, TypeError or ValueError for what `dump_part` did not write."""
    fields = {key: value for key, value in row.items() if key != "type"}
    if "data" in fields:
        fields["data"] = _decode(fields["data"], "data")
    match row["type"]:
        case "image":
            return ImagePart(**fields)
        case "file":
            return FilePart(**fields)
        case other:
            raise ValueError(f"no part has the type {other!r}")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name} is no valid base64: {error}") from error


# ---- checks ----------------------------------------------------------------------------------------------------------
def _set(part: Part, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(part, name, value)


def _check_types(part: Part, **kinds: type) -> None:
    for name, kind in {"data": bytes, **kinds}.items():
        if not isinstance(value := getattr(part, name), kind):
            hint = "; for a file there is from_path" if name == "data" else ""
            raise TypeError(f"{name} must be {kind.__name__}, not {value!r:.80}{hint}")
    if len(part.data) > BYTES_MOST:
        raise ValueError(_too_large("data", len(part.data)))


def _checked_image(data: bytes, media_type: str) -> str:
    found = _image_type(data)
    if not found:
        raise ValueError(f"data is no image of the types {', '.join(IMAGE_TYPES)}: convert it to one of them")
    if media_type and media_type.lower().replace("image/jpg", "image/jpeg") != found:
        raise ValueError(f"media_type is {media_type!r}, but the data is {found}: leave media_type out")
    return found


def _image_type(data: bytes) -> str:
    """Tell the media type from the first bytes; empty for none of those known."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def _read(path: str | os.PathLike[str]) -> bytes:
    if (path := Path(path)).exists() and not path.is_file():
        raise ValueError(f"{path} is no regular file")
    with path.open("rb") as file:
        data = file.read(BYTES_MOST + 1)
    if len(data) > BYTES_MOST:
        raise ValueError(_too_large(str(path), path.stat().st_size))
    return data


def _too_large(name: str, size: int) -> str:
    return f"{name} has {size:,} bytes, and a part {BYTES_MOST:,} at most: make it smaller, or give an image by its url"
