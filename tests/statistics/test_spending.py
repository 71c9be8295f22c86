"""Looking several times does not make errors more likely."""

import numpy as np
import pytest

from kvv_action.plan.order import SHARES
from kvv_action.statistics.intervals import one_sided
from kvv_action.statistics.spending import boundaries, spent

EQUAL = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_one_look_is_the_plain_quantile() -> None:
    """Nothing is paid for what is not done."""
    assert boundaries((1.0,), 0.05) == pytest.approx((one_sided(0.05),), abs=1e-4)


def test_a_published_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five equal looks with linear spending of 2.5 %: 2.576 2.490 2.411 2.343 2.284 (Kim and DeMets 1987, Table 1)."""
    monkeypatch.setattr("kvv_action.statistics.spending.POWER", 1.0)
    boundaries.cache_clear()
    found = boundaries(EQUAL, 0.025)
    boundaries.cache_clear()
    assert found[0] == pytest.approx(2.576, abs=0.002)
    assert found[0] > found[1] > found[2] > found[3] > found[4] > one_sided(0.025)


@pytest.mark.parametrize("shares", [EQUAL, SHARES])
@pytest.mark.parametrize("error", [0.05, 0.0125])
def test_all_looks_together_err_as_often_as_allowed(shares: tuple[float, ...], error: float) -> None:
    """In 200 000 seeded random walks, to within sampling error."""
    steps = np.diff((0.0, *shares))
    walks = np.random.RandomState(0).normal(size=(200_000, len(shares))) * np.sqrt(steps)
    crossed = (np.cumsum(walks, axis=1) / np.sqrt(shares) > boundaries(shares, error)).any(axis=1).mean()
    assert crossed == pytest.approx(error, abs=4 * np.sqrt(error / 200_000))


def test_little_may_be_spent_early() -> None:
    """All of it only at the end."""
    assert spent(0.05, 0.05) < 0.001
    assert spent(1.0, 0.05) == 0.05
