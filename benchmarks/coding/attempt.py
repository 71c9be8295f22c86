"""One instance in one epoch: containers, the agent's work, its patch, the tests. Everything seen is evidence."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from benchmarks.coding import controls, repository, seen
from benchmarks.coding.agent import Agent, Assignment
from benchmarks.coding.choices import EMPTY, GOLD
from benchmarks.coding.controls import HeldAt
from benchmarks.coding.evaluation import Evaluation
from benchmarks.coding.limits import InstanceLimits
from benchmarks.coding.repository import Prepared, Taken
from benchmarks.coding.verdict import GraderVerdict
from kvv_action.benchmark import Container, ContainerSpec, Generate, Image, Sandbox
from kvv_action.errors import ContainerDied, LimitReached, SandboxError

LEASE = 1800
"""Seconds of a container's life beyond what its work may take: preparation, and the patch."""

E = TypeVar("E", bound=Evaluation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The conditions under which agents work and patches are tested.

    Attributes:
        window, reserve: tokens that the model can hold, and that an answer may need; 0 when not known.
        network: whether tests may reach the network.
    """

    limits: InstanceLimits
    window: int = 0
    reserve: int = 0
    network: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNeeds:
    """What every container of an instance must have: processors, bytes of memory and disk; 0 leaves it to settings."""

    cpus: float = 0.0
    memory: int = 0
    disk: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchAttempt(Generic[E]):
    """What is needed to work on an instance.

    Attributes:
        held: where controls of this instance are held; it names the instance.
        gold: the patch that is known to be right.
        base: commit that the dataset names; empty when it names none.
        assignment: what the model has to do.
        image: of every container.
        evaluate: tests a patch in a fresh container; the last argument says that there will be no other try.
        needs: of every container; an engine with less does not run the instance.
        committed: only what is committed is the patch; otherwise everything that differs from the files as they were.
    """

    held: HeldAt
    gold: str
    base: str
    assignment: Assignment
    generate: Generate
    sandbox: Sandbox
    image: Image
    evaluate: Callable[[Container, bytes, bool], Awaitable[E]]
    terms: Terms
    needs: ContainerNeeds = ContainerNeeds()
    committed: bool = False

    def begin(self) -> None:
        """Note where the instance is worked on."""
        self.generate.observe(seen.PLACE, {"image": self.image.name, "id": self.image.id, "digest": self.image.digest})

    async def control(self, judge: Callable[[E, str], Awaitable[GraderVerdict | None]]) -> str:
        """Test the gold patch, then no patch; returns what is wrong with the environment, empty when nothing is.

        The gold patch gets a second try, because some tests are flaky.

        Raises:
            SandboxError, ScoringError: the controls cannot be judged.
        """
        for name, patch in ((GOLD, self.gold), (EMPTY, "")):
            problem = await self._control(name, patch, judge)
            if problem and name == GOLD:
                problem = await self._control(name, patch, judge)
            if problem:
                return problem
        return ""

    async def _control(self, name: str, patch: str, judge: Callable[[E, str], Awaitable[GraderVerdict | None]]) -> str:
        evaluation = await self.evaluated(patch.encode())
        await self.generate.keep(seen.CONTROL, {"control": name, **evaluation.facts()}, evaluation.log)
        return controls.problem(name, self.held, await judge(evaluation, patch))

    async def worked(self) -> Taken:
        """Let the model work, once more from the beginning when its container dies; its patch.

        A second death is the model's own limit.

        Raises:
            EndpointError: the model cannot be asked.
            SandboxError: the container or the engine failed, and the model is not the cause.
        """
        try:
            return await self._worked(last=False)
        except ContainerDied as error:
            self.generate.observe(seen.TROUBLE, {"message": str(error)})
            return await self._worked(last=True)

    async def _worked(self, *, last: bool) -> Taken:
        terms = self.terms
        async with self._container("agent", terms.limits.seconds, network=False) as container:
            prepared = await repository.prepare(container, self.base)
            self.generate.observe("repository", {
                "base": prepared.base, "commits": prepared.commits, "on_top": prepared.on_top,
                "changed": prepared.changed, "tree": prepared.tree,
            })  # fmt: skip
            agent = Agent(
                container, self.generate, terms.limits, self.assignment, env=prepared.env, window=terms.window,
                reserve=terms.reserve, last=last,
            )  # fmt: skip
            self.generate.observe(seen.ENDED, asdict(await agent.work()))
            try:
                return await self._take(container, prepared)
            except LimitReached as error:
                if isinstance(error, ContainerDied) and not last:
                    raise
                return Taken(patch="", problem=f"the patch could not be taken ({error})")

    async def _take(self, container: Container, prepared: Prepared) -> Taken:
        if self.committed:
            return await repository.take_commits(container, self.base or prepared.base)
        return await repository.take(container, prepared.tree)

    async def judged(self, taken: Taken, *, also_empty: bool = False) -> None:
        """Keep the patch and test it; an empty patch is tested only with `also_empty`.

        Raises:
            SandboxError: a container or the engine failed twice.
        """
        await self.generate.keep(seen.PATCH, seen.patch_facts(taken), taken.patch)
        if taken.problem or not (taken.patch.strip() or also_empty):
            return
        evaluation = await self.evaluated(taken.patch.encode(taken.encoding) if taken.patch.strip() else b"")
        await self.generate.keep(seen.TESTS, evaluation.facts(), evaluation.log)

    async def evaluated(self, patch: bytes) -> E:
        """Test a patch in a fresh container, and once more when the first one fails or dies.

        Raises:
            SandboxError: the second one failed, too.
        """
        try:
            return await self._evaluated(patch, last=False)
        except SandboxError as error:
            self.generate.observe(seen.TROUBLE, {"message": str(error)})
            return await self._evaluated(patch, last=True)

    async def _evaluated(self, patch: bytes, *, last: bool) -> E:
        async with self._container("grade", self.terms.limits.tests, network=self.terms.network) as container:
            return await self.evaluate(container, patch, last)

    @asynccontextmanager
    async def _container(self, role: str, seconds: float, *, network: bool) -> AsyncIterator[Container]:
        spec = ContainerSpec(
            image=self.image.id, instance=self.held.instance, role=role, workdir=self.assignment.workdir,
            network=network, lease=int(seconds) + LEASE, cpus=self.needs.cpus, memory=self.needs.memory,
            disk=self.needs.disk, exact=self.needs != ContainerNeeds(),
        )  # fmt: skip
        async with self.sandbox.container(spec) as container:
            yield container


AnyAttempt = PatchAttempt[Any]
