"""`kvv leaderboard comment`: a job with rights comments what a check without rights found."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.options import Parser, add_settings, given
from entrypoint.settings import load as load_settings
from kvv_action.errors import KvvError, Problem, UsageError
from kvv_action.leaderboard.check_report import LONGEST, MARK, load, markdown
from kvv_action.leaderboard.findings import CheckReport, error
from kvv_action.leaderboard.record import RESULTS
from kvv_action.report.text import one_line
from kvv_action.settings import Settings

EPILOG = """example:
  KVV_LEADERBOARD_TOKEN=... kvv leaderboard comment check.json --leaderboard-repo example/leaderboard \\
    --head-owner acme --head-branch kvv-acme-kimi-k2.6 --head-sha 0123456789012345678901234567890123456789

`kvv leaderboard check --json` wrote the file in a job without rights, about files of a stranger: its form is checked,
its texts are escaped. Owner, branch and commit come from the event of the finished workflow, never from the file. A
pull request that changes anything but results may have changed its own check, and the comment says so.
Exit status: 0 commented or nothing to do, 2 it cannot be done."""

USED = ("leaderboard_repo", "leaderboard_api_url")


def main(argv: Sequence[str]) -> int:
    """Find the pull request, and write or edit the comment."""
    parser = Parser(
        prog="kvv leaderboard comment", description="Write the findings of a check on its pull request.", epilog=EPILOG
    )
    parser.add_argument("file", metavar="FILE", help="What `kvv leaderboard check --json` wrote.")
    parser.add_argument("--head-owner", required=True, metavar="NAME", help="Account of the pull request's branch.")
    parser.add_argument("--head-branch", required=True, metavar="NAME", help="Its branch.")
    parser.add_argument("--head-sha", required=True, metavar="SHA", help="The commit that was checked.")
    parser.add_argument("--author", default="github-actions[bot]", metavar="NAME", help="Account of our comments.")
    add_settings(parser, only=USED)
    values = parser.read(argv)
    settings = load_settings(given(values))
    _require(settings)
    report = _read(Path(values.file))
    from kvv_action.github.api import GitHub
    from kvv_action.github.comment import Head, comment, pull_of, strangers

    repository = settings.leaderboard_repo
    head = Head(owner=values.head_owner, branch=values.head_branch, sha=values.head_sha)
    with GitHub(url=settings.leaderboard_api_url, token=settings.leaderboard_token.get_secret_value()) as api:
        pull = pull_of(api, repository, head)
        if pull is None:
            sys.stdout.write("none: no open pull request ends in this commit any more\n")
            return 0
        number = int(pull["number"])
        body = markdown(_doubted(report, strangers(api, repository, number, RESULTS)))
        done = comment(api, repository, number, body, MARK, author=values.author)
    sys.stdout.write(f"{done.operation}: {one_line(done.url, 500)}\n")
    return 0


def _require(settings: Settings) -> None:
    problems = []
    if not settings.leaderboard_repo:
        problems.append(Problem(name="leaderboard-repo", value="", allowed="Name the repository, as OWNER/NAME."))
    if not settings.leaderboard_token.get_secret_value():
        problems.append(Problem(name="leaderboard-token", value="", allowed="Set KVV_LEADERBOARD_TOKEN."))
    if problems:
        raise UsageError(problems)


def _read(path: Path) -> CheckReport:
    if path.is_symlink() or not path.is_file():
        raise KvvError(f"{path}: is no regular file")
    with path.open("rb") as stream:
        return load(stream.read(LONGEST + 1), str(path))


def _doubted(report: CheckReport, files: list[str]) -> CheckReport:
    """The report with a doubt added when the pull request changes more than results: it may have changed its check."""
    if not files or (not report.files and report.accepted):
        return report
    named = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
    doubt = error("changes", f"changes more than results ({named}), so its own check cannot be believed")
    return CheckReport(files=report.files, general=(doubt, *report.general))
