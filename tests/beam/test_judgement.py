"""Judgements become scores by upstream's rules or the paper's; what cannot be read is no score."""

import math
from contextlib import suppress

import orjson
import pytest

from benchmarks.beam.conversation import Conversation, ProbingQuestion
from benchmarks.beam.judgement import (
    LINES,
    NOTHING,
    Purpose,
    Scoring,
    alignment,
    asked_of,
    judgements,
    replayed,
    unread,
    value_of,
)
from benchmarks.beam.ordering import agreement, tau_b
from kvv_action.errors import JudgeError
from kvv_action.scoring import judging
from kvv_action.simulator.judging import judged

CONVERSATION = Conversation(id="1", messages=(), sought=())


def about(ability: str, *rubric: str, index: int = 1) -> ProbingQuestion:
    """A question with a rubric."""
    return ProbingQuestion(
        conversation=CONVERSATION, number=0, ability=ability, index=index, text="?", gold="", rubric=rubric
    )


def said(score: object) -> str:
    """A judge's reply."""
    return orjson.dumps({"score": score, "reason": "so"}).decode()


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"score": 1, "reason": "ok"}', 1.0), ('{"score": 0.5}', 0.5), ('{"score": "1.0"}', 1.0),
        ('```json\n{"score": 0.0, "reason": "a } b"}\n```', 0.0), ('{"reason": "x"} then {"score": 1}', 1.0),
        ("I give it {full} marks: {\"score\": 1}", 1.0),
        ('<think>Perhaps {"score": 0.5}?</think>{"score": 1}', 1.0), ('{"score": 1}\n{"score": 1.0}', 1.0),
        ('{"score": 1} or rather {"score": 0}', None), ('The answer has {"score": 1}. {"score": 7}', None),
        ("1", None), ("", None), ('{"score": 0.7}', None), ('{"score": true}', None), ('{"score": null}', None),
        ('{"score": 5}', None), ('{"score": 1', None), ('{"marks": 1}', None),
    ],
)  # fmt: skip
def test_a_score_is_read_or_it_is_none(reply: str, score: float | None) -> None:
    """JSON in any wrapping, only the three levels; anything else is an error and never a 0."""
    if score is None:
        with pytest.raises(JudgeError, match=r"no score of 0, 0\.5 or 1"):
            judging.read_score(reply)
    else:
        assert judging.read_score(reply) == score


def test_matches_are_read() -> None:
    """One number a line; an event that has a line already has no second one."""
    assert judging.read_matches('{"matches": [2, 0, 2, 1]}', 2, 4) == (2, 0, 0, 1)
    with pytest.raises(JudgeError, match="for each of 2 lines"):
        judging.read_matches('{"matches": [1, 2]}, no: {"matches": [2, 1]}', 2, 2)
    for reply in ('{"matches": [1]}', '{"matches": [3, 0]}', '{"matches": [true, 0]}', '{"matches": "1, 2"}', "2, 1"):
        with pytest.raises(JudgeError, match="for each of 2 lines"):
            judging.read_matches(reply, 2, 2)


def test_both_ways_of_scoring() -> None:
    """Upstream takes no half points and orders strictly; the paper takes halves, and orders by tau and F1."""
    asked = asked_of(about("summarization", "a", "b", "c", "d"), "answer", Scoring.UPSTREAM)
    found = judgements(asked, [said(1), said(0.5), said(0.5), said(0)])
    assert (value_of(found, Scoring.UPSTREAM), value_of(found, Scoring.PAPER)) == (0.25, 0.5)
    events = about("event_ordering", "seed", "water", "harvest")
    (strict,) = asked_of(events, "water\nseed\nharvest", Scoring.UPSTREAM)
    (loose,) = asked_of(events, "water\n\nseed\nharvest\n", Scoring.PAPER)
    assert strict.messages[0]["content"] == judging.ORDER
    assert orjson.loads(loose.messages[1]["content"])["lines"] == ["water", "seed", "harvest"]
    for one, expected in ((strict, 0.0), (loose, 2 / 3)):
        reply = judged(one.messages)
        assert reply is not None
        assert one.read(reply) == pytest.approx(expected)


def test_orders_are_measured_as_the_authors_do() -> None:
    """Figures by scipy.stats.kendalltau (variant b) over the ranks of the union, scaled, times F1."""
    assert agreement((1, 2, 3), 3) == 1.0
    assert agreement((3, 2, 1), 3) == 0.0
    assert agreement((), 3) == agreement((0, 0), 3) == 0.0
    assert agreement((1,), 1) == 1.0
    ranks = ([1, 2, 3, 5], [1, 3, 5, 2])  # of events a, b, c and a line x: a x b
    assert tau_b(*ranks) == pytest.approx(1 / 3)
    assert agreement((1, 0, 2), 3) == pytest.approx((2 / 3) * (tau_b(*ranks) + 1) / 2)
    assert tau_b([1, 2, 2], [1, 2, 3]) == pytest.approx(2 / math.sqrt(6))


def asked_pairs(answer: str, *events: str, garbled: int = 0) -> tuple[list[tuple[str, str]], float]:
    """The pairs that the judge is asked about, and the score; its first replies cannot be read."""
    steps, pairs, replies = alignment(about("event_ordering", *events), answer), list[tuple[str, str]](), list[str]()
    with suppress(StopIteration):
        one = next(steps)
        while True:
            given = orjson.loads(one.messages[1]["content"])
            pairs.append((given["event"], given["line"]))
            replies.append("hm" if len(replies) < garbled else judged(one.messages) or "")
            one = steps.send(replies[-1])
    return pairs, replayed(alignment(about("event_ordering", *events), answer), replies).items[0]


def test_events_are_found_pair_by_pair() -> None:
    """Each line with the events that are left, until one is the same; a right answer takes one question an event."""
    assert asked_pairs("seed\nwater\nharvest", "seed", "water", "harvest") == (
        [("seed", "seed"), ("water", "water"), ("harvest", "harvest")], 1.0,
    )  # fmt: skip
    pairs, score = asked_pairs("water\n\nseed\nharvest\nseed", "seed", "water", "harvest")
    assert pairs == [("seed", "water"), ("water", "water"), ("seed", "seed"), ("harvest", "harvest")]
    assert score == pytest.approx(agreement((2, 1, 3, 0), 3))
    assert asked_pairs("nothing\nnothing", "seed", "water")[1] == 0.0


def test_a_pair_is_asked_once_more_where_the_reply_cannot_be_read() -> None:
    """Twice unread is no score; neither is half a point, nor too few replies."""
    pairs, score = asked_pairs("seed", "seed", garbled=1)
    assert (pairs, score) == ([("seed", "seed")] * 2, 1.0)
    with pytest.raises(JudgeError, match=r"no score of 0, 0\.5 or 1"):
        asked_pairs("seed", "seed", garbled=2)
    steps = alignment(about("event_ordering", "seed"), "seed")
    for replies in ([said(0.5), said(0.5)], [], ["hm"]):
        with pytest.raises(JudgeError):
            replayed(alignment(about("event_ordering", "seed"), "seed"), replies)
    next(steps).read(said(1))


def test_equal_lines_that_name_no_event_are_one_item() -> None:
    """As in the authors' measure, whose items are texts: rank of the last one, and each counts against precision."""
    ranks = ([1, 2, 4], [1, 4, 3])  # of events a, b and a line x: a x x
    assert agreement((1, 0, 0), 2, ("a", "x", "x")) == pytest.approx(0.4 * (tau_b(*ranks) + 1) / 2)


def test_long_answers_are_compared_up_to_a_bound() -> None:
    """An answer of thousands of lines does not ask the judge for days."""
    pairs, score = asked_pairs("\n".join(f"line {n}" for n in range(5000)), "seed", "water")
    assert (len(pairs), score) == (2 * LINES, 0.0)


def test_a_tenth_is_asked_again_and_controlled() -> None:
    """The first criterion once more, and an answer that says nothing; a judge that gives marks to it is not trusted."""
    question = about("information_extraction", "a", "b", index=0)
    asked = asked_of(question, "answer", Scoring.UPSTREAM)
    assert [one.purpose for one in asked] == [Purpose.SCORE, Purpose.SCORE, Purpose.REPEAT, Purpose.CONTROL]
    assert asked[2].messages == asked[0].messages
    assert orjson.loads(asked[3].messages[1]["content"])["answer"] == NOTHING
    found = judgements(asked, [said(1), said(0), said(0.5), said(0)])
    assert (found.items, found.repeated, found.agrees) == ((1.0, 0.0), 0.5, False)
    with pytest.raises(JudgeError, match="marks to an answer that says nothing"):
        judgements(asked, [said(1), said(1), said(1), said(0.5)])


def test_what_cannot_be_read_is_asked_once_more() -> None:
    """The second reply counts; without one that can be read, or with too few, nothing is scored."""
    asked = asked_of(about("summarization", "a", "b", "c"), "answer", Scoring.UPSTREAM)
    first = ["hm", said(1), "hm"]
    assert unread(asked, first) == (asked[0], asked[2])
    assert judgements(asked, [*first, said(0), said(1)]).items == (0.0, 1.0, 1.0)
    for replies in (first, [*first, said(0)], [*first, said(0), "hm"]):
        with pytest.raises(JudgeError, match="no score"):
            judgements(asked, replies)
    with pytest.raises(JudgeError, match="gave 2 of 3 judgements"):
        judgements(asked, first[:2])
