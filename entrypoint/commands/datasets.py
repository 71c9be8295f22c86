"""`kvv datasets`: prepare and check the datasets of a machine without network."""

import sys
from collections.abc import Sequence

from entrypoint.options import Parser, add_settings, given
from entrypoint.settings import composition, load
from entrypoint.usecases.datasets import DatasetAction, datasets
from kvv_action.dataset.files import BRING, LOCAL_COPY
from kvv_action.report.text import visible

EPILOG = """actions:
  list     show what each benchmark needs, and whether the cache has it
  fetch    download what is missing, at the pinned commit, and check it
  verify   check the cache, without network: rows, pictures, count, digest
  pin      write commit and digest of each dataset, as it is now, into the file
           that dataset-pins names

examples:
  kvv datasets fetch --dataset-cache /srv/kvv-data
  kvv datasets verify --dataset-cache /srv/kvv-data --benchmarks ocrbench,mmmu_pro
  kvv datasets pin --dataset-pins pins.json --benchmarks ocrbench,swebench

Copy the folder to the other machine, and run there with --dataset-cache and HF_HUB_OFFLINE=1.
Exit status: 0 every dataset is there and correct, 1 at least one is not."""

USED = ("benchmarks", "dataset_cache", "dataset_pins", "allow_dataset_drift")
"""Of the engine's settings; of the benchmarks', those that choose which items are asked."""


def main(argv: Sequence[str]) -> int:
    """One action on the datasets of the chosen benchmarks."""
    parser = Parser(prog="kvv datasets", description="Fetch, verify, pin or list the datasets.", epilog=EPILOG)
    parser.add_argument("action", choices=[str(action) for action in DatasetAction], metavar="|".join(DatasetAction))
    add_settings(parser, only=(*USED, *composition().named("data")))
    values = parser.read(argv)
    wrong, advised = 0, ""
    for found in datasets(load(given(values)), DatasetAction(values.action)):
        wrong += not found.right
        advice = next((words for words in (BRING, LOCAL_COPY) if found.text.endswith(words)), "")
        advised = max(advised, advice, key=len)
        sys.stdout.write(f"{found.benchmark:<10} {visible(found.text.removesuffix(advice).rstrip(), 600)}\n")
    sys.stdout.write(f"\n{advised}\n" if advised else "")  # once for all of them
    return 1 if wrong else 0
