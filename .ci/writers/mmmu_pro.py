"""Draws the bundled pictures of mmmu_pro and writes its `samples/`: `.ci/samples mmmu_pro`.

Every question needs its pictures: the text alone leaves all options open. `fine` marks pictures whose content is lost
when they are scaled down or encoded badly.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from writers import samples
from writers.drawing import BLACK, WHITE, Draw, begin, canvas, encoded, file_name, finish, font

SAMPLES = samples("mmmu_pro")
WEBP = {"lossless": True}
COLOURS = {
    "red": "#c62828", "blue": "#1f4e9c", "green": "#2e7d32", "yellow": "#f2c200", "black": "#111111",
    "orange": "#ef7d00", "purple": "#6a1b9a", "grey": "#8a8a8a", "brown": "#6d4323", "pink": "#f08ab0",
}  # fmt: skip

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question with its pictures.

    Attributes:
        options: in the order in which they are shown.
        answer: the letter of the right one.
        pictures: `image_1` and so on; a vision item has none, its page is drawn from question, options and `figure`.
        figure: what the page of a vision item shows below the question.
        fine: the picture has to be seen sharply.
    """

    subject: str
    question: str
    options: tuple[str, ...]
    answer: str
    pictures: tuple[Draw, ...] = ()
    figure: Draw | None = None
    fine: bool = False
    format: str = "PNG"


def polygon(corners: int, *, colour: str = "blue", count: int = 1) -> Draw:
    """Regular polygons in a row; 0 corners is a circle."""

    def draw() -> Image.Image:
        image, pen = canvas(max(240, 110 * count), 200)
        radius = 80 if count == 1 else 42
        for place in range(count):
            x = image.width * (place + 0.5) / count
            if corners:
                pen.regular_polygon((x, 100, radius), corners, fill=COLOURS[colour], outline=BLACK)
            else:
                pen.circle((x, 100), radius, COLOURS[colour], BLACK)
        return image

    return draw


def clock(hour: int, minute: int) -> Draw:
    """A clock face with two hands."""

    def draw() -> Image.Image:
        image, pen = canvas(240, 240)
        pen.circle((120, 120), 105, WHITE, BLACK, 4)
        for number in range(1, 13):
            angle = math.radians(30 * number)
            spot = (120 + 86 * math.sin(angle), 120 - 86 * math.cos(angle))
            pen.text(spot, str(number), BLACK, font(20), anchor="mm")
        for length, width, angle in ((50, 7, 30 * hour + minute / 2), (74, 4, 6 * minute)):
            turned = math.radians(angle)
            pen.line((120, 120, 120 + length * math.sin(turned), 120 - length * math.cos(turned)), BLACK, width)
        return image

    return draw


def bars(values: Mapping[str, int], *, unit: str = "") -> Draw:
    """A bar chart with a scale on the left."""

    def draw() -> Image.Image:
        image, pen = canvas(400, 270)
        top = 10 * math.ceil(max(values.values()) / 10)
        for mark in range(0, top + 1, 10):
            y = 230 - 200 * mark / top
            pen.line((46, y, 390, y), "#cccccc")
            pen.text((40, y), str(mark), BLACK, font(13), anchor="rm")
        pen.text((8, 12), unit, BLACK, font(13), anchor="lm")
        step = 340 / len(values)
        for place, (name, value) in enumerate(values.items()):
            left = 54 + step * place
            pen.rectangle((left, 230 - 200 * value / top, left + step * 0.6, 230), COLOURS["blue"])
            pen.text((left + step * 0.3, 246), name, BLACK, font(14), anchor="mm")
        return image

    return draw


def curve(function: Callable[[float], float], *, ink: str = "red") -> Draw:
    """A function over a grid from -4 to 4."""

    def draw() -> Image.Image:
        image, pen = canvas(260, 260)
        for mark in range(-4, 5):
            at = 130 + 30 * mark
            pen.line((at, 10, at, 250), BLACK if mark == 0 else "#dddddd", 2 if mark == 0 else 1)
            pen.line((10, at, 250, at), BLACK if mark == 0 else "#dddddd", 2 if mark == 0 else 1)
            if mark:
                pen.text((at, 138), str(mark), BLACK, font(11), anchor="mm")
                pen.text((120, 260 - at), str(mark), BLACK, font(11), anchor="mm")
        places = [step / 20 for step in range(-80, 81)]
        points = [(130 + 30 * x, 130 - 30 * function(x)) for x in places if abs(function(x)) <= 4.0]
        pen.line(points, COLOURS[ink], 3, joint="curve")
        return image

    return draw


def triangle(base: str, height: str, side: str = "") -> Draw:
    """A right triangle with the lengths of its sides."""

    def draw() -> Image.Image:
        image, pen = canvas(300, 220)
        pen.polygon([(50, 180), (250, 180), (50, 40)], "#e8eefc", BLACK, 3)
        pen.rectangle((50, 164, 66, 180), None, BLACK, 2)
        pen.text((150, 198), base, BLACK, font(20), anchor="mm")
        pen.text((28, 110), height, BLACK, font(20), anchor="mm")
        pen.text((168, 96), side, BLACK, font(20), anchor="mm")
        return image

    return draw


def dots(count: int, *, columns: int = 5, odd: str = "", at: int = -1, size: int = 16) -> Draw:
    """Dots in rows, one of which may have another colour."""

    def draw() -> Image.Image:
        rows = math.ceil(count / columns)
        image, pen = canvas(40 + 3 * size * columns, 40 + 3 * size * rows)
        for number in range(count):
            spot = (20 + 1.5 * size + 3 * size * (number % columns), 20 + 1.5 * size + 3 * size * (number // columns))
            pen.circle(spot, size, COLOURS[odd if number == at else "grey"], BLACK)
        return image

    return draw


def circuit(first: str, second: str, *, parallel: bool) -> Draw:
    """Two resistors on a battery."""

    def draw() -> Image.Image:
        image, pen = canvas(340, 240)
        pen.rectangle((40, 60, 300, 200), None, BLACK, 3)
        pen.rectangle((34, 110, 46, 150), WHITE)
        pen.line((22, 115, 58, 115), BLACK, 4)
        pen.line((30, 145, 50, 145), BLACK, 4)
        places = [(170, 60), (170, 130)] if parallel else [(110, 60), (230, 60)]
        if parallel:
            pen.line((80, 60, 80, 130, 260, 130, 260, 60), BLACK, 3)
        for (x, y), text in zip(places, (first, second), strict=True):
            pen.rectangle((x - 34, y - 14, x + 34, y + 14), "#fff2cc", BLACK, 3)
            pen.text((x, y - 28), text, BLACK, font(17), anchor="mm")
        return image

    return draw


def tree(edges: Sequence[tuple[str, str]], places: Mapping[str, Point]) -> Draw:
    """Named circles joined by arrows."""

    def draw() -> Image.Image:
        image, pen = canvas(340, 250)
        for start, end in edges:
            (x, y), (u, v) = places[start], places[end]
            pen.line((x, y, u, v), BLACK, 3)
            turned = math.atan2(v - y, u - x)
            tip = (u - 22 * math.cos(turned), v - 22 * math.sin(turned))
            wings = [(tip[0] - 13 * math.cos(turned + a), tip[1] - 13 * math.sin(turned + a)) for a in (0.45, -0.45)]
            pen.polygon([tip, *wings], BLACK)
        for name, spot in places.items():
            pen.circle(spot, 21, "#e3f2e1", BLACK, 3)
            pen.text(spot, name, BLACK, font(19), anchor="mm")
        return image

    return draw


def staff(*steps: int) -> Draw:
    """Notes on a staff with treble clef written as a letter; step 0 is the lowest line, E."""

    def draw() -> Image.Image:
        image, pen = canvas(320, 170)
        for line in range(5):
            pen.line((20, 120 - 18 * line, 300, 120 - 18 * line), BLACK, 2)
        pen.text((40, 84), "G", BLACK, font(64), anchor="mm")
        for place, step in enumerate(steps):
            x, y = 110 + 55 * place, 120 - 9 * step
            pen.ellipse((x - 12, y - 9, x + 12, y + 9), BLACK)
            pen.line((x + 11, y, x + 11, y - 52), BLACK, 3)
        return image

    return draw


def ledger(rows: Sequence[tuple[str, str]], *, size: int = 17) -> Draw:
    """Two columns of a balance."""

    def draw() -> Image.Image:
        width = round(max(font(size).getlength(left + right) for left, right in rows)) + 6 * size
        image, pen = canvas(width, round(len(rows) * size * 1.8) + 2 * size)
        for number, (left, right) in enumerate(rows):
            y = size + round(number * size * 1.8)
            pen.text((size, y), left, BLACK, font(size))
            pen.text((width - size, y), right, BLACK, font(size), anchor="ra")
        return image

    return draw


def pie(shares: Mapping[str, tuple[str, int]]) -> Draw:
    """Coloured sectors with a key."""

    def draw() -> Image.Image:
        image, pen = canvas(380, 230)
        start = -90.0
        for place, (name, (colour, share)) in enumerate(shares.items()):
            end = start + 3.6 * share
            pen.pieslice((15, 15, 215, 215), start, end, COLOURS[colour], WHITE)
            start = end
            pen.rectangle((240, 30 + 36 * place, 262, 52 + 36 * place), COLOURS[colour])
            pen.text((272, 41 + 36 * place), name, BLACK, font(17), anchor="lm")
        return image

    return draw


def gauge(value: float, low: int, high: int) -> Draw:
    """A thermometer with a mark every degree and a number every ten."""

    def draw() -> Image.Image:
        image, pen = canvas(150, 330)
        for mark in range(low, high + 1):
            y = 290 - 260 * (mark - low) / (high - low)
            pen.line((62, y, 80 if mark % 10 == 0 else 70, y), BLACK, 1)
            if mark % 10 == 0:
                pen.text((88, y), str(mark), BLACK, font(14), anchor="lm")
        y = 290 - 260 * (value - low) / (high - low)
        pen.rectangle((44, 25, 60, 292), None, BLACK, 2)
        pen.rectangle((47, y, 57, 300), COLOURS["red"])
        pen.circle((52, 306), 15, COLOURS["red"])
        return image

    return draw


def page(item: Item) -> Image.Image:
    """The question as it would stand on a screen, with its figure: what the vision part shows."""
    figure = item.figure() if item.figure else canvas(1, 1)[0]
    lines = [*wrapped(item.question, 44), "", *(f"{chr(65 + n)}. {option}" for n, option in enumerate(item.options))]
    head = len(wrapped(item.question, 44))
    image, pen = canvas(520, 40 + 28 * len(lines) + figure.height)
    for number, line in enumerate(lines):
        top = 20 + 28 * number + (figure.height if number > head else 0)
        pen.text((24, top), line, BLACK, font(19))
    image.paste(figure, (24, 24 + 28 * head))
    return image


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


TEN_COLOURS = tuple(COLOURS)
COUNTS = tuple(str(number) for number in range(7, 17))
HOURS = ("1:20", "2:35", "4:05", "5:50", "6:10", "7:25", "8:40", "9:15", "10:55", "11:30")
SHAPES = ("circle", "triangle", "square", "pentagon", "hexagon", "octagon")
CROPS = {"Wheat": 34, "Maize": 52, "Rice": 18, "Barley": 27, "Rye": 41}
BUDGET = {
    "Rent": ("blue", 38),
    "Food": ("orange", 24),
    "Travel": ("green", 9),
    "Books": ("purple", 16),
    "Other": ("grey", 13),
}
NODES: Mapping[str, Point] = {
    "P": (170, 35),
    "Q": (80, 120),
    "R": (260, 120),
    "S": (40, 210),
    "T": (130, 210),
    "U": (270, 210),
}
EDGES = (("P", "Q"), ("P", "R"), ("Q", "S"), ("Q", "T"), ("R", "U"))
BALANCE = (
    ("Opening cash", "4 120"),
    ("Sales received", "9 385"),
    ("Wages paid", "-3 260"),
    ("Rent paid", "-1 450"),
    ("Loan received", "2 000"),
    ("Machine bought", "-5 275"),
)
PARABOLA = curve(lambda x: x * x - 2)
LINE = curve(lambda x: -x + 1)
SINE = curve(lambda x: 2 * math.sin(x))
ROOT = curve(lambda x: abs(x) - 3)

STANDARD = (
    Item(subject="Math", question="How many dots are in <image 1>?", options=COUNTS, answer="G", pictures=(dots(13),)),
    Item(subject="Math", question="Which area, in square centimetres, has the triangle in <image 1>?",
         options=("9", "12", "15", "18", "20", "24", "27", "30", "36", "54"), answer="G",
         pictures=(triangle("9 cm", "6 cm"),)),
    Item(subject="Math", question="Which function is drawn in <image 1>?",
         options=("y = x + 1", "y = 1 - x", "y = x^2", "y = x^2 - 2", "y = 2 - x^2", "y = |x| - 3", "y = 2 sin x",
                  "y = 2 cos x", "y = x^3", "y = 1/x"), answer="D", pictures=(PARABOLA,), format="JPEG"),
    Item(subject="Physics", question="In the circuit of <image 1>, what is the resistance between the battery's poles?",
         options=("2 ohm", "3 ohm", "4 ohm", "6 ohm", "8 ohm", "9 ohm", "12 ohm", "15 ohm", "18 ohm", "36 ohm"),
         answer="A", pictures=(circuit("3 ohm", "6 ohm", parallel=True),)),
    Item(subject="Physics", question="Which temperature, in degrees Celsius, does <image 1> show?",
         options=("11", "12", "13", "14", "16", "17", "18", "19", "22", "23"), answer="F",
         pictures=(gauge(17, 0, 40),), fine=True),
    Item(subject="Economics", question="According to <image 1>, which crop had the second highest yield?",
         options=tuple(CROPS), answer="E", pictures=(bars(CROPS, unit="kt"),), format="WEBP"),
    Item(subject="Finance", question="Which is the closing cash that follows from <image 1>?",
         options=("3 520", "4 480", "5 045", "5 520", "6 795", "7 120", "8 245", "9 385", "10 795", "12 245"),
         answer="D", pictures=(ledger(BALANCE, size=10),), fine=True),
    Item(subject="Computer Science", question="In which order does a breadth-first search visit <image 1>, "
         "children from left to right?",
         options=("P Q R S T U", "P R Q U T S", "P Q S T R U", "P R U Q S T", "S T Q U R P", "U T S R Q P",
                  "P Q T S R U", "Q S T P R U", "P S T U Q R", "P U T S R Q"), answer="A",
         pictures=(tree(EDGES, NODES),)),
    Item(subject="Music", question="Which notes stand on the staff in <image 1>, from left to right?",
         options=("E G B", "F A C", "G B D", "E F G", "C E G", "A C E", "B D F", "D F A", "G A B", "F G A"),
         answer="C", pictures=(staff(2, 4, 6),), format="WEBP"),
    Item(subject="Design", question="Which colour has the one dot in <image 1> that differs from the others?",
         options=TEN_COLOURS, answer="G", pictures=(dots(20, odd="purple", at=12),)),
    Item(subject="Geography", question="What time does the station clock in <image 1> show?", options=HOURS, answer="G",
         pictures=(clock(8, 40),), format="JPEG"),
    Item(subject="Math", question="<image 1> shows one figure, <image 2> another. How many corners have they together?",
         options=("6", "7", "8", "9", "10", "11", "12", "13", "14", "16"), answer="F",
         pictures=(polygon(5), polygon(6, colour="green"))),
    Item(subject="Art", question="What is the colour of the figure in <image 2>, not of the one in <image 1>?",
         options=TEN_COLOURS, answer="F", pictures=(polygon(4, colour="red"), polygon(3, colour="orange"))),
    Item(subject="Physics", question="Clock <image 1> shows the start of an experiment and <image 2> its end, in the "
         "same afternoon. How many minutes did it take?",
         options=("25", "35", "45", "55", "65", "75", "85", "95", "105", "115"), answer="H",
         pictures=(clock(2, 15), clock(3, 50))),
    Item(subject="Math", question="Which of the graphs is that of y = 1 - x?",
         options=("<image 1>", "<image 2>", "<image 3>", "<image 4>"), answer="C",
         pictures=(SINE, PARABOLA, LINE, ROOT)),
    Item(subject="Design", question="A pattern goes on from <image 1> to <image 2> to <image 3>. How many corners has "
         "the figure that comes next?", options=("3", "4", "5", "6", "7", "8", "9", "10"), answer="D",
         pictures=(polygon(3), polygon(4), polygon(5))),
    Item(subject="Design", question="Which picture shows the figure with the most corners?",
         options=tuple(f"<image {number}>" for number in range(1, 8)), answer="E",
         pictures=(polygon(4), polygon(3, colour="red"), polygon(6), polygon(3), polygon(9), polygon(5), polygon(7))),
)  # fmt: skip

FEWER = (
    Item(subject="Economics", question="According to <image 1>, which crop had the lowest yield?",
         options=("Wheat", "Maize", "Rice", "Rye"), answer="C", pictures=(bars(CROPS, unit="kt"),)),
    Item(subject="Physics", question="In the circuit of <image 1>, what is the resistance between the battery's poles?",
         options=("5 ohm", "7 ohm", "10 ohm", "12 ohm"), answer="D",
         pictures=(circuit("7 ohm", "5 ohm", parallel=False),)),
    Item(subject="Music", question="Which note stands on the staff in <image 1>?", options=("E", "G", "B", "D"),
         answer="C", pictures=(staff(4),)),
    Item(subject="Geography", question="How much time is between <image 1> and <image 2>, both in the morning?",
         options=("2 h 10 min", "3 h 10 min", "3 h 50 min", "4 h 10 min"), answer="B",
         pictures=(clock(6, 35), clock(9, 45))),
)  # fmt: skip

VISION = (
    Item(subject="Math", question="How many dots does the figure show?", options=COUNTS, answer="C",
         figure=dots(9)),
    Item(subject="Sociology", question="Which item takes the smallest share of the students' budget?",
         options=tuple(BUDGET), answer="C", figure=pie(BUDGET), format="JPEG"),
    Item(subject="Economics", question="About how many kilotonnes of rye were harvested?",
         options=("12", "18", "27", "34", "41", "47", "52", "58", "61", "66"), answer="E",
         figure=bars(CROPS, unit="kt"), fine=True),
    Item(subject="Physics", question="Which temperature does the thermometer show, in degrees Celsius?",
         options=("21", "22", "23", "24", "26", "27", "28", "29", "31", "32"), answer="H", figure=gauge(29, 0, 40),
         fine=True),
    Item(subject="Geography", question="What time does the clock show?", options=HOURS, answer="D",
         figure=clock(5, 50), format="JPEG"),
    Item(subject="Computer Science", question="Which node is the parent of U?", options=("P", "Q", "R", "S", "T"),
         answer="C", figure=tree(EDGES, NODES), format="WEBP"),
    Item(subject="Math", question="How long is the side marked x?",
         options=("5", "6", "7", "8", "9", "10", "11", "12", "13", "14"), answer="F", figure=triangle("8", "6", "x")),
    Item(subject="Art", question="Which shape is drawn?", options=SHAPES, answer="E",
         figure=polygon(6, colour="brown")),
)  # fmt: skip


def write(folder: Path) -> None:
    """All pictures and `samples.jsonl`; what was there before goes."""
    begin(folder)
    rows = []
    for part, items in (("standard10", STANDARD), ("standard4", FEWER), ("vision", VISION)):
        for number, item in enumerate(items, 1):
            name = f"{part}_{number:02}"
            draws = [lambda item=item: page(item)] if part == "vision" else item.pictures
            files = {}
            for place, draw in enumerate(draws, 1):
                file = file_name(f"{name}_{place}", item.format)
                (folder / file).write_bytes(encoded(draw(), item.format, WEBP))
                files["image" if part == "vision" else f"image_{place}"] = file
            rows.append(_row(part, f"kvv-{number:02}", item, files))
    finish(folder, rows)


def _row(part: str, name: str, item: Item, files: Mapping[str, str]) -> dict[str, object]:
    return {
        "id": name,
        "part": part,
        "subject": item.subject.replace(" ", "_"),
        "question": "" if part == "vision" else item.question,
        "options": str(list(item.options)),
        "answer": item.answer,
        "detail": "fine" if item.fine else "coarse",
        **files,
    }


if __name__ == "__main__":
    write(SAMPLES)
