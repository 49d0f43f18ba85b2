/*
 * Splitting at special tokens as llama.cpp's tokenizer_st_partition does: the
 * longest token first, through the whole text, then the next, in what is left.
 * That is not leftmost-longest.  It differs only where possible matches
 * overlap, so: one pass finds the clusters of overlapping matches; a match
 * alone in its cluster stands; only in other clusters the lengths are gone
 * through, longest first.
 */
#include "token/kind.h"
#include <stdlib.h>

enum { SPECIAL = ATTR_CONTROL | ATTR_USER_DEFINED | ATTR_UNKNOWN };

/* One split. */
struct split {
	struct counter *c;
	const struct specials *t;
	struct slice text;
	uint8_t hidden; /* tokens with one of these attributes do not count */
	bool after_special;
	size_t from; /* begin of the fragment that is not yet given out */
	struct sink *out;
};

/* What is known of a cluster's bytes while it is resolved. */
struct cluster {
	size_t from, to;
	uint64_t *lengths; /* per byte: bit i: t->lengths[i] matches here */
	uint32_t *placed;  /* per byte: id + 2, TAKEN, or 0: free */
};

enum { TAKEN = 1, LAST_BIT = 63 };

static uint32_t
child_of(const struct specials *t, uint32_t node, uint8_t byte)
{
	uint32_t at = t->nodes[node].child;

	while (at != 0 && t->nodes[at].byte != byte)
		at = t->nodes[at].sibling;
	return at;
}

static uint32_t
add_node(struct specials *t, uint8_t byte, unsigned depth)
{
	t->nodes[t->n_nodes] =
	    (struct special_node){.byte = byte, .depth = (uint16_t)depth};
	return t->n_nodes++;
}

static void
add_special(struct specials *t, struct slice text, uint32_t id, uint8_t attr)
{
	uint8_t first = (uint8_t)text.p[0];
	uint32_t at = t->root[first];

	if (at == 0) {
		at = t->root[first] = add_node(t, first, 1);
		t->n_firsts++;
		t->first = first;
	}
	for (size_t i = 1; i < text.n; i++) {
		uint8_t byte = (uint8_t)text.p[i];
		uint32_t next = child_of(t, at, byte);

		if (next == 0) {
			next = add_node(t, byte, (unsigned)i + 1);
			t->nodes[next].sibling = t->nodes[at].child;
			t->nodes[at].child = next;
		}
		at = next;
	}
	t->nodes[at].id = id;
	t->nodes[at].attr = attr;
	t->n++;
	t->has_user_defined |= (attr & (ATTR_CONTROL | ATTR_UNKNOWN)) == 0;
	t->has_lstrip |= (attr & ATTR_LSTRIP) != 0;
	t->has_rstrip |= (attr & ATTR_RSTRIP) != 0;
}

static int
longer_first(const void *a, const void *b)
{
	return (int)*(const uint16_t *)b - (int)*(const uint16_t *)a;
}

/* All lengths that occur, longest first. */
static enum err
list_lengths(struct vocab *v)
{
	struct specials *t = &v->specials;
	uint8_t *seen = calloc(1, UINT16_MAX + 1);
	size_t n = 0;

	t->lengths = malloc((t->n + 1) * sizeof *t->lengths);
	if (seen == NULL || t->lengths == NULL) {
		free(seen);
		return ERR_NOMEM;
	}
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct slice text = vocab_token(v, id);

		if (!(v->attrs[id] & SPECIAL) || seen[text.n])
			continue;
		seen[text.n] = 1;
		t->lengths[n++] = (uint16_t)text.n;
	}
	qsort(t->lengths, n, sizeof *t->lengths, longer_first);
	t->n_lengths = n;
	for (uint32_t i = 1; i < t->n_nodes; i++)
		if (t->nodes[i].attr != 0)
			while (t->nodes[i].bit < LAST_BIT &&
			    t->lengths[t->nodes[i].bit] != t->nodes[i].depth)
				t->nodes[i].bit++;
	free(seen);
	return OK;
}

/* How long can a run of ${byte} be that a token begins with and leaves? */
static uint16_t
longest_mixed(const struct specials *t, uint8_t byte)
{
	uint16_t most = 0;

	for (uint32_t at = t->root[byte]; at != 0; at = child_of(t, at, byte)) {
		uint32_t child = t->nodes[at].child;

		for (; child != 0; child = t->nodes[child].sibling)
			if (t->nodes[child].byte != byte)
				most = t->nodes[at].depth;
	}
	return most;
}

enum err
specials_build(struct vocab *v)
{
	struct specials *t = &v->specials;
	size_t bytes = 1;

	for (uint32_t id = 0; id < v->n_tokens; id++)
		if (v->attrs[id] & SPECIAL) {
			if (vocab_token(v, id).n > UINT16_MAX)
				return ERR_FULL;
			bytes += vocab_token(v, id).n;
		}
	t->nodes = calloc(bytes, sizeof *t->nodes);
	if (t->nodes == NULL)
		return ERR_NOMEM;
	t->n_nodes = 1;
	for (uint32_t id = 0; id < v->n_tokens; id++)
		if (v->attrs[id] & SPECIAL)
			add_special(t, vocab_token(v, id), id, v->attrs[id]);
	for (unsigned i = 0; i < 256; i++)
		t->mixed[i] = longest_mixed(t, (uint8_t)i);
	return list_lengths(v);
}

void
specials_fini(struct specials *t)
{
	free(t->nodes);
	free(t->lengths);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The node of the longest match at ${at} that counts, 0: none. */
static uint32_t
longest(const struct split *s, size_t at)
{
	uint32_t node = s->t->root[(uint8_t)s->text.p[at]], best = 0;

	while (node != 0) {
		const struct special_node *n = &s->t->nodes[node];

		if (n->attr != 0 && !(n->attr & s->hidden))
			best = node;
		if (at + n->depth == s->text.n)
			break;
		node = child_of(s->t, node, (uint8_t)s->text.p[at + n->depth]);
	}
	return best;
}

/* The id of the match of exactly ${n} bytes at ${at}, which must be there. */
static const struct special_node *
exactly(const struct split *s, size_t at, size_t n)
{
	uint32_t node = s->t->root[(uint8_t)s->text.p[at]];

	while (node != 0 && s->t->nodes[node].depth < n)
		node = child_of(s->t, node,
		    (uint8_t)s->text.p[at + s->t->nodes[node].depth]);
	if (node == 0 || s->t->nodes[node].attr == 0 ||
	    s->t->nodes[node].attr & s->hidden)
		return NULL;
	return &s->t->nodes[node];
}

/* Give out the plain text that ends at ${to}, if there is any. */
static enum err
flush(struct split *s, size_t to)
{
	struct slice text = slice_of(s->text.p + s->from, to - s->from);
	bool after = s->after_special;

	if (text.n == 0)
		return OK;
	s->after_special = false;
	return s->c->vocab->kind->tokens(s->c, text, after, s->out);
}

static enum err
put(struct split *s, size_t at, size_t n, uint32_t id)
{
	enum err e = flush(s, at);

	if (e != OK)
		return e;
	sink_put(s->out, id);
	s->from = at + n;
	s->after_special = true;
	return OK;
}

/* Mark which lengths match where. */
static uint64_t
mark_lengths(const struct split *s, struct cluster *k)
{
	uint64_t any = 0;

	for (size_t at = k->from; at < k->to; at++) {
		uint32_t node = s->t->root[(uint8_t)s->text.p[at]];
		uint64_t bits = 0;

		while (node != 0) {
			const struct special_node *n = &s->t->nodes[node];

			if (n->attr != 0 && !(n->attr & s->hidden))
				bits |= 1ULL << n->bit;
			if (at + n->depth == k->to)
				break;
			node = child_of(
			    s->t, node, (uint8_t)s->text.p[at + n->depth]);
		}
		k->lengths[at - k->from] = bits;
		any |= bits;
	}
	return any;
}

/* Take the white space that the token at ${at} eats. */
static void
strip(
    const struct split *s, struct cluster *k, size_t at, size_t n, uint8_t attr)
{
	const char *p = s->text.p;

	if (attr & ATTR_LSTRIP)
		for (size_t i = at; i > k->from && is_space(p[i - 1]) &&
		     k->placed[i - 1 - k->from] == 0;
		     i--)
			k->placed[i - 1 - k->from] = TAKEN;
	if (attr & ATTR_RSTRIP)
		for (size_t i = at + n;
		     i < k->to && is_space(p[i]) && k->placed[i - k->from] == 0;
		     i++)
			k->placed[i - k->from] = TAKEN;
}

/* All matches of ${n} bytes, from left to right, where there is room. */
static void
place(const struct split *s, struct cluster *k, size_t n, uint64_t bit)
{
	for (size_t at = k->from; at + n <= k->to; at++) {
		const struct special_node *node;
		uint32_t *placed = k->placed + (at - k->from);

		/* Whatever was placed is longer: it covers one of the ends. */
		if (!(k->lengths[at - k->from] & bit) || placed[0] != 0 ||
		    placed[n - 1] != 0)
			continue;
		node = exactly(s, at, n);
		if (node == NULL)
			continue;
		for (size_t i = 1; i < n; i++)
			placed[i] = TAKEN;
		placed[0] = node->id + 2;
		strip(s, k, at, n, node->attr);
		at += n - 1;
	}
}

static enum err
give_out(struct split *s, const struct cluster *k)
{
	enum err e = OK;

	for (size_t at = k->from; e == OK && at < k->to; at++) {
		uint32_t placed = k->placed[at - k->from];

		if (placed > TAKEN) {
			size_t n = vocab_token(s->c->vocab, placed - 2).n;

			e = put(s, at, n, placed - 2);
			at += n - 1;
		} else if (placed == TAKEN) {
			e = flush(s, at);
			s->from = at + 1;
		}
	}
	return e;
}

static enum err
resolve(struct split *s, size_t from, size_t to)
{
	struct cluster k = {from, to, NULL, NULL};
	uint64_t any;
	enum err e = ERR_NOMEM;

	k.lengths = malloc((to - from) * sizeof *k.lengths);
	k.placed = calloc(to - from, sizeof *k.placed);
	if (k.lengths != NULL && k.placed != NULL) {
		any = mark_lengths(s, &k);
		for (size_t i = 0; i < s->t->n_lengths; i++) {
			uint64_t bit = 1ULL << (i < LAST_BIT ? i : LAST_BIT);

			if (any & bit)
				place(s, &k, s->t->lengths[i], bit);
		}
		e = give_out(s, &k);
	}
	free(k.lengths);
	free(k.placed);
	return e;
}

/* The first place from ${at} on where a special token may begin. */
static size_t
next_first(const struct split *s, size_t at)
{
	const char *p = s->text.p;

	if (s->t->n_firsts == 1) {
		const char *found = memchr(p + at, s->t->first, s->text.n - at);

		return found == NULL ? s->text.n : (size_t)(found - p);
	}
	while (at < s->text.n && s->t->root[(uint8_t)p[at]] == 0)
		at++;
	return at;
}

/* The end, at most ${to}, of the bytes from ${at} on that equal that one. */
static size_t
run_end(const struct split *s, size_t at, size_t to)
{
	size_t end = at + 1;

	while (end < to && s->text.p[end] == s->text.p[at])
		end++;
	return end;
}

/*
 * A cluster of one byte, over and over: the longest tokens as often as they
 * fit, then shorter ones; what is left at the end is text.
 */
static enum err
put_run(struct split *s, size_t at, size_t to)
{
	const struct special_node *chain[256];
	uint8_t byte = (uint8_t)s->text.p[at];
	uint32_t node = s->t->root[byte];
	size_t n = 0;
	enum err e = OK;

	for (; node != 0 && n < 256; node = child_of(s->t, node, byte)) {
		const struct special_node *one = &s->t->nodes[node];

		if (one->attr != 0 && !(one->attr & s->hidden))
			chain[n++] = one;
	}
	if (node != 0)
		return resolve(s, at, to);
	while (n-- > 0)
		for (; e == OK && to - at >= chain[n]->depth;
		     at += chain[n]->depth)
			e = put(s, at, chain[n]->depth, chain[n]->id);
	return e;
}

/*
 * The cluster that begins with the match ${node} at ${at}.  Inside of a run of
 * one byte, but for its end, all matches are as long as the one before.
 */
static enum err
cluster(struct split *s, size_t at, uint32_t node, size_t *end)
{
	const struct special_node *first = &s->t->nodes[node];
	size_t to = at + first->depth, depth = first->depth, run = at;

	for (size_t i = at + 1;; i++) {
		size_t ahead = s->t->mixed[(uint8_t)s->text.p[i - 1]];

		if (i == to) {
			/* Eaten white space may begin other tokens. */
			if (!s->t->has_rstrip || i >= s->text.n ||
			    !is_space(s->text.p[i]))
				break;
			to++;
		}
		if (i >= run)
			run = run_end(s, i - 1, s->text.n);
		ahead = ahead > depth ? ahead : depth;
		if (depth > 0 && i + ahead < run) {
			to = i + depth > to ? i + depth : to;
			continue;
		}
		node = longest(s, i);
		depth = node == 0 ? 0 : s->t->nodes[node].depth;
		to = i + depth > to ? i + depth : to;
	}
	*end = to;
	if (to == at + first->depth) /* all others in it are shorter */
		return put(s, at, to - at, first->id);
	return !s->t->has_rstrip && run_end(s, at, to) == to
	    ? put_run(s, at, to)
	    : resolve(s, at, to);
}

enum err
special_split(struct counter *c, struct slice text, bool parse_special,
    bool at_start, struct sink *out)
{
	struct split s = {.c = c,
	    .t = &c->vocab->specials,
	    .text = text,
	    .hidden = parse_special ? 0 : ATTR_CONTROL | ATTR_UNKNOWN,
	    .after_special = at_start,
	    .out = out};
	size_t at = 0;
	enum err e = OK;

	if (s.t->n == 0 || (!parse_special && !s.t->has_user_defined))
		return flush(&s, text.n);
	if (s.t->has_lstrip) {
		e = text.n > 0 ? resolve(&s, 0, text.n) : OK;
		return e == OK ? flush(&s, text.n) : e;
	}
	while (e == OK && (at = next_first(&s, at)) < text.n) {
		uint32_t node = longest(&s, at);

		if (node == 0)
			at++;
		else
			e = cluster(&s, at, node, &at);
	}
	return e == OK ? flush(&s, text.n) : e;
}
