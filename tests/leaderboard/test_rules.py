"""`leaderboard.toml`: what it can say of signers."""

import pytest

from kvv_action.errors import KvvError
from kvv_action.github.attestation import ISSUER
from kvv_action.leaderboard.rules import parse

WORKFLOW = "moonshot/kvv-action/.github/workflows/verify.yml"


def rules(signer: str) -> bytes:
    return f'[vendors.a]\nname = "A"\n\n[attestation]\nsigners = ["{signer}"]\n'.encode()


@pytest.mark.parametrize("ref", ["", "@refs/tags/v*", "@refs/heads/release/2", "@" + "0" * 40])
def test_signers_and_where_they_are_accepted(ref: str) -> None:
    """At tags, branches and commits."""
    found = parse(rules(WORKFLOW + ref)).attestation
    assert (found.signers, found.issuer) == ((WORKFLOW + ref,), ISSUER)


@pytest.mark.parametrize(
    "signer",
    ["moonshot/kvv-action", WORKFLOW + "@", WORKFLOW + "@main", WORKFLOW + "@refs/pull/5/head", WORKFLOW + "@*",
     WORKFLOW + "@" + "0" * 39, WORKFLOW + "@refs/*", WORKFLOW + "@refs/heads/[a-z]"],
)  # fmt: skip
def test_what_is_no_signer(signer: str) -> None:
    """Pull requests least of all."""
    with pytest.raises(KvvError, match=r"attestation\.signers"):
        parse(rules(signer))
