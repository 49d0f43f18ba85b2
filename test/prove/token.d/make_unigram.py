#!/usr/bin/env python3
"""make_unigram.py DIRECTORY [NAME...]: Unigram vocabularies as GGUF files.

Trains some with SentencePiece, each with other settings, on text that a Debian
machine has (manual pages, Python's library, messages of programs), and
writes them as llama.cpp's converter does for T5 and XLM-RoBERTa: the tokens,
their scores and types, the compiled map of the normaliser.  Wants the packages
sentencepiece, protobuf and gguf.
"""
import glob
import gzip
import os
import sys

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

T = gguf.TokenType
LINES = 60000

# name: (what the trainer is told, what the file is told)
KINDS = {
    "nfkc": (dict(normalization_rule_name="nmt_nfkc", vocab_size=16000,
                  user_defined_symbols=["<extra_0>", "<extra_1>",
                                        "\u00fcn\u00ef", "qq x"]), {}),
    "cased": (dict(normalization_rule_name="nfkc_cf", vocab_size=8000,
                   byte_fallback=True), {}),
    "identity": (dict(normalization_rule_name="identity", vocab_size=8000,
                      remove_extra_whitespaces=False,
                      user_defined_symbols=["<a>", "\n", "    "]), {}),
    "bare": (dict(normalization_rule_name="nfkc", vocab_size=4000,
                  add_dummy_prefix=False, character_coverage=0.98), {}),
    "suffix": (dict(normalization_rule_name="nmt_nfkc", vocab_size=4000,
                    treat_whitespace_as_suffix=True,
                    remove_extra_whitespaces=False), {}),
    "roberta": (dict(normalization_rule_name="nmt_nfkc", vocab_size=32000,
                     split_by_unicode_script=False),
                dict(roberta=True)),
}


def pages():
    for path in sorted(glob.glob("/usr/share/man/**/*.gz", recursive=True)):
        try:
            with gzip.open(path, "rt", encoding="utf-8") as f:
                yield from f
        except (OSError, UnicodeDecodeError):
            pass


def library():
    for path in sorted(glob.glob(os.path.dirname(os.__file__) + "/*.py")):
        with open(path, encoding="utf-8", errors="ignore") as f:
            yield from f


def messages():
    for path in sorted(glob.glob("/usr/share/locale/*/LC_MESSAGES/*.mo")):
        with open(path, "rb") as f:
            data = f.read()
        for line in data.split(b"\0"):
            try:
                yield line.decode().replace("\n", " ")
            except UnicodeDecodeError:
                pass


def some(lines, n):
    """About n lines of all of them, evenly."""
    lines = [s for s in lines if 10 < len(s) < 2000]
    step = max(1, len(lines) // n)
    return lines[::step][:n]


def train(directory, name, options, lines):
    model = os.path.join(directory, name)
    fixed = dict(unk_id=2, bos_id=-1, eos_id=1, pad_id=0)
    if name == "roberta":
        fixed = dict(unk_id=3, bos_id=0, eos_id=2, pad_id=1)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=model,
        model_type="unigram", num_threads=2, minloglevel=2,
        hard_vocab_limit=False, **fixed, **options)
    return model + ".model"


def read(path):
    proto = sentencepiece_model_pb2.ModelProto()
    with open(path, "rb") as f:
        proto.ParseFromString(f.read())
    return proto


def tokens_of(proto):
    types = {1: T.NORMAL, 2: T.UNKNOWN, 3: T.CONTROL, 4: T.USER_DEFINED,
             5: T.UNUSED, 6: T.BYTE}
    return [(p.piece.encode(), p.score, types[p.type]) for p in proto.pieces]


def write(path, proto, roberta):
    out = gguf.GGUFWriter(path, "bert" if roberta else "t5")
    tokens = tokens_of(proto)
    if roberta:
        tokens.append((b"<mask>", 0.0, T.CONTROL))
    # What converters put behind: added tokens and padding.
    tokens += [(b"<added_%d>" % i, -1000.0, T.USER_DEFINED) for i in range(3)]
    tokens += [(b"[PAD%d]" % i, -10000.0, T.UNUSED) for i in range(5)]
    out.add_tokenizer_model("t5")
    out.add_tokenizer_pre("default")
    out.add_token_list([t[0] for t in tokens])
    out.add_token_scores([t[1] for t in tokens])
    out.add_token_types([t[2] for t in tokens])
    out.add_add_space_prefix(proto.normalizer_spec.add_dummy_prefix)
    out.add_remove_extra_whitespaces(
        proto.normalizer_spec.remove_extra_whitespaces)
    charsmap = proto.normalizer_spec.precompiled_charsmap
    if charsmap:
        out.add_precompiled_charsmap(charsmap)
    out.add_unk_token_id(proto.trainer_spec.unk_id)
    out.add_eos_token_id(proto.trainer_spec.eos_id)
    out.add_pad_token_id(proto.trainer_spec.pad_id)
    if roberta:
        out.add_bos_token_id(proto.trainer_spec.bos_id)
    out.add_add_bos_token(roberta)
    out.add_add_eos_token(True)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.close()


def main():
    directory, names = sys.argv[1], sys.argv[2:] or list(KINDS)
    lines = (some(pages(), LINES) + some(library(), LINES)
             + some(messages(), LINES))
    for name in names:
        options, how = KINDS[name]
        proto = read(train(directory, name, options, lines))
        path = os.path.join(directory, "unigram-%s.gguf" % name)
        write(path, proto, **{"roberta": False, **how})
        print("%s: %d tokens, map of %d bytes" % (
            path, len(proto.pieces),
            len(proto.normalizer_spec.precompiled_charsmap)), flush=True)


main()
