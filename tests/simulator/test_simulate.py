"""`kvv simulate` knows what it was given."""

from pathlib import Path

from entrypoint.settings import load
from entrypoint.usecases.simulate import answers
from tests.dataset.test_load import parquet, picture, record


def test_it_knows_every_answer_of_a_dataset(tmp_path: Path) -> None:
    """Also where the smallest tier would take fewer samples; pictures are not kept."""
    rows = [record(number, image={"bytes": picture(number), "path": None}) for number in range(60)]
    file = parquet(tmp_path / "rows.parquet", rows)
    bundled = answers(load({"profile": "kimi-k2.6"}))
    book = answers(load({"profile": "kimi-k2.6", "dataset": [f"ocrbench={file}"]}))
    assert len(book) == len(bundled) + 60
    assert all(known[1].input["picture"] == b"" for known in book._known.values() if known[0].id == "ocrbench")
