"""Secrets: no spelling of them survives."""

import base64
import html
import json
import re
import sys
import time
from urllib.parse import quote, quote_plus, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kvv_action import redact
from kvv_action.redact import LONGEST_WORD, MASK, SHORTEST, Redactor, is_placeholder

KEY = "sk-canary/0123456789+=&<\"'>"
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=SHORTEST, max_size=60).filter(
    lambda key: not is_placeholder(key)
)
AROUND = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


def xml_attribute(text: str) -> str:
    return ElementTree.tostring(ElementTree.Element("a", {"b": text})).decode()


def xml_text(text: str) -> str:
    element = ElementTree.Element("a")
    element.text = text
    return ElementTree.tostring(element).decode()


WRITERS = {
    "plain": str,
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps({"error": text})),
    "orjson": lambda text: orjson.dumps(text).decode(),
    "json with slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "url": quote,
    "url path": lambda text: quote(text, safe=""),
    "url form": lambda text: urlencode({"key": text}),
    "url plus": quote_plus,
    "url lower case": lambda text: re.sub("%..", lambda match: match.group().lower(), quote(text, safe="")),
    "html": html.escape,
    "html text": lambda text: html.escape(text, quote=False),
    "xml text": escape,
    "xml attribute": quoteattr,
    "element text": xml_text,
    "element attribute": xml_attribute,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "basic": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "bearer": lambda text: base64.b64encode(f"Bearer {text}\n".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "repr": repr,
    "small letters": str.lower,
    "capitals": str.upper,
    "the other case": str.swapcase,
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "every byte percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "every byte in small letters": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent-encoded twice": lambda text: "".join(f"%25{byte:02X}" for byte in text.encode()),
    "decimal entities": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(one):x};" for one in text),
    "entities with zeros": lambda text: "".join(f"&#X{ord(one):06X};" for one in text),
    "entities in html": lambda text: html.escape("".join(f"&#{ord(one)};" for one in text)),
    "entities in json": lambda text: "".join(f"\\u0026#{ord(one)};" for one in text),
    "entities in a url": lambda text: "".join(f"%26#x{ord(one):x};" for one in text),
    "unicode escapes": lambda text: "".join(f"\\u{ord(one):04X}" for one in text),
    "byte escapes": lambda text: "".join(f"\\x{ord(one):02x}" for one in text),
    "mixed": lambda text: "".join(MIXED[number % len(MIXED)](one) for number, one in enumerate(text)),
    "mixed capitals": lambda text: "".join(MIXED[number % len(MIXED)](one) for number, one in enumerate(text.upper())),
}
MIXED = (
    str, lambda one: f"&#{ord(one)};", lambda one: f"%{ord(one):02X}", lambda one: f"&#x{ord(one):X};",
    lambda one: f"\\u{ord(one):04x}", lambda one: f"%{ord(one):02x}", html.escape,
)  # fmt: skip
OTHER_CASE = ("small letters", "capitals", "the other case", "mixed capitals")


@pytest.mark.parametrize("writer", WRITERS)
def test_the_key_is_found_in_every_writing(writer: str) -> None:
    """Nothing of it is left from which it could be put together."""
    written = WRITERS[writer](KEY)
    clean = Redactor([KEY]).text(written)
    assert MASK in clean
    assert "canary" not in clean.lower()
    assert "0123456789" not in clean
    assert not re.search("c.{0,8}a.{0,8}n.{0,8}a.{0,8}r.{0,8}y", clean, re.IGNORECASE)
    assert Redactor([KEY]).bytes(written.encode()).decode() == clean


@given(PRINTABLE, AROUND, AROUND, st.sampled_from(list(WRITERS)))
def test_no_spelling_of_any_key_survives(key: str, before: str, after: str, writer: str) -> None:
    """Whatever the key is made of and whatever stands around it."""
    write = WRITERS[writer]
    if writer in OTHER_CASE:
        assume(not (key.isalpha() and len(key) <= LONGEST_WORD))
    if "base64" in writer or writer in ("basic", "bearer", "hex", "hex in capitals"):
        before = after = ""
    clean = Redactor([key]).text(before + write(key) + after)
    assert write(key) not in clean or write(key) in before + MASK + after
    assert MASK in clean


@given(PRINTABLE, st.binary(max_size=10), st.binary(max_size=10))
def test_base64_of_a_longer_text_is_found(key: str, before: bytes, after: bytes) -> None:
    """In each of the three alignments; at most the outermost characters are left."""
    encoded = base64.b64encode(before + key.encode() + after).decode()
    clean = Redactor([key]).text(encoded)
    assert MASK in clean
    assert len(clean.replace(MASK, "")) <= len(encoded) - (len(key) * 8 // 6 - 2) + 3


@given(PRINTABLE, st.text(max_size=20))
def test_text_without_the_key_stays(key: str, text: str) -> None:
    """Redaction does not eat ordinary words."""
    redactor = Redactor(["\x00never-there\x00" + key])
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "piece",
    ["\\", "&", "%", "&amp;", "&#0", "%25", "\\u00", "\\x", "s", "&#x", "%7", "sk-Canary/", "\\u0026", "%26amp;"],
)
def test_hostile_text_takes_no_longer(piece: str) -> None:
    """A megabyte of what could begin a spelling, over and over; also where the key stands behind it."""
    text = piece * (2**20 // len(piece))
    began = time.process_time()
    clean = Redactor([KEY]).text(f"{text} {KEY.swapcase()}")
    assert time.process_time() - began < 3.0
    assert clean.endswith(f" {MASK}")


def test_a_single_word_is_masked_in_its_own_case_only() -> None:
    """In the other case it may be an ordinary word of any text."""
    assert Redactor(["Moonshot"]).text("Moonshot, moonshot, MOONSHOT") == f"{MASK}, moonshot, MOONSHOT"
    assert Redactor(["Moonshot-1"]).text("Moonshot-1, moonshot-1") == f"{MASK}, {MASK}"


def test_bytes_that_are_no_text_stay() -> None:
    """Also beside a secret that is spelled with escapes."""
    hidden = WRITERS["mixed"](KEY).encode()
    assert Redactor([KEY]).bytes(b"\xff\x00" + hidden + b"\xfe") == b"\xff\x00***\xfe"
    data = b"\xff\xfe" * 10
    assert Redactor([KEY]).bytes(data) is data


def test_a_longer_spelling_goes_first() -> None:
    """Otherwise its tail would be left."""
    assert Redactor(["secret", "secret-extended"]).text("secret-extended") == MASK


def test_every_secret_is_removed() -> None:
    """Key and headers."""
    assert Redactor(["first-key", "second-key"]).text("first-key second-key") == f"{MASK} {MASK}"


def test_lines_of_a_secret_are_secrets() -> None:
    """A key with a line break is masked also where only one line of it appears."""
    assert Redactor(["first-line\nsecond-line"]).text("x second-line y") == f"x {MASK} y"


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_nothing_is_no_secret(secret: str) -> None:
    """An endpoint without a key."""
    redactor = Redactor([secret])
    assert redactor.text("a b\nc") == "a b\nc"
    assert not redactor.has_placeholder


@pytest.mark.parametrize("secret", ["EMPTY", "none", "x", "default", "answer", "PLACEHOLDER"])
def test_placeholders_are_not_masked(secret: str) -> None:
    """They would eat ordinary text; the caller can tell the user."""
    redactor = Redactor([secret])
    assert redactor.text(f"a {secret} b") == f"a {secret} b"
    assert redactor.has_placeholder


def test_no_secret_at_all() -> None:
    """The default changes nothing."""
    assert Redactor().text("text") == "text"
    assert Redactor().bytes(b"\xff\x00") == b"\xff\x00"


def test_bytes_need_not_be_text() -> None:
    """Response bodies are anything."""
    assert Redactor(["secret-key"]).bytes(b"\xff secret-key \xfe") == b"\xff *** \xfe"


def test_json_values_are_cleaned_in_their_texts() -> None:
    """Names and nested lists included; everything else stays what it is."""
    value = {"a": ["secret-key", 1, None, True, 2.5], "secret-key": {"b": "x secret-key"}}
    assert Redactor(["secret-key"]).json(value) == {"a": [MASK, 1, None, True, 2.5], MASK: {"b": f"x {MASK}"}}


@pytest.mark.parametrize("word", ["completion_tokens", "first_token", "plan_digest"])
def test_names_of_our_own_fields_stay(word: str) -> None:
    """A placeholder key may be one of them; journals and reports stay readable."""
    assert Redactor([word]).json({word: f"it is {word}"}) == {word: f"it is {MASK}"}


def test_json_numbers_are_not_secrets() -> None:
    """A key of digits must not spoil a measurement."""
    assert Redactor(["123456"]).json({"n": 1234567, "s": "123456"}) == {"n": 1234567, "s": MASK}


@given(PRINTABLE, st.lists(st.text(max_size=8), max_size=4))
def test_a_cleaned_json_value_holds_no_key_in_its_bytes(key: str, parts: list[str]) -> None:
    """Not even one that an escape completes."""
    redactor = Redactor([key])
    value = {"a": key.join(parts), "b": "\n" + key[1:], "c": ["\\" + key, key[:-1] + "\t"]}
    written = orjson.dumps(redactor.json(json.loads(json.dumps(value))))
    assert orjson.loads(written)
    assert key.encode() not in written


@pytest.mark.parametrize("key", [KEY, "sk-canary-0123456789", "Bearer of news, 0123"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_secret_is_found_wherever_a_long_text_is_cut(writer: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long texts are looked at in windows; no spelling of a secret is divided, whatever stands around it."""
    redactor, written = Redactor([key]), WRITERS[writer](key)
    for before, after in (("a word ", " and more words"), ("x" * 9, "y" * 50), ("", "")):
        for offset in range(0, 60, 7):
            text = before + "-" * offset + written + after
            whole, raw = redactor.text(text), redactor.bytes(text.encode())
            monkeypatch.setattr(redact, "WINDOW", 32)
            assert (redactor.text(text), redactor.bytes(text.encode())) == (whole, raw)
            monkeypatch.undo()
            assert key not in whole


@pytest.mark.parametrize("writer", WRITERS)
def test_text_in_another_script_is_cut_without_edges(writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look is short, and no secret is divided, whatever letters stand for those of its own."""
    redactor, looks = Redactor([KEY]), list[int]()
    monkeypatch.setattr(redact, "WINDOW", 64)
    monkeypatch.setattr(
        redactor, "_hidden", lambda text, hidden=redactor._hidden: looks.append(len(text)) or hidden(text)
    )
    for offset in range(40, 64, 3):
        written = WRITERS[writer](KEY).replace("k", "\u212a")
        text = "字" * offset + written + "я" * 500 + "😀" * 100
        whole, raw = redactor.text(text), redactor.bytes(text.encode())
        assert max(looks) <= 2 * 64 + len(written.encode())
        with monkeypatch.context() as within:
            within.setattr(redact, "WINDOW", 10_000)
            assert (redactor.text(text), redactor.bytes(text.encode())) == (whole, raw)
        looks.clear()


def test_no_sign_that_cuts_a_text_is_a_letter_of_ascii_in_another_case() -> None:
    """Else a secret could have it."""
    signs = "".join(re.findall(redact.FOREIGN, "".join(map(chr, range(sys.maxunicode + 1)))))
    assert not any(map(str.isascii, signs.lower() + signs.upper() + signs.casefold()))
    assert not re.search("[ -~]", signs, re.IGNORECASE)


def test_a_long_text_without_secrets_stays_the_same_object() -> None:
    """Nothing is copied into the journal that was not changed."""
    redactor, text = Redactor([KEY]), "some words, and more. " * 10_000
    data = text.encode()
    assert redactor.text(text) is text
    assert redactor.bytes(data) is data
