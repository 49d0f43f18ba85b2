#!/usr/bin/python3
"""Make small models (GGUF) of many architectures that llama.cpp loads.

They say nothing: all weights are zero.  They are for what depends on the shape
of a model only, such as the memory that its context takes: grouped heads, heads
of a length of their own, sliding windows, layers that share, latent attention,
recurrent state.

    make-architectures.py FOLDER [NAME...]    writes FOLDER/NAME.gguf

Sources: the names of keys and tensors in llama.cpp's gguf-py, constants.py.
"""
import importlib.util
import math
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location(
    "make_gguf", os.path.join(HERE, "make-gguf.py"))
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

VOCABULARY = tiny.Vocabulary()
WORDS = len(VOCABULARY.rows)
DIM, HIDDEN, CONTEXT = 256, 256, 131072
BARE = ("ssm_a", "ssm_d")  # tensors without ".weight"


class Model:
    """Keys and tensors of one architecture, both in the order of the file."""

    def __init__(self, architecture, layers, **keys):
        self.architecture, self.layers = architecture, layers
        self.keys = [tiny.value("general.architecture", tiny.STRING,
                                architecture)]
        self.tensors = []
        self.key("block_count", layers)
        self.key("context_length", CONTEXT)
        self.key("embedding_length", DIM)
        for name, content in keys.items():
            self.key(name.replace("__", "."), content)
        self.add("token_embd.weight", DIM, WORDS)
        self.add("output_norm.weight", DIM)

    def key(self, name, content):
        name = self.architecture + "." + name
        if isinstance(content, list):
            kind = 7 if isinstance(content[0], bool) else tiny.I32
            head = tiny.string(name) + struct.pack(
                "<IIQ", tiny.ARRAY, kind, len(content))
            self.keys.append(head + struct.pack(
                "<%d%s" % (len(content), "?" if kind == 7 else "i"), *content))
        elif isinstance(content, bool):
            self.keys.append(tiny.value(name, tiny.BOOL, content))
        elif isinstance(content, float):
            self.keys.append(tiny.value(name, tiny.F32, content))
        else:
            self.keys.append(tiny.value(name, tiny.U32, content))

    def add(self, name, *shape):
        self.tensors.append((name, shape))

    def layer(self, index, **tensors):
        for name, shape in tensors.items():
            shape = shape if isinstance(shape, tuple) else (shape,)
            dot = name.replace("__", ".").rstrip(".")
            if "__" not in name and dot not in BARE:
                dot += ".weight"
            self.add("blk.%d.%s" % (index, dot), *shape)

    def attention(self, index, heads, kv, head):
        self.layer(index, attn_norm=DIM, attn_q=(DIM, heads * head),
                   attn_k=(DIM, kv * head), attn_v=(DIM, kv * head),
                   attn_output=(heads * head, DIM))

    def gated(self, index, norm="ffn_norm"):
        self.layer(index, **{norm: DIM}, ffn_gate=(DIM, HIDDEN),
                   ffn_up=(DIM, HIDDEN), ffn_down=(HIDDEN, DIM))

    def write(self, path):
        rows = VOCABULARY.rows
        fields = self.keys + [
            tiny.value("tokenizer.ggml.model", tiny.STRING, "llama"),
            tiny.array("tokenizer.ggml.tokens", tiny.STRING,
                       [row[0] for row in rows]),
            tiny.array("tokenizer.ggml.scores", tiny.F32,
                       [row[1] for row in rows]),
            tiny.array("tokenizer.ggml.token_type", tiny.I32,
                       [row[2] for row in rows]),
            tiny.value("tokenizer.ggml.bos_token_id", tiny.U32, 1),
            tiny.value("tokenizer.ggml.eos_token_id", tiny.U32, 2),
        ]
        infos, offset = b"", 0
        for name, shape in self.tensors:
            infos += tiny.string(name) + struct.pack("<I", len(shape))
            infos += struct.pack("<%dQ" % len(shape), *shape)
            infos += struct.pack("<IQ", 0, offset)
            offset += -(-4 * math.prod(shape) // tiny.ALIGN) * tiny.ALIGN
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(fields))
        head += b"".join(fields) + infos
        head += bytes(-len(head) % tiny.ALIGN)
        with open(path, "wb") as file:
            file.write(head)
            file.truncate(len(head) + offset)


# ---- the architectures ------------------------------------------------------

EPS = {"attention__layer_norm_rms_epsilon": 1e-5}


def llama():
    """Grouped heads: 8 heads, 2 of keys and values."""
    m = Model("llama", 6, feed_forward_length=HIDDEN, attention__head_count=8,
              attention__head_count_kv=2, **EPS)
    for i in range(m.layers):
        m.attention(i, 8, 2, DIM // 8)
        m.gated(i)
    return m


def qwen3():
    """Heads of a length of their own."""
    m = Model("qwen3", 5, feed_forward_length=HIDDEN, attention__head_count=8,
              attention__head_count_kv=4, attention__key_length=64,
              attention__value_length=64, **EPS)
    for i in range(m.layers):
        m.attention(i, 8, 4, 64)
        m.layer(i, attn_q_norm=64, attn_k_norm=64)
        m.gated(i)
    return m


def deci():
    """Heads that differ from layer to layer, and layers without attention."""
    kv = [4, 0, 2, 1, 0, 4]
    m = Model("deci", 6, feed_forward_length=[HIDDEN] * 6,
              attention__head_count=[8 if n else 0 for n in kv],
              attention__head_count_kv=kv, attention__key_length=32,
              attention__value_length=32, rope__dimension_count=32, **EPS)
    for i in range(m.layers):
        if kv[i]:
            m.attention(i, 8, kv[i], 32)
        m.gated(i)
    return m


def gemma2():
    """Every other layer has a sliding window."""
    m = Model("gemma2", 4, feed_forward_length=HIDDEN, attention__head_count=4,
              attention__head_count_kv=2, attention__key_length=64,
              attention__value_length=64, attention__sliding_window=1024,
              attn_logit_softcapping=50.0, final_logit_softcapping=30.0, **EPS)
    for i in range(m.layers):
        m.attention(i, 4, 2, 64)
        m.gated(i)
        m.layer(i, post_attention_norm=DIM, post_ffw_norm=DIM)
    return m


def gemma3():
    """Five layers with a window, then one without."""
    m = Model("gemma3", 8, feed_forward_length=HIDDEN, attention__head_count=4,
              attention__head_count_kv=1, attention__key_length=128,
              attention__value_length=128, attention__sliding_window=512, **EPS)
    for i in range(m.layers):
        m.attention(i, 4, 1, 128)
        m.gated(i)
        m.layer(i, attn_q_norm=128, attn_k_norm=128, post_attention_norm=DIM,
                post_ffw_norm=DIM)
    return m


def gemma4():
    """Windows by a list, other heads within them, layers that share."""
    window = [True, True, False, True, True, False, True, False]
    kv = [2 if w else 1 for w in window]
    m = Model("gemma4", 8, feed_forward_length=HIDDEN, attention__head_count=4,
              attention__head_count_kv=kv, attention__key_length=128,
              attention__value_length=128, attention__key_length_swa=64,
              attention__value_length_swa=64, attention__sliding_window=512,
              attention__sliding_window_pattern=window,
              attention__shared_kv_layers=2, embedding_length_per_layer_input=0,
              rope__dimension_count=128, rope__dimension_count_swa=64, **EPS)
    m.add("rope_freqs.weight", 64)
    for i in range(m.layers):
        head = 64 if window[i] else 128
        m.attention(i, 4, kv[i], head)
        m.gated(i)
        m.layer(i, attn_q_norm=head, attn_k_norm=head, post_attention_norm=DIM,
                post_ffw_norm=DIM)
    return m


def cohere2():
    """Three layers with a window, then one without."""
    m = Model("cohere2", 8, feed_forward_length=HIDDEN, attention__head_count=4,
              attention__head_count_kv=2, attention__sliding_window=1024,
              attention__layer_norm_epsilon=1e-5, logit_scale=0.25,
              rope__dimension_count=64)
    for i in range(m.layers):
        m.attention(i, 4, 2, 64)
        m.layer(i, ffn_gate=(DIM, HIDDEN), ffn_up=(DIM, HIDDEN),
                ffn_down=(HIDDEN, DIM))
    return m


def gpt_oss():
    """Experts, sinks, every other layer with a small window."""
    m = Model("gpt-oss", 6, feed_forward_length=HIDDEN, expert_count=4,
              expert_used_count=2, expert_feed_forward_length=HIDDEN,
              attention__head_count=8, attention__head_count_kv=4,
              attention__key_length=64, attention__value_length=64,
              attention__sliding_window=128, **EPS)
    m.add("output.weight", DIM, WORDS)
    for i in range(m.layers):
        m.attention(i, 8, 4, 64)
        m.layer(i, post_attention_norm=DIM, attn_sinks=8,
                attn_q__bias=512, attn_k__bias=256, attn_v__bias=256,
                attn_output__bias=DIM, ffn_gate_inp=(DIM, 4),
                ffn_gate_inp__bias=4,
                ffn_gate_exps=(DIM, HIDDEN, 4), ffn_gate_exps__bias=(HIDDEN, 4),
                ffn_up_exps=(DIM, HIDDEN, 4), ffn_up_exps__bias=(HIDDEN, 4),
                ffn_down_exps=(HIDDEN, DIM, 4), ffn_down_exps__bias=(DIM, 4))
    return m


def deepseek2():
    """Latent attention: one key for all heads, values out of it."""
    rank, rope, heads = 128, 32, 4
    m = Model("deepseek2", 4, feed_forward_length=HIDDEN,
              attention__head_count=heads, attention__head_count_kv=1,
              attention__key_length=rank + rope, attention__value_length=rank,
              attention__key_length_mla=64 + rope,
              attention__value_length_mla=64, attention__kv_lora_rank=rank,
              attention__q_lora_rank=64, rope__dimension_count=rope,
              leading_dense_block_count=4, expert_count=4, expert_used_count=2,
              expert_feed_forward_length=HIDDEN, expert_shared_count=1,
              expert_weights_scale=1.0, expert_gating_func=1, **EPS)
    for i in range(m.layers):
        m.layer(i, attn_norm=DIM, attn_q_a=(DIM, 64), attn_q_a_norm=64,
                attn_q_b=(64, heads * (64 + rope)),
                attn_kv_a_mqa=(DIM, rank + rope), attn_kv_a_norm=rank,
                attn_k_b=(64, rank, heads), attn_v_b=(rank, 64, heads),
                attn_output=(heads * 64, DIM))
        m.gated(i)
    return m


def mamba():
    """Recurrent: a state for each slot, nothing for each token."""
    inner, state, conv, rank = 2 * DIM, 64, 4, 16
    m = Model("mamba", 6, feed_forward_length=0, attention__head_count=0,
              ssm__conv_kernel=conv, ssm__inner_size=inner,
              ssm__state_size=state, ssm__time_step_rank=rank, **EPS)
    for i in range(m.layers):
        m.layer(i, attn_norm=DIM, ssm_in=(DIM, 2 * inner),
                ssm_conv1d=(conv, inner), ssm_conv1d__bias=inner,
                ssm_x=(inner, rank + 2 * state), ssm_dt=(rank, inner),
                ssm_dt__bias=inner, ssm_a=(state, inner), ssm_d=inner,
                ssm_out=(inner, DIM))
    return m


def mamba2():
    """Recurrent, with groups."""
    inner, state, conv, heads, groups = 2 * DIM, 64, 4, 8, 2
    wide = inner + 2 * groups * state
    m = Model("mamba2", 6, feed_forward_length=0, attention__head_count=0,
              ssm__conv_kernel=conv, ssm__inner_size=inner,
              ssm__state_size=state, ssm__time_step_rank=heads,
              ssm__group_count=groups, **EPS)
    for i in range(m.layers):
        m.layer(i, attn_norm=DIM, ssm_in=(DIM, inner + wide + heads),
                ssm_conv1d=(conv, wide), ssm_conv1d__bias=wide,
                ssm_dt__bias=heads, ssm_a=(1, heads), ssm_d=(1, heads),
                ssm_norm=(inner // groups, groups), ssm_out=(inner, DIM))
    return m


def lfm2():
    """Convolutions with a short memory, and layers of attention."""
    kv, cache = [0, 0, 2, 0, 0, 2], 3
    m = Model("lfm2", 6, feed_forward_length=HIDDEN, attention__head_count=8,
              attention__head_count_kv=kv, shortconv__l_cache=cache,
              vocab_size=WORDS, **EPS)
    m.tensors[1] = ("token_embd_norm.weight", (DIM,))
    for i in range(m.layers):
        if kv[i]:
            m.attention(i, 8, kv[i], 32)
            m.layer(i, attn_q_norm=32, attn_k_norm=32)
        else:
            m.layer(i, attn_norm=DIM, shortconv__conv__weight=(cache, DIM),
                    shortconv__in_proj__weight=(DIM, 3 * DIM),
                    shortconv__out_proj__weight=(DIM, DIM))
        m.gated(i)
    return m


def falcon_h1():
    """Attention and a recurrent state in each layer."""
    inner, state, conv, heads, groups = 512, 32, 4, 8, 1
    wide = inner + 2 * groups * state
    m = Model("falcon-h1", 4, feed_forward_length=HIDDEN,
              attention__head_count=4, attention__head_count_kv=2,
              attention__key_length=64, attention__value_length=64,
              ssm__conv_kernel=conv, ssm__inner_size=inner,
              ssm__state_size=state, ssm__time_step_rank=heads,
              ssm__group_count=groups, **EPS)
    for i in range(m.layers):
        m.attention(i, 4, 2, 64)
        m.layer(i, ssm_in=(DIM, inner + wide + heads),
                ssm_conv1d=(conv, wide), ssm_conv1d__bias=wide,
                ssm_dt__bias=heads, ssm_a=(1, heads), ssm_d=(1, heads),
                ssm_norm=(inner // groups, groups), ssm_out=(inner, DIM))
        m.gated(i, norm="ffn_norm__")
    return m


def qwen35():
    """Three layers of gated delta nets, then one of attention."""
    state, keys, values, conv = 64, 2, 4, 4
    inner = state * values
    wide = inner + 2 * keys * state
    m = Model("qwen35", 8, feed_forward_length=HIDDEN, attention__head_count=4,
              attention__head_count_kv=2, attention__key_length=64,
              attention__value_length=64, ssm__conv_kernel=conv,
              ssm__inner_size=inner, ssm__state_size=state,
              ssm__time_step_rank=values, ssm__group_count=keys,
              full_attention_interval=4, rope__dimension_sections=[8, 8, 8, 0],
              rope__dimension_count=32, **EPS)
    for i in range(m.layers):
        if (i + 1) % 4 == 0:
            m.layer(i, attn_norm=DIM, attn_q=(DIM, 2 * 4 * 64),
                    attn_k=(DIM, 128), attn_v=(DIM, 128),
                    attn_output=(256, DIM), attn_q_norm=64, attn_k_norm=64)
        else:
            m.layer(i, attn_norm=DIM, attn_qkv=(DIM, wide),
                    attn_gate=(DIM, inner), ssm_conv1d=(conv, wide),
                    ssm_dt__bias=values, ssm_a=values, ssm_beta=(DIM, values),
                    ssm_alpha=(DIM, values), ssm_norm=state,
                    ssm_out=(inner, DIM))
        m.gated(i, norm="post_attention_norm")
    return m


ALL = {f.__name__.replace("_", "-"): f for f in (
    llama, qwen3, deci, gemma2, gemma3, gemma4, cohere2, gpt_oss, deepseek2,
    mamba, mamba2, lfm2, falcon_h1, qwen35)}


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    for name in sys.argv[2:] or ALL:
        ALL[name]().write(os.path.join(sys.argv[1], name + ".gguf"))


if __name__ == "__main__":
    main()
