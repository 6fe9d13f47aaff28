"""Copies of parsed events that share nothing that can be changed, in a fraction of the time of ``deepcopy``.

Of the fifty-odd fields of an event and its parts, nearly all hold values that cannot change. Which ones do not is
found out once per event, so that a copy touches only those.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from enum import Enum
from typing import Any

from google.adk.events.event import Event
from pydantic import BaseModel

Copier = Callable[[Any], Any]

_IMMUTABLE = (str, int, float, bool, type(None), bytes, Enum, frozenset)
_new = object.__new__
_set = object.__setattr__


def copier_of(value: Any) -> Copier | None:
    """A function that copies ``value`` as long as it stays as it is now; None if it needs no copy."""
    if isinstance(value, _IMMUTABLE):
        return None
    if isinstance(value, BaseModel):
        return _model_copier(value)
    if type(value) is dict:
        return _dict_copier(value)
    if type(value) is list:
        return _list_copier(value)
    return copy.deepcopy


def event_copier(event: Event) -> Callable[[Event], Event]:
    """A function that copies ``event``."""
    return _model_copier(event)


def _model_copier(model: BaseModel) -> Copier:
    if model.__pydantic_private__ or model.__pydantic_extra__:
        return copy.deepcopy
    kind = type(model)
    inner = [(name, copier) for name, value in model.__dict__.items() if (copier := copier_of(value)) is not None]

    def copied(source: Any) -> Any:
        clone = _new(kind)
        fields = source.__dict__.copy()
        for name, copier in inner:
            fields[name] = copier(fields[name])
        _set(clone, "__dict__", fields)
        _set(clone, "__pydantic_fields_set__", source.__pydantic_fields_set__.copy())
        _set(clone, "__pydantic_extra__", None)
        _set(clone, "__pydantic_private__", None)
        return clone

    return copied


def _dict_copier(value: dict[Any, Any]) -> Copier:
    inner = [(key, copier) for key, item in value.items() if (copier := copier_of(item)) is not None]
    if not inner:
        return dict.copy

    def copied(source: dict[Any, Any]) -> dict[Any, Any]:
        clone = source.copy()
        for key, copier in inner:
            clone[key] = copier(clone[key])
        return clone

    return copied


def _list_copier(value: list[Any]) -> Copier:
    inner = [(index, copier) for index, item in enumerate(value) if (copier := copier_of(item)) is not None]
    if not inner:
        return list.copy

    def copied(source: list[Any]) -> list[Any]:
        clone = source.copy()
        for index, copier in inner:
            clone[index] = copier(clone[index])
        return clone

    return copied
