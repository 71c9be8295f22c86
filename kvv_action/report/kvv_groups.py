"""Groups of a result's breakdowns in which Pre-Verification counts the cases of Kimi-Vendor-Verifier, by its parts."""

from collections.abc import Mapping

CASES = "kvv_cases"
"""How many were sent."""
HELD = "kvv_held"
"""How many held."""
WHOLE: Mapping[str, int] = {"mfjs": 382, "tokens": 44}
"""How many different cases there are: 191 schemas in both modes, without the repeated and the unusable ones."""
