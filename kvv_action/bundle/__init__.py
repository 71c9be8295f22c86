"""Packs the evidence of a run into one archive, and reads such archives without trusting them."""
