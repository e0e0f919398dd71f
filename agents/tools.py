"""Functions a model may call. `@tool` reads the schema from the signature, the type hints and the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ERROR_MAX_CHARACTERS = 500  # of an error that the model reads


class ArgumentsInvalid(ValueError):
    """What the model wrote does not fit the tool's parameters; the message is for the model."""


class Definition:
    """What is known about a tool's function, made once, at its definition. The schema waits until it is needed."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.name = function.__name__
        self.is_async = inspect.iscoroutinefunction(function)
        self.description, self._described = _read_docstring(inspect.getdoc(function) or "")
        self._parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
        self._hints = self._read_hints()

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        return self._adapter.json_schema()

    def validate(self, arguments: str) -> dict[str, Any]:
        """The keyword arguments in the JSON text `arguments`; raises ArgumentsInvalid."""
        from pydantic import ValidationError

        try:
            return self._adapter.validate_json(arguments or "{}")
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
            raise ArgumentsInvalid("; ".join(problems)[:ERROR_MAX_CHARACTERS]) from error

    @cached_property
    def _adapter(self) -> TypeAdapter[dict[str, Any]]:
        # pydantic costs start-up time, and is needed only once a model is called.
        from typing import NotRequired

        from pydantic import ConfigDict, Field, TypeAdapter
        from typing_extensions import TypedDict

        fields: dict[str, Any] = {}
        for parameter in self._parameters:
            facts: dict[str, Any] = {"description": self._described.get(parameter.name)}
            if parameter.default is not parameter.empty:
                facts["json_schema_extra"] = {"default": parameter.default}
            hint: Any = Annotated[self._hints[parameter.name], Field(**facts)]
            fields[parameter.name] = hint if parameter.default is parameter.empty else NotRequired[hint]
        typed_dict: Any = TypedDict
        arguments = typed_dict(self.name, fields)
        arguments.__pydantic_config__ = ConfigDict(extra="forbid")
        return TypeAdapter(arguments)

    def _read_hints(self) -> dict[str, Any]:
        """Only of the parameters: what a tool returns may be known to the type checker alone."""
        for parameter in self._parameters:
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(f"tool {self.name}: parameter {parameter} can't be named by a model")
            if parameter.annotation is parameter.empty:
                raise TypeError(f"tool {self.name}: parameter {parameter.name!r} has no type annotation")
        annotations = SimpleNamespace(__annotations__={p.name: p.annotation for p in self._parameters})
        try:
            return get_type_hints(annotations, globalns=self.function.__globals__, include_extras=True)
        except NameError as error:
            raise TypeError(f"tool {self.name}: {error}") from error


@dataclass(frozen=True)
class Tool:
    """A function, or a method bound to `instance`. Calling it calls the function as it was written."""

    definition: Definition
    instance: object = None

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def description(self) -> str:
        return self.definition.description

    @property
    def parameters(self) -> dict[str, Any]:
        return self.definition.parameters

    def __get__(self, instance: object, owner: type | None = None) -> Tool:
        return self if instance is None else Tool(self.definition, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    async def execute(self, arguments: str) -> object:
        """Call it with JSON text. A sync tool runs on the thread that started the run, so that it may use the ORM.

        Raises ArgumentsInvalid, and whatever the function raises.
        """
        keywords = self.definition.validate(arguments)
        function = self._function if self.definition.is_async else sync_to_async(self._function)
        return await function(**keywords)

    @property
    def _function(self) -> Callable[..., Any]:
        function = self.definition.function
        return function if self.instance is None else function.__get__(self.instance)


def tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a function or a method, sync or async. Raises TypeError for a parameter without a type."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"@tool takes a function or a method, not {function!r}")
    return Tool(Definition(function))


def to_model_text(value: object) -> str:
    """What a tool returned, as the model reads it: a string as it is, anything else as JSON."""
    from pydantic_core import to_json

    return value if isinstance(value, str) else to_json(value, inf_nan_mode="null", bytes_mode="base64").decode()


def _read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before its sections, and what its `Args:` section says about each parameter."""
    text, *sections = re.split(r"^(Args|Arguments|Returns|Raises|Yields):\s*$", docstring, flags=re.MULTILINE)
    described: dict[str, str] = {}
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        if heading.startswith("Arg"):
            for name, words in re.findall(r"^ {2,4}(\w+)(?: \(.*?\))?: (.+(?:\n {5,}.+)*)", body, flags=re.MULTILINE):
                described[name] = " ".join(words.split())
    return text.strip(), described
