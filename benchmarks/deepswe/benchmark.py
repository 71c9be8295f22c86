"""DeepSWE: its tasks, their containers, and the verdicts of their own graders."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from benchmarks.coding import built
from benchmarks.coding import exemplar as steps
from benchmarks.coding.attempt import PatchAttempt
from benchmarks.coding.benchmark import INFRASTRUCTURE, PatchBenchmark
from benchmarks.coding.choices import BASH, PATCHES
from benchmarks.coding.diff import touched
from benchmarks.coding.limits import InstanceLimits, limits
from benchmarks.coding.repository import Taken
from benchmarks.coding.suspicion import in_paths
from benchmarks.coding.verdict import GraderVerdict
from benchmarks.deepswe import exemplar, prompts
from benchmarks.deepswe.causes import LOG_CUT, REMEDIES, TAMPERED, UNCOMMITTED
from benchmarks.deepswe.dataset import BUNDLED, PIN, TaskChoice, Tasks
from benchmarks.deepswe.grading import TaskEvaluation, evaluate, verdict_of
from benchmarks.deepswe.options import DeepSweOptions
from benchmarks.deepswe.task import Task
from kvv_action.benchmark import USUAL, Container, Generate, Image, Options, Outline, Rows, Sandbox, Typical
from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Message, Sample

STEPS = 500
EXPECTED = 120
"""Steps of the model that are assumed for a real task."""
TIMES = 5400.0, 1800.0
"""Seconds that every published task allows for work, and for its tests."""
MEMORY = 8 * 2**30
"""Bytes of memory that every published task names."""
BESIDE, OURS = 600.0, 10.0
"""Assumed seconds of commands, image and tests: of a real task, and of a bundled one."""


class DeepSwe(PatchBenchmark):
    """Share of tasks that are done, by their own graders."""

    id = "deepswe"
    title = "DeepSWE"
    pin = PIN
    extras = ("deepswe-predictions.jsonl", "deepswe-trajectories/*.txt")
    trajectories: ClassVar[str] = "deepswe-trajectories"
    evaluation = TaskEvaluation
    remedies = REMEDIES
    typical = Typical(thinking=600, plain=250, source="a step of an agent: assumed, like its 120 steps")

    def __init__(self, options: Options = USUAL, own: DeepSweOptions | None = None) -> None:
        self._options = own = own or DeepSweOptions()
        given = {"steps": STEPS, **own.deepswe_limits}
        allowed = limits(given, options.price_input, options.price_output, setting="deepswe-limits")
        super().__init__(own.deepswe_agent, allowed)
        self._tier = options.tier
        self.version = f"1 ({self._agent_version()})"

    def _agent_version(self) -> str:
        """Who works, with the version: runs of others are not compared."""
        if self._agent.startswith(PATCHES):
            return self._options.deepswe_agent_name or "an unnamed agent"
        return f"kvv-bash@{prompts.VERSION}" if self._agent == BASH else self._agent

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample a task; its target is the task's solution, which no request holds."""
        assert rows is not None
        self.learn(profile)
        own, ours = self._options, rows.info.source == BUNDLED
        mini = not ours and (own.deepswe_set == "mini" or (own.deepswe_set == "auto" and self._tier == "standard"))
        tasks = Tasks(rows, TaskChoice(
            wanted=own.deepswe_tasks, excluded=own.deepswe_exclude, languages=own.deepswe_languages,
            categories=own.deepswe_categories, mini=mini,
        ))  # fmt: skip
        for task in tasks:
            yield Sample(id=task.id, input=task, target=task.gold, category=task.language, unanswered=INFRASTRUCTURE)
        notes = [f"agent {self._agent_version()}", *self.who()]
        if tasks.excluded:
            notes.append(f"{len(tasks.excluded)} excluded: {', '.join(tasks.excluded)}")
        if mini and not own.deepswe_tasks:
            notes.append("the mini set of 16 tasks")
        self.notes = tuple(notes)

    def opening(self, sample: Sample) -> Sequence[Message]:
        """The task, without its solution."""
        return prompts.opening(sample.input)

    def outline(self, sample: Sample) -> Outline:
        """The first step, and those that follow: counted for a vendor that knows the solution, at most as allowed.

        Real models look around more; `EXPECTED` is assumed for tasks that are not our own.
        """
        task: Task = sample.input
        needs = task.needs.memory
        if not task.bundled:
            return replace(self.outlined(sample, EXPECTED, BESIDE, self._allowed(task)), memory=needs)
        real = replace(self.outlined(sample, EXPECTED, BESIDE, self._allowed(task, TIMES)), memory=MEMORY)
        known = steps.requests(exemplar.steps(task)) - 1
        return replace(self.outlined(sample, known, OURS, self._allowed(task)), published=real, memory=needs)

    def _allowed(self, task: Task, times: tuple[float, float] | None = None) -> InstanceLimits:
        """The limits, with the task's own time, or with other times of work and of tests."""
        seconds, tests = times or (task.seconds, task.test_seconds)
        return replace(self._terms.limits, seconds=seconds, tests=tests)

    async def image(self, instance: Task, sandbox: Sandbox) -> Image:
        """The task's image, pulled, or built where the task is bundled. Raises SandboxError."""
        if not instance.bundled:
            return await sandbox.image(instance.image)
        base = self._options.base_image
        return await built.build(sandbox, instance.image, instance.setup, base, needs="Python 3 and Perl")

    async def attempt(
        self, instance: Task, generate: Generate, sandbox: Sandbox, image: Image
    ) -> PatchAttempt[TaskEvaluation]:
        """In containers with what the task needs, without a network; only commits count."""

        async def tests(container: Container, patch: bytes, last: bool) -> TaskEvaluation:
            return await evaluate(container, instance, patch, last=last)

        return PatchAttempt(
            held=self.held_at(instance), gold=instance.gold, base=instance.base,
            assignment=prompts.assignment(instance), generate=generate, sandbox=sandbox, image=image, evaluate=tests,
            terms=replace(self._terms, limits=self._allowed(instance), network=False), needs=instance.needs,
            committed=True,
        )  # fmt: skip

    async def verdict(self, instance: Task, evaluation: TaskEvaluation, patch: str) -> GraderVerdict:
        """That of the task's own grader. Raises ScoringError."""
        del instance, patch
        return verdict_of(evaluation)

    def suspicions(self, instance: Task, taken: Taken, evaluation: TaskEvaluation | None) -> Sequence[str]:
        """What the patch, and what was left beside it, show; files that the solution touches, too, show nothing."""
        return tuple(_suspicions(instance, taken, evaluation))

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer:
        """The next step of somebody who knows the solution."""
        return steps.answer(exemplar.steps(sample.input), exemplar.DONE, messages)


def _suspicions(task: Task, taken: Taken, evaluation: TaskEvaluation | None) -> Iterator[str]:
    if taken.left_out and not taken.patch.strip():
        yield UNCOMMITTED
    if evaluation is not None and evaluation.changed:
        yield TAMPERED
    yield from in_paths(set(touched(taken.patch)) - set(touched(task.gold)), task.test_files)
    if evaluation is not None and evaluation.omitted:
        yield LOG_CUT
