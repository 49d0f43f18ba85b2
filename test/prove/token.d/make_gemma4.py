#!/usr/bin/env python3
"""make_gemma4.py IN.gguf OUT.gguf: a SentencePiece vocabulary as Gemma 4's.

Each way to make a token of two others becomes a merge, in the order of the
tokens' scores, as converters do it.  The tokens stay what they were.
"""
import struct
import sys

SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]


def read_string(data, at):
    n, = struct.unpack_from("<Q", data, at)
    return data[at + 8:at + 8 + n], at + 8 + n


def read_array(data, at):
    kind, n = struct.unpack_from("<IQ", data, at)
    at += 12
    if kind != 8:
        return data[at:at + n * SIZES[kind]], at + n * SIZES[kind]
    values = []
    for _ in range(n):
        value, at = read_string(data, at)
        values.append(value)
    return values, at


def read(data):
    n_keys, at, values = struct.unpack_from("<Q", data, 16)[0], 24, []
    for _ in range(n_keys):
        key, at = read_string(data, at)
        kind, begin = struct.unpack_from("<I", data, at)[0], at
        at += 4
        if kind == 8:
            value, at = read_string(data, at)
        elif kind == 9:
            value, at = read_array(data, at)
        else:
            value, at = data[at:at + SIZES[kind]], at + SIZES[kind]
        values.append((key, value, data[begin:at]))
    return values


def string(text):
    return struct.pack("<Q", len(text)) + text


def merges(tokens, scores):
    known = {t: i for i, t in enumerate(tokens)}
    found = []
    for i, token in enumerate(tokens):
        try:
            text = token.decode()
        except UnicodeDecodeError:
            continue
        for k in range(1, len(text)):
            left, right = text[:k].encode(), text[k:].encode()
            if left in known and right in known and scores[i] > -1e5:
                found.append((-scores[i], i, known[left], left + b" " + right))
    return [f[3] for f in sorted(found)
            if b" " not in tokens[f[1]] and b"\n" not in tokens[f[1]]]


def main():
    data = open(sys.argv[1], "rb").read()
    values = read(data)
    found = {key: value for key, value, _ in values}
    tokens = found[b"tokenizer.ggml.tokens"]
    raw = found[b"tokenizer.ggml.scores"]
    pairs = merges(tokens, struct.unpack("<%df" % len(tokens), raw))
    out = [string(key) + whole for key, _, whole in values
           if key not in (b"tokenizer.ggml.model", b"tokenizer.ggml.pre")]
    out.append(string(b"tokenizer.ggml.model") + struct.pack("<I", 8)
               + string(b"gemma4"))
    out.append(string(b"tokenizer.ggml.merges")
               + struct.pack("<IIQ", 9, 8, len(pairs))
               + b"".join(map(string, pairs)))
    with open(sys.argv[2], "wb") as f:
        f.write(data[:16] + struct.pack("<Q", len(out)) + b"".join(out))
        f.write(bytes(-f.tell() % 32))
    print("%d merges" % len(pairs))


main()
