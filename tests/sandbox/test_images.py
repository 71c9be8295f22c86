"""Images, pulled by a real engine from a small registry, and built from memory."""

import asyncio
import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from kvv_action.benchmark import Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox import images, pull
from kvv_action.sandbox.engine import open_engine
from kvv_action.sandbox.images import Images
from kvv_action.sandbox.options import SandboxOptions
from tests.sandbox.registry import Registry, digest, serving

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


class Case:
    """A registry with names of this test alone, and the images of a run."""

    def __init__(self, client: Any, registry: Registry) -> None:
        self.client, self.registry, self.tag = client, registry, secrets.token_hex(4)
        self.names: set[str] = set()
        self.free = 10**15

    def name(self, repository: str = "a") -> str:
        name = f"{self.registry.host}/{repository}-{self.tag}:1"
        self.names.add(name)
        return name

    def repository(self, repository: str = "a") -> str:
        return f"{repository}-{self.tag}"

    async def images(self, **options: Any) -> Images:
        return Images(await open_engine(), SandboxOptions(run="test", **options), self._free)

    async def _free(self, image: Image) -> int:
        return self.free

    def has(self, name: str) -> bool:
        try:
            self.client.inspect_image(name)
        except ImageNotFound:
            return False
        return True

    def tidy(self) -> None:
        for name in self.names:
            with suppress(ImageNotFound):
                self.client.remove_image(name, force=True)


@pytest.fixture
def case(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr(pull, "BASE", 0.01)
    monkeypatch.setattr(pull, "LONGEST", 0.02)
    with serving(Registry(secrets.token_hex(8))) as registry:
        found = Case(client, registry)
        yield found
        found.tidy()


async def test_pulled_once(case: Case) -> None:
    """Whoever asks, at the same time or later, has the same image; its repository digest is known."""
    found = await case.images()
    first, *others = await asyncio.gather(*(found.get(case.name()) for _ in range(5)))
    assert first == Image(name=case.name(), id=first.id, digest=digest(case.registry.manifest))
    assert first.id.startswith("sha256:")
    assert all(other == first for other in others)
    assert case.registry.asked[case.repository()] <= 2  # the engine asks with HEAD, then with GET


@pytest.mark.parametrize(("policy", "pulls"), [("missing", False), ("always", True), ("never", False)])
async def test_pull_policy(case: Case, policy: Any, pulls: bool) -> None:
    """Of an image that the engine has: only `always` asks the registry again, once a run."""
    await (await case.images()).get(case.name())
    case.registry.asked.clear()
    found = await case.images(pull=policy)
    await found.get(case.name())
    await found.get(case.name())
    assert (case.registry.asked[case.repository()] > 0) is pulls


async def test_never_pulled(case: Case) -> None:
    """An image that is missing is said to be, and nothing is asked for."""
    with pytest.raises(SandboxError, match=r"has no image .* container-pull is never"):
        await (await case.images(pull="never")).get(case.name())
    assert not case.registry.asked


@pytest.mark.parametrize("statuses", [[429, 429, 429, 429], [503, 500, 503, 502]])
async def test_registry_in_trouble(case: Case, statuses: list[int]) -> None:
    """An overloaded registry is asked again, after a while."""
    case.registry.troubles[case.repository()] = statuses
    assert (await (await case.images()).get(case.name())).id


async def test_registry_that_counts(case: Case) -> None:
    """When it goes on refusing, the message says what helps."""
    case.registry.troubles[case.repository()] = [429] * 1000
    with pytest.raises(SandboxError, match="docker login"):
        await (await case.images()).get(case.name())


async def test_no_such_image(case: Case) -> None:
    """It is not asked for again and again; the next one who asks is another try."""
    case.registry.troubles[case.repository()] = [404]
    found = await case.images()
    with pytest.raises(SandboxError, match=case.repository()):
        await found.get(case.name())
    assert case.registry.asked[case.repository()] <= 4
    del case.registry.troubles[case.repository()]
    assert (await found.get(case.name())).id


async def test_login_of_the_user(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docker configuration's login goes to the registry; without one the message says so."""
    case.registry.login = "me:secret"
    with pytest.raises(SandboxError, match="log in to its registry"):
        await (await case.images()).get(case.name())
    auth = base64.b64encode(b"me:secret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {case.registry.host: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert (await (await case.images()).get(case.name())).id


@pytest.mark.filterwarnings("ignore:docker-credential-nothere")
async def test_login_kept_by_a_helper(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that is not installed, as in the action's image, is named."""
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {case.registry.host: "nothere"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(SandboxError, match=r"nothere.*DOCKER_CONFIG"):
        await (await case.images()).get(case.name())


async def test_mirror(case: Case) -> None:
    """An image comes from the mirror under its own name."""
    case.name("swe/x")
    found = await case.images(mirrors={"docker.io/swebench": f"{case.registry.host}/swe"})
    image = await found.get(f"swebench/x-{case.tag}:1")
    assert (image.name, image.digest) == (f"swebench/x-{case.tag}:1", digest(case.registry.manifest))
    assert case.registry.asked[f"swe/x-{case.tag}"]


@pytest.mark.parametrize(
    ("policy", "free", "stays"),
    [("auto", 10**15, True), ("auto", images.SHORT - 1, False), ("keep", 0, True), ("remove", 10**15, False)],
)
async def test_after_the_last_use(case: Case, policy: Any, free: int, stays: bool) -> None:
    """Images that this run pulled go when disk is short, or when that was wished for."""
    case.free = free
    found = await case.images(images=policy)
    await found.get(case.name())
    await found.release(case.name())
    assert case.has(case.name()) is stays


async def test_what_others_brought_stays(case: Case) -> None:
    """An image that was there before this run is never removed."""
    await (await case.images()).get(case.name())
    found = await case.images(images="remove")
    await found.get(case.name())
    await found.release(case.name())
    assert case.has(case.name())


async def test_what_others_use_stays(case: Case) -> None:
    """An image of which somebody has made a container meanwhile is not taken away."""
    found = await case.images(images="remove")
    await found.get(case.name())
    container = case.client.create_container_from_config({"Image": case.name(), "Cmd": ["/x"]})["Id"]
    try:
        await found.release(case.name())
        assert case.has(case.name())
    finally:
        case.client.remove_container(container)


async def test_released_too_early(case: Case) -> None:
    """An image that was let go can be asked for again."""
    found = await case.images(images="remove")
    before = await found.get(case.name())
    await found.release(case.name())
    assert (await found.get(case.name())).id == before.id
    assert case.has(case.name())


async def test_closing_ends_pulls(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull that waits for its next try does not hold up the end."""
    monkeypatch.setattr(pull, "BASE", 1000.0)
    monkeypatch.setattr(pull, "LONGEST", 1000.0)
    case.registry.troubles[case.repository()] = [503] * 1000
    found = await case.images()
    asked = asyncio.create_task(found.get(case.name()))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(5):
        await found.aclose()
        await asyncio.gather(asked, return_exceptions=True)


async def test_built_from_memory(case: Case, base: str) -> None:
    """A Dockerfile and files make an image; it is built again only when something of it changes."""
    found, name = await case.images(), f"kvv-test-{case.tag}:1"
    case.names.add(name)
    dockerfile = b"ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY folder/file /file\n"
    files = {"Dockerfile": dockerfile, "folder/file": b"one"}
    try:
        first = await found.build(name, files, {"BASE_IMAGE": base})
        again = await found.build(name, files, {"BASE_IMAGE": base})
        changed = await found.build(name, {**files, "folder/file": b"two"}, {"BASE_IMAGE": base})
        assert first.id == again.id != changed.id
        assert (first.name, first.digest) == (name, "")
        assert await found.get(changed.id) == Image(name=changed.id, id=changed.id)
    finally:
        for image in {first.id, changed.id}:
            with suppress(ImageNotFound):
                case.client.remove_image(image, force=True)


async def test_build_that_fails(case: Case, base: str) -> None:
    """The end of its output says why."""
    found = await case.images()
    files = {"Dockerfile": f"FROM {base}\nRUN echo the reason; exit 3\n".encode()}
    with pytest.raises(SandboxError, match=r"returned a non-zero code: 3.*the reason"):
        await found.build(f"kvv-test-{case.tag}:2", files, {})
