"""Answers that are values: the schema a model is given, and its text read back."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from agents.errors import OutputInvalid

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ERROR_MAX_CHARACTERS = 1000  # of what the model is told about an answer that doesn't fit


class Output:
    """A type that answers must fit: a pydantic model, a dataclass, a TypedDict; anything whose schema is an object."""

    def __init__(self, type_: Any) -> None:
        """Raises TypeError for a type that has no such schema."""
        from pydantic import PydanticUserError, TypeAdapter

        self.name = getattr(type_, "__name__", str(type_))
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(type_)
            self.schema = self._adapter.json_schema()
        except (PydanticUserError, NameError) as error:
            raise TypeError(f"output {self.name} has no JSON schema: {error}") from error
        if self.schema.get("type") != "object" and "$ref" not in self.schema:
            raise TypeError(f"output {self.name} is no object; make it a field of one")

    def read(self, text: str) -> object:
        """Raises OutputInvalid, which says where the text does not fit."""
        from pydantic import ValidationError

        fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", text, flags=re.DOTALL)
        try:
            return self._adapter.validate_json(fenced[1] if fenced else text)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors())
            raise OutputInvalid(f"the answer is no {self.name}: {problems[:ERROR_MAX_CHARACTERS]}") from error


@cache
def output_of(type_: Any) -> Output:
    """One for each type, since its schema takes a while to make."""
    return Output(type_)
