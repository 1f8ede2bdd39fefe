"""Runs every benchmark, or those named: ``python -m benchmarks [NAME…]``; a name is a module beside this one. Those of
LONG are run only by name."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

# an hour and more
LONG = frozenset({"durations"})


def main() -> None:
    known = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__")
    wanted = sys.argv[1:] or [name for name in known if name not in LONG]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        sys.exit(f"no benchmark called {', '.join(unknown)}; there are {', '.join(known)}")
    for name in wanted:
        print(f"\n## {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
