"""Python functions as JSON schemas, for models that call them."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union

from dure.errors import InputError
from dure.typing import JsonObject

__all__ = ["schema_of"]

_TYPES: dict[Any, JsonObject] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}
_DESCRIPTION = re.compile(r"^(.*?)[\n\s]*(Args:|Returns:|Raises:|\Z)", re.DOTALL)
_ARGUMENTS = re.compile(r"\n\s*Args:\n\s*(.*?)[\n\s]*(Returns:|Raises:|\Z)", re.DOTALL)
_ARGUMENT = re.compile(r"(?:^|\n)\s*(\w+):\s*(.*?)\s*(?=\n\s*\w+:|\Z)", re.DOTALL)
_RETURNS = re.compile(r"\n\s*Returns:\n\s*(.*?)[\n\s]*(Raises:|\Z)", re.DOTALL)
_CHOICES = re.compile(r"\(choices:\s*(.*?)\)\s*$", re.IGNORECASE)


def schema_of(function: Callable[..., Any]) -> JsonObject:
    """The JSON schema of a function, from its type hints and its docstring in the Google style.

    Args:
        function: Each of its arguments needs a type hint and a line under ``Args:``. Such a line may end in
            ``(choices: ["a", "b"])``.

    Raises:
        InputError: A hint or a description is missing, or a hint means nothing in JSON.
    """
    name, docstring = function.__name__, (inspect.getdoc(function) or "").strip()
    if not docstring:
        raise InputError(f"the tool {name} has no docstring, which says what it and its arguments are for")
    described = _descriptions(docstring)
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    for parameter in parameters:
        if parameter not in hints:
            raise InputError(f"the argument {parameter} of the tool {name} has no type hint")
    properties = {parameter: _schema(hint, name) for parameter, hint in hints.items()}
    returned = properties.pop("return", None)
    for parameter, schema in properties.items():
        if parameter not in described:
            raise InputError(f"the docstring of the tool {name} doesn't describe its argument {parameter}")
        text = described[parameter]
        if choices := _CHOICES.search(text):
            schema["enum"] = [choice.strip() for choice in json.loads(choices[1])]
            text = text[: choices.start()].strip()
        schema["description"] = text
    schema = {"type": "object", "properties": properties}
    required = [key for key, parameter in parameters.items() if parameter.default is inspect.Parameter.empty]
    if required:
        schema["required"] = required
    description = _DESCRIPTION.search(docstring)
    made = {"name": name, "description": description[1].strip() if description else None, "parameters": schema}
    if returned is not None:
        if text_found := _RETURNS.search(docstring):
            returned["description"] = text_found[1].strip()
        made["return"] = returned
    return {"type": "function", "function": made}


def _descriptions(docstring: str) -> dict[str, str]:
    """What a docstring says about arguments."""
    found = _ARGUMENTS.search(docstring)
    if found is None:
        return {}
    lines = "\n".join(line for line in found[1].strip().split("\n") if line.strip())
    return {name: re.sub(r"\s*\n+\s*", " ", text.strip()) for name, text in _ARGUMENT.findall(lines)}


def _schema(hint: Any, tool: str) -> JsonObject:
    """A type hint as a JSON schema."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return dict(_TYPES.get(hint, {"type": "object"}))
    if origin in (Union, types.UnionType):
        return _union(arguments, tool)
    if origin is Literal:
        kinds = list(dict.fromkeys(_TYPES[type(value)]["type"] for value in arguments))
        return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], tool)}
    if origin is tuple:
        if len(arguments) == 1 or ... in arguments:
            raise InputError(f"the tool {tool} has the type hint {hint}: use list[...] for several values of one type")
        return {"type": "array", "prefixItems": [_schema(argument, tool) for argument in arguments]}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], tool)}
    raise InputError(f"the tool {tool} has the type hint {hint}, which means nothing in a JSON schema")


def _union(arguments: tuple[Any, ...], tool: str) -> JsonObject:
    schemas = [_schema(argument, tool) for argument in arguments if argument is not type(None)]
    schema: JsonObject
    if len(schemas) == 1:
        schema = schemas[0]
    elif all(isinstance(item.get("type"), str) for item in schemas):
        schema = {"type": sorted(item["type"] for item in schemas)}
    else:
        schema = {"anyOf": schemas}
    return schema | ({"nullable": True} if type(None) in arguments else {})
