"""The outputs of the step, which action.yml names."""

OUTPUTS = {
    "verdict": "pass, fail, inconclusive or skipped.",
    "reason": "Why, in one line; characters that a shell acts on inside quotes are taken out.",
    "report-path": "Path of report.json, relative to the workspace; empty when there is none.",
    "junit-path": "Path of junit.xml, relative to the workspace; empty when there is none.",
    "summary-path": "Path of summary.md, relative to the workspace; empty when there is none.",
    "html-path": "Path of report.html, one page without scripts, relative to the workspace; empty when there is none.",
    "regression": "none, regression or unknown, compared with baseline; empty without one.",
    "compare-path": "Path of compare.json, relative to the workspace; empty when there is none.",
    "journal-path": "Path of journal.jsonl, the evidence, relative to the workspace; empty when there is none.",
    "bundle-path": "Path of the evidence bundle, relative to the workspace; empty when there is none.",
    "bundle-sha256": "SHA-256 of the evidence bundle; empty when there is none.",
    "effort-path": "With effort: all, path of effort.json, the table of all levels; the other paths and the scores are "
    "those of the level at which the references were measured. Empty otherwise.",
    "gate": "For command: plan, true when shard 1 is Pre-Verification, for which the others wait; else false.",
    "shards": "For command: plan, the numbers of the other shards as a JSON array, for a matrix.",
    "of": "For command: plan, how many shards there are in all: shard is N/of.",
    "leaderboard-pr-url": "Address of the pull request with the result; empty when there is none.",
    "leaderboard-operation": "created, updated or none: what became of it; empty without leaderboard-repo.",
}
"""Outputs that are always set, with their descriptions."""


def score_output(benchmark: str) -> str:
    """The name of the output with a benchmark's score."""
    return f"score-{benchmark}"
