"""The generated parts of README.md and action.yml, and the published JSON Schema.

`python -m tests.contract.tables` writes them again.
"""

import io
import re
from contextlib import redirect_stdout, suppress
from pathlib import Path

import yaml

from benchmarks import registry
from entrypoint.cli import COMMANDS, main
from kvv_action.compare.files import json_schema as compare_schema
from kvv_action.github.manifest import regenerate
from kvv_action.leaderboard import record
from kvv_action.report.files import canonical, json_schema
from kvv_action.settings import SECRETS, Settings, choices, option_name

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SCHEMA = ROOT / "kvv_action" / "report" / "report.schema.json"
RECORD_SCHEMA = ROOT / "kvv_action" / "leaderboard" / "record.schema.json"
COMPARE_SCHEMA = ROOT / "kvv_action" / "compare" / "compare.schema.json"


def inputs() -> str:
    """A row per input: name, default, what it does."""
    rows = ["| input | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        shown = field.default
        if isinstance(shown, bool):
            shown = str(shown).lower()
        if isinstance(shown, tuple):
            shown = ",".join(shown)
        default = "" if name in SECRETS or shown in (None, "", (), {}) else f"`{shown}`"
        words = choices(field)
        allowed = f" ({', '.join(f'`{word}`' for word in words)})" if words else ""
        rows.append(
            f"| `{option_name(name)}` | {default} | {(field.description or '').replace('|', '&#124;')}{allowed} |"
        )
    return "\n".join(rows)


def outputs() -> str:
    """A row per output of action.yml."""
    declared = yaml.safe_load((ROOT / "action.yml").read_text())["outputs"]
    rows = ["| output | |", "|---|---|"]
    rows += [f"| `{name}` | {entry['description'].strip()} |" for name, entry in declared.items()]
    return "\n".join(rows)


def commands() -> str:
    """A row per command."""
    rows = ["| command | |", "|---|---|"]
    return "\n".join([*rows, *(f"| `kvv {name}` | {text} |" for name, text in COMMANDS.items())])


def filled(readme: str) -> str:
    """The README with its generated parts."""
    for name, text in (("inputs", inputs()), ("outputs", outputs()), ("commands", commands())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        readme = re.sub(f"{begin}.*?{end}", lambda _, t=text, b=begin, e=end: f"{b}\n{t}\n{e}", readme, flags=re.DOTALL)
    return readme


def help_of(*command: str) -> str:
    """What `kvv COMMAND --help` prints."""
    text = io.StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        main([*command, "--help"])
    return text.getvalue()


def benchmark_ids() -> tuple[str, ...]:
    """All benchmarks."""
    return registry.IDS


if __name__ == "__main__":
    action = ROOT / "action.yml"
    action.write_text(regenerate(action.read_text(), Settings, registry.IDS))
    README.write_text(filled(README.read_text()))
    SCHEMA.write_bytes(canonical(json_schema()))
    RECORD_SCHEMA.write_bytes(canonical(record.json_schema()))
    COMPARE_SCHEMA.write_bytes(canonical(compare_schema()))
