"""Make tools of functions: `@tool` reads the schema from the signature, the type hints and the docstring."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property, partial
from types import FunctionType, SimpleNamespace, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from agents.tools.context import Context
from agents.tools.threads import invoke_on

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ERROR_MAX_CHARACTERS = 500  # of an error that the model reads
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what the servers take
PLAIN = (str, int, float, bool, None, type(None), Any, list, dict)  # types whose schema needs no look


class ArgumentsInvalid(ValueError):
    """Raised when what the model wrote does not fit the tool's parameters; the message is for the model."""


class Definition:
    """A tool's function as the model sees it, made once, at its definition. The schema waits until it is needed, unless
    a type might have none. The parameter of the type `context` is not for the model.
    """

    def __init__(
        self, function: Callable[..., Any], *, name: str = "", description: str = "", context: type = Context
    ) -> None:
        if not isinstance(function, FunctionType):
            raise TypeError(f"a tool is made of a function or a method, not of {function!r}")
        self.function = function
        self.name = name or function.__name__
        if not NAME.fullmatch(self.name):
            raise ValueError(f"tool {self.name!r}: a name is made of at most 64 letters, digits, _ and -")
        self.description, self._described = _read_docstring(inspect.getdoc(function) or "")
        self.description = description or self.description
        self._parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
        self._hints = self._read_hints()
        self._context = context
        self.context_name = self._take_context()  # of the parameter that is not for the model, or ""
        if not all(map(_is_plain, self._hints.values())):
            self._check_types()

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return self._adapter.json_schema()

    def validate(self, arguments: str | Mapping[str, object]) -> dict[str, Any]:
        """Return the keyword arguments, from JSON text or from values. Raises ArgumentsInvalid."""
        from pydantic import ValidationError

        try:
            if isinstance(arguments, str):
                return self._adapter.validate_json(arguments or "{}")
            return self._adapter.validate_python(dict(arguments))
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

    def _take_context(self) -> str:
        """Return the name of the parameter for the Context, and leave it out of those that the model sees."""
        names = [name for name, hint in self._hints.items() if self._context in (hint, get_origin(hint))]
        if len(names) > 1:
            raise TypeError(f"tool {self.name}: {' and '.join(names)} are both for the Context; one is enough")
        self._parameters = [parameter for parameter in self._parameters if parameter.name not in names]
        return names[0] if names else ""

    def _check_types(self) -> None:
        """Raises TypeError for a type that no JSON fits, by the parameter's name."""
        from pydantic import PydanticUserError, TypeAdapter

        for parameter in self._parameters:
            hint = self._hints[parameter.name]
            try:
                TypeAdapter(hint).json_schema()
            except (PydanticUserError, NameError, TypeError) as error:
                problem = str(error).split("\n")[0]
                raise TypeError(
                    f"tool {self.name}: parameter {parameter.name!r} is of a type that a model can't write, "
                    f"{hint!r}: {problem}"
                ) from error


def _is_plain(hint: Any) -> bool:
    """Return whether a hint is known to have a schema; what isn't is shown to pydantic, which costs start-up time."""
    if get_origin(hint) is Literal or hint in PLAIN or Context in (hint, get_origin(hint)):
        return True
    return get_origin(hint) in (list, dict, Union, UnionType) and all(map(_is_plain, get_args(hint)))


@dataclass(frozen=True)
class Tool:
    """A function, or a method bound to `instance`. Calling it calls the function as it was written.

    `timeout` is in seconds. An `exclusive` tool runs while no other of its turn does. One that `terminates` ends the
    run: what it returns is the run's output. The run pauses before a call of one to `approve`. A sync tool runs on the
    thread that started the run if it is `thread_sensitive`, and else on one of its own; if nothing is said, it is where
    Django is set up, for the sake of the ORM.
    """

    definition: Definition
    instance: object = None
    _: KW_ONLY
    timeout: float | None = None
    exclusive: bool = False
    terminates: bool = False
    approve: bool = False
    thread_sensitive: bool | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"tool {self.name}: timeout must be more than 0, not {self.timeout!r}")

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
        return self if instance is None else replace(self, instance=instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    async def execute(self, arguments: str | Mapping[str, object], *, context: Context[Any] | None = None) -> object:
        """Call it with JSON text, or with values by name. After a timeout the thread of a sync tool is busy until it
        returns, and what it returns is dropped.

        Raises ArgumentsInvalid, TimeoutError, and whatever the function raises.
        """
        keywords = self.definition.validate(arguments)
        if self.definition.context_name:
            keywords[self.definition.context_name] = context or Context(None)
        try:
            async with asyncio.timeout(self.timeout) as limit:
                return await invoke_on(partial(self._function, **keywords), thread_sensitive=self.thread_sensitive)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"tool {self.name} took longer than {self.timeout:g} seconds") from None

    @property
    def _function(self) -> Callable[..., Any]:
        function = self.definition.function
        return function if self.instance is None else function.__get__(self.instance)


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str = "",
    description: str = "",
    timeout: float | None = None,
    exclusive: bool = False,
    terminates: bool = False,
    approve: bool = False,
    thread_sensitive: bool | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None, /, *, name: str = "", description: str = "", **options: Any
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function or a method, sync or async; the options are those of Tool.

    `name` and `description` are what the model is told in place of the function's own. Raises TypeError for a
    parameter without a type, or of one that has no JSON form.
    """

    def define(function: Callable[..., Any]) -> Tool:
        return Tool(Definition(function, name=name, description=description), **options)

    return define if function is None else define(function)


class ToolSource(Protocol):
    """What has tools that may be known once it is open only: a Toolkit, or an agent that has to be opened."""

    async def discover(self) -> Sequence[Tool]: ...


class Toolkit:
    """Tools that share state: the methods of a subclass that `@tool` marks.

    One with `async def open` and `close`, or that is an async context manager, is opened on the loop its tools run on,
    for a run or for as long as its agent is (`with agent:`); one that `stays_open`, until the loop ends.
    """

    stays_open = False

    @property
    def tools(self) -> tuple[Tool, ...]:
        return marked_tools(self)

    @property
    def pauses(self) -> bool:
        """Return whether a run may have to wait for a person to approve a call of one of its tools."""
        return any(tool.approve for tool in self.tools)

    async def discover(self) -> Sequence[Tool]:
        """Return tools that are known once it is open only; asked at the beginning of each run."""
        return ()


def find_tool(tools: Mapping[str, Tool], name: str) -> Tool:
    """Return the tool of that name. Raises ArgumentsInvalid when there is none; the message is for the model."""
    try:
        return tools[name]
    except KeyError:
        known = ", ".join(tools) or "none"
        raise ArgumentsInvalid(f"there is no tool named {name!r}; there are: {known}") from None


def marked_tools(instance: object) -> tuple[Tool, ...]:
    """Return the methods that `@tool` marks, bound to the instance, in the order of their definition."""
    names = dict.fromkeys(name for base in reversed(type(instance).__mro__) for name in vars(base))
    marked = (name for name in names if isinstance(inspect.getattr_static(type(instance), name, None), Tool))
    return tuple(getattr(instance, name) for name in marked)


def to_model_text(value: object) -> str:
    """Return a tool's value as the model reads it: a string as it is, all else as JSON, bytes in it as base64."""
    from pydantic_core import to_json

    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # a lone surrogate could not be sent
    return to_json(value, inf_nan_mode="null", bytes_mode="base64").decode()


def _read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the text before the sections, and what the section `Args:` says about each parameter."""
    text, *sections = re.split(r"^(Args|Arguments|Returns|Raises|Yields):\s*$", docstring, flags=re.MULTILINE)
    described: dict[str, str] = {}
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        if heading.startswith("Arg"):
            for name, words in re.findall(r"^ {2,4}(\w+)(?: \(.*?\))?: (.+(?:\n {5,}.+)*)", body, flags=re.MULTILINE):
                described[name] = " ".join(words.split())
    return text.strip(), described
