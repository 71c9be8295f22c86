"""The only list of benchmarks; their code is imported when one is asked for."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType

from kvv_action.benchmark import Benchmark, Options

_CLASSES = {
    "precheck": ("benchmarks.precheck", "Precheck"),
    "ocrbench": ("benchmarks.ocrbench", "OcrBench"),
    "mmmu_pro": ("benchmarks.mmmu_pro", "MmmuPro"),
    "aime2025": ("benchmarks.aime2025", "Aime2025"),
    "toolcall": ("benchmarks.toolcall", "ToolCallBenchmark"),
    "swebench": ("benchmarks.swebench", "SweBench"),
}

_EXPORTS = {"toolcall": "benchmarks.toolcall.export", "swebench": "benchmarks.swebench.export"}

IDS = tuple(_CLASSES)
"""In the order in which they are planned and reported."""


def package(benchmark: str) -> str:
    """The Python package of a benchmark, which holds its bundled samples."""
    return _CLASSES[benchmark][0]


def exporters(benchmarks: Iterable[str]) -> Iterator[ModuleType]:
    """Modules of these benchmarks that write further files beside the reports, with `write(out, Source(...))`."""
    for benchmark in benchmarks:
        if benchmark in _EXPORTS:
            yield import_module(_EXPORTS[benchmark])


def create(benchmark: str, options: Options) -> Benchmark:
    """A benchmark by id.

    Raises:
        KeyError: not one of `IDS`.
    """
    module, name = _CLASSES[benchmark]
    instance: Benchmark = getattr(import_module(module + ".benchmark"), name)(options)
    return instance
