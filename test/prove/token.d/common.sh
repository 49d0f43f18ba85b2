# Shared by test/prove/token and test/prove/token_speed: programs that hold
# weir's counting and llama.cpp's library in one process, and vocabularies.
# Wants ${root}; leaves ${work}, and makes make_program, run_program,
# unpack_vocab, make_unigram.
. "$root/script/lib/common.sh"
shared=${WEIR_SHARED:-$root/../shared}
work=$root/build/prove/token
mkdir -p "$work"
headers=$("$root/script/engine/get-llama-headers")
lib=$(dirname "$cache"/llama-server/tree/usr/lib/*/libllama.so.0)

# Built for speed, from the room's own sources; two names of the library's are
# also names of ours.
make_program() {
	cc -O2 -g -std=c11 -D_GNU_SOURCE -fno-strict-aliasing -pthread \
		-Dgguf_free=weir_gguf_free \
		-Dgguf_find_tensor=weir_gguf_find_tensor \
		-I"$root" -I"$root/src" -I"$headers" \
		"$root/test/prove/token.d/$1.c" "$root"/src/token/*.c \
		"$root"/src/base/*.c "$root/src/os/random.c" -o "$work/$1" \
		-L"$lib" -l:libllama.so.0 -lm -Wl,--allow-shlib-undefined \
		-Wl,--unresolved-symbols=ignore-in-shared-libs ||
		die "$1 does not build beside llama.cpp's library"
}

# The library wants the loader and the C library that came with it.
run_program() {
	program=$1
	shift
	set -- "$lib"/ld-linux*.so.* --library-path \
		"$lib:$lib/llama:$(echo "$lib"/ggml/backends*)" \
		"$work/$program" "$@"
	"$@"
}

# unpack_vocab NAME: prints the path of the file, status 1 if it is not there.
unpack_vocab() {
	[ -f "$shared/vocabs/$1.gguf.xz" ] || return 1
	[ -f "$work/$1.gguf" ] || {
		xz -dc "$shared/vocabs/$1.gguf.xz" >"$work/$1.tmp"
		mv "$work/$1.tmp" "$work/$1.gguf"
	}
	echo "$work/$1.gguf"
}

# make_unigram: leaves ${work}/unigram-*.gguf; status 1 if it cannot.
make_unigram() {
	[ -x "$work/venv/bin/python" ] || "$python" -m venv "$work/venv" ||
		return 1
	"$work/venv/bin/pip" install -q sentencepiece protobuf gguf >&2 ||
		return 1
	"$work/venv/bin/python" "$root/test/prove/token.d/make_unigram.py" \
		"$work" >&2
}
