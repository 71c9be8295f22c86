"""`kvv bundle`: the evidence of a run in one archive."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.bundling import bundle
from entrypoint.options import Parser
from kvv_action.bundle.form import NAME, REDACTED_NAME
from kvv_action.github.context import secrets
from kvv_action.redact import Redactor
from kvv_action.report.text import visible

EPILOG = f"""examples:
  kvv bundle kvv-out
  kvv audit kvv-out/{NAME}
  kvv bundle kvv-out --redact --out for-the-public.tar.gz

The archive holds journal, reports, trajectories and a manifest with digests and versions of everything. The same run
gives the same bytes with the same image; another zlib may compress to others, which unpack to the same files. Keys
in KVV_API_KEY and the other KVV_* secrets are looked for, as is what looks like a key of anybody; where something is
found, nothing is written.

--redact is for those who may not publish what was asked and answered: digests and lengths take the place of texts. What
remains shows counts, scores and verdicts, but the scores cannot be recomputed, and the record says so."""


def main(argv: Sequence[str]) -> int:
    """Check, pack, and print path and digest."""
    parser = Parser(prog="kvv bundle", description="Pack the evidence of a run into one archive.", epilog=EPILOG)
    parser.add_argument("dir", metavar="DIR", help="The folder that kvv wrote.")
    parser.add_argument("--out", metavar="FILE", help=f"The archive. Default: {NAME} (or {REDACTED_NAME}) in DIR.")
    parser.add_argument("--redact", action="store_true", help="Digests and lengths instead of texts.")
    parser.add_argument("--allow-key-like", action="store_true", help="What only looks like a key is none.")
    values = parser.read(argv)
    out = Path(values.out) if values.out else None
    done = bundle(
        Path(values.dir), out, redact=values.redact, secrets=Redactor(secrets()), allow_suspects=values.allow_key_like
    )
    sys.stdout.write(f"{visible(str(done.path), 500)}: {done.archive.size} bytes, sha256:{done.archive.sha256}\n")
    return 0
