"""Answers that are values: the schema that a model is given, and its text read back, whole or so far."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from agents.errors import OutputInvalid

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ERROR_MAX_CHARACTERS = 1000  # of what the model is told about an answer that doesn't fit
PLACES = 50  # in a text, where JSON is looked for
WRAPPED = "value"  # the field that holds an output which is no object

FENCE_OPENS = re.compile(r"```(?:json)?[^\S\n]{0,20}\n")
FENCE_CLOSES = re.compile(r"\n[^\S\n]*```")
UNFINISHED = re.compile(r"(?<![\d.eE+-])[-\d][\d.eE+-]{0,40}$")  # a number at the end, which may go on
Schema = dict[str, Any]


class Output:
    """A type that answers must fit: whatever has a JSON schema. One that is no object goes to the model as the only
    field of one, since that is what servers take; answers without the field are read as well.

    `schema` is what the model is given. `strict` tells whether it is one of OpenAI's strict ones: all fields required,
    and no others allowed. A type with keys of its own (`dict[str, int]`) can't have one.
    """

    def __init__(self, type_: Any) -> None:
        """Raises TypeError for a type that has no schema."""
        from pydantic import PydanticUserError, TypeAdapter

        self.name = getattr(type_, "__name__", str(type_))
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(type_)
            schema = self._adapter.json_schema()
        except (PydanticUserError, NameError) as error:
            raise TypeError(f"output {self.name} has no JSON schema: {error}") from error
        self.is_wrapped = not _is_object(schema)
        if self.is_wrapped:
            definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
            schema = {"type": "object", "properties": {WRAPPED: schema}, "required": [WRAPPED], **definitions}
        self.strict = _can_be_strict(schema)
        self.schema: Schema = _strict(schema) if self.strict else schema

    def read(self, text: str) -> object:
        """Return the value of an answer, also when JSON stands among other words. Raises OutputInvalid, which says
        where the text does not fit.
        """
        from pydantic import ValidationError

        first: ValidationError | None = None
        for written in (text, *found_in(text)):
            try:
                return self._validated(written)
            except ValidationError as error:
                first = first or error
        if self.is_wrapped and text.strip():
            try:  # a word or a number is an answer too, without the marks of JSON
                return self._adapter.validate_strings(text.strip())
            except ValidationError:
                pass
        assert first
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in first.errors())
        raise OutputInvalid(f"the answer is no {self.name}: {problems[:ERROR_MAX_CHARACTERS]}") from first

    def _validated(self, text: str) -> object:
        """Raises ValidationError."""
        from pydantic import ValidationError
        from pydantic_core import to_json

        if self.is_wrapped and (inner := self.unwrapped(_loaded(text))) is not Partial.SAME:
            try:
                return self._adapter.validate_json(to_json(inner))
            except ValidationError:
                if not isinstance(inner, str):
                    raise
        return self._adapter.validate_json(text)

    def unwrapped(self, value: object) -> object:
        """Return what the field of a wrapped value holds, or Partial.SAME if it is none."""
        return value[WRAPPED] if isinstance(value, dict) and value.keys() == {WRAPPED} else Partial.SAME


class Partial:
    """The value of an answer that is still being written, as far as it goes."""

    SAME: Final = object()
    STEPS = (
        64  # a long text is parsed again when it has grown by that part: all of it costs a few dozen times its length
    )

    def __init__(self, output: Output) -> None:
        self._output = output
        self._parts: list[str] = []
        self._length = self._parsed = 0
        self._value: object = self.SAME

    def add(self, text: str) -> object:
        """Return the value with what came, as plain JSON; SAME if it is as it was, or nothing can be read yet."""
        from pydantic_core import from_json

        self._parts.append(text)
        self._length += len(text)
        if self._length - self._parsed <= self._parsed // self.STEPS:
            return self.SAME
        self._parsed = self._length
        whole = UNFINISHED.sub("", "".join(self._parts))
        if (begin := re.search(r"[\[{]", whole)) is None:
            return self.SAME
        try:
            value = from_json(whole[begin.start() :], allow_partial="trailing-strings")
        except ValueError:
            return self.SAME
        if self._output.is_wrapped and isinstance(value, dict):
            value = value.get(WRAPPED, self.SAME)
        if value is self.SAME or value == self._value:
            return self.SAME
        self._value = value
        return value


@cache
def output_of(type_: Any) -> Output:
    """One for each type, since its schema takes a while to make."""
    return Output(type_)


def found_in(text: str) -> Iterator[str]:
    """Yield the JSON that stands in a text: fenced blocks first, then whatever begins like an object or a list."""
    yield from islice(_fenced(text), PLACES)
    decoder, at = json.JSONDecoder(), 0
    for _ in range(PLACES):
        if (begin := re.compile(r"[\[{]").search(text, at)) is None:
            return
        try:
            _, at = decoder.raw_decode(text, begin.start())
            yield text[begin.start() : at]
        except (ValueError, RecursionError):
            at = begin.end()


def _fenced(text: str) -> Iterator[str]:
    at = 0
    while (begin := FENCE_OPENS.search(text, at)) and (end := FENCE_CLOSES.search(text, begin.end() - 1)):
        yield text[begin.end() : end.start()]
        at = end.end()


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# ---- schemas ---------------------------------------------------------------------------------------------------------
def _is_object(schema: Schema) -> bool:
    if "$ref" in schema:
        return _is_object(schema["$defs"][schema["$ref"].rpartition("/")[2]])
    return schema.get("type") == "object"


SAYS_WHAT = ("type", "anyOf", "oneOf", "$ref", "enum", "const")  # a schema without any of them takes anything
NOT_STRICT = ("default", "discriminator")  # words that strict schemas don't have


def _can_be_strict(schema: Schema) -> bool:
    """Return whether each object in a schema names its fields, and each list its items, as strict schemas must:
    https://platform.openai.com/docs/guides/structured-outputs.
    """
    if not any(word in schema for word in SAYS_WHAT) or "prefixItems" in schema:
        return False
    if schema.get("type") == "object" and (not schema.get("properties") or schema.get("additionalProperties")):
        return False
    if schema.get("type") == "array" and "items" not in schema:
        return False
    return all(map(_can_be_strict, _inner(schema)))


def _inner(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("properties", {}).values()
    yield from schema.get("$defs", {}).values()
    yield from schema.get("anyOf", []) + schema.get("oneOf", [])
    if "items" in schema:
        yield schema["items"]


def _strict(schema: Schema) -> Schema:
    strict = {word: value for word, value in schema.items() if word not in NOT_STRICT}
    if "oneOf" in strict:
        strict["anyOf"] = strict.pop("oneOf")
    for word in ("properties", "$defs"):
        if word in strict:
            strict[word] = {name: _strict(value) for name, value in strict[word].items()}
    if "anyOf" in strict:
        strict["anyOf"] = [_strict(choice) for choice in strict["anyOf"]]
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    if "properties" in strict:
        strict |= {"additionalProperties": False, "required": list(strict["properties"])}
    return strict
