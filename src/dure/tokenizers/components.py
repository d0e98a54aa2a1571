"""What the parts of a tokenizer have in common: each is a small object around its own section of tokenizer.json.

A class says which fields its section has; making, reading, changing, comparing, copying, pickling and printing follow.
The work itself is done by the C++ engine, which takes the sections as they are.
"""

from __future__ import annotations

import copy
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from dure.errors import InputError, TokenizerError

__all__ = ["BRIEF", "FULL", "REQUIRED", "Chain", "Component", "Regex", "Setting", "dump", "pattern_setting", "show"]

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

#: The default of a setting that has none.
REQUIRED: Any = inspect.Parameter.empty


def dump(value: Any) -> bytes:
    """JSON as the original writes it: compact, UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a setting holds the lone surrogate U+{ord(error.object[error.start]):04X}, which isn't text"
        ) from error


class Regex:
    """A regular expression, where a plain string would be taken literally.

    Args:
        pattern: The expression, in the syntax of Oniguruma.

    Raises:
        InputError: The expression is malformed.
    """

    __slots__ = ("pattern",)

    def __init__(self, pattern: str) -> None:
        from dure.tokenizers._core import pre_tokenize

        section = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        try:
            pre_tokenize(dump(section), "")
        except ValueError as error:
            raise InputError(f"{pattern!r} is not a regular expression: {error}") from error
        self.pattern = pattern

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and other.pattern == self.pattern

    def __hash__(self) -> int:
        return hash(("Regex", self.pattern))


class Setting(Generic[Value]):
    """A field of a component: an argument when it's made, an attribute afterwards, a key in its section.

    Args:
        default: The value when none is given; ``REQUIRED``: there must be one.
        key: What the section calls it, if that isn't the attribute's name.
        kind: The type that values must have; None is taken where the default is None.
        write: From the value to what the section holds. Raises ValueError for a value that isn't allowed.
        read: The way back.
        minimum: The least number.
    """

    def __init__(
        self,
        default: Value = REQUIRED,
        *,
        key: str | None = None,
        kind: type | tuple[type, ...] | None = None,
        write: Callable[[Any], Any] | None = None,
        read: Callable[[Any], Value] | None = None,
        minimum: float | None = None,
    ) -> None:
        self.default = default
        self.key = key
        self._kind = kind if kind is not None else (object if default in (REQUIRED, None) else type(default))
        self._write = write
        self._read = read
        self._minimum = minimum
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.key = self.key or name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[Value]: ...
    @overload
    def __get__(self, instance: Component, owner: type) -> Value: ...
    def __get__(self, instance: Component | None, owner: type) -> Value | Setting[Value]:
        if instance is None:
            return self
        fields = instance._fields()
        if self.key not in fields:
            return self.default
        value = fields[self.key]
        return self._read(value) if self._read is not None else value

    def __set__(self, instance: Component, value: Value) -> None:
        instance._change(str(self.key), self.stored(value, type(instance).__name__))

    def stored(self, value: Any, owner: str) -> Any:
        """What the section holds for a value.

        Raises:
            InputError: The value isn't one that the setting takes.
        """
        is_wrong_flag = isinstance(value, bool) and self._kind in (int, float)
        fits = isinstance(value, self._kind) or (self._kind is float and isinstance(value, int))
        if value is None and self.default is None:
            fits = True
        if not fits or is_wrong_flag:
            kinds = self._kind if isinstance(self._kind, tuple) else (self._kind,)
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise InputError(f"{self.name} of {owner} must be a {wanted}, but is {value!r}")
        if self._minimum is not None and value is not None and value < self._minimum:
            raise InputError(f"{self.name} of {owner} must be at least {self._minimum}, but is {value!r}")
        if self._write is None or (value is None and self.default is None):
            return value
        try:
            return self._write(value)
        except ValueError as error:
            raise InputError(f"{self.name} of {owner} {error}, but is {value!r}") from error


def pattern_setting() -> Setting[Any]:
    """A string that is taken literally, or a :class:`Regex`."""

    def write(value: str | Regex) -> dict[str, str]:
        return {"Regex": value.pattern} if isinstance(value, Regex) else {"String": value}

    def read(value: Mapping[str, str]) -> str | Regex:
        if "Regex" not in value:
            return value.get("String", "")
        found = Regex.__new__(Regex)
        found.pattern = value["Regex"]
        return found

    return Setting(REQUIRED, kind=(str, Regex), write=write, read=read)


def _signature_of(cls: type[Component]) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY if cls._keywords_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind, default=s.default) for name, s in cls._settings.items()]
    return inspect.Signature(parameters)


class Component:
    """A part of a tokenizer, as its section of tokenizer.json describes it.

    Attributes:
        changes: Counts changes to any component, so that whoever made something from a component knows when to look
            again.
    """

    changes: ClassVar[int] = 0
    #: The section's "type"; the class's name by default.
    _type: ClassVar[str] = ""
    #: The classes of one kind (normalizers, ...) by type; each base class has its own.
    _known: ClassVar[dict[str, type[Component]]]
    _settings: ClassVar[dict[str, Setting[Any]]] = {}
    _keywords_only: ClassVar[bool] = False
    #: Unknown arguments are ignored with a warning, as the original does for models and trainers.
    _ignores_unknown: ClassVar[bool] = False
    _section: dict[str, Any]

    def __init_subclass__(cls, is_kind: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_kind:
            cls._known = {}
            return
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}
        cls._settings = {**cls._settings, **own}
        cls._type = vars(cls).get("_type") or cls.__name__
        cls._known[cls._type] = cls
        if "__init__" not in vars(cls):
            cls.__signature__ = _signature_of(cls)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if not cls._type:
            known = ", ".join(cls._known)
            raise TypeError(f"{cls.__name__} is what its kinds have in common; make one of {known}")
        if cls._ignores_unknown:
            kwargs = known_only(cls.__name__, kwargs, cls._settings)
        try:
            bound = _signature_of(cls).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}") from None
        bound.apply_defaults()
        self._section = {"type": cls._type}
        for name, value in bound.arguments.items():
            setting = cls._settings[name]
            self._section[str(setting.key)] = setting.stored(value, cls.__name__)

    @classmethod
    def from_section(cls, section: Mapping[str, Any]) -> Self:
        """The component that a section of tokenizer.json describes.

        Raises:
            TokenizerError: There is no such type.
        """
        kind = section.get("type")
        if not isinstance(kind, str) or kind not in cls._known:
            raise TokenizerError(f"there is no {cls.__name__} of type {kind!r}; known are {', '.join(cls._known)}")
        made = cls._known[kind].__new__(cls._known[kind])
        made._load(dict(section))
        return made  # type: ignore[return-value]

    def section(self) -> dict[str, Any]:
        """The component as its section of tokenizer.json."""
        return dict(self._section)

    def section_bytes(self) -> bytes:
        """The section as JSON."""
        return dump(self.section())

    def _load(self, section: dict[str, Any]) -> None:
        """Take what a section says; keys that it leaves out have their defaults."""
        fields = {str(s.key): s.default for s in self._settings.values()} | section
        self._section = {"type": self._type, **{key: value for key, value in fields.items() if value is not REQUIRED}}

    def _fields(self) -> dict[str, Any]:
        return self._section

    def _change(self, key: str, value: Any) -> None:
        self._section[key] = value
        Component.changes += 1

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Component) and other.section() == self.section()

    # A component can change, so it can't be a key.
    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> bytes:
        return self.section_bytes()

    def __setstate__(self, state: bytes) -> None:
        self._load(json.loads(state))

    def __reduce__(self) -> Any:
        return (_unpickled, (type(self), self.__getstate__()))

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        made.__setstate__(self.__getstate__())
        return made

    def __repr__(self) -> str:
        return show(self.section(), FULL)

    def __str__(self) -> str:
        return show(self.section(), BRIEF)


def _unpickled(cls: type[Component], state: bytes) -> Component:
    made = cls.__new__(cls)
    made.__setstate__(state)
    return made


def known_only(owner: str, arguments: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are known; the others are left out with a warning."""
    unknown = [name for name in arguments if name not in known]
    if unknown:
        logger.warning("%s ignores %s: its settings are %s", owner, ", ".join(unknown), ", ".join(known))
    return {name: value for name, value in arguments.items() if name in known}


class Chain:
    """What the components named Sequence share: a list of parts that are used one after the other."""

    #: The key of the list in the section, and the base class of its parts.
    _key: ClassVar[str] = ""
    _kind: ClassVar[type[Component]] = Component
    #: Whether a Sequence within a Sequence is dissolved.
    _is_flat: ClassVar[bool] = True
    _parts: list[Any]

    def _take(self, parts: Any) -> None:
        if not isinstance(parts, (list, tuple)):
            raise InputError(f"a Sequence of {self._key} must get a list of them, but got {parts!r}")
        flat: list[Any] = []
        for part in parts:
            if not isinstance(part, self._kind):
                raise InputError(f"a Sequence of {self._key} holds instances of {self._kind.__name__}, not {part!r}")
            flat += part._parts if isinstance(part, Chain) and self._is_flat else [part]
        self._parts = flat

    def section(self) -> dict[str, Any]:
        """The sequence as its section of tokenizer.json."""
        return {"type": "Sequence", self._key: [part.section() for part in self._parts]}

    def _load(self, section: dict[str, Any]) -> None:
        self._parts = [self._kind.from_section(part) for part in section.get(self._key, [])]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: int) -> Any:
        return self._parts[index]

    def __setitem__(self, index: int, part: Any) -> None:
        if not isinstance(part, self._kind):
            raise InputError(f"a Sequence of {self._key} holds instances of {self._kind.__name__}, not {part!r}")
        self._parts[index] = part
        Component.changes += 1

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts)


#: Values that are printed without quotes, since the original has an enumeration for them.
_BARE = {"behavior", "prepend_scheme", "direction", "strategy"}


#: How many items of a list or dictionary `repr` and `str` show.
FULL = 99
BRIEF = 5
#: The most characters of a text that `str` shows.
_BRIEF_CHARACTERS = 100


def show(value: Any, most_items: int = FULL, key: str = "") -> str:
    """A section as the original prints it: the type, then the fields; long lists are cut.

    Args:
        value: A section, or a value in it.
        most_items: How many items of a list are shown.
        key: The field whose value it is.
    """
    if isinstance(value, str):
        return value if key in _BARE else f'"{_cut(value, most_items)}"'
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return _show_object(value, most_items, key)
    if isinstance(value, (list, tuple)):
        shown = [show(item, most_items, key) for item in value[:most_items]]
        is_pair = key in ("sep", "cls") or (isinstance(value, tuple))
        text = ", ".join([*shown, *(["..."] if len(value) > most_items else [])])
        return f"({text})" if is_pair else f"[{text}]"
    return str(value)


def _cut(text: str, most_items: int) -> str:
    is_long = most_items == BRIEF and len(text) > _BRIEF_CHARACTERS
    return f"{text[:_BRIEF_CHARACTERS]}..." if is_long else text


def _show_object(value: dict[str, Any], most_items: int, key: str) -> str:
    if key in ("pattern", "strategy") and len(value) == 1:
        kind, content = next(iter(value.items()))
        return f"{kind}({show(content, most_items)})"
    if "type" in value:
        shown = [f"{name}={show(item, most_items, name)}" for name, item in value.items() if name != "type"]
        return f"{value['type']}({', '.join(shown)})"
    piece = next(iter(value)) if len(value) == 1 else ""
    if piece in ("SpecialToken", "Sequence"):
        id_ = value[piece]["id"]
        return f"{piece}(id={id_ if piece == 'Sequence' else show(id_)}, type_id={value[piece]['type_id']})"
    if value.keys() == {"id", "ids", "tokens"}:
        return f"SpecialToken(id={show(value['id'])}, ids={value['ids']}, tokens={show(value['tokens'])})"
    shown = [f'"{name}":{show(item, most_items)}' for name, item in list(value.items())[:most_items]]
    return "{" + ", ".join([*shown, *(["..."] if len(value) > most_items else [])]) + "}"
