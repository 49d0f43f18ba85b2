/* See vary.h. */
#include "tool/vary.h"

#include <errno.h>
#include <string.h>

#include "tool/net.h"

enum { WORDS = 2048, WORD_MAX = 8, COLD_LETTERS = 7 };

static char words[WORDS][WORD_MAX + 1];
static size_t lengths[WORDS];

/* xorshift64*: Vigna, An experimental exploration of Marsaglia's xorshift. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

/* Two to four syllables each. */
static void
make_words(void)
{
	static const char first[] = "bdfghklmnprstvwz", then[] = "aeiou";
	uint64_t state = 1;

	for (size_t i = 0; i < WORDS; i++) {
		size_t n = 2 * (2 + next(&state) % 3);

		for (size_t j = 0; j < n; j += 2) {
			words[i][j] = first[next(&state) % 16];
			words[i][j + 1] = then[next(&state) % 5];
		}
		lengths[i] = n;
	}
}

enum vary_kind
vary_parse(const char *name)
{
	static const char *const names[] = {"none", "known", "warm", "cold"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum vary_kind)i;
	errno = 0;
	die("--vary: not none, known, warm or cold: %s", name);
}

static size_t
put_cold(struct vary *v, char *out)
{
	uint64_t r = next(&v->state) >> 8;

	for (size_t i = 0; i < COLD_LETTERS; i++, r /= 26)
		out[i] = (char)('a' + r % 26);
	return COLD_LETTERS;
}

static size_t
put_warm(struct vary *v, char *out)
{
	size_t i = next(&v->state) >> 32 & (WORDS - 1);

	memcpy(out, words[i], WORD_MAX);
	return lengths[i];
}

void
vary_fill(struct vary *v, char *out, size_t n)
{
	size_t at = 0;

	if (lengths[0] == 0)
		make_words();
	while (at + WORD_MAX + 1 <= n) {
		at += v->kind == VARY_COLD ? put_cold(v, out + at)
					   : put_warm(v, out + at);
		out[at++] = ' ';
	}
	memset(out + at, 'a', n - at);
}

void
vary_request(void *arg, char *request)
{
	struct vary *v = arg;

	vary_fill(v, request + v->at, v->n);
}
