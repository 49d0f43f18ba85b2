/*
 * name: model names, made comparable.
 *
 *   registry.ollama.ai / library / llama3.2 : latest
 *   host                 space     model      tag
 *
 * Every policy, counter and log line uses the short canonical form: lower
 * case, without the default host and namespace, without the tag `latest`:
 * `llama3.2`, `qwen3:8b`, `hf.co/bartowski/phi-4-gguf:q4_k_m`.  Engines get the
 * bytes that the caller wrote.
 *
 * Ollama matches without case and takes the suffix `:local` off; so does this.
 * A name that Ollama's rules forbid (vLLM and LM Studio have paths with many
 * slashes, `@` and so on) is *opaque*: one lower-case string.
 *
 * Source: Ollama types/model/name.go, internal/modelref/modelref.go.
 */
#pragma once
#include "base/err.h"

/* Longest name, in bytes, that is accepted. */
enum { MODEL_NAME_MAX = 512 };

struct name {
	bool opaque;
	bool cloud;	   /* see name_is_cloud */
	uint16_t n;	   /* bytes of text */
	uint16_t space_at; /* where the parts begin; all 0 if opaque */
	uint16_t model_at;
	uint16_t tag_at; /* n + 1 if opaque */
	char text[MODEL_NAME_MAX + sizeof "registry.ollama.ai/library/:latest"];
};

/*
 * Parse ${raw}, which is not kept.  ERR_MODEL_MISSING if it is empty,
 * ERR_MODEL_NAME if it is too long or has a byte that is no printable ASCII,
 * a space, a quote or a backslash.
 */
MUST_CHECK enum err name_parse(struct slice raw, struct name *out);

/* The short canonical form; a part of ${n}. */
struct slice name_short(const struct name *n);

/* The short form with its tag always: "llama3.2:latest"; a part of ${n}. */
struct slice name_tagged(const struct name *n);

/* All four parts, "registry.ollama.ai/library/llama3.2:latest". */
struct slice name_full(const struct name *n);

/* The tag alone; empty if opaque. */
struct slice name_tag(const struct name *n);

/* The same model? */
bool name_eq(const struct name *a, const struct name *b);

/*
 * Would Ollama send it to ollama.com?  The tag is `cloud` or ends in `-cloud`,
 * in any case; an opaque name counts by what stands behind its last colon.
 */
static inline bool
name_is_cloud(const struct name *n)
{
	return n->cloud;
}

/*
 * A pattern over canonical names, as operators write them in `models:`.
 *
 *   llama3.2      that name, tag latest, and nothing else
 *   llama3.2:*    every tag of it
 *   llama3.2:1b   one tag
 *   qwen3*        every name that begins so, every tag
 *   meta/llama*   every name in that namespace that begins so
 *   *             everything
 *
 * `*` is any run of bytes, `?` one.  A pattern without a slash, other than
 * `*`, never matches a name with one: `qwen3*` does not open `qwen3x/evil`.
 */
struct name_pattern {
	bool all;    /* only stars */
	bool wild;   /* has a star or a question mark */
	bool slash;  /* has a slash */
	bool tagged; /* has a tag */
	uint16_t n;
	char text[MODEL_NAME_MAX + sizeof ":latest"];
};

/* Parse ${text}, not kept.  ERR_MODEL_NAME if no name could match it. */
MUST_CHECK enum err name_pattern_parse(
    struct slice text, struct name_pattern *out);

/* Does it match? */
bool name_match(const struct name_pattern *p, const struct name *n);
