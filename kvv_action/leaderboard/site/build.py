"""Makes the whole site from a leaderboard's repository."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kvv_action import __version__
from kvv_action.leaderboard.packs import served
from kvv_action.leaderboard.published import published
from kvv_action.leaderboard.record import RecordError, dump, path_of
from kvv_action.leaderboard.rules import RULES, Rules, parse
from kvv_action.leaderboard.site import badge, downloads, social
from kvv_action.leaderboard.site.folder import MARKER, SiteFolder, replaced
from kvv_action.leaderboard.site.latest import LATEST_VERSION, SCHEMA, Latest, result_of
from kvv_action.leaderboard.site.pages import Model, Pages, model_of, script, style
from kvv_action.leaderboard.site.rows import Row, Tier, entry_of, of_models, of_vendors, rank, row_of, standing
from kvv_action.leaderboard.store import confirmation_path, dump_confirmation, read_entry, record_files
from kvv_action.report.files import canonical, sha256

_MADE_BY = f"kvv {__version__}"
PROBLEMS = 20
"""The most damaged records that an error lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """How much a site holds; `published` are those of its records that makers of models published."""

    records: int
    published: int
    models: int
    vendors: int
    files: int


def build(
    root: Path, out: Path, *, today: date, url: str = "", repository: str = "", with_published: bool = True
) -> Built:
    """Write the site of a repository's records; the same records and day are the same bytes.

    Args:
        root: the repository's checkout.
        out: the folder of the site; an earlier site there is replaced when the new one is whole.
        today: by which ages are counted and results have expired.
        url: where the site will be; with it feeds, badges and social pictures have absolute addresses.
        repository: address of the repository on GitHub; with it rows link their pull requests.
        with_published: also show the scores that the model's makers published.

    Raises:
        RecordError: files that are no records; nothing is written then.
        KvvError: `leaderboard.toml`, or a reference pack, is not as it should be.
        UsageError: `out` cannot be used.
    """
    with replaced(out) as target:
        rules = _rules(root)
        rows = _rows(root, target, rules, with_published=with_published)
        models, vendors = _models(rows, tuple(rules.models), today), of_vendors(rows)
        packs = _packs(root, target)
        pages = Pages(today=today, url=url, repository=repository, packs=packs, prices=rules.prices)
        _shared(target, pages, models, vendors, rows, today)
        _open_data(target, models, rules, today)
        _pictures(target, models, today)
        for model in models.values():
            _model(target, pages, model, today)
        badges = _badges(target, rows, today)
        for name, found in vendors.items():
            target.write(f"vendor/{name}.html", pages.vendor(found, models, badges, rules.vendors.get(name)))
            target.write(f"feeds/vendor/{name}.xml", pages.feed(f"kvv: {name}", f"feeds/vendor/{name}.xml", found))
        published = sum(row.tier is Tier.PUBLISHED for row in rows)
        return Built(
            records=len(rows), published=published, models=len(models), vendors=len(vendors), files=target.files
        )


def _rules(root: Path) -> Rules:
    """What `leaderboard.toml` says; nothing where there is none."""
    path = root / RULES
    return parse(path.read_bytes(), str(path)) if path.is_file() else Rules(vendors={})


def _packs(root: Path, target: SiteFolder) -> dict[str, str]:
    """The reference packs, served as they are; their paths by digest."""
    packs = served(root)
    for one in packs.values():
        target.write(one.path, one.data)
    return {digest: one.path for digest, one in packs.items()}


def _rows(root: Path, target: SiteFolder, rules: Rules, *, with_published: bool) -> list[Row]:
    """Every record as a row; its file goes to the same place on the site."""
    names = {name: rule.name for name, rule in rules.vendors.items()}
    rows, problems, seen = list[Row](), list[str](), set[str]()
    for path in record_files(root):
        try:
            entry = read_entry(root, path)
        except RecordError as error:
            problems.append(str(error))
            continue
        if not problems:
            target.write(entry.path, dump(entry.record))
            if entry.confirmation is not None:
                target.write(confirmation_path(entry.path), dump_confirmation(entry.confirmation))
            rows.append(row_of(entry, names, rules))
            seen.add(entry.path)
    if problems:
        more = [f"and {len(problems) - PROBLEMS} more"] if len(problems) > PROBLEMS else []
        raise RecordError(str(root), (*problems[:PROBLEMS], *more))
    return [*rows, *(_published(target, seen) if with_published else ())]


def _published(target: SiteFolder, seen: set[str]) -> Iterator[Row]:
    for record in published():
        path, data = path_of(record), dump(record)
        if path not in seen:
            target.write(path, data)
            yield row_of(entry_of(record, path, sha256(data)))


def _models(rows: Iterable[Row], wanted: Sequence[str], today: date) -> dict[str, Model]:
    """The models: those of `leaderboard.toml` in its order, then those with the most measured rows, then by id."""
    found = [model_of(name, own, standing(own, today)) for name, own in of_models(rows).items()]
    places = {name: place for place, name in enumerate(reversed(wanted), 1)}
    return {one.id: one for one in sorted(found, key=lambda one: (-places.get(one.id, 0), -one.measured, one.id))}


def _shared(
    target: SiteFolder,
    pages: Pages,
    models: dict[str, Model],
    vendors: dict[str, list[Row]],
    rows: list[Row],
    today: date,
) -> None:
    keys = {row.key for model in models.values() for row in model.board}
    about = {
        "made_by": _MADE_BY,
        "as_of": today.isoformat(),
        "records": len(rows),
        "models": {name: {"title": model.title, "data": f"data/model/{name}.json"} for name, model in models.items()},
        "vendors": list(vendors),
    }
    target.write(MARKER, canonical(about))
    target.write("style.css", style().encode())
    target.write("site.js", script().encode())
    target.write("index.html", pages.index(list(models.values()), len(vendors), rows))
    target.write("cite.html", pages.cite(list(models.values()), rows, _MADE_BY))
    target.write("vendors.html", pages.vendors(vendors, list(models.values())))
    target.write("feed.xml", pages.feed("kvv leaderboard", "feed.xml", rows))
    target.write("data/all.csv", downloads.as_csv(rows, keys, today))


def _open_data(target: SiteFolder, models: Mapping[str, Model], rules: Rules, today: date) -> None:
    """What stands today, for machines, and its JSON Schema."""
    prices = rules.prices
    results = [
        result_of(row, prices.get((row.vendor, row.model)), today) for model in models.values() for row in model.board
    ]
    found = Latest(schema_version=LATEST_VERSION, made_by=_MADE_BY, as_of=today.isoformat(), results=results)
    target.write("data/latest.json", canonical(found))
    target.write("data/latest.schema.json", SCHEMA.read_bytes())


def _pictures(target: SiteFolder, models: Mapping[str, Model], today: date) -> None:
    """A social picture for each model; the first one's is also that of all other pages."""
    drawn = {name: social.picture(model, today) for name, model in models.items()}
    target.write("social.png", next(iter(drawn.values()), None) or social.picture(None, today))
    for name, data in drawn.items():
        target.write(f"social/{name}.png", data)


def _model(target: SiteFolder, pages: Pages, model: Model, today: date) -> None:
    keys = {row.key for row in model.board}
    target.write(f"model/{model.id}.html", pages.model(model))
    target.write(f"data/model/{model.id}.json", downloads.as_json(model.rows, keys, today))
    target.write(f"data/model/{model.id}.csv", downloads.as_csv(model.rows, keys, today))
    path = f"feeds/model/{model.id}.xml"
    target.write(path, pages.feed(f"kvv: {model.title}", path, model.rows))


def _badges(target: SiteFolder, rows: Iterable[Row], today: date) -> set[tuple[str, str]]:
    """A badge for each vendor and model that kvv measured; published scores alone give none."""
    made = set()
    for model, found in of_models(row for row in rows if row.tier is not Tier.PUBLISHED).items():
        for vendor, own in of_vendors(found).items():
            row = max(own, key=lambda one: rank(one, today))
            target.write(f"badge/{vendor}/{model}.svg", badge.svg(row, today))
            target.write(f"badge/{vendor}/{model}.json", badge.endpoint(row, today))
            made.add((vendor, model))
    return made
