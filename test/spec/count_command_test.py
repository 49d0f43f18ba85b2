"""`weir count --gguf FILE`: exact counts without a running weir."""

import json
import struct
import subprocess

import pytest

from harness import PATIENCE
from harness.weir import binary

STRING, ARRAY, U32, I32, F32, BOOL = 8, 9, 4, 5, 6, 7
NORMAL, CONTROL = 1, 3


def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def array(kind, items):
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def byte_token(b):
    """GPT-2's character for a byte."""
    others = [x for x in range(256)
              if not (33 <= x <= 126 or 161 <= x <= 172 or x >= 174)]
    return chr(256 + others.index(b)) if b in others else chr(b)


def write(path, pairs):
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs))
        + b"".join(text(k) + struct.pack("<I", t) + v for k, t, v in pairs))
    return path


@pytest.fixture
def model(tmp_path):
    """A vocabulary: all bytes, `ab`, BOS and one special token."""
    tokens = [byte_token(b) for b in range(256)] + ["ab", "<s>", "<|x|>"]
    types = 257 * [NORMAL] + 2 * [CONTROL]
    pairs = [
        ("tokenizer.ggml.model", STRING, text("gpt2")),
        ("tokenizer.ggml.pre", STRING, text("qwen2")),
        ("tokenizer.ggml.tokens", ARRAY,
         array(STRING, [text(t) for t in tokens])),
        ("tokenizer.ggml.merges", ARRAY, array(STRING, [text("a b")])),
        ("tokenizer.ggml.token_type", ARRAY,
         array(I32, [struct.pack("<i", t) for t in types])),
        ("tokenizer.ggml.bos_token_id", U32, struct.pack("<I", 257)),
        ("tokenizer.ggml.add_bos_token", BOOL, b"\x01"),
    ]
    return write(tmp_path / "model.gguf", pairs)


def run(*words, stdin=b""):
    return subprocess.run([binary(), "count", *words], input=stdin,
                          capture_output=True, timeout=PATIENCE)


def test_a_text_is_counted_with_bos_and_specials(model, tmp_path):
    # BOS, ab, <|x|>, a
    assert run("--gguf", model, stdin=b"ab<|x|>a").stdout == b"4\n"
    file = tmp_path / "text"
    file.write_bytes(b"abab")
    assert run("--gguf", model, file).stdout == b"3\n"
    assert run("--gguf", model).stdout == b"1\n"


def test_json_lines(model):
    texts = ["", "ab", "a b", "<|x|>", "\u4e2d", "\"\n", "ab" * 5000]
    lines = "".join(json.dumps(t) + "\n" for t in texts)
    done = run("--gguf", model, "--jsonl", stdin=lines.encode())
    assert done.returncode == 0
    assert done.stdout.split() == [b"1", b"2", b"4", b"2", b"4", b"3", b"5001"]
    done = run("--gguf", model, "--jsonl", stdin=b'"ab"\n{}\n"ab"\n')
    assert (done.returncode, done.stdout) == (1, b"2\n")
    assert b"line 2: no JSON string" in done.stderr


def test_an_answer_comes_before_the_next_question(model):
    with subprocess.Popen([binary(), "count", "-g", model, "-l"],
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        for _ in range(3):
            child.stdin.write(b'"ab"\n')
            child.stdin.flush()
            assert child.stdout.readline() == b"2\n"
        child.stdin.close()
        assert child.wait(PATIENCE) == 0


def test_unigram_vocabularies_are_counted(tmp_path):
    """The best sum of scores: not `aa` twice, but `aaa` and `a`."""
    tokens = ["<pad>", "</s>", "<unk>", "\u2581", "a", "aa", "aaa"]
    types = [CONTROL, CONTROL, 2] + 4 * [NORMAL]
    scores = [0, 0, 0, -1, -3, -4, -4.5]
    path = tmp_path / "t5.gguf"
    pairs = [
        ("tokenizer.ggml.model", STRING, text("t5")),
        ("tokenizer.ggml.tokens", ARRAY,
         array(STRING, [text(t) for t in tokens])),
        ("tokenizer.ggml.scores", ARRAY,
         array(F32, [struct.pack("<f", s) for s in scores])),
        ("tokenizer.ggml.token_type", ARRAY,
         array(I32, [struct.pack("<i", t) for t in types])),
        ("tokenizer.ggml.add_space_prefix", BOOL, b"\x01"),
        ("tokenizer.ggml.remove_extra_whitespaces", BOOL, b"\x01"),
    ]
    write(path, pairs)
    assert run("--gguf", path, stdin=b"  aaaa  a ").stdout == b"6\n"
    assert run("--gguf", path, stdin=b"zz").stdout == b"3\n"


def test_what_cannot_be_counted_is_said(model, tmp_path):
    assert run().returncode == 2
    done = run("--gguf", tmp_path / "absent.gguf")
    assert done.returncode == 1 and b"no such file" in done.stderr
    data = model.read_bytes()
    model.write_bytes(data[:-1])
    done = run("--gguf", model)
    assert done.returncode == 1 and b"no valid GGUF" in done.stderr
    model.write_bytes(data.replace(b"qwen2", b"qwen9"))
    done = run("--gguf", model)
    assert done.returncode == 1 and b"does not know" in done.stderr
    assert done.stdout == b""
