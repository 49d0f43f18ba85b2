/*
 * SentencePiece and Gemma 4: the rules one by one, and random vocabularies
 * beside the plain algorithm, which knows of no pieces, words or memory.
 */
#include "made.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SP "\xe2\x96\x81" /* U+2581 */

static struct made made;

static struct counter *
small(enum vocab_flag prefix)
{
	made_init(&made, "llama");
	made_token(&made, "<unk>", 0, TOKEN_UNKNOWN);
	made_token(&made, "<s>", 0, TOKEN_CONTROL);
	made_token(&made, "</s>", 0, TOKEN_CONTROL);
	made_bytes(&made);
	made_token(&made, SP, -1, TOKEN_NORMAL);
	made_token(&made, "a", -2, TOKEN_NORMAL);
	made_token(&made, "b", -3, TOKEN_NORMAL);
	made_token(&made, "c", -4, TOKEN_NORMAL);
	made_token(&made, "bc", -5, TOKEN_NORMAL);
	made_token(&made, "ab", -6, TOKEN_NORMAL);
	made_token(&made, SP "a", -7, TOKEN_NORMAL);
	made_token(&made, SP SP, -8, TOKEN_NORMAL);
	made_token(&made, "abc", -9, TOKEN_NORMAL);
	made_token(&made, "aa", -10, TOKEN_NORMAL);
	made_token(&made, "aaaa", -10, TOKEN_NORMAL);
	made_token(&made, "<x>", 0, TOKEN_USER_DEFINED);
	made.source.add_space_prefix = prefix;
	return made_counter(&made);
}

static void
check(struct counter *c, const char *text, unsigned how, const char *want)
{
	const char *got = made_split(c, slice_str(text), how);

	if (strcmp(got, want) != 0)
		fail_msg("\"%s\": %s, not %s", text, got, want);
}

static void
test_merges(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"a", "a"},
	    {"abc", "abc"}, /* bc is better than ab, then a + bc */
	    {"ab", "ab"},
	    {"abb", "ab|b"},
	    {"aaa", "aa|a"},	 /* of equal ones the leftmost */
	    {"aaaaa", "aaaa|a"}, /* aa aa a, then aa + aa */
	    {"b a", "b|" SP "a"},
	    {"b ab", "b|" SP "|ab"},	  /* ab is better than _a */
	    {"b  a", "b|" SP "|" SP "a"}, /* _a is better than __ */
	    {"cab", "c|ab"},
	    {"d", "<0x64>"},
	    {"a\xc3\xa9"
	     "b",
		"a|<0xC3>|<0xA9>|b"},
	    {SP "a", SP "a"}, /* as if it were a space */
	    {"\n", "<0x0A>"},
	    {"", ""},
	};
	struct counter *c = small(VOCAB_OFF);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(c, rows[i].text, 0, rows[i].want);
	counter_free(c);
}

static void
test_prefix(void **state)
{
	struct counter *c = small(VOCAB_ON);

	(void)state;
	check(c, "a", 0, SP "a");
	check(c, "b", 0, SP "|b");
	check(c, "a", COUNT_ADD_SPECIAL, "<s>|" SP "a");
	check(c, "", COUNT_ADD_SPECIAL, "<s>");
	/* Behind each special token, not where the text goes on. */
	check(c, "a</s>a<x>b", COUNT_PARSE_SPECIAL,
	    SP "a|</s>|" SP "a|<x>|" SP "|b");
	check(c, "b<x>b", 0, SP "|b|<x>|" SP "|b");
	counter_free(c);
}

/* Bytes that are no UTF-8 are taken as the first byte says. */
static void
test_broken(void **state)
{
	struct counter *c = small(VOCAB_OFF);

	(void)state;
	check(c, "a\xff", 0, "a|<0xFF>");
	check(c, "\xe3 a", 0, "<0xE3>|<0xE2>|<0x96>|<0x81>|a");
	check(c,
	    "\xc3"
	    "abc",
	    0, "<0xC3>|<0x61>|bc");
	check(c,
	    "\x80"
	    "abc",
	    0, "<0x80>|abc");
	counter_free(c);
}

/* The plain algorithm on ${text}, spaces escaped; tokens to ${out}. */
struct plain {
	size_t at[512], n;
	const char *text;
};

static size_t
char_len(unsigned char c)
{
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* How good is it to merge symbols ${i} and ${i} + 1?  False: not at all. */
static bool
plain_rank(const struct plain *p, size_t i, double *rank)
{
	struct slice left =
	    slice_of(p->text + p->at[i], p->at[i + 1] - p->at[i]);
	struct slice both = slice_of(left.p, p->at[i + 2] - p->at[i]);
	int64_t id = made_find(&made, both);

	if (made.source.n_merges == 0) {
		*rank = id < 0 ? 0 : -(double)made.scores[id];
		return id >= 0;
	}
	for (size_t k = 0; k < made.source.n_merges; k++) {
		char merge[MADE_TEXT * 2 + 2];
		int n = snprintf(merge, sizeof merge, "%.*s %.*s",
		    SLICE_ARG(left), (int)(both.n - left.n), both.p + left.n);

		if (slice_eq(made.merges[k], slice_of(merge, (size_t)n))) {
			*rank = (double)k;
			return true;
		}
	}
	return false;
}

static size_t
plain_put(struct slice s, uint32_t *out, size_t n)
{
	int64_t id = made_find(&made, s);

	if (id >= 0) {
		out[n++] = (uint32_t)id;
		return n;
	}
	for (size_t i = 0; i < s.n; i++) {
		char name[8];

		(void)snprintf(
		    name, sizeof name, "<0x%02X>", (unsigned char)s.p[i]);
		out[n++] = (uint32_t)made_find(&made, slice_str(name));
	}
	return n;
}

static size_t
plain_tokens(struct slice text, uint32_t *out)
{
	struct plain p = {.text = text.p};
	size_t n = 0;

	for (size_t i = 0; i < text.n;) {
		size_t len = char_len((unsigned char)text.p[i]);

		p.at[p.n++] = i;
		i += len < text.n - i ? len : text.n - i;
	}
	p.at[p.n] = text.n;
	for (;;) {
		double best = 0, rank;
		size_t at = p.n;

		for (size_t i = 0; i + 1 < p.n; i++)
			if (plain_rank(&p, i, &rank) &&
			    (at == p.n || rank < best)) {
				best = rank;
				at = i;
			}
		if (at == p.n)
			break;
		for (size_t i = at + 1; i < p.n; i++)
			p.at[i] = p.at[i + 1];
		p.n--;
	}
	for (size_t i = 0; i < p.n; i++)
		n = plain_put(
		    slice_of(text.p + p.at[i], p.at[i + 1] - p.at[i]), out, n);
	return n;
}

static size_t
escape(const char *text, char *out)
{
	size_t n = 0;

	for (; *text; text++)
		if (*text == ' ') {
			memcpy(out + n, SP, 3);
			n += 3;
		} else {
			out[n++] = *text;
		}
	return n;
}

/* Gemma 4 takes line ends apart from the rest, a run that is a token whole. */
static size_t
plain_lines(struct slice text, uint32_t *out)
{
	size_t n = 0, at = 0;

	while (at < text.n) {
		bool is_end = text.p[at] == '\n';
		size_t to = at;
		struct slice line;
		int64_t id;

		while (to < text.n && (text.p[to] == '\n') == is_end)
			to++;
		line = slice_of(text.p + at, to - at);
		id = is_end ? made_find(&made, line) : -1;
		if (id >= 0)
			out[n++] = (uint32_t)id;
		else
			n += plain_tokens(line, out + n);
		at = to;
	}
	return n;
}

static const char *const letters[] = {
    "a", "b", "c", SP, "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\n"};

/* Random tokens of a few letters, or random merges of them. */
static void
make_random(const char *model, uint64_t *seed)
{
	uint32_t n = 4 + made_draw(seed, 60);

	made_init(&made, model);
	made_bytes(&made);
	made.source.add_bos = VOCAB_OFF;
	made.source.add_space_prefix = VOCAB_OFF;
	made.source.bos = 0;
	for (size_t i = 0; i < 8; i++)
		if (made_draw(seed, 8) > 0)
			made_token(&made, letters[i], -1, TOKEN_NORMAL);
	while (n-- > 0) {
		uint32_t len = 2 + made_draw(seed, 4);
		char text[MADE_TEXT] = "", merge[MADE_TEXT] = "";
		uint32_t seam = 1 + made_draw(seed, len - 1);

		for (uint32_t i = 0; i < len; i++) {
			const char *one = letters[made_draw(seed, 8)];

			strcat(text, one);
			if (i == seam)
				strcat(merge, " ");
			strcat(merge, one);
		}
		made_token(
		    &made, text, -(float)made_draw(seed, 20), TOKEN_NORMAL);
		if (strcmp(model, "gemma4") == 0)
			made_merge(&made, merge);
	}
}

static void
compare_random(const char *model, uint64_t seed, unsigned n_texts)
{
	static uint32_t ours[4096], plain[4096];
	struct counter *c;
	uint64_t at = seed;

	make_random(model, &at);
	c = made_counter(&made);
	while (n_texts-- > 0) {
		char text[1024] = "", escaped[3072];
		uint32_t len = made_draw(&at, made_draw(&at, 8) ? 20 : 100);
		uint64_t n, counted;
		size_t want;
		struct slice whole;

		while (len-- > 0) {
			const char *one = letters[made_draw(&at, 8)];

			strcat(text, strcmp(one, SP) == 0 ? " " : one);
		}
		whole = slice_of(escaped, escape(text, escaped));
		want = made.source.n_merges > 0 ? plain_lines(whole, plain)
						: plain_tokens(whole, plain);
		assert_int_equal(
		    count_ids(c, slice_str(text), 0, ours, 4096, &n), OK);
		assert_int_equal(
		    count_text(c, slice_str(text), 0, &counted), OK);
		if (n != want || counted != want ||
		    memcmp(ours, plain, want * sizeof *plain) != 0)
			fail_msg("%s, seed %llu: \"%s\" is %s", model,
			    (unsigned long long)seed, text,
			    made_split(c, slice_str(text), 0));
	}
	counter_free(c);
}

static void
test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		compare_random("llama", seed, 60);
		compare_random("gemma4", seed, 60);
	}
}

/* What takes quadratic time elsewhere would not end here. */
static void
test_long(void **state)
{
	enum { N = 1 << 20 };
	struct counter *c = small(VOCAB_OFF);
	char *text = malloc(N);
	uint64_t n;

	(void)state;
	memset(text, 'a', N);
	assert_int_equal(count_text(c, slice_of(text, N), 0, &n), OK);
	assert_int_equal(n, N / 4);
	memset(text, ' ', N);
	assert_int_equal(count_text(c, slice_of(text, N), 0, &n), OK);
	assert_int_equal(n, N / 2);
	for (size_t i = 0; i < N; i++)
		text[i] = "aab"[i % 3]; /* aa|b or a|ab: ab is better */
	assert_int_equal(count_text(c, slice_of(text, N), 0, &n), OK);
	assert_int_equal(n, N / 3 * 2 + 1);
	free(text);
	counter_free(c);
}

static void
test_refused(void **state)
{
	struct counter *c;
	struct vocab *v;
	uint64_t n;

	(void)state;
	made_init(&made, "llama");
	made_token(&made, "<s>", 0, TOKEN_CONTROL);
	made_token(&made, "a", -1, TOKEN_NORMAL);
	made_token(&made, SP "a", -1, TOKEN_NORMAL);
	made.source.bos = 0;
	c = made_counter(&made);
	/* There is no token for a byte: llama.cpp throws. */
	assert_int_equal(count_text(c, slice_str("a"), 0, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(
	    count_text(c, slice_str("aq"), 0, &n), ERR_VOCAB_UNKNOWN);
	counter_free(c);
	made.scores[1] = 0.0f / 0.0f;
	assert_int_equal(vocab_new(&made.source, &v), ERR_VOCAB_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merges),
	    cmocka_unit_test(test_prefix),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
