/*
 * The merges of a Gemma 4 vocabulary: pairs of texts in the order of the file,
 * which is their rank.  Lines are merged apart from each other.
 */
#include "token/spm.h"
#include <stdlib.h>

/* Mixed into the hash of a merge's text for each byte of its left part. */
#define SEAM 0xd6e8feb86659fd93ULL

static uint64_t
mixed(uint64_t hash, size_t seam)
{
	uint64_t h = (hash + seam * SEAM) * 0x9e3779b97f4a7c15ULL;

	return h ^ h >> 29;
}

uint32_t
spm_given_rank(const struct spm_merges *m, const char *text, size_t n,
    size_t seam, uint64_t hash)
{
	uint64_t h = mixed(hash, seam);
	uint32_t mark = (uint32_t)(h & 0x7ff) << 21, slot;
	size_t mask = SIZE_MAX >> m->shift;

	for (size_t at = h >> m->shift; (slot = m->slots[at]) != 0;
	     at = (at + 1) & mask) {
		uint32_t rank;

		if ((slot & 0xffe00000U) != mark)
			continue;
		rank = (slot & 0x1fffff) - 1;
		if (m->seams[rank] == seam &&
		    m->text_at[rank + 1] - m->text_at[rank] == n &&
		    roll_same(m->texts + m->text_at[rank], text, n))
			return rank;
	}
	return SPM_NO_RANK;
}

static enum err
reserve(struct vocab *v, struct spm_merges *m, const struct vocab_source *src)
{
	size_t bytes = 1, slots;
	unsigned bits = 6;

	for (size_t i = 0; i < src->n_merges; i++)
		bytes += src->merges[i].n;
	if (bytes > UINT32_MAX)
		return ERR_FULL;
	while ((size_t)1 << bits < src->n_merges * 2)
		bits++;
	slots = (size_t)1 << bits;
	m->shift = 64 - bits;
	m->slots = calloc(slots, sizeof *m->slots);
	m->texts = malloc(bytes);
	m->text_at = malloc((src->n_merges + 1) * sizeof *m->text_at);
	m->seams = malloc((src->n_merges + 1) * sizeof *m->seams);
	if (!m->slots || !m->texts || !m->text_at || !m->seams)
		return ERR_NOMEM;
	m->text_at[0] = 0;
	v->body_bytes +=
	    sizeof *m + slots * sizeof *m->slots + bytes + src->n_merges * 6;
	return OK;
}

/* The last character of ${s}. */
static uint32_t
last_key(struct slice s)
{
	size_t at = 0, n;
	uint32_t key = 0;

	for (; at < s.n; at += n)
		key = spm_key(s.p + at, s.n - at, &n);
	return key;
}

/* "left right": the first space that is not the first byte parts them. */
static void
add_merge(struct vocab *v, struct spm *s, struct slice merge)
{
	struct spm_merges *m = s->merges;
	char *to = m->texts + m->text_at[m->n];
	struct slice left, right;
	uint64_t hash = 0, h;
	size_t at, n;

	at = merge.n == 0 ? 0 : 1 + slice_find(slice_from(merge, 1), ' ');
	left = slice_to(merge, at);
	right = slice_from(merge, at + 1);
	if (at >= merge.n) /* two empty texts: never a pair */
		left = right = slice_of(NULL, 0);
	if (left.n > 0)
		memcpy(to, left.p, left.n);
	if (right.n > 0)
		memcpy(to + left.n, right.p, right.n);
	n = left.n + right.n;
	m->text_at[m->n + 1] = m->text_at[m->n] + (uint32_t)n;
	m->seams[m->n++] = (uint16_t)left.n;
	if (left.n == 0 || right.n == 0 || n > s->roll.longest)
		return;
	for (size_t i = 0; i < n; i++)
		hash = roll_add(&s->roll, hash, (unsigned char)to[i]);
	if (spm_given_rank(m, to, n, left.n, hash) != SPM_NO_RANK)
		return; /* the first of two equal merges holds */
	h = mixed(hash, left.n);
	for (at = h >> m->shift; m->slots[at] != 0;)
		at = (at + 1) & (SIZE_MAX >> m->shift);
	m->slots[at] = (uint32_t)(h & 0x7ff) << 21 | m->n;
	if (last_key(left) != '\n' && right.p[0] != '\n')
		spm_set_pair(
		    v, s, last_key(left), spm_key(right.p, right.n, &n));
}

enum err
spm_add_merges(struct vocab *v, struct spm *s, const struct vocab_source *src)
{
	enum err e;

	s->merges = calloc(1, sizeof *s->merges);
	if (s->merges == NULL)
		return ERR_NOMEM;
	if ((e = reserve(v, s->merges, src)) != OK)
		return e;
	for (size_t i = 0; i < src->n_merges; i++) {
		if (src->merges[i].n > UINT16_MAX ||
		    src->merges[i].n > (size_t)s->roll.longest + 1)
			return ERR_VOCAB_UNKNOWN;
		add_merge(v, s, src->merges[i]);
	}
	s->n_ranks = s->merges->n;
	s->pairs['\n'][0] |= 1ULL << '\n';
	return OK;
}
