/*
 * compare VOCAB.gguf STRINGS SEED [PRE]: weir's tokens beside those of
 * llama.cpp's library, in one process, on random texts and on all characters.
 * PRE says what stands in the file; for the report only.
 */
#include "token/count.h"
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>

enum { IDS_MAX = 1 << 16, TEXT_MAX = 4096, SHOWN = 3 };

static uint64_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % below);
}

struct text {
	char p[TEXT_MAX + 64];
	size_t n;
};

static void
add(struct text *t, const char *p, size_t n)
{
	if (t->n + n > TEXT_MAX)
		return;
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

static void
add_char(struct text *t, uint32_t c)
{
	char u[4];

	if (c < 0x80) {
		u[0] = (char)c;
		add(t, u, 1);
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | c >> 6);
		u[1] = (char)(0x80 | (c & 0x3f));
		add(t, u, 2);
	} else if (c < 0x10000) {
		u[0] = (char)(0xe0 | c >> 12);
		u[1] = (char)(0x80 | (c >> 6 & 0x3f));
		u[2] = (char)(0x80 | (c & 0x3f));
		add(t, u, 3);
	} else {
		u[0] = (char)(0xf0 | c >> 18);
		u[1] = (char)(0x80 | (c >> 12 & 0x3f));
		u[2] = (char)(0x80 | (c >> 6 & 0x3f));
		u[3] = (char)(0x80 | (c & 0x3f));
		add(t, u, 4);
	}
}

/* A character of one of the kinds that tokenizers tell apart. */
static uint32_t
draw_char(void)
{
	static const uint32_t spaces[] = {' ', ' ', ' ', '\t', '\n', '\n', '\r',
	    0xb, 0xc, 0x85, 0xa0, 0x1680, 0x2003, 0x2028, 0x202f, 0x3000,
	    0x200b, 0xfeff};
	static const struct {
		uint32_t from, to;
	} blocks[] = {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {' ', '~'},
	    {' ', '~'}, {0xa1, 0xff}, {0x100, 0x24f}, {0x300, 0x36f},
	    {0x370, 0x3ff}, {0x400, 0x4ff}, {0x590, 0x6ff}, {0x900, 0x97f},
	    {0xe00, 0xe7f}, {0x1100, 0x11ff}, {0x2000, 0x206f},
	    {0x2070, 0x218b}, {0x2190, 0x2bff}, {0x3000, 0x30ff},
	    {0x4e00, 0x9fff}, {0x4e00, 0x5fff}, {0xac00, 0xd7a3},
	    {0xe000, 0xe0ff}, {0xf900, 0xffef}, {0x10000, 0x1ffff},
	    {0x1f300, 0x1f6ff}, {0x1f1e6, 0x1f1ff}, {0x20000, 0x2ffff},
	    {0xe0000, 0xe01ef}, {0x1d7ce, 0x1d7ff}, {0, 0x10ffff}};
	uint32_t i = draw(sizeof blocks / sizeof blocks[0] + 6), c;

	if (i >= sizeof blocks / sizeof blocks[0])
		return spaces[draw(sizeof spaces / sizeof spaces[0])];
	c = blocks[i].from + draw(blocks[i].to - blocks[i].from + 1);
	return c >= 0xd800 && c <= 0xdfff ? 'x' : c;
}

static void
add_piece(struct text *t, const struct vocab *v)
{
	static const char *const bits[] = {"'s", "'S", "'re", "'LL", "'d",
	    "n't", " the", "The ", "\n\n", "\r\n", "   ", "\t\t",
	    "    if (x) {\n", "http://", "://", "!!!", "...", "\xe2\x80\xa6",
	    "\xe3\x80\x82", "\xef\xbc\x8c", "ABCdef", "iPhone", "1234567",
	    "3.14", "~abc", "~", "```", "__",
	    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "e\xcc\x81",
	    "\xe2\x96\x81", "<|", "|>", "</", "<0x0A>"};
	uint32_t kind = draw(16), c, n;

	if (kind < 4) {
		const char *s = bits[draw(sizeof bits / sizeof bits[0])];

		add(t, s, strlen(s));
	} else if (kind == 4) { /* the text of a token, as it stands */
		struct slice s =
		    vocab_text(v, draw((uint32_t)vocab_n_tokens(v)));

		add(t, s.p, s.n);
	} else if (kind == 5) { /* one of the last: specials are there */
		uint32_t all = (uint32_t)vocab_n_tokens(v);
		struct slice s = vocab_text(v,
		    draw(2) ? all - 1 - draw(all < 300 ? all : 300)
			    : draw(all < 300 ? all : 300));

		add(t, s.p, s.n);
	} else if (kind == 6) { /* a run */
		c = draw_char();
		for (n = draw(40) + 1; n > 0; n--)
			add_char(t, c);
	} else if (kind < 9) { /* a word */
		for (n = draw(12) + 1; n > 0; n--)
			add_char(t, (draw(8) ? 'a' : 'A') + draw(26));
	} else {
		for (n = draw(6) + 1; n > 0; n--)
			add_char(t, draw_char());
	}
}

static void
draw_text(struct text *t, const struct vocab *v)
{
	uint32_t n = draw(8) ? draw(12) : draw(60);

	for (t->n = 0; n > 0; n--)
		add_piece(t, v);
	if (draw(50) == 0 && t->n > 0) /* no UTF-8 any more */
		t->p[draw((uint32_t)t->n)] = (char)(0x80 + draw(0x78));
}

struct both {
	const struct llama_vocab *theirs;
	struct counter *ours;
	int32_t a[IDS_MAX];
	uint32_t b[IDS_MAX];
	size_t compared, differences, refused;
};

static void
show(const struct both *x, const struct text *t, int32_t na, uint64_t nb,
    unsigned how)
{
	printf("differs (how %u):", how);
	for (size_t i = 0; i < t->n; i++)
		printf(" %02x", (unsigned char)t->p[i]);
	printf("\n  \"%.*s\"\n  theirs:", (int)t->n, t->p);
	for (int32_t i = 0; i < na && i < 60; i++)
		printf(" %d", x->a[i]);
	printf("\n  ours:  ");
	for (uint64_t i = 0; i < nb && i < 60; i++)
		printf(" %u", x->b[i]);
	printf("\n");
}

static void
compare(struct both *x, const struct text *t, unsigned how)
{
	int32_t na;
	uint64_t nb = 0, counted = 0;
	enum err e, f;

	na = llama_tokenize(x->theirs, t->p, (int32_t)t->n, x->a, IDS_MAX,
	    how & COUNT_ADD_SPECIAL, how & COUNT_PARSE_SPECIAL);
	e = count_ids(x->ours, slice_of(t->p, t->n), how, x->b, IDS_MAX, &nb);
	f = count_text(x->ours, slice_of(t->p, t->n), how, &counted);
	x->compared++;
	if (e != OK || f != OK)
		x->refused++;
	if (na >= 0 && e == OK && f == OK && (uint64_t)na == nb &&
	    counted == nb && memcmp(x->a, x->b, (size_t)na * sizeof *x->a) == 0)
		return;
	if (x->differences++ < SHOWN) {
		if (counted != nb)
			printf("counted %llu\n", (unsigned long long)counted);
		show(x, t, na, nb, how);
	}
}

/* Each character, where the boundaries of words are at stake. */
static void
all_characters(struct both *x, const struct vocab *v)
{
	struct text t;

	(void)v;
	for (uint32_t c = 1; c < 0x110000; c++) {
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		t.n = 0;
		add(&t, "ab", 2);
		add_char(&t, c);
		add(&t, "cd ", 3);
		add_char(&t, c);
		add(&t, "! 12", 4);
		add_char(&t, c);
		add_char(&t, c);
		add(&t, "34 ", 3);
		compare(x, &t, 0);
	}
}

static void
quiet(enum ggml_log_level level, const char *text, void *user)
{
	(void)user;
	if (level == GGML_LOG_LEVEL_ERROR)
		fputs(text, stderr);
}

int
main(int argc, char **argv)
{
	static struct both x;
	struct llama_model_params params;
	struct llama_model *model;
	struct vocab *v;
	struct text t;
	size_t n;
	enum err e;

	if (argc < 4)
		return 2;
	n = strtoul(argv[2], NULL, 10);
	state = strtoul(argv[3], NULL, 10);
	llama_log_set(quiet, NULL);
	params = llama_model_default_params();
	params.vocab_only = true;
	model = llama_model_load_from_file(argv[1], params);
	e = vocab_open(argv[1], &v);
	if (e != OK || model == NULL) {
		printf("%s: weir says %s, llama.cpp %s\n", argv[1],
		    err_get(e)->name, model ? "loads it" : "does not load it");
		return model == NULL ? 77 : 1;
	}
	x.theirs = llama_model_get_vocab(model);
	if (counter_new(v, NULL, &x.ours) != OK)
		return 1;
	if (n > 0 && getenv("WEIR_ALL_CHARACTERS"))
		all_characters(&x, v);
	for (size_t i = 0; i < n; i++) {
		draw_text(&t, v);
		compare(&x, &t, i & 3);
	}
	printf("%s: %zu texts compared, %zu differ, %zu refused\n", argv[1],
	    x.compared, x.differences, x.refused);
	counter_free(x.ours);
	vocab_drop(v);
	return x.differences > 0;
}
