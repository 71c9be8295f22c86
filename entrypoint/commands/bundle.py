"""`kvv bundle`: the evidence of a run in one archive."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.bundling import bundle
from entrypoint.options import Parser
from kvv_action.bundle.form import NAME, REDACTED_NAME
from kvv_action.github.context import secrets
from kvv_action.redact import Redactor
from kvv_action.report.files import REPORT
from kvv_action.report.place import no_run
from kvv_action.report.text import visible

EPILOG = f"""examples:
  kvv bundle kvv-out
  kvv audit kvv-out/{NAME}
  kvv bundle kvv-out --redact --out for-the-public.tar.gz

The archive holds the journal, the reports, the trajectories and a manifest with digests and versions of everything. The
same run in the same image gives the same bytes; another zlib may compress differently, but unpacks to the same files.
Before it writes, the command looks for the keys in KVV_API_KEY and the other KVV_* secrets, and for anything that looks
like a key. If it finds one, it writes nothing.

Use --redact if you may not publish the questions and answers: digests and lengths replace the texts. The counts, scores
and verdicts remain, but nobody can recompute the scores, and the record says so."""


def main(argv: Sequence[str]) -> int:
    """Check, pack, and print path and digest."""
    parser = Parser(prog="kvv bundle", description="Pack the evidence of a run into one archive.", epilog=EPILOG)
    parser.add_argument("dir", metavar="DIR", help="The folder that kvv wrote.")
    parser.add_argument("--out", metavar="FILE", help=f"The archive. Default: {NAME} (or {REDACTED_NAME}) in DIR.")
    parser.add_argument("--redact", action="store_true", help="Write digests and lengths instead of texts.")
    parser.add_argument("--allow-key-like", action="store_true", help="Write even if something only looks like a key.")
    values = parser.read(argv)
    out = Path(values.out) if values.out else None
    done = bundle(
        Path(values.dir), out, redact=values.redact, secrets=Redactor(secrets()), allow_suspects=values.allow_key_like
    )
    if not (Path(values.dir) / REPORT).is_file():
        sys.stderr.write(f"warning: {no_run(Path(values.dir), REPORT)}; then make the bundle again\n")
    sys.stdout.write(f"{visible(str(done.path), 500)}: {done.archive.size} bytes, sha256:{done.archive.sha256}\n")
    return 0
