#!/usr/bin/python3
"""Make a tiny language model as a GGUF file that llama.cpp loads.

The model knows a few hundred simple words and a grammar of word classes, so
that what it says looks like text: "The old river finds a quiet boat."  It has
learnt nothing; every weight comes from the grammar below or from a seeded
generator, so the same options give the same bytes on every machine.  It is for
tests and for first runs without a network: fast, small, real tokens, real
attention, real streams.

How it works: the first values of a token's vector say its word class, the rest
are random and tell the words of a class apart.  The output matrix prefers the
words whose class may follow the class of the last token.  Attention and
feed-forward layers are random and write into the random part only: they choose
the word, never the class.

The vocabulary is SentencePiece's kind (pieces with scores, merged best first).
Every word is there with all of its beginnings, because a merge needs both
halves as pieces; single bytes stand for all other text.
"""
import argparse
import math
import struct
import sys

ALIGN = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
SPACE = "\u2581"

# ---- the language -----------------------------------------------------------

# No word begins with a vowel, so that "a" is always right.
WORDS = {
    "opener": "The A This That Some My Your Their",
    "determiner": "the a this that my your their",
    "quality": "young brave happy sad gentle clever kind lucky busy lazy hungry"
    " sleepy tall quick slow famous patient careful polite quiet proud",
    "subject": "bird cat dog fox bear horse mouse girl boy mother father"
    " friend teacher farmer baker sailor king queen doctor painter child"
    " neighbor gardener singer driver writer dancer keeper pilot student",
    "property": "small big loud bright dark warm cold green blue red white soft"
    " hard simple round long short deep high low clean full golden silver late"
    " gray thin wide narrow hidden broken wooden new",
    "object": "river boat fish tree flower garden forest mountain valley field"
    " road bridge house door window table lamp book letter story song word"
    " name stone star moon sun cloud rain wind snow fire water bread cake"
    " kettle cup spoon basket hat coat shoe ball kite drum bell clock key coin"
    " map ship train wagon village city market school kitchen hill cave lake"
    " morning winter summer spring dream secret question",
    "verb": "finds sees likes helps follows meets takes gives makes keeps holds"
    " closes carries draws paints reads writes hears knows loves wants needs"
    " watches visits builds brings sends shows calls catches pulls pushes turns"
    " moves washes cooks buys sells counts learns teaches remembers forgets",
    "preposition": "near under behind beside below with without before"
    " beyond from through toward",
    "joiner": "and but while because so when until",
    "pronoun": "he she nobody somebody",
    "adverb": "today slowly quickly quietly gently soon then there here together"
    " sometimes",
}
# What may follow a class, and how gladly (a difference of 1 is a factor of e).
GRAMMAR = {
    "other": {"opener": 0, "line_opener": 0},
    "newline": {"line_opener": 0},
    "line_opener": {"quality": 0, "subject": 1},
    "opener": {"quality": 0, "subject": 1},
    "quality": {"subject": 0},
    "subject": {"verb": 0},
    "verb": {"determiner": 0},
    "determiner": {"property": 0, "object": 1},
    "property": {"object": 0},
    "object": {"stop": 2.5, "comma": -0.5, "preposition": 0.5, "adverb": 1},
    "adverb": {"stop": 0},
    "preposition": {"determiner": 0},
    "comma": {"joiner": 0},
    "joiner": {"pronoun": 0},
    "pronoun": {"verb": 0},
    "stop": {"opener": 1.4, "end": 8},
}
END = "<|im_end|>"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
UNKNOWN, CONTROL, NORMAL, BYTE = 2, 3, 1, 6


class Vocabulary:
    """Pieces in the order of their ids, with score, kind and word class."""

    def __init__(self):
        self.rows = []
        self.ids = {}
        for piece in ("<unk>", "<s>", "</s>", "<|im_start|>", END):
            kind = UNKNOWN if piece == "<unk>" else CONTROL
            self.add(piece, 0.0, kind, "end" if piece == END else "other")
        for byte in range(256):
            self.add("<0x%02X>" % byte, 0.0, BYTE, "other")
        for char in [SPACE, "\n"] + [chr(c) for c in range(33, 127)]:
            group = {"\n": "newline", ".": "stop", ",": "comma"}.get(char)
            self.add(char, -1e6, NORMAL, group or "other")
        for group, words in WORDS.items():
            for word in words.split():
                self.add_word(SPACE + word, group)
                if group == "opener":
                    self.add_word(word, "line_opener")

    def add(self, piece, score, kind, group):
        if piece in self.ids:
            row = self.rows[self.ids[piece]]
            if row[3] == "other":  # was only the beginning of a longer word
                row[3] = group
            return
        self.ids[piece] = len(self.rows)
        self.rows.append([piece, score, kind, group])

    def add_word(self, word, group):
        for length in range(2, len(word)):
            self.add(word[:length], -float(length), NORMAL, "other")
        self.add(word, -float(len(word)), NORMAL, group)


# ---- the weights ------------------------------------------------------------


class Noise:
    """splitmix64: the same numbers everywhere, in every version of Python."""

    MASK = (1 << 64) - 1

    def __init__(self, seed):
        self.state = seed & self.MASK

    def next(self, spread):
        """A number in -spread .. spread."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & self.MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & self.MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & self.MASK
        return ((z ^ (z >> 31)) / 2.0**63 - 1.0) * spread

    def row(self, count, spread):
        return [self.next(spread) for _ in range(count)]


DIM, HEADS, KV_HEADS, HIDDEN, LAYERS = 64, 4, 2, 128, 2
CLASSES = list(GRAMMAR) + ["end"]
# The values of a vector: one for each class, then these, then the free ones,
# which tell words apart.
BIAS = len(CLASSES)  # 1 in every token
FIRST = BIAS + 1  # 1 in the token that begins a text
AGE = BIAS + 2  # falls as 1/n with the length of the text
FREE = BIAS + 3
PREFERENCE, NEVER = 3.0, -12.0
AGE_GAIN, AGE_WEIGHT = 0.25, -110.0


def embedding(vocabulary, noise):
    for piece, _, _, group in vocabulary.rows:
        row = [0.0] * FREE + noise.row(DIM - FREE, 0.3)
        row[CLASSES.index(group)] = 1.0
        row[BIAS] = 1.0
        row[FIRST] = 1.0 if piece == "<s>" else 0.0
        yield row


def output(vocabulary, noise, endless):
    """Rows that give a logit: high where the grammar lets the class follow."""
    # The last norm scales a vector to length sqrt(DIM); about this is what
    # becomes of a value of 1.
    scale = math.sqrt(DIM / (2.0 + (DIM - FREE) * 0.03))
    sizes = {}
    for _, _, _, group in vocabulary.rows:
        sizes[group] = sizes.get(group, 0) + 1
    for _, _, _, group in vocabulary.rows:
        row = [0.0] * FREE + noise.row(DIM - FREE, 0.22)
        row[BIAS] = NEVER
        row[AGE] = AGE_WEIGHT if group == "end" else 0.0
        never = group in ("other", "newline") or (group == "end" and endless)
        for before, follows in GRAMMAR.items():
            if group in follows and not never:
                gladly = follows[group] - math.log(sizes[group])
                row[CLASSES.index(before)] = (
                    -NEVER + PREFERENCE + gladly / scale)
        yield row


def layer_matrix(noise, inputs, outputs, spread, writes):
    """Random; one that writes to the residual stream leaves classes alone."""
    for index in range(outputs):
        if writes and index < FREE:
            yield [0.0] * inputs
        else:
            yield noise.row(inputs, spread)


def with_age(rows, index, column, weight, zeros=0):
    """The rows with one weight set in row ${index}, the first ${zeros} zero."""
    for number, row in enumerate(rows):
        if number < zeros:
            row = [0.0] * len(row)
        if number == index:
            row = [0.0] * len(row)
            row[column] = weight
        yield row


def padded(rows, width, height, pad_width, pad_height):
    """Rows of a matrix with zeros to the right and below, as bytes."""
    right = bytes(4 * pad_width)
    for row in rows:
        yield struct.pack("<%df" % width, *row) + right
    for _ in range(pad_height):
        yield bytes(4 * (width + pad_width))


def tensors(vocabulary, options):
    """(name, shape, iterator of byte rows) of each tensor, in file order."""
    noise = Noise(options.seed)
    size = len(vocabulary.rows)
    pad = max(options.slow - HIDDEN, 0)
    kv = DIM // HEADS * KV_HEADS

    def plain(name, rows, width, height):
        return name, (width, height), padded(rows, width, height, 0, 0)

    def norm(name):
        return name, (DIM,), iter([struct.pack("<%df" % DIM, *[1.0] * DIM)])

    yield plain("token_embd.weight", embedding(vocabulary, noise), DIM, size)
    for layer in range(LAYERS):
        prefix = "blk.%d." % layer

        def matrix(name, inputs, outputs, spread, writes=False):
            rows = layer_matrix(noise, inputs, outputs, spread, writes)
            if layer == 0 and name == "attn_q":  # head 0 looks at all alike
                rows = with_age(rows, None, 0, 0, zeros=DIM // HEADS)
            if layer == 0 and name == "attn_v":
                rows = with_age(rows, 0, FIRST, 1.0)
            if layer == 0 and name == "attn_output":
                rows = with_age(rows, AGE, 0, AGE_GAIN)
            return plain(prefix + name + ".weight", rows, inputs, outputs)

        yield norm(prefix + "attn_norm.weight")
        yield matrix("attn_q", DIM, DIM, 0.3)
        yield matrix("attn_k", DIM, kv, 0.3)
        yield matrix("attn_v", DIM, kv, 0.15)
        yield matrix("attn_output", DIM, DIM, 0.15, writes=True)
        yield norm(prefix + "ffn_norm.weight")
        for name in ("ffn_gate", "ffn_up"):
            rows = layer_matrix(noise, DIM, HIDDEN, 0.15, False)
            yield (prefix + name + ".weight", (DIM, HIDDEN + pad),
                   padded(rows, DIM, HIDDEN, 0, pad))
        rows = layer_matrix(noise, HIDDEN, DIM, 0.1, True)
        yield (prefix + "ffn_down.weight", (HIDDEN + pad, DIM),
               padded(rows, HIDDEN, DIM, pad, 0))
    yield norm("output_norm.weight")
    yield plain("output.weight", output(vocabulary, noise, options.endless),
                DIM, size)


# ---- the file ---------------------------------------------------------------


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(key, kind, content):
    head = string(key) + struct.pack("<I", kind)
    if kind == STRING:
        return head + string(content)
    return head + struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], content)


def array(key, kind, items):
    head = string(key) + struct.pack("<IIQ", ARRAY, kind, len(items))
    if kind == STRING:
        return head + b"".join(string(item) for item in items)
    letter = {F32: "f", I32: "i"}[kind]
    return head + struct.pack("<%d%s" % (len(items), letter), *items)


def metadata(vocabulary, options):
    rows = vocabulary.rows
    fields = [
        value("general.architecture", STRING, "llama"),
        value("general.name", STRING, options.name),
        value("general.file_type", U32, 0),
        value("llama.block_count", U32, LAYERS),
        value("llama.context_length", U32, options.context),
        value("llama.embedding_length", U32, DIM),
        value("llama.feed_forward_length", U32, max(options.slow, HIDDEN)),
        value("llama.attention.head_count", U32, HEADS),
        value("llama.attention.head_count_kv", U32, KV_HEADS),
        value("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        value("llama.rope.dimension_count", U32, DIM // HEADS),
        value("llama.rope.freq_base", F32, 10000.0),
        value("llama.vocab_size", U32, len(rows)),
        value("tokenizer.ggml.model", STRING, "llama"),
        array("tokenizer.ggml.tokens", STRING, [row[0] for row in rows]),
        array("tokenizer.ggml.scores", F32, [row[1] for row in rows]),
        array("tokenizer.ggml.token_type", I32, [row[2] for row in rows]),
        value("tokenizer.ggml.unknown_token_id", U32, 0),
        value("tokenizer.ggml.bos_token_id", U32, 1),
        value("tokenizer.ggml.eos_token_id", U32, vocabulary.ids[END]),
        value("tokenizer.ggml.add_bos_token", BOOL, True),
        value("tokenizer.ggml.add_eos_token", BOOL, False),
    ]
    if options.pooling:
        kind = {"mean": 1, "cls": 2, "last": 3}[options.pooling]
        fields.append(value("llama.pooling_type", U32, kind))
    template = CHATML
    if options.chat_template:
        with open(options.chat_template, encoding="utf-8") as file:
            template = file.read().strip()
    fields.append(value("tokenizer.chat_template", STRING, template))
    return fields


def write(file, vocabulary, options):
    fields = metadata(vocabulary, options)
    parts = list(tensors(vocabulary, options))
    infos, offset = b"", 0
    for name, shape, _ in parts:
        infos += string(name) + struct.pack("<I", len(shape))
        infos += struct.pack("<%dQ" % len(shape), *shape)
        infos += struct.pack("<IQ", 0, offset)
        offset += -(-4 * math.prod(shape) // ALIGN) * ALIGN
    head = b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(fields))
    head += b"".join(fields) + infos
    file.write(head + bytes(-len(head) % ALIGN))
    for _, shape, rows in parts:
        for row in rows:
            file.write(row)
        file.write(bytes(-4 * math.prod(shape) % ALIGN))


def parse(argv):
    parser = argparse.ArgumentParser(
        description="Make a tiny model (GGUF) that llama.cpp loads.")
    parser.add_argument("output", help="file to write")
    parser.add_argument("--name", default="tiny", help="general.name")
    parser.add_argument("--seed", type=int, default=5,
                        help="other seeds say other things")
    parser.add_argument("--context", type=int, default=4096,
                        help="llama.context_length, in tokens")
    parser.add_argument("--slow", type=int, default=0, metavar="N",
                        help="widen the feed-forward to N units with zeros:"
                        " the text stays the same, each token takes longer")
    parser.add_argument("--endless", action="store_true",
                        help="never end an answer by itself (else: it ends at a full"
                        " stop, about a hundred tokens after the prompt's first)")
    parser.add_argument("--pooling", choices=("mean", "cls", "last"),
                        help="make it an embedder")
    parser.add_argument("--chat-template", metavar="FILE",
                        help="Jinja template instead of ChatML")
    return parser.parse_args(argv)


def main():
    options = parse(sys.argv[1:])
    with open(options.output, "wb") as file:
        write(file, Vocabulary(), options)


if __name__ == "__main__":
    main()
