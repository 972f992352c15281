"""From what pydantic complains about to a refusal that a person can act on.

A complaint says where (``loc``), what came (``input``) and what kind it is (``type``).
The refusal names the key as the TOML file has it, what was expected, and the
nearest valid choice. Contradictions between keys bring their own words along.
"""

import re
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from engine.classes import did_you_mean
from engine.errors import RefusedInput

# What was expected, by the kind of complaint and with the numbers of its context.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number greater than {gt:.10g}",
    "greater_than_equal": "a number of at least {ge:.10g}",
    "int_type": "a whole number",
    "less_than": "a number less than {lt:.10g}",
    "less_than_equal": "a number of at most {le:.10g}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "a table",
    "string_pattern_mismatch": "a path",
    "string_too_long": "a string no longer than {max_length}",
    "string_too_short": "a string no shorter than {min_length}",
    "string_type": "a string",
    "too_long": "a list of {max_length} or fewer",
    "too_short": "a list of {min_length} or more",
    "tuple_type": "a list",
}


def contradiction(problem: str, expected: str, remedy: str) -> PydanticCustomError:
    """Returns what a validator raises over keys that do not agree; the parts become those of the refusal."""
    return PydanticCustomError(
        "contradiction", "{problem}", {"problem": problem, "expected": expected, "remedy": remedy}
    )


def refusal(error: ValidationError, root: type[BaseModel], source: str) -> RefusedInput:
    """Returns the first complaint as a refusal.

    Args:
        error: what pydantic raised.
        root: the model that was validated.
        source: where the values came from; the message begins with it.
    """
    return next(iter(refusals(error, root, source).values()))


def refusals(error: ValidationError, root: type[BaseModel], source: str) -> dict[str, RefusedInput]:
    """Returns all that pydantic complains about, one refusal a key.

    Args:
        error: what pydantic raised.
        root: the model that was validated.
        source: where the values came from; each message begins with it.

    Returns:
        In the order of the complaints, by the key with its tables before it, e.g. ``data.transform.mean``;
        a contradiction within a table stands under the table's name, one between tables under ``""``.
    """
    by_key: dict[tuple[str, ...], list[_Complaint]] = {}
    for complaint in error.errors():
        tables, key, item = _place(complaint, root)
        by_key.setdefault((*tables, key), []).append((item, complaint))
    return {".".join(place): _told(place, about, root, source) for place, about in by_key.items()}


_Complaint = tuple[str, ErrorDetails]
"""The item of a list that is complained about, or an empty string, and the complaint."""


def _told(place: tuple[str, ...], about: list[_Complaint], root: type[BaseModel], source: str) -> RefusedInput:
    *tables, key = place
    # A value that may be of several kinds is complained about once for each kind. The
    # complaint that looks furthest into it, at an item of a list, says most.
    item = max((item for item, _ in about), key=len)
    kinds = [complaint for of_item, complaint in about if of_item == item]
    first = kinds[0]

    if first["type"] == "extra_forbidden":
        return unknown_key(key, tables, root, source)
    if first["type"] == "contradiction":
        parts = first["ctx"]
        return RefusedInput(
            f"{source}: {_named([*tables, key] if key else [], '')}{parts['problem']}",
            parts["expected"],
            parts["remedy"],
        )
    where = _named(tables, key + item)
    expected = dict.fromkeys(_EXPECTED.get(kind["type"], kind["msg"]).format_map(kind.get("ctx", {})) for kind in kinds)
    if first["type"] == "missing":
        return RefusedInput(f"{source}: {where} is missing", f"a value for {where}", "Add it to the study file")
    choices = [choice for phrase in expected for choice in re.findall(r"'([^']+)'", phrase)]
    return RefusedInput(
        f"{source}: {where} is {_shown(first['input'])}",
        " or ".join(expected),
        did_you_mean(str(first["input"]), choices) or f"Change {where}",
    )


def unknown_key(key: str, tables: list[str], root: type[BaseModel], source: str) -> RefusedInput:
    """Returns the refusal of a key that is not one of its table's."""
    model = root
    for table in tables:
        model = _table(model, table) or model
    known = [name for name, field in model.model_fields.items() if not field.exclude]
    # In TOML a key that is written after a table's heading belongs to that table.
    homes = [name for name in root.model_fields if key in getattr(_table(root, name), "model_fields", ())]
    elsewhere = (
        "Move it to the top of the file, above the first [table]" if key in root.model_fields and tables else None
    )
    elsewhere = elsewhere or (f"Move it to [{homes[0]}]" if homes else None)
    return RefusedInput(
        f"{source}: unknown key '{key}'" + (f" in [{'.'.join(tables)}]" if tables else ""),
        f"one of {', '.join(known)}",
        did_you_mean(key, known) or elsewhere or "Remove the key or mend its name",
    )


def _place(complaint: ErrorDetails, root: type[BaseModel]) -> tuple[list[str], str, str]:
    """Returns the tables that lead to the key complained about, the key, and the item in it, e.g. ``[1]``."""
    names: list[str] = []
    item = ""
    model: type[BaseModel] | None = root
    member = ""
    for part in complaint["loc"]:
        if isinstance(part, int):
            item += f"[{part}]"
        elif model is not None:
            names.append(part)
            model = _table(model, part)
        elif member.startswith("dict["):
            item += f".{part}"
        else:
            # The member of a union that was tried.
            member = part
    # A contradiction between tables lies in none of them.
    return names[:-1], names[-1] if names else "", item


def _table(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Returns the model of a key that is a table."""
    field = model.model_fields.get(name)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _named(tables: list[str], key: str) -> str:
    return (f"[{'.'.join(tables)}] " if tables else "") + key


def _shown(value: Any) -> str:
    """Returns a value much as TOML writes it, shortened."""
    text = str(value).lower() if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 80 else f"{text[:70]} … {text[-7:]}"
