#!/usr/bin/env python3
"""patch_pre.py IN.gguf OUT.gguf PRE: the same vocabulary with another pre."""
import struct
import sys

KEY = b"tokenizer.ggml.pre"


def main():
    source, target, pre = sys.argv[1], sys.argv[2], sys.argv[3].encode()
    data = open(source, "rb").read()
    at = data.index(struct.pack("<Q", len(KEY)) + KEY) + 8 + len(KEY) + 4
    old, = struct.unpack_from("<Q", data, at)
    with open(target, "wb") as out:
        out.write(data[:at] + struct.pack("<Q", len(pre)) + pre
                  + data[at + 8 + old:])


main()
