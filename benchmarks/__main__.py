"""`make bench`: every measurement beside its peer, printed, and written to build/benchmarks.json.

`python -m benchmarks search attacks` runs some of them; `--small` runs them on little data, to see that they work.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = (
    "search",
    "federation",
    "catalogue",
    "cohort",
    "indexing",
    "growth",
    "attacks",
    "subtraction",
    "records",
    "analysis",
    "runs",
    "permits",
    "log",
)
OUT = Path("build") / "benchmarks.json"
KEYS = ("name", "ours", "peer", "unit", "ratio", "peer_name", "peer_version", "bar", "holds")


def main(arguments: list[str]) -> int:
    """Runs what is named, or all; 1 when a bar does not hold."""
    small = "--small" in arguments
    chosen = [name for name in arguments if not name.startswith("--")] or MODULES
    found: list[dict[str, Any]] = []
    for name in chosen:
        began = time.monotonic()
        print(f"\n{name}: {(import_module(f'benchmarks.{name}').__doc__ or '').splitlines()[0]}", flush=True)
        for row in import_module(f"benchmarks.{name}").rows(small=small):
            found.append({"benchmark": name} | {key: row.get(key) for key in KEYS})
            print(f"  {shown(row)}", flush=True)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    if not small:
        write(found, chosen)
    return 1 if any(row["holds"] is False for row in found) else 0


def write(found: list[dict[str, Any]], chosen: tuple[str, ...] | list[str]) -> None:
    """Replaces the rows of what was run and keeps the others."""
    before = json.loads(OUT.read_text()) if OUT.exists() else []
    kept = [row for row in before if row["benchmark"] not in chosen]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(kept + found, indent=1) + "\n")


def shown(row: dict[str, Any]) -> str:
    """One measurement as a line."""
    text = f"{row['name']}: {number(row['ours'])} {row['unit']}"
    if row.get("peer") is not None:
        text += f"; {row['peer_name']} {row.get('peer_version', '')} {number(row['peer'])}"
    if row.get("ratio") is not None:
        text += f"; ratio {row['ratio']:.2f}"
    if row.get("bar") is not None:
        text += f"; bar {number(row['bar'])}: {'holds' if row['holds'] else 'DOES NOT HOLD'}"
    return text


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
