/*
 * gguf: the metadata of a GGUF file, checked, without its weights.
 *
 *   "GGUF" version | counts | key, type, value ... | tensors' names, shapes
 *                             '--- struct gguf_value ---'
 *
 * The file is read, not mapped: a mapped file that somebody cuts short kills
 * whoever reads it.  Only the front with the metadata is read.  Nothing in the
 * file is believed: every length is checked against what is there, a file
 * that llama.cpp would refuse (equal keys, arrays in arrays) is refused, and
 * so is anything beyond the maxima below.
 *
 * Source: the GGUF specification in ggml's docs/gguf.md, versions 2 and 3,
 * little-endian.
 */
#pragma once
#include "base/err.h"

enum {
	GGUF_KEYS_MAX = 1024,
	GGUF_TENSORS_MAX = 1 << 20,
	GGUF_DIMS_MAX = 4,
	GGUF_BYTES_MAX = 512 << 20 /* of metadata */
};

/* The numbers are those of the file. */
enum gguf_type {
	GGUF_U8,
	GGUF_I8,
	GGUF_U16,
	GGUF_I16,
	GGUF_U32,
	GGUF_I32,
	GGUF_F32,
	GGUF_BOOL,
	GGUF_STRING,
	GGUF_ARRAY,
	GGUF_U64,
	GGUF_I64,
	GGUF_F64,
	GGUF_TYPES
};

/* A value, checked; its bytes are the file's, little-endian, unaligned. */
struct gguf_value {
	struct slice key;
	enum gguf_type type; /* GGUF_ARRAY: see item and n */
	enum gguf_type item; /* of an array's elements */
	uint64_t n;	     /* elements of an array, else 1 */
	struct slice raw;    /* of a string its text, else all bytes */
};

/* What a tensor is; its data is not looked at. */
struct gguf_tensor {
	struct slice name;
	unsigned n_dims;
	uint64_t dims[GGUF_DIMS_MAX]; /* fastest first; 1 beyond n_dims */
	uint32_t type;		      /* ggml's number */
};

struct gguf;

/*
 * Read the metadata of the file ${path} into ${out}; free it with gguf_free.
 * ERR_NOT_FOUND, ERR_IO (errno is set), ERR_SYNTAX (no valid GGUF), ERR_VERSION
 * (another version or byte order), ERR_FULL (beyond a maximum), ERR_NOMEM.
 */
MUST_CHECK enum err gguf_open(const char *path, struct gguf **out);

/*
 * The same from bytes in memory, which the result keeps until gguf_free.
 * ERR_EOF where they end before the metadata does; else as gguf_open.
 */
MUST_CHECK enum err gguf_parse(struct slice bytes, struct gguf **out);

/* Free; all slices and values that came of it end.  NULL is fine. */
void gguf_free(struct gguf *g);

/* The value of ${key}, valid as long as ${g}; NULL if there is none. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);

/* Number of keys, and the ${i}th of them, in the order of the file. */
size_t gguf_n_keys(const struct gguf *g);
const struct gguf_value *gguf_get(const struct gguf *g, size_t i);

/* The tensor ${name} into ${out}; false if there is none.  Walks them all. */
bool gguf_find_tensor(
    const struct gguf *g, const char *name, struct gguf_tensor *out);

/* Is there a tensor whose name begins with ${prefix}?  Walks them all. */
bool gguf_has_tensor(const struct gguf *g, const char *prefix);

/* The string, or the empty slice if there is no ${key} or it is no string. */
struct slice gguf_text(const struct gguf *g, const char *key);

/*
 * The number at ${key}, of any integer type; false (${out} untouched) if it is
 * absent, no integer, or outside of int64_t.
 */
bool gguf_i64(const struct gguf *g, const char *key, int64_t *out);

/* The same of a bool. */
bool gguf_bool(const struct gguf *g, const char *key, bool *out);

/*
 * The integer, or 0 or 1 of a bool: element ${i} of the array ${v}, or ${v}
 * itself for each ${i}; false as gguf_i64, and behind the last element.
 */
bool gguf_item_i64(const struct gguf_value *v, uint64_t i, int64_t *out);

/* Bytes of the metadata, from the front of the file. */
size_t gguf_bytes(const struct gguf *g);

/*
 * The elements of the array of strings ${v}, one after another: ${at} begins
 * at 0 and is private otherwise.  False behind the last.
 */
bool gguf_next_string(
    const struct gguf_value *v, size_t *at, struct slice *out);

/* Bytes of one scalar of ${type}; 0 of strings and arrays. */
size_t gguf_size(enum gguf_type type);
