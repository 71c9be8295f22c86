"""Draws the bundled pictures of ocrbench and writes its `samples/`: `.ci/samples ocrbench`.

All ten types, a few of each. `fine` marks pictures whose text is lost when they are scaled down or encoded badly.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from writers import samples
from writers.drawing import BLACK, WHITE, Draw, begin, canvas, encoded, file_name, finish, font

SAMPLES = samples("ocrbench")
WEBP = {"quality": 90}
RED, BLUE, GREEN, GREY = "#b3261e", "#1f4e9c", "#1d6b3a", "#d9d9d9"
WRITTEN = "what is written in the image?"
NUMBER = "what is the number in the image?"
LATEX = "Please write out the expression of the formula in the image using LaTeX format."
KEY = "{} Answer this question using the text in the image directly."


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture to draw, with its question.

    Attributes:
        format: Pillow's name of the file format.
        fine: its text is small.
    """

    kind: str
    question: str
    answers: tuple[str, ...]
    draw: Draw
    format: str = "PNG"
    fine: bool = False


def plain(text: str, *, size: int = 48, ink: str = BLACK, paper: str = WHITE) -> Draw:
    """One line in the middle."""

    def draw() -> Image.Image:
        image, pen = canvas(round(pen_width(text, size)) + 60, size * 2, paper)
        pen.text((image.width / 2, image.height / 2), text, ink, font(size), anchor="mm")
        return image

    return draw


def pen_width(text: str, size: float) -> float:
    """Pixels that a line takes."""
    return font(size).getlength(text)


def curved(text: str, *, bend: float) -> Draw:
    """Letters along an arc, each turned with it."""

    def draw() -> Image.Image:
        image, _ = canvas(420, 200)
        for place, letter in enumerate(text):
            offset = (place - (len(text) - 1) / 2) / len(text)
            tile = Image.new("L", (90, 90))
            ImageDraw.Draw(tile).text((45, 45), letter, 255, font(52), anchor="mm")
            turned = tile.rotate(-offset * bend, Image.Resampling.BICUBIC)
            spot = (round(165 + offset * 340), round(45 + abs(bend) / 90 * 130 * offset**2 * math.copysign(1, bend)))
            image.paste(RED, spot, turned)
        return image

    return draw


def slanted(text: str, angle: float) -> Draw:
    """A line that rises or falls."""

    def draw() -> Image.Image:
        return plain(text, ink=GREEN)().rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)

    return draw


def ornate(text: str, *, ink: str, shadow: str) -> Draw:
    """Outlined letters with a shadow on a gradient."""

    def draw() -> Image.Image:
        width = round(pen_width(text, 64)) + 80
        image = ImageOps.colorize(Image.linear_gradient("L").resize((width, 120)), "#fff3c4", "#f7b2ad")
        pen = ImageDraw.Draw(image)
        pen.text((width / 2 + 5, 65), text, shadow, font(64), anchor="mm")
        pen.text((width / 2, 60), text, ink, font(64), anchor="mm", stroke_width=3, stroke_fill=WHITE)
        return image

    return draw


def written(text: str) -> Draw:
    """As if by hand: slanting letters on a wavy line of a ruled sheet."""

    def draw() -> Image.Image:
        image, pen = canvas(round(pen_width(text, 46)) + 90, 110, "#fdfbf3")
        pen.line((0, 82, image.width, 82), "#a9c1e8", 2)
        place = 30.0
        for number, letter in enumerate(text):
            tile = Image.new("L", (80, 90))
            ImageDraw.Draw(tile).text((25, 62), letter, 255, font(44 + 3 * math.sin(2 * number)), anchor="ls")
            leaned = tile.transform(
                tile.size, Image.Transform.AFFINE, (1, 0.22, -10, 0, 1, 0), Image.Resampling.BICUBIC
            )
            image.paste("#22357a", (round(place) - 20, round(18 + 4 * math.sin(number))), leaned)
            place += pen_width(letter, 46) + 1
        return image

    return draw


def sign(lines: Mapping[str, int], *, paper: str, ink: str) -> Draw:
    """A shield with lines of text, each of its own size, on a post in front of a wall."""

    def draw() -> Image.Image:
        image, pen = canvas(420, 260, "#c9b79c")
        for row in range(0, 260, 26):
            pen.line((0, row, 420, row), "#b09c7d")
        pen.rectangle((200, 180, 220, 260), "#555555")
        pen.rounded_rectangle((30, 25, 390, 195), 14, paper, ink, 5)
        top = 25 + (170 - sum(size * 1.3 for size in lines.values())) / 2
        for text, size in lines.items():
            pen.text((210, top + size * 0.65), text, ink, font(size), anchor="mm")
            top += size * 1.3
        return image

    return draw


def bars(title: str, values: Mapping[str, int]) -> Draw:
    """A bar chart with its values above the bars."""

    def draw() -> Image.Image:
        image, pen = canvas(440, 300)
        pen.text((220, 20), title, BLACK, font(20), anchor="mm")
        step = 380 / len(values)
        for place, (name, value) in enumerate(values.items()):
            left = 40 + step * place
            top = 255 - 190 * value / max(values.values())
            pen.rectangle((left, top, left + step * 0.6, 255), (BLUE, GREEN, RED, "#8a6d00")[place % 4])
            pen.text((left + step * 0.3, top - 10), str(value), BLACK, font(15), anchor="mm")
            pen.text((left + step * 0.3, 272), name, BLACK, font(16), anchor="mm")
        return image

    return draw


def table(rows: tuple[tuple[str, ...], ...], *, size: int = 18) -> Draw:
    """A ruled table, its first row as head."""

    def draw() -> Image.Image:
        widths = [max(pen_width(row[column], size) for row in rows) + 2 * size for column in range(len(rows[0]))]
        height = size * 2
        image, pen = canvas(round(sum(widths)) + 20, height * len(rows) + 20)
        for number, row in enumerate(rows):
            left, top = 10.0, 10 + height * number
            for text, width in zip(row, widths, strict=True):
                pen.rectangle((left, top, left + width, top + height), WHITE if number else GREY, BLACK)
                pen.text((left + size * 0.7, top + height / 2), text, BLACK, font(size), anchor="lm")
                left += width
        return image

    return draw


def letter(lines: tuple[str, ...], *, size: int = 17) -> Draw:
    """Lines of text as on a sheet; a line with a tab is set at both margins."""

    def draw() -> Image.Image:
        width = round(max(pen_width(line.replace("\t", "      "), size) for line in lines)) + 4 * size
        image, pen = canvas(width, round(size * 1.7) * len(lines) + 3 * size)
        for number, line in enumerate(lines):
            left, tab, right = line.partition("\t")
            top = 1.5 * size + round(size * 1.7) * number
            pen.text((1.5 * size, top), left, BLACK, font(size))
            if tab:
                pen.text((width - 1.5 * size, top), right, BLACK, font(size), anchor="ra")
        return image

    return draw


def fraction(before: str, top: str, bottom: str) -> Draw:
    """`before`, then a fraction."""

    def draw() -> Image.Image:
        image, pen = canvas(360, 150, "#fdfbf3")
        left = 25 + pen_width(before, 46)
        right = left + 20 + max(pen_width(top, 42), pen_width(bottom, 42))
        pen.text((20, 75), before, "#22357a", font(46), anchor="lm")
        pen.line((left, 77, right, 73), "#22357a", 4)
        pen.text(((left + right) / 2, 42), top, "#22357a", font(42), anchor="mm")
        pen.text(((left + right) / 2, 112), bottom, "#22357a", font(42), anchor="mm")
        return image

    return draw


def powers(parts: tuple[tuple[str, str], ...]) -> Draw:
    """Pieces of a formula, each with what is raised behind it."""

    def draw() -> Image.Image:
        image, pen = canvas(420, 120, "#fdfbf3")
        place = 25.0
        for base, raised in parts:
            pen.text((place, 66), base, "#22357a", font(46), anchor="lm")
            place += pen_width(base, 46) + 3
            pen.text((place, 42), raised, "#22357a", font(28), anchor="lm")
            place += pen_width(raised, 28) + 6
        return image

    return draw


def root(before: str, inside: str) -> Draw:
    """`before`, then a square root."""

    def draw() -> Image.Image:
        image, pen = canvas(360, 120, "#fdfbf3")
        pen.text((20, 64), before, "#22357a", font(46), anchor="lm")
        left = 30 + pen_width(before, 46)
        right = left + 34 + pen_width(inside, 44)
        line = [(left, 68), (left + 10, 62), (left + 20, 96), (left + 32, 30), (right, 30)]
        pen.line(line, "#22357a", 4)
        pen.text((left + 36, 66), inside, "#22357a", font(44), anchor="lm")
        return image

    return draw


REGULAR, IRREGULAR, ARTISTIC = "Regular Text Recognition", "Irregular Text Recognition", "Artistic Text Recognition"
HAND, DIGITS, RANDOM = "Handwriting Recognition", "Digit String Recognition", "Non-Semantic Text Recognition"
SCENE, DOCUMENT, KIE = "Scene Text-centric VQA", "Doc-oriented VQA", "Key Information Extraction"
FORMULA = "Handwritten Mathematical Expression Recognition"

RECEIPT = (
    "HARBOUR CAFE", "12 Quay Street, Port Anselm", "Invoice no. 40917", "Date: 14/03/2024",
    "2 x Flat white\t7.60", "1 x Cheese roll\t4.25", "1 x Lemon tart\t5.10", "Total\t16.95", "Cash\t20.00",
    "Change\t3.05",
)  # fmt: skip
SHIPMENT = (
    "NORTHWIND FREIGHT LTD", "Waybill: NF-2208-61", "From: Tallinn", "To: Gdansk", "Weight: 318 kg", "Pieces: 12",
    "Consignee: M. Kowalska",
)  # fmt: skip
MEMO = (
    "MEMORANDUM", "To: All branches", "From: Records office", "Subject: Opening hours",
    "From Monday 6 May the reading room", "opens at 9:30 and closes at 18:45.",
    "Please renew visitor cards by 30 April.",
)  # fmt: skip
TRAINS = (
    ("Train", "Leaves", "Platform"), ("Aurora", "07:42", "3"), ("Boreas", "08:15", "11"), ("Cirrus", "09:58", "6"),
)  # fmt: skip
LABEL = (
    "Nutrition facts, per 100 g", "Energy\t1548 kJ", "Fat\t9.2 g", "of which saturates\t1.4 g", "Carbohydrate\t58.7 g",
    "Fibre\t10.3 g", "Protein\t11.6 g", "Salt\t0.02 g",
)  # fmt: skip

DRAWINGS = (
    Drawing(kind=REGULAR, question=WRITTEN, answers=("LANTERN",), draw=plain("LANTERN")),
    Drawing(kind=REGULAR, question=WRITTEN, answers=("Harvest",), draw=plain("Harvest", ink=BLUE), format="JPEG"),
    Drawing(kind=REGULAR, question=WRITTEN, answers=("GRANITE",), draw=plain("GRANITE", ink=WHITE, paper=GREEN)),
    Drawing(kind=REGULAR, question=WRITTEN, answers=("pebble",), draw=plain("pebble", size=13), fine=True),
    Drawing(kind=IRREGULAR, question=WRITTEN, answers=("ROUNDABOUT",), draw=curved("ROUNDABOUT", bend=70)),
    Drawing(kind=IRREGULAR, question=WRITTEN, answers=("VALLEY",), draw=curved("VALLEY", bend=-60)),
    Drawing(kind=IRREGULAR, question=WRITTEN, answers=("UPHILL",), draw=slanted("UPHILL", 24), format="WEBP"),
    Drawing(kind=IRREGULAR, question=WRITTEN, answers=("descent",), draw=slanted("descent", -31)),
    Drawing(kind=ARTISTIC, question=WRITTEN, answers=("Carnival",), draw=ornate("Carnival", ink=RED, shadow="#5a0f0b")),
    Drawing(kind=ARTISTIC, question=WRITTEN, answers=("JUBILEE",), draw=ornate("JUBILEE", ink=BLUE, shadow="#0c2148"),
            format="JPEG"),
    Drawing(kind=ARTISTIC, question=WRITTEN, answers=("Wonder",), draw=ornate("Wonder", ink=GREEN, shadow="#08301a")),
    Drawing(kind=HAND, question=WRITTEN, answers=("bread",), draw=written("bread")),
    Drawing(kind=HAND, question=WRITTEN, answers=("yesterday",), draw=written("yesterday")),
    Drawing(kind=HAND, question=WRITTEN, answers=("captain",), draw=written("captain"), format="GIF"),
    Drawing(kind=DIGITS, question=NUMBER, answers=("90714",), draw=plain("90714")),
    Drawing(kind=DIGITS, question=NUMBER, answers=("3380562",), draw=plain("3380562", ink=WHITE, paper=BLACK)),
    Drawing(kind=DIGITS, question=NUMBER, answers=("618250047",), draw=plain("618250047", size=12), fine=True),
    Drawing(kind=RANDOM, question=WRITTEN, answers=("qzvet",), draw=plain("qzvet")),
    Drawing(kind=RANDOM, question=WRITTEN, answers=("drumpk",), draw=plain("drumpk", ink=RED), format="WEBP"),
    Drawing(kind=RANDOM, question=WRITTEN, answers=("XWJTUR",), draw=plain("XWJTUR", size=13), fine=True),
    Drawing(kind=SCENE, question="What is the name of the bakery?", answers=("Golden Crust",),
            draw=sign({"Golden Crust": 46, "bakery since 1968": 24}, paper="#fff7e0", ink="#6b3e12"), format="JPEG"),
    Drawing(kind=SCENE, question="What is the speed limit, in km/h?", answers=("45",),
            draw=sign({"SLOW DOWN": 30, "45": 72, "km/h": 24}, paper=WHITE, ink=RED)),
    Drawing(kind=SCENE, question="Which street is named on the sign?", answers=("Orchard Lane", "orchard ln"),
            draw=sign({"Orchard Lane": 44, "no through road": 22}, paper=BLUE, ink=WHITE)),
    Drawing(kind=SCENE, question="What is the telephone number on the sign?", answers=("555-0172",),
            draw=sign({"BIKE REPAIR": 46, "call 555-0172": 11}, paper=WHITE, ink=GREEN), fine=True),
    Drawing(kind=DOCUMENT, question="What is the value of the highest bar?", answers=("87",),
            draw=bars("Visitors by season", {"Spring": 54, "Summer": 87, "Autumn": 61, "Winter": 23})),
    Drawing(kind=DOCUMENT, question="At which platform does the train Boreas leave?", answers=("11",),
            draw=table(TRAINS)),
    Drawing(kind=DOCUMENT, question="When does the reading room close?", answers=("18:45", "6:45 pm"),
            draw=letter(MEMO)),
    Drawing(kind=DOCUMENT, question="How much salt is in 100 g?", answers=("0.02 g", "0.02g"),
            draw=letter(LABEL, size=10), fine=True),
    Drawing(kind=KIE, question=KEY.format("what is the total amount of this receipt?"), answers=("16.95",),
            draw=letter(RECEIPT)),
    Drawing(kind=KIE, question=KEY.format("what is the invoice number?"), answers=("40917",),
            draw=letter(RECEIPT, size=10), fine=True),
    Drawing(kind=KIE, question=KEY.format("what is the weight of the consignment?"), answers=("318 kg", "318kg"),
            draw=letter(SHIPMENT), format="WEBP"),
    Drawing(kind=KIE, question=KEY.format("who is the consignee?"), answers=("M. Kowalska", "Kowalska"),
            draw=letter(SHIPMENT)),
    Drawing(kind=FORMULA, question=LATEX, answers=("x = \\frac { 1 7 } { 5 }",), draw=fraction("x =", "17", "5")),
    Drawing(kind=FORMULA, question=LATEX, answers=("a ^ { 2 } + b ^ { 2 } = c ^ { 2 }", "a^2+b^2=c^2"),
            draw=powers((("a", "2"), ("+ b", "2"), ("= c", "2")))),
    Drawing(kind=FORMULA, question=LATEX, answers=("y = \\sqrt { 4 3 }",), draw=root("y =", "43")),
    Drawing(kind=FORMULA, question=LATEX, answers=("v = \\frac { s } { t }",), draw=fraction("v =", "s", "t")),
)  # fmt: skip


def write(folder: Path) -> None:
    """All pictures and `samples.jsonl`; what was there before goes."""
    begin(folder)
    rows = []
    for number, drawing in enumerate(DRAWINGS, 1):
        name = file_name(f"{number:02}", drawing.format)
        (folder / name).write_bytes(encoded(drawing.draw(), drawing.format, WEBP))
        rows.append(
            {
                "id": f"kvv-{number:02}",
                "dataset": "kvv",
                "question_type": drawing.kind,
                "question": drawing.question,
                "answer": list(drawing.answers),
                "image": name,
                "detail": "fine" if drawing.fine else "coarse",
            }
        )
    finish(folder, rows)


if __name__ == "__main__":
    write(SAMPLES)
