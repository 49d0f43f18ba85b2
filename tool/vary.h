/*
 * vary: prompts of which no two are alike, for proxies that count tokens.
 *
 *   known  a long conversation again and again, its last turn is new
 *   warm   a new text each time, of 2,048 words that come again
 *   cold   a new text each time, of words that nobody has seen
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum vary_kind { VARY_NONE, VARY_KNOWN, VARY_WARM, VARY_COLD };

struct vary {
	enum vary_kind kind;
	size_t at, n;	/* the part of the request that changes */
	uint64_t state; /* of the generator; not 0 */
};

/* The kind that is called ${name}; dies of others. */
enum vary_kind vary_parse(const char *name);

/* Fill ${n} bytes at ${out} with words of letters and blanks between them. */
void vary_fill(struct vary *v, char *out, size_t n);

/* Make the next request; ${arg} is a struct vary. */
void vary_request(void *arg, char *request);
