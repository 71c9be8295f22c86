"""`kvv fingerprint`: next-token probabilities of an endpoint, as a reference that vendors are compared with."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from entrypoint.options import Parser, add_settings, given
from entrypoint.prepare import required, secrets_of
from entrypoint.settings import load
from entrypoint.streams import Say
from kvv_action.digits import counted, noun, small
from kvv_action.errors import EndpointError, Problem, RunStopped, UsageError
from kvv_action.fingerprint.reference import POSITIONS, Reference
from kvv_action.redact import Redactor
from kvv_action.report.text import visible
from kvv_action.schema import EndpointInfo, Thinking
from kvv_action.settings import Settings, vendor_name

INCONCLUSIVE = 3
OPTIONS = (
    "base_url", "model", "vendor", "profile", "extra_body", "extra_headers", "user_agent", "think_mode", "effort",
    "max_connections", "retry_attempts", "retry_max_seconds", "connect_timeout", "first_token_timeout",
    "silence_timeout", "total_timeout", "max_response_bytes", "stop_after_failures",
)  # fmt: skip
CALLS, MOST_CALLS = 4, 64
Result = TypeVar("Result")
THINKING = {"on": Thinking.ON, "off": Thinking.OFF, "unset": Thinking.UNSET}

EPILOG = """A model gives each possible next token of a text a probability. Honest servers of one model tell nearly
the same probabilities; another model, template or number format tells others. A hundred requests of one token show it.

examples:
  1. Capture the official endpoint, on several days; each further day is added to the file:
     kvv fingerprint capture --base-url https://api.moonshot.ai/v1 --model kimi-k3 -o kimi-k3.jsonl
     kvv fingerprint capture --base-url https://api.moonshot.ai/v1 --model kimi-k3 --add-to kimi-k3.jsonl
  2. Capture at least three deployments that you know to be honest, at the same prefixes:
     kvv fingerprint capture --base-url http://10.0.0.5:8000/v1 --model kimi-k3 --vendor ours-a \\
       --like kimi-k3.jsonl -o a.jsonl
  3. Let them set the tolerance; without it every verdict is advisory:
     kvv fingerprint calibrate kimi-k3.jsonl a.jsonl b.jsonl c.jsonl
  4. See what a file is:
     kvv fingerprint check kimi-k3.jsonl

A run compares a vendor with the file that its setting `fingerprint` names.
The endpoint must tell `logprobs` with `top_logprobs` for chats, or for text completions, and count prompt tokens."""
CAPTURE_EPILOG = f"""examples:
  KVV_API_KEY=... kvv fingerprint capture --base-url https://api.moonshot.ai/v1 --model kimi-k3 -o kimi-k3.jsonl
  KVV_API_KEY=... kvv fingerprint capture --base-url https://api.moonshot.ai/v1 --model kimi-k3 --add-to kimi-k3.jsonl
  kvv fingerprint capture --base-url http://127.0.0.1:8000/v1 --model kimi-k3 --like kimi-k3.jsonl -o ours.jsonl

First it finds out what the endpoint accepts: 20 alternatives or 5, one token or 16, top_p 1 or the pinned value. It
finds out whether probabilities are raw or follow the temperature, and how a begun answer is continued. Then it asks
our own prefixes once, keeps {POSITIONS} with an entropy of 0.3 to 2 nats, and asks these again: about 500 requests of
one token. A capture that was interrupted goes on when the same command is given again.

exit status: 0 written, 2 something must be set differently, 3 the endpoint is down"""


SAMPLE_EPILOG = """examples:
  KVV_API_KEY=... kvv fingerprint sample --base-url https://api.moonshot.ai/v1 --model kimi-k3 -o official.json
  KVV_API_KEY=... kvv fingerprint sample --base-url URL --model kimi-k3 --like official.json -o vendor.json

For endpoints without logprobs. The first command looks for 16 prompts at which two tokens are about equally likely, and
takes 160 samples of each (about 3300 requests of one token). The second one samples the same prompts 40 times, then 80
and 160 times, until the counts differ beyond chance. It tells another model, template or temperature. It does not show
quantisation: that takes an endpoint that tells logprobs.

exit status: 0 written and no difference, 1 the counts differ, 2 something must be set differently, 3 the endpoint is
down or nothing could be compared"""


def main(argv: Sequence[str]) -> int:
    """Capture, calibrate or explain a reference."""
    parser = Parser(
        prog="kvv fingerprint", epilog=EPILOG,
        description="Capture next-token probabilities, and measure how far honest deployments differ.",
    )  # fmt: skip
    actions = parser.add_subparsers(
        dest="action", metavar="capture|calibrate|check|sample", required=True, parser_class=Parser
    )
    told = "Ask an endpoint for its next-token probabilities, and write them to a file."
    _capture_options(actions.add_parser("capture", help=told, description=told, epilog=CAPTURE_EPILOG))
    told = "Set the tolerance of a reference from captures of at least three honest deployments."
    calibrate = actions.add_parser("calibrate", help=told, description=told)
    calibrate.add_argument("reference", metavar="REF", help="The reference; it gets the tolerance.")
    calibrate.add_argument("captures", nargs="+", metavar="CAPTURE", help="A capture of an honest deployment.")
    calibrate.add_argument("-o", "--out", dest="file", metavar="FILE", help="Write there instead of into REF.")
    told = "Tell what a reference or capture is, and whether it is calibrated."
    check = actions.add_parser("check", help=told, description=told)
    check.add_argument("reference", metavar="FILE", help="The reference or capture.")
    told = "Sample tokens of an endpoint that tells no probabilities; with --like, compare them with a reference."
    _sample_options(actions.add_parser("sample", help=told, description=told, epilog=SAMPLE_EPILOG))
    values = parser.read(argv)
    steps = {"capture": _capture, "calibrate": _calibrate, "check": _check, "sample": _sample}
    return steps[values.action](values)


def _capture_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("capture")
    group.add_argument("-o", "--out", dest="file", metavar="FILE", help="The file to write.")
    group.add_argument("--like", metavar="REF", help="Ask the prefixes of this reference, with its sampling.")
    group.add_argument("--add-to", metavar="REF", help="Like --like, and add this session to the file.")
    told = "Also capture probabilities inside prompts, where text completions tell them: more positions for captures."
    group.add_argument("--inside-prompts", action="store_true", help=told)
    told = "The server was restarted since the last session of REF."
    group.add_argument("--restarted", action="store_true", help=told)
    group.add_argument(
        "--calls", type=_calls, default=CALLS, metavar="N", help=f"Calls to each prefix. Default: {CALLS}."
    )
    group.add_argument(
        "--thinking", choices=tuple(THINKING), default=None, metavar="{on,off,unset}",
        help="What requests say about thinking. Off is best where it can be turned off. Default: as REF, else unset.",
    )  # fmt: skip
    group.add_argument("--note", default="", metavar="TEXT", help="Stands in the file, for readers.")
    add_settings(parser, only=OPTIONS)


def _calls(text: str) -> int:
    """A number of calls, for argparse."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_CALLS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_CALLS}")


def _capture(values: argparse.Namespace) -> int:
    from entrypoint.reference_files import read_reference
    from entrypoint.usecases.fingerprint import CaptureOrder, capture

    settings = load(given(values))
    if problems := [*required(settings), *_contradictions(values)]:
        raise UsageError(problems)
    like = values.add_to or values.like
    order = CaptureOrder(
        out=Path(values.file or values.add_to), calls=values.calls, positions=POSITIONS,
        thinking=THINKING.get(values.thinking), like=read_reference(like) if like else None,
        added=bool(values.add_to), restarted=values.restarted, inside=values.inside_prompts, note=values.note,
    )  # fmt: skip
    redactor = Redactor(secrets_of(settings))
    result = asked(settings, redactor, lambda: capture(settings, order, redactor, progress_of(redactor)))
    if result is None:
        return INCONCLUSIVE
    for line in _written(order.out, result.reference, result.size):
        say(line, redactor)
    if result.lost:
        lost = f"{counted(result.lost, 'request')} failed for good and {noun(result.lost, 'is', 'are')} missing."
        say(lost, redactor)
    if result.other_prompts:
        where = counted(result.other_prompts, "prefix", "prefixes")
        say(f"At {where} the prompt has another number of tokens than in {like}.", redactor)
    return 0


def _sample_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sample")
    group.add_argument("-o", "--out", dest="file", required=True, metavar="FILE", help="The file to write.")
    group.add_argument("--like", metavar="FILE", help="Sample the prompts of this file, and compare with it.")
    group.add_argument(
        "--thinking", choices=tuple(THINKING), default="unset", metavar="{on,off,unset}",
        help="What requests say about thinking; with --like, as that file has it. Default: unset.",
    )  # fmt: skip
    add_settings(parser, only=OPTIONS)


def _sample(values: argparse.Namespace) -> int:
    from entrypoint.usecases.border import read_samples, sample_border

    settings = load(given(values))
    if problems := list(required(settings)):
        raise UsageError(problems)
    like = read_samples(values.like) if values.like else None
    redactor = Redactor(secrets_of(settings))
    result = asked(settings, redactor, lambda: sample_border(
        settings, Path(values.file), redactor, progress_of(redactor), like=like, thinking=THINKING[values.thinking]
    ))  # fmt: skip
    if result is None:
        return INCONCLUSIVE
    told = sum(one.samples for one in result.samples.prompts)
    say(f"{values.file}: {told} sampled tokens at {counted(len(result.samples.prompts), 'prompt')}", redactor)
    if result.judgement is None:
        return 0
    say(result.judgement.headline, redactor)
    return int(result.judgement.different) if result.judgement.prompts else INCONCLUSIVE


def _contradictions(values: argparse.Namespace) -> Iterator[Problem]:
    if values.like and values.add_to:
        yield Problem(name="--like", value="", allowed="Give --like or --add-to, not both.")
    if values.restarted and not (values.like or values.add_to):
        yield Problem(name="--restarted", value="", allowed="Say since which capture: --add-to REF, or --like REF.")
    if not (values.file or values.add_to):
        yield Problem(name="--out", value="", allowed="Name the file to write: -o FILE, or --add-to REF.")
    elif Path(values.file or values.add_to).is_dir():
        yield Problem(name="--out", value=values.file or values.add_to, allowed="It is a folder; name a file.")
    elif values.file and Path(values.file).exists():
        told = "It exists. Add a session with --add-to, remove it, or write elsewhere."
        yield Problem(name="--out", value=values.file, allowed=told)


def asked(settings: Settings, redactor: Redactor, work: Callable[[], Result]) -> Result | None:
    """What comes of work that asks an endpoint; None, and it is said, where the endpoint is down or breaks down."""
    from entrypoint.contact import contact

    found = contact(settings, _endpoint_of(settings), redactor, patience=settings.first_token_timeout)
    if found.down:
        say(found.down, redactor)
        return None
    try:
        return work()
    except (EndpointError, RunStopped) as failure:
        say(f"The endpoint does not answer: {failure}", redactor)
        say("Answers are kept: the same command goes on from there.", redactor)
        return None


def _endpoint_of(settings: Settings) -> EndpointInfo:
    """What a first contact needs to know of an endpoint."""
    return EndpointInfo(
        vendor=vendor_name(settings), base_url=settings.base_url, model=settings.model,
        think_mode=settings.think_mode, effort="", stream=False, extra_body=settings.extra_body,
    )  # fmt: skip


def _calibrate(values: argparse.Namespace) -> int:
    from entrypoint.reference_files import read_reference, write_reference
    from kvv_action.fingerprint.calibration import calibrated

    redactor = Redactor()
    reference = calibrated(read_reference(values.reference), [read_reference(name) for name in values.captures])
    out = Path(values.file or values.reference)
    size = write_reference(out, reference, redactor)
    for line in (*_written(out, reference, size), *_evidence(reference)):
        say(line, redactor)
    return 0


def _check(values: argparse.Namespace) -> int:
    from entrypoint.reference_files import read_reference

    reference = read_reference(values.reference)
    size = Path(values.reference).stat().st_size
    for line in (*_written(Path(values.reference), reference, size), *_sessions(reference), *_evidence(reference)):
        say(line, Redactor())
    return 0


def _written(out: Path, reference: Reference, size: int) -> Iterator[str]:
    from kvv_action.fingerprint.reference_file import digest

    yield f"{out}: {size} bytes, sha256:{digest(reference)}"
    domains = Counter(one.prefix.domain for one in reference.prefixes)
    told = ", ".join(f"{domain} {count}" for domain, count in sorted(domains.items()))
    yield f"{len(reference.prefixes)} prefixes ({told}) of {reference.model}, calls to each: {reference.calls}"
    if reference.inside:
        count = sum(len(text.positions) for text in reference.inside)
        yield f"{count} positions inside {len(reference.inside)} prompts, for comparisons of captures"
    noise = "unknown: it was asked once" if reference.noise is None else f"{small(reference.noise)} nats"
    yield f"self-noise: {noise}"
    today = datetime.now(UTC).date().isoformat()
    yield f"expired on {reference.expires}" if reference.expired(today) else f"used until {reference.expires}"
    if reference.tolerance is None:
        yield "not calibrated: verdicts are advisory until `kvv fingerprint calibrate` has set a tolerance"
    else:
        tolerance = reference.tolerance
        yield (
            f"calibrated: tolerance {small(tolerance.nats)} nats, far positions in at most "
            f"{tolerance.far_share:.1%} of requests"
        )


def _sessions(reference: Reference) -> Iterator[str]:
    for session in reference.sessions:
        traits = (f", rounded to {session.grain:g}" if session.grain else "") + (", tails cut" if session.cut else "")
        yield (
            f"{session.day}: {session.model} at {session.vendor}, calls {session.calls}, probabilities "
            f"{session.probabilities} of the {session.covers}{traits}, dialect {session.asking.dialect}, start "
            f"{session.start}, kvv "
            f"{session.version}{f', {session.note}' if session.note else ''}"
        )


def _evidence(reference: Reference) -> Iterator[str]:
    for one in reference.tolerance.evidence if reference.tolerance is not None else ():
        yield (
            f"{one.vendor} on {one.day} against {one.against}: {small(one.nats)} nats at {one.positions} prefixes, "
            f"far: {one.far}"
        )


def progress_of(redactor: Redactor) -> Say:
    """Takes lines about how far a capture is."""

    def progress(line: str) -> None:
        sys.stderr.write(f"{visible(redactor.text(line), 500)}\n")
        sys.stderr.flush()

    return progress


def say(line: str, redactor: Redactor) -> None:
    """Write a line of the result."""
    sys.stdout.write(f"{visible(redactor.text(line), 1000)}\n")
