"""Reports of an earlier format, read as if they had been written today."""

from typing import Any

LETTERS = ("B", "L", "D")  # of linear_scan, the one op of format 1
BESIDE_ADD = {"B": 4, "L": 4096, "D": 1024, "dtype": "float32", "direction": "fwd"}


def upgraded(found: Any) -> Any:
    """Bring the parsed content of a report to today's format; leave everything else alone.

    Format 1 knew one op to a file, one goal in milliseconds to a row, and no other floor than that
    of memory. That ours should reach 0.9 of `torch.add` at one size stood in the code.

    Errors:
        KeyError, TypeError, AttributeError: a part is missing or is no such part
    """
    if not isinstance(found, dict) or (found.get("kind"), found.get("schema")) != ("bench", 1):
        return found
    rest = {name: part for name, part in found.items() if name not in ("op", "rows")}
    rows = [_row(row) for row in found["rows"]]
    return rest | {"schema": 2, "ops": [found["op"]], "rows": rows}


def _row(row: dict) -> dict:
    old = row["case"]
    case = {"op": old["op"], "sizes": {letter: old[letter] for letter in LETTERS}}
    case |= {"dtype": old["dtype"], "direction": old["direction"]}
    goals = [] if row["goal_ms"] is None else [{"ms": row["goal_ms"]}]
    if all(old[name] == value for name, value in BESIDE_ADD.items()):
        goals.append({"speed": 0.9, "beside": "torch.add"})
    return {
        "case": case,
        "floor_ms": row["floor_ms"],
        "bound": "memory",
        "goals": goals,
        "figures": row["figures"],
        "absent": row["absent"],
    }
