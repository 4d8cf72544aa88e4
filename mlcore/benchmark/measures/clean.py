"""Time to clean: from an erasure until a release that never saw the person has scored a row."""

from time import perf_counter
from typing import Any, Final

from mlcore.benchmark.measures import _bootstrap, _engines
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule

KEYS: Final[dict[str, Rule]] = {"trials": (1, 10_000)}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """Seconds of ``erase``, of making the fallback's scorer and of its first row, in each trial."""
    engine = _engines.fitted(setting, progress)
    names = _engines.anyone(setting, setting.table["trials"], "clean")
    prompt = f"{next(iter(setting.catalogue.values()))}?\nAnswer:"
    query = setting.store.state(prompt)
    engine.scorer().score([query])
    seconds = []
    for done, name in enumerate(names, start=1):
        fork = engine.fork()
        start = perf_counter()
        fork.erase({name: None})
        fork.scorer().score([query])
        seconds.append(perf_counter() - start)
        progress("clean", done, len(names))
    return {
        "seconds": _bootstrap.mean(seconds),
        "largest": max(seconds),
        "trials": len(seconds),
        "each": seconds,
    }
