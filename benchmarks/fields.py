"""Figure 1: the field table, how much of it is proven, and keys of the engines' references without a row."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.engine_api import KEYS, NEWEST, OLDEST
from converters.fields.other_tables import IMAGE_ROWS, NETWORK_ROWS, VOLUME_ROWS
from converters.fields.row import Role
from converters.fields.walk import Table, walk
from tests.proof import DOCUMENTS, prove
from tests.proof_stages import stages

_TABLES = {"container": CONTAINER_ROWS, "image": IMAGE_ROWS, "volume": VOLUME_ROWS, "network": NETWORK_ROWS}


def main() -> None:
    rows = [(kind, row) for kind, table in {**DOCUMENTS, "image": IMAGE_ROWS}.items() for row in table]
    roles = Counter(row.role for _, row in rows)
    levels: Counter[str] = Counter()
    proven, proofs, open_rows = 0, 0, []
    for kind, row in rows:
        if row.role is not Role.CONFIG:
            continue
        found = [prove(kind, row, stage) for stage in stages(kind, row.pattern)]
        proofs += len(found)
        levels.update(level for proof in found for level in proof.levels)
        if any(proof.wrong for proof in found):
            open_rows.append(f"{kind} {row.pattern}")
        else:
            proven += 1
    print(f"rows: {len(rows)} ({roles[Role.CONFIG]} configuration, {roles[Role.MIRROR]} mirrors, ", end="")
    print(f"{roles[Role.OBSERVED]} evidence)")
    print(f"configuration rows proven: {proven} of {roles[Role.CONFIG]}, on {proofs} stages")
    print("verdicts in the proofs: " + ", ".join(f"{count} {level}" for level, count in levels.most_common()))
    without = [f"{kind} {key}" for kind in _TABLES for key in keys_without_a_row(kind)]
    keys = sum(map(len, KEYS.values()))
    print(f"keys of Engine API {OLDEST} to {NEWEST} without a row: {len(without)} of {keys}")
    for line in (*open_rows, *without):
        print(f"  {line}")


def keys_without_a_row(kind: str) -> list[str]:
    """Keys of the engines' references that the table does not know."""
    table, keys = Table(_TABLES[kind]), KEYS[kind]
    leaves = [key for key in keys if not any(other.startswith(f"{key}.*") for other in keys)]
    # The references call it a string; it was a list of them in its time.
    leaves = [key for key in leaves if key != "Config.PortSpecs"]
    return [key for key in leaves if any(found.row is None for found in walk(_document_with(key), table))]


def _document_with(key: str) -> Any:
    value: Any = "v"
    for token in reversed(re.findall(r"\[\]|\.?[^.\[\]]+", key)):
        value = [value] if token == "[]" else {"k" if token == ".*" else token.removeprefix("."): value}
    return value


if __name__ == "__main__":
    main()
