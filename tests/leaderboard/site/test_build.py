"""The site as files: whole or not at all, the same bytes again, every link leads somewhere, hostile names are text."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from PIL import Image

from kvv_action.errors import UsageError
from kvv_action.leaderboard.pull_request_text import branch_of
from kvv_action.leaderboard.record import Mark, RecordError, State, Trust, path_of
from kvv_action.leaderboard.site.build import Built, build
from kvv_action.leaderboard.site.social import SIZE
from kvv_action.leaderboard.store import confirmation_path
from kvv_action.report.files import sha256
from kvv_action.schema import Verdict
from tests.leaderboard.records import record
from tests.leaderboard.site.repository import EVIL, filled, keep, result, score
from tests.leaderboard.test_finding_consistency import BROKEN, FAILURE, ran

TODAY = date(2026, 6, 1)
KEY = re.compile('data-key="([^"]+)"')
ATOM = "{http://www.w3.org/2005/Atom}"


def built(root: Path, out: Path, **options: Any) -> Built:
    """Build with a fixed day."""
    return build(root, out, today=TODAY, **options)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("leaderboard")
    built(filled(root / "repository"), root / "site")
    return root / "site"


def files(site: Path) -> dict[str, bytes]:
    """Everything by name."""
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


class Links(HTMLParser):
    """Addresses and ids of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.links += [values[name] or "" for name in ("href", "src") if name in values]
        self.ids |= {values["id"] or ""} if "id" in values else set()
        assert not [name for name in values if name.startswith("on") or name == "style"]


def test_the_same_records_are_the_same_bytes(site: Path, tmp_path: Path) -> None:
    """On the same day, wherever they lie."""
    built(filled(tmp_path / "elsewhere"), tmp_path / "out")
    assert files(site) == files(tmp_path / "out")


def test_every_link_is_relative_and_leads_somewhere(site: Path) -> None:
    """So the site works below any path; what leads outside is a source or an archive, by https."""
    pages = {path: Links(path.read_bytes()) for path in site.rglob("*.html")}
    assert len(pages) > 10
    for path, found in pages.items():
        for link in found.links:
            if link.startswith("data:image/svg+xml,"):
                continue
            if link.startswith("https://"):
                assert link.startswith(("https://github.com/MoonshotAI/", "https://evidence.example/"))
                continue
            assert not link.startswith("/"), link
            where, _, anchor = link.partition("#")
            target = (path.parent / where).resolve() if where else path
            assert target.is_file(), (path, link)
            assert target.is_relative_to(site)
            if anchor and not anchor.startswith("i-"):
                assert anchor in pages[target].ids, (path, link)


def test_the_home_is_the_table_of_the_first_model(tmp_path: Path) -> None:
    """The first one of `leaderboard.toml`, else the one with most measured vendors; the others are a link away."""
    root = filled(tmp_path / "repository")
    built(root, tmp_path / "site")
    assert "Who serves <bdi>Kimi K2.6</bdi>" in (tmp_path / "site/index.html").read_text()
    (root / "leaderboard.toml").write_text('models = ["unknown", "kimi-k3"]\n[vendors]\n')
    built(root, tmp_path / "site")
    home = (tmp_path / "site/index.html").read_text()
    assert "Who serves <bdi>Kimi K3</bdi>" in home
    assert 'data-name="Core"' in home
    assert 'data-name="Acme"' not in home
    assert re.findall('<li><a href="(model/[^"]*)"', home)[:2] == ["model/kimi-k3.html", "model/kimi-k2.6.html"]


def test_a_row_says_what_is_known(tmp_path: Path) -> None:
    """Why it fails, conditions, delivery, speed and price; and links to its archive, pull request, run and re-run."""
    root = tmp_path / "repository"
    setup = replace(record().setup, effort="low", tier="standard", extra_body=("top_k",))  # type: ignore[type-var]
    provenance = {"repository": "acme/evals", "run_id": "7"}
    changes: dict[str, Any] = {"state": State.PARTIAL, "marks": (Mark.SUBSET,), "setup": setup, "verdict": Verdict.FAIL}
    broken = result(
        "acme", "2026-05-01", score(0.7, verdict=Verdict.FAIL, pack="a" * 64), provenance=provenance,
        delivery=record(ran(FAILURE, of=BROKEN)).delivery, **changes,
    )  # fmt: skip
    keep(root, broken, trust=Trust.RE_RUN)
    (root / "leaderboard.toml").write_text(
        '[vendors.acme]\nname = "Acme"\n[vendors.acme.prices."kimi-k2.6"]\ninput = 1\noutput = 2.5\ncurrency = "EUR"\n'
    )
    built(root, tmp_path / "site", repository="https://github.com/o/board/", with_published=False)
    home = (tmp_path / "site/index.html").read_text()
    (found,) = re.findall("<tr[^>]*data-key.*?</tr>", home, re.DOTALL)
    for words in (
        "too many broken answers", "limited samples", "effort <bdi>low</bdi>", "standard tier", "extra body: top_k",
        f"pack {'a' * 12}", "66.7\u00a0%", "100 ms", "1.00 in", "2.50 out", "EUR", "31 days ago", "re-run",
        "https://evidence.example/", "https://github.com/acme/evals/actions/runs/7", path_of(broken),
        f"https://github.com/o/board/pulls?q=is%3Apr+head%3A{branch_of(broken)}", confirmation_path(path_of(broken)),
    ):  # fmt: skip
        assert words in found, words
    kept = confirmation_path(path_of(broken))
    assert (tmp_path / "site" / kept).read_bytes() == (root / kept).read_bytes()


def test_a_reference_is_told_where_it_stands(site: Path, tmp_path: Path) -> None:
    """Once in the head of a column, or in each row where rows differ."""
    head = re.search("<thead>.*?</thead>", files(site)["index.html"].decode(), re.DOTALL)
    assert head is not None
    assert "reference 90.0\u00a0%" in head.group()
    keep(tmp_path, result("acme", "2026-05-01"), result("bolt", "2026-05-01", score(0.9, reference=0.8)))
    built(tmp_path, tmp_path / "site", with_published=False)
    home = files(tmp_path / "site")["index.html"].decode()
    assert re.findall('<span class="range">reference ([0-9.]+)', home) == ["90.0", "80.0"]
    assert "</svg> reference" not in home


def test_a_vendors_page_says_what_changed(site: Path) -> None:
    """Verdict and history before the charts."""
    page = files(site)["vendor/acme.html"].decode()
    assert "<summary>What changed since 2026-03-01</summary>" in page
    assert "<bdi>Quiz rose by 5.0 points: 90.0\u00a0% before, 95.0\u00a0% now.</bdi>" in page
    assert page.index('class="stands"') < page.index("<table") < page.index("Over time") < page.index("<figure")


def test_every_page_describes_itself(site: Path) -> None:
    """For search engines and previews, with a picture that is ours; a policy forbids everything else."""
    for name, data in files(site).items():
        if name.endswith(".html"):
            page = data.decode()
            (about,) = re.findall('<meta name="description" content="([^"]+)">', page)
            assert 20 < len(about) < 400, name
            (picture,) = re.findall('<meta property="og:image" content="([^"]+)">', page)
            with Image.open(((site / name).parent / picture).resolve()) as drawn:
                assert (drawn.format, drawn.size) == ("PNG", SIZE)
            assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_what_stands_is_open_data_with_a_schema(site: Path) -> None:
    """The same rows as on the tables; the schema is strict enough to notice a missing value."""
    found = files(site)
    latest, schema = json.loads(found["data/latest.json"]), json.loads(found["data/latest.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    judge.validate(latest)
    shown = {key for name, page in found.items() if name.startswith("model/") for key in KEY.findall(page.decode())}
    assert {Path(one["record"]).stem for one in latest["results"]} == shown
    (acme,) = [one for one in latest["results"] if (one["vendor"], one["model"]) == ("acme", "kimi-k2.6")]
    assert (acme["trust"], acme["benchmarks"][0]["score"], acme["verdict"]) == ("re-run", 0.9, "pass")
    assert acme["sha256"] == sha256(found[acme["record"]])
    del acme["verdict"]
    assert not judge.is_valid(latest)


def test_a_result_can_be_cited(site: Path) -> None:
    """By the digest of its file."""
    page = files(site)["cite.html"].decode()
    path, digest = re.findall("(results/.*?json)\nSHA-256 ([0-9a-f]{64})", page)[0]
    assert sha256(files(site)[path]) == digest
    assert "@misc{kvv-leaderboard-2026-06-01" in page


def test_hostile_names_are_text(site: Path) -> None:
    """No element comes of them, and no template is evaluated; they are shown as they are."""
    for name, page in files(site).items():
        if name.endswith(".html"):
            assert Links(page).tags.count("script") == 1, "our own"
            assert b"<script>window" not in page
    model = files(site)["model/kimi-k2.6.html"].decode()
    assert "{{ 7 * 7 }}" in model
    assert "&lt;script&gt;window.got = 1&lt;/script&gt;" in model


def test_one_row_a_vendor_and_all_of_them_on_its_page(site: Path) -> None:
    """The re-run stands, the newer self-reported one is in the history; an expired result is marked."""
    found = files(site)
    model = found["model/kimi-k2.6.html"].decode()
    acme = re.search('<tr[^>]*data-name="Acme".*?</tr>', model, re.DOTALL)
    core = re.search('<tr[^>]*data-name="Core".*?</tr>', model, re.DOTALL)
    assert acme is not None
    assert core is not None
    assert "90.0\u00a0%" in acme.group()
    assert 'class="expired"' in core.group()
    assert found["vendor/acme.html"].decode().count('<tr id="r-') == 2


def test_records_can_be_downloaded_as_they_are(site: Path, tmp_path: Path) -> None:
    """The same bytes at the same path as in the repository."""
    root = filled(tmp_path / "repository")
    kept = {path.relative_to(root).as_posix(): path.read_bytes() for path in (root / "results").rglob("*.json")}
    assert kept.items() <= files(site).items()


def test_tables_for_machines_agree(site: Path) -> None:
    """CSV and JSON have the same lines; nothing in the CSV is a formula."""
    found = files(site)
    whole = json.loads(found["data/model/kimi-k2.6.json"])
    lines = list(csv.DictReader(io.StringIO(found["data/model/kimi-k2.6.csv"].decode(), newline="")))
    assert whole["as_of"] == "2026-06-01"
    assert [line["sha256"] for line in lines] == [one["sha256"] for one in whole["results"]]
    assert [float(line["score"]) for line in lines] == [one["score"] for one in whole["results"]]
    names = {line["vendor_name"] for line in lines}
    assert "'=HYPERLINK(1)" in names
    texts = [line[name] for line in lines for name in ("vendor", "vendor_name", "note", "marks", "effort", "source")]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]
    assert {"acme": "re-run", "bolt": "attested"}.items() <= {
        line["vendor"]: line["trust"] for line in lines if line["standing"] == "true"
    }.items()
    assert len(found["data/all.csv"]) > len(found["data/model/kimi-k2.6.csv"])


@pytest.mark.parametrize("name", ["feed.xml", "feeds/model/kimi-k2.6.xml", "feeds/vendor/evil0.xml"])
def test_feeds_are_atom(site: Path, name: str) -> None:
    """Well-formed, the newest first, ids of their own; links lead to pages."""
    root = ElementTree.fromstring(files(site)[name])
    entries = root.findall(f"{ATOM}entry")
    assert entries
    times = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    assert times == sorted(times, reverse=True)
    assert root.findtext(f"{ATOM}updated") == times[0]
    ids = [one.text for one in root.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids)
    for link in root.iter(f"{ATOM}link"):
        where = ((site / name).parent / link.attrib["href"].partition("#")[0]).resolve()
        assert where.is_file()


def test_with_an_address_feeds_and_badges_are_absolute(tmp_path: Path) -> None:
    """For readers that keep feeds elsewhere; links of pages stay relative."""
    built(filled(tmp_path / "repository"), tmp_path / "site", url="https://board.example/kvv")
    root = ElementTree.fromstring((tmp_path / "site" / "feed.xml").read_bytes())
    assert {link.attrib["href"].partition("kvv/")[0] for link in root.iter(f"{ATOM}link")} == {"https://board.example/"}
    assert "https://board.example/kvv/badge/acme/kimi-k2.6.svg" in (tmp_path / "site/vendor/acme.html").read_text()
    index = (tmp_path / "site/index.html").read_text()
    assert not [link for link in Links(index.encode()).links if "board.example" in link]
    assert '<meta property="og:image" content="https://board.example/kvv/social.png">' in index
    assert index.count("board.example") == 1, "for crawlers, which take no relative address"


def test_badges_say_what_stands(site: Path) -> None:
    """Verdict, day and tier; what has expired says that instead; hostile titles are text."""
    found = files(site)
    told = {
        name: json.loads(found[f"badge/{name}.json"])["message"]
        for name in ("acme/kimi-k2.6", "bolt/kimi-k2.6", "core/kimi-k2.6", "core/kimi-k3")
    }
    assert told == {
        "acme/kimi-k2.6": "pass 2026-03-01, re-run", "bolt/kimi-k2.6": "fail 2026-04-01, attested",
        "core/kimi-k2.6": "expired 2025-06-30", "core/kimi-k3": "pass 2026-05-02",
    }  # fmt: skip
    for name, data in found.items():
        if name.startswith("badge/") and name.endswith(".svg"):
            assert ElementTree.fromstring(data).attrib["aria-label"].startswith("kvv ")
    assert not [name for name in found if name.startswith("badge/fireworks")], "published only"


def test_maintainers_name_the_vendors(tmp_path: Path) -> None:
    """What `leaderboard.toml` says goes before what a record calls itself."""
    root = filled(tmp_path / "repository")
    (root / "leaderboard.toml").write_text('[vendors.evil0]\nname = "Plain"\nurl = "https://plain.example"\n')
    built(root, tmp_path / "site")
    page = (tmp_path / "site" / "vendor" / "evil0.html").read_text()
    assert "<h1><bdi>Plain</bdi></h1>" in page
    assert 'href="https://plain.example"' in page
    assert "window.got" not in (tmp_path / "site" / "model" / "kimi-k2.6.html").read_text()


def test_published_scores_can_be_left_out(tmp_path: Path) -> None:
    """A leaderboard of its own."""
    both, own = (
        built(filled(tmp_path / "repository"), tmp_path / "site", with_published=published)
        for published in (True, False)
    )
    assert both.records == own.records + 28


def test_an_empty_repository_has_a_site(tmp_path: Path) -> None:
    """Before the first submission, and without published scores."""
    assert built(tmp_path, tmp_path / "site").vendors == 21
    assert built(tmp_path, tmp_path / "bare", with_published=False) == Built(
        records=0, published=0, models=0, vendors=0, files=11
    )


def test_a_damaged_record_stops_everything_and_all_are_named(tmp_path: Path) -> None:
    """An earlier site stays as it was; nothing else is left behind."""
    root = filled(tmp_path / "repository")
    built(root, tmp_path / "site")
    before = files(tmp_path / "site")
    paths = sorted((root / "results").rglob("*.json"))[:2]
    paths[0].write_bytes(b"{}")
    paths[1].rename(paths[1].with_name("20260101-000000000000.json"))
    with pytest.raises(RecordError) as caught:
        built(root, tmp_path / "site")
    assert paths[0].name in str(caught.value)
    assert "20260101-000000000000.json" in str(caught.value)
    assert files(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository", "site"]


def test_a_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    """Somebody's work may be in it."""
    keep(tmp_path / "repository", result("acme", "2026-05-01"))
    out = tmp_path / "work"
    out.mkdir()
    (out / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="not a site of kvv"):
        built(tmp_path / "repository", out)
    assert (out / "thesis.txt").read_text() == "years"
    (out / "thesis.txt").unlink()
    built(tmp_path / "repository", out)
    built(tmp_path / "repository", out)
    assert (out / "index.html").is_file()


@pytest.mark.parametrize("name", ["index", "all", "feed", "model", "site.json", "a.b.json", "0"])
def test_awkward_ids_have_places_of_their_own(name: str, tmp_path: Path) -> None:
    """Of vendors and of models."""
    keep(tmp_path, result(name, "2026-05-01", model=name), trust=Trust.ATTESTED)
    assert built(tmp_path, tmp_path / "site").records == 29
    assert (tmp_path / "site" / "vendor" / f"{name}.html").is_file()
    assert (tmp_path / "site" / "model" / f"{name}.html").is_file()


def test_the_hostile_names_are_really_in_the_records(tmp_path: Path) -> None:
    """The form of records admits them; the site has to cope."""
    filled(tmp_path)
    text = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert all(json.dumps(evil, ensure_ascii=False)[1:-1] in text for evil in EVIL)
