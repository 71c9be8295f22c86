"""Groups of a result's breakdowns in which Pre-Verification counts the cases of Kimi-Vendor-Verifier, by its parts."""

CASES = "kvv_cases"
"""How many were sent."""
HELD = "kvv_held"
"""How many held."""
