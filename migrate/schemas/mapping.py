"""The schema of a mapping, made from the vocabulary that its parser and its reference read too.

It knows keys and shapes, which is what an editor completes; expressions, units and transforms are checked by the
parser, with file, line and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.sources.mapping import vocabulary
from converters.sources.mapping.vocabulary import Attribute, Element, Group

from .building import array, keyed, text

_EXPRESSION = text("a JMESPath expression", minLength=1)
_WHEN = text("a JMESPath expression; false, null and empty leave it out", minLength=1)
_ANYTHING: dict[str, Any] = {"description": "a constant"}


def mapping() -> dict[str, Any]:
    properties: dict[str, Any] = {
        "schema": {"const": vocabulary.SCHEMA},
        "scheduler": text("what the legacy scheduler is called"),
        "documents": keyed(
            "the config's documents by name",
            {},
            others=keyed(
                "files of one document",
                {"files": _texts("globs, from this file's folder"), "ignore": _ignore()},
                required=("files",),
            ),
        ),
        "joins": keyed(
            "parts of the config that belong to a workload's item",
            {},
            others=keyed(
                "a join",
                {
                    "each": _EXPRESSION,
                    "on": _EXPRESSION,
                    "to": _EXPRESSION,
                    "on_none": {"enum": ["refuse", "skip", "empty"]},
                    "on_many": {"enum": ["refuse", "first", "last"]},
                },
                required=("each", "on", "to"),
            ),
        ),
        "workloads": keyed(
            "where the workloads stand",
            {
                "each": _EXPRESSION,
                "name": _clause(),
                "namespace": _clause(),
                "controller": _clause(),
                "when": _WHEN,
                "inherit": {"anyOf": [_EXPRESSION, array("the first wins", _EXPRESSION)]},
            },
            required=("each", "name"),
        ),
        "instances": _instances(),
        "placeholders": keyed("regular expression to what it stands for", {}, others=text("what a pod knows")),
        "containers": array("one for each container of the workload", _container(), minItems=1),
        "checks": _list(vocabulary.CHECK),
        "ignore": _ignore(),
    }
    properties |= {name: _clause() for name in vocabulary.WORKLOAD}
    properties |= {name: _list(element) for name, element in vocabulary.WORKLOAD_LISTS.items()}
    properties |= {name: _group(group) for name, group in vocabulary.GROUPS.items()}
    whole = keyed(
        "where in a bespoke config the workload's fields stand",
        properties,
        required=("schema", "documents", "workloads", "containers"),
    )
    return {**whole, "$defs": _definitions()}


def _clause_keys() -> dict[str, Any]:
    return {
        "from": _EXPRESSION,
        "const": _ANYTHING,
        "when": _WHEN,
        "default": _ANYTHING,
        "as": {"description": "a transform, or a table of regular expressions", "type": ["string", "object"]},
        "values": keyed("value in the config to value here", {}, others=True),
        "unit": text("what a bare number counts"),
        "registry": _EXPRESSION,
    }


def _clause() -> dict[str, Any]:
    return {"$ref": "#/$defs/clause"}


def _definitions() -> dict[str, Any]:
    """What stands in hundreds of places is written once: expanded, the schema would be a megabyte."""
    one = [_EXPRESSION, keyed("a clause", _clause_keys())]
    several = array("the first that gives a value", {"anyOf": one})
    elements: dict[str, Element] = {**vocabulary.WORKLOAD_LISTS, **vocabulary.CONTAINER_LISTS}
    for group in vocabulary.GROUPS.values():
        elements |= group.lists
    clause = {"description": "an expression, a clause, or several", "anyOf": [*one, several]}
    return {"clause": clause, **{_slug(each): _elements(each) for each in elements.values()}}


def _slug(element: Element) -> str:
    return element.name.replace(" ", "-")


def _instances() -> dict[str, Any]:
    own = {
        "each": _EXPRESSION,
        "when": _WHEN,
        "from": _EXPRESSION,
        "as": _clause_keys()["as"],
        "values": {},
        "site": _clause(),
        "count": _clause(),
        "name": _clause(),
        "own": _EXPRESSION,
        "container": text("a regular expression of container names; {name} and {site} are filled in"),
        "label": text("KEY=VALUE that an instance carries"),
        "env": text("KEY=VALUE that an instance carries"),
        "runtime_env": _texts("names (globs) that the scheduler injects"),
    }
    return keyed("instances by site, and how they are found again", own)


def _container() -> dict[str, Any]:
    settings = keyed("what the model has no attribute for", {name: _clause() for name in vocabulary.SETTINGS})
    properties: dict[str, Any] = {"when": _WHEN, "settings": settings}
    properties |= _attributes(vocabulary.CONTAINER)
    properties |= {name: _list(element) for name, element in vocabulary.CONTAINER_LISTS.items()}
    return keyed("a container", properties, required=("image",))


def _attributes(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    return {name: _clause() for name in attributes}


def _group(group: Group) -> dict[str, Any]:
    properties: dict[str, Any] = {"when": _WHEN, **_attributes(group.attributes)}
    properties |= {name: _list(element) for name, element in group.lists.items()}
    return keyed("a section", properties)


def _list(element: Element) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{_slug(element)}"}


def _elements(element: Element) -> dict[str, Any]:
    one = [_EXPRESSION, _element(element)]
    return {
        "description": f"where each {element.name} stands",
        "anyOf": [*one, array("several", {"anyOf": one})],
    }


def _element(element: Element) -> dict[str, Any]:
    clause = {key: value for key, value in _clause_keys().items() if key != "registry"}
    # `unit` and `values` may be an attribute of the element (a step's unit) or belong to `from`.
    clashing = {"unit", "values"} & set(element.attributes)
    properties: dict[str, Any] = {"each": _EXPRESSION, **clause, **_attributes(element.attributes)}
    properties |= {name: {} for name in clashing}
    properties |= {name: _clause() for name in element.whole}
    return keyed(f"a {element.name}", properties)


def _ignore() -> dict[str, Any]:
    return keyed("path (globs) to the reason why it has no effect", {}, others=text("the reason", minLength=1))


def _texts(said: str) -> dict[str, Any]:
    return {"description": said, "anyOf": [{"type": "string"}, array("several", {"type": "string"})]}
