"""The options of Fingerprint."""

from kvv_action.options import BenchmarkOptions, choice

COPY = "fingerprint-reference.txt"
"""Name of the reference's copy beside the reports."""


class FingerprintOptions(BenchmarkOptions):
    """What probabilities are compared with.

    Attributes:
        fingerprint: file or address of the reference; empty follows the profile.
    """

    fingerprint: str = choice(
        "",
        "Reference of next-token probabilities that kvv fingerprint made of an official endpoint: a file, or "
        "URL@sha256:DIGEST. With one, 96 prefixes are asked at every tier. Default: the profile's, if it names one.",
        group="plan",
        metavar="FILE|URL",
        path="pinned",
        beside=COPY,
    )

    def asks(self) -> bool:
        """Whether there is a reference to compare with."""
        return bool(self.fingerprint)

    def lacks(self) -> str:
        """What is missing: a reference, if the profile names none."""
        if self.fingerprint:
            return ""
        return "It needs a reference that kvv fingerprint capture made: set fingerprint to a file or URL@sha256:DIGEST."
