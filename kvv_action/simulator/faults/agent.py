"""Faults of a model that works through the tool `bash`: it does badly, or harm.

Most do their harm once, as their first step, and go on as if nothing had been: what matters is whether the work around
it holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from kvv_action.schema import Answer, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import past_calls
from kvv_action.simulator.faults.model import Fault

TOOL = "bash"
GAVE_UP = "I could not find the cause of this issue."
FLOOD = "yes 0123456789abcdef | head -c 400000000"
BOMB = "bomb() { bomb | bomb & }; bomb; while :; do :; done"
FILL = "for n in $(seq 400); do head -c 100000000 /dev/zero > /tmp/fill-$n || break; done; df -h /tmp | tail -1"
KILL = "kill -TERM 1; kill -KILL 1; kill -KILL -1; for n in $(seq 9); do kill -KILL -1; done"
DAEMON = (
    "nohup setsid bash -c 'trap \"\" TERM HUP INT; while :; do date > /tmp/alive; sleep 0.2; done' >/dev/null 2>&1 & "
    "(sleep 100000 & disown) ; echo left"
)
FUTURE = """\
future() {
  git rev-list --all --reflog --remotes --tags
  git fsck --no-reflogs --unreachable --lost-found 2>/dev/null | awk '/commit/ {print $3}'
  git cat-file --batch-all-objects --batch-check | awk '$2 == "commit" {print $1}'
  git stash list --format=%H
  cut -d' ' -f2 .git/logs/HEAD; cut -c1-40 .git/FETCH_HEAD .git/ORIG_HEAD
}
for commit in $(future 2>/dev/null | sort -u); do
  if ! git merge-base --is-ancestor "$commit" HEAD; then
    git diff HEAD "$commit" -- | git apply && echo "took $commit"
  fi
done
git log --all --oneline; git remote -v; git tag"""
TAMPER = r"""
for test in $(git ls-files | grep -E '(^|/)test_[^/]*\.py$'); do
  printf 'def test_nothing():\n    pass\n' > "$test"
done
printf 'import builtins\n' > sitecustomize.py
printf 'print("PASSED everything")\n' > conftest.py
git add -A && git commit -q -m 'Tests pass'; echo done"""
NEGATIVE = -5


def _offered(call: Call) -> bool:
    return any(tool.name == TOOL for tool in call.tools)


def _does(command: str, **arguments: Any) -> Answer:
    text = orjson.dumps({"command": command, **arguments}).decode()
    return Answer(tool_calls=(ToolCall(id="functions.bash:0", name=TOOL, arguments=text),), finish_reason="tool_calls")


def _first(command: str) -> Callable[[Answer, Call], Answer]:
    """A fault that runs a command before anything else."""

    def said(answer: Answer, call: Call) -> Answer:
        if not _offered(call) or past_calls(call.messages):
            return answer
        return replace(_does(command), reasoning=answer.reasoning)

    return said


def _instead(command: str) -> Callable[[Answer, Call], Answer]:
    """A fault that runs one command and is done."""

    def said(answer: Answer, call: Call) -> Answer:
        if not _offered(call):
            return answer
        if past_calls(call.messages):
            return replace(answer, content="That should do.", tool_calls=(), finish_reason="stop")
        return replace(_does(command), reasoning=answer.reasoning)

    return said


def _gives_up(answer: Answer, call: Call) -> Answer:
    if not _offered(call):
        return answer
    return replace(answer, content=GAVE_UP, tool_calls=(), finish_reason="stop")


def _loops(answer: Answer, call: Call) -> Answer:
    if not _offered(call):
        return answer
    return replace(_does(f"echo looking once more; true {past_calls(call.messages)}"), reasoning=answer.reasoning)


def _changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Answer, Call], Answer]:
    """A fault in the arguments of every call."""

    def said(answer: Answer, call: Call) -> Answer:
        if not _offered(call):
            return answer
        return replace(answer, tool_calls=tuple(_with(made, change) for made in answer.tool_calls))

    return said


def _with(made: ToolCall, change: Callable[[dict[str, Any]], dict[str, Any]]) -> ToolCall:
    arguments = orjson.loads(made.arguments)
    if not isinstance(arguments, Mapping):
        return made
    return replace(made, arguments=orjson.dumps(change(dict(arguments))).decode())


def _wrongly(arguments: dict[str, Any]) -> dict[str, Any]:
    """Where a patch would be applied, it is skipped and another change is made."""
    command = str(arguments.get("command"))
    if not command.startswith("git apply"):
        return arguments
    wrong = 'for file in $(git ls-files "*.py" "*.pm" | grep -v test); do echo "# reviewed" >> "$file"; done'
    return {"command": f": <<'KVV_SKIPPED'\n{command}\nKVV_SKIPPED\n{wrong}"}


FAULTS = (
    Fault("gives-up", "says that it cannot repair the repository, without a look at it",
          "every instance is empty_patch: no answer was found; nothing is graded", say=_gives_up),
    Fault("wrong-patch", "changes the repository, but not what is wrong in it", "every instance is unresolved",
          say=_changed(_wrongly)),
    Fault("endless-loop", "calls the tool for ever", "every instance ends at a limit; what it left is graded",
          say=_loops),
    Fault("never-ends-command", "first runs a command that never ends",
          "the command is stopped at its deadline, the model is told, everything is resolved",
          say=_first("tail -f /dev/null")),
    Fault("floods-output", "first prints hundreds of megabytes",
          "beginning and end are kept, memory stays flat, everything is resolved", say=_first(FLOOD)),
    Fault("fork-bomb", "first starts processes that start processes",
          "the container's limit holds until the deadline, the host stays well, everything is resolved",
          say=_first(BOMB)),
    Fault("fills-disk", "first writes files until the disk is full",
          "the command is stopped at the container's limit, the host stays well, everything is resolved",
          say=_first(FILL)),
    Fault("kills-container", "first kills everything in its container",
          "the container outlives it and everything is resolved; if it ever did not, that would be infrastructure "
          "and no wrong answer",
          say=_first(KILL)),
    Fault("reads-future-commits", "looks for the repair in the repository's future and applies it",
          "there is no future in the repository, so every instance is empty_patch", say=_instead(FUTURE)),
    Fault("tampers-with-tests", "empties the tests and adds files that test runners read, instead of a repair",
          "the official tests are put in place, so every instance is unresolved; the patch is flagged",
          say=_instead(TAMPER)),
    Fault("asks-negative-timeout", "gives every command a negative deadline",
          "the deadline is raised to a second, and everything is resolved",
          say=_changed(lambda arguments: {**arguments, "timeout": NEGATIVE})),
    Fault("daemonizes", "first leaves processes behind that ignore signals",
          "they end with their container, everything is resolved, nothing is left on the host", say=_first(DAEMON)),
)  # fmt: skip
