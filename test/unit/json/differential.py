#!/usr/bin/env python3
"""The reader beside Python's json, over many generated texts.

differential.py PROGRAM [SEED [COUNT]]: PROGRAM is json_events.  Valid texts
in several spellings, the same with a few bytes changed, and soups of tokens:
both must refuse the same ones and see the same values in the rest.
"""
import json
import random
import re
import struct
import subprocess
import sys


class Number(str):
    pass


class Pairs(list):
    pass


def no_constant(name):
    raise ValueError(name)


def text_hex(s):
    # Pairs are joined by now; what is left of surrogates stood alone.
    return re.sub("[\ud800-\udfff]", "\ufffd", s).encode("utf-8").hex()


def number(raw):
    value = float(raw)
    real = "-" if value in (float("inf"), -float("inf")) else "%.17g" % value
    whole = "-"
    if re.fullmatch("-?[0-9]+", raw) and -2**63 <= int(raw) < 2**63:
        whole = str(int(raw))
    return "n%s:%s:%s" % (raw, real, whole)


def events(v, out):
    if isinstance(v, Pairs):
        out.append("{")
        for key, value in v:
            out.append("k" + text_hex(key))
            events(value, out)
        out.append("}")
    elif isinstance(v, list):
        out.append("[")
        for value in v:
            events(value, out)
        out.append("]")
    elif isinstance(v, Number):
        out.append(number(v))
    elif isinstance(v, str):
        out.append("s" + text_hex(v))
    else:
        out.append({True: "t", False: "f", None: "0"}[v])


def expected(text):
    try:
        value = json.loads(
            text.decode("utf-8"), parse_int=Number, parse_float=Number,
            parse_constant=no_constant, object_pairs_hook=Pairs)
    except ValueError:
        return "BAD"
    out = []
    events(value, out)
    return " ".join(out + ["END"])


STRINGS = ["", "model", "a", "x" * 40, "quote\" and \\", "line\nbreak\ttab",
           "\u00e9t\u00e9", "\u65e5\u672c\u8a9e" * 9, "\U0001f639", "\0", "\x7f",
           "/", "\u2028", "0123456789abcde", "0123456789abcdef\u00e9", "\uffff"]
NUMBERS = [0, -1, 17, 2**31, 2**63 - 1, -2**63, 2**63, 10**40, 0.5, -1.25e-7,
           1e300, 5e-324, 3.141592653589793, 1e22]


def value(rng, depth):
    kind = rng.randrange(8 if depth else 5)
    if kind == 0:
        return rng.choice([True, False, None])
    if kind == 1:
        return rng.choice(NUMBERS)
    if kind == 2:
        return rng.randrange(-10**rng.randrange(1, 25), 10**20)
    if kind in (3, 4):
        return "".join(rng.choices(STRINGS, k=rng.randrange(4)))
    n = rng.randrange(5)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(n)]
    return {rng.choice(STRINGS) + rng.choice(STRINGS): value(rng, depth - 1)
            for _ in range(n)}


def spell(rng, v):
    text = json.dumps(
        v, ensure_ascii=rng.random() < 0.5,
        indent=rng.choice([None, None, 1, "\t"]),
        separators=rng.choice([(",", ":"), (", ", ": "), (" ,\r\n", "\t:")]))
    return text.encode("utf-8")


PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud83d",
          b"\\ude39", b"0", b"1", b"-", b"+", b".", b"e", b"E", b"12", b"true",
          b"false", b"null", b"nul", b"NaN", b"Infinity", b" ", b"\n", b"\t",
          b"\r", b"\f", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3", b"\xc3\xa9",
          b"\xe2\x82\xac", b"\xed\xa0\x80", b"\xf0\x9f\x98\xb9", b"\xff", b"a",
          b"\xef\xbb\xbf", b"\xc2\xa0", b"/", b"'", b'"k":', b'"v"', b"/**/"]


def change(rng, text):
    text = bytearray(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        act = rng.randrange(4)
        if act == 0:
            text[at:at + 1] = b""
        elif act == 1:
            text[at:at] = rng.choice(PIECES)
        elif act == 2:
            text[at:at + 1] = rng.choice(PIECES)
        else:
            text[at:] = b""
    return bytes(text)


def soup(rng):
    inside = b"".join(rng.choices(PIECES, k=rng.randrange(1, 9)))
    before, behind = rng.choice([(b"", b""), (b"[", b"]"), (b'["', b'"]'),
                                 (b'{"a":', b"}"), (b'["0123456789abcdef', b'"]')])
    return before + inside + behind


def texts(rng, count):
    for _ in range(count):
        good = spell(rng, value(rng, rng.randrange(6)))
        yield good
        yield change(rng, good)
        yield soup(rng)


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20250101
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    cases = list(texts(random.Random(seed), count))
    stream = b"".join(struct.pack("<I", len(t)) + t for t in cases)
    run = subprocess.run([sys.argv[1]], input=stream, capture_output=True)
    got = run.stdout.decode("ascii", "replace").split("\n")
    if run.returncode or len(got) != len(cases) + 1:
        sys.exit("seed %d: status %d, %d lines for %d texts\n%s" % (
            seed, run.returncode, len(got) - 1, len(cases), run.stderr.decode()))
    good = wrong = 0
    for text, line in zip(cases, got):
        want = expected(text)
        good += want != "BAD"
        if want != line:
            wrong += 1
            if wrong <= 5:
                print("%r\n  want %s\n  got  %s" % (text, want, line))
    print("seed %d: %d texts, %d of them valid, %d differ" % (
        seed, len(cases), good, wrong))
    # Both kinds must be there in number, else this shows little.
    sys.exit(bool(wrong) or good < count or len(cases) - good < count)


main()
