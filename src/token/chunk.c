#include "token/chunk.h"
#include "token/kind.h"
#include <stdlib.h>

static bool
is_letter(unsigned char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

/* Does a character of U+4E00-9FA5 begin at ${p}, of which 3 bytes are there? */
static bool
is_han(const unsigned char *p)
{
	unsigned c =
	    (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);

	return p[0] >= 0xe4 && p[0] <= 0xe9 && (p[1] & 0xc0) == 0x80 &&
	    (p[2] & 0xc0) == 0x80 && c >= 0x4e00 && c <= 0x9fa5;
}

/* Is there a Han character, a full stop or comma at ${p}, and another? */
static bool
is_han_cut(const unsigned char *p, size_t before, size_t behind)
{
	if (before < 3 || behind < 6)
		return false;
	if (!(p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x82) &&
	    !(p[0] == 0xef && p[1] == 0xbc && p[2] == 0x8c))
		return false;
	return is_han(p - 3) && is_han(p + 3);
}

/* May the text be cut before ${p}? */
static bool
is_cut(const unsigned char *p, size_t before, size_t behind, unsigned cuts)
{
	switch (*p) {
	case ' ':
		return cuts & CUT_SPACE && is_letter(p[-1]) && behind >= 2 &&
		    is_letter(p[1]);
	case '"':
		return cuts & CUT_QUOTE && is_letter(p[-1]);
	case 0xe3:
	case 0xef:
		return cuts & CUT_HAN && is_han_cut(p, before, behind);
	default:
		return cuts & CUT_LINE && p[-1] == '\n' &&
		    (is_letter(*p) || (*p >= '0' && *p <= '9'));
	}
}

struct slice
chunk_next(struct slice text, unsigned cuts)
{
	const unsigned char *p = (const unsigned char *)text.p;

	if (cuts == 0)
		return text;
	for (size_t at = CHUNK_LEAST; at < text.n; at++)
		if (is_cut(p + at, at, text.n - at, cuts))
			return slice_to(text, at);
	return text;
}

enum err
memo_init(struct memo *m, size_t n)
{
	size_t sets = 16;

	while (sets * MEMO_WAYS < n)
		sets *= 2;
	m->sets = malloc(sets * sizeof *m->sets);
	if (m->sets == NULL)
		return ERR_NOMEM;
	m->mask = sets - 1;
	memo_clear(m);
	return OK;
}

void
memo_fini(struct memo *m)
{
	free(m->sets);
	m->sets = NULL;
}

void
memo_clear(struct memo *m)
{
	memset(m->sets, 0, (m->mask + 1) * sizeof *m->sets);
}

static struct memo_set *
set_of(const struct memo *m, struct memo_key key)
{
	/* The low bits of a sum of products are its weakest. */
	return &m->sets[(key.digest.b ^ key.digest.a >> 32 ^ key.n) & m->mask];
}

bool
memo_find(const struct memo *m, struct memo_key key, uint64_t *count)
{
	const struct memo_set *s = set_of(m, key);

	for (int i = 0; i < MEMO_WAYS; i++)
		if (s->ways[i].key.digest.a == key.digest.a &&
		    s->ways[i].key.digest.b == key.digest.b &&
		    s->ways[i].key.n == key.n) {
			*count = s->ways[i].count;
			return true;
		}
	return false;
}

void
memo_add(struct memo *m, struct memo_key key, uint64_t count)
{
	struct memo_set *s = set_of(m, key);

	s->ways[1] = s->ways[0];
	s->ways[0].key = key;
	s->ways[0].count = count;
}
