/*
 * Any text, under each pre-tokenizer and as Unigram with three ways to treat
 * spaces (the first byte chooses), with a small vocabulary of many merges and
 * special tokens: the count is that of the ids, the first time and from memory.
 */
#include "token/count.h"
#include "unit/token/made.h"
#include "unit/token/small.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const pres[] = {"llama-bpe", "qwen2", "qwen35", "gpt-4o",
    "tekken", "deepseek-v3", "deepseek-coder", "deepseek-llm", "gpt-2",
    "starcoder", "falcon", "default", "bloom", "viking"};

enum {
	PRES = sizeof pres / sizeof pres[0],
	UNIGRAMS = 3,
	KINDS = PRES + UNIGRAMS,
	IDS_MAX = 1 << 16
};

static struct counter *counters[KINDS];

static struct counter *
make(const char *pre)
{
	static const char *const merges[] = {"a a", "aa aa", "t h", "th e",
	    "\xc4\xa0 the", "a b", "b a", "ab a", "\xc4\xa0 \xc4\xa0",
	    "\xc4\x8a \xc4\x8a", "1 1", "' s", "\xe4 \xb8", "\xe4\xb8 \xa4",
	    ". .", ".. .", "/ /", "\xc3\xa4 \xc2\xb8", "= ="};
	struct small *s = malloc(sizeof *s);
	struct counter *c;

	assert(s != NULL);
	small_init(s, pre);
	for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++)
		small_merge(s, merges[i]);
	small_token(s, "<|end|>", TOKEN_CONTROL);
	small_token(s, "<|e", TOKEN_USER_DEFINED);
	small_token(s, "aaaaaaa", TOKEN_USER_DEFINED);
	small_token(s, "\n\n", TOKEN_CONTROL);
	c = small_counter(s);
	free(s);
	return c;
}

static struct counter *
make_unigram(unsigned which)
{
	static const char *const texts[] = {"\xe2\x96\x81", "a", "aa", "aaa",
	    "\xe2\x96\x81the", "th", "e", "he",
	    ("\xe2\x96\x81"
	     "a"),
	    "ab\xe2\x96\x81", "1", "11", "\xe4\xb8\xa4", "\n", "=="};
	struct made *m = malloc(sizeof *m);
	struct counter *c;

	assert(m != NULL);
	made_init(m, "t5");
	made_token(m, "<pad>", 0, TOKEN_CONTROL);
	made_token(m, "</s>", 0, TOKEN_CONTROL);
	made_token(m, "<unk>", 0, TOKEN_UNKNOWN);
	made_token(m, "<|e", 0, TOKEN_USER_DEFINED);
	made_token(m, "\xc3\xa4\xc3\xa4", 0, TOKEN_USER_DEFINED);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		made_token(
		    m, texts[i], -2 - (float)(i * 7 % 11) / 4, TOKEN_NORMAL);
	m->source.add_space_prefix = which == 1 ? VOCAB_OFF : VOCAB_ON;
	m->source.remove_extra_whitespaces = which == 2 ? VOCAB_OFF : VOCAB_ON;
	c = made_counter(m);
	free(m);
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint32_t ids[IDS_MAX];
	struct slice text;
	uint64_t a, b, m;
	unsigned which, how;

	if (n == 0)
		return 0;
	which = data[0] % KINDS;
	how = data[0] / KINDS & COUNT_AS_ENGINE;
	if (counters[which] == NULL)
		counters[which] = which < PRES ? make(pres[which])
					       : make_unigram(which - PRES);
	text = slice_of((const char *)data + 1, n - 1);
	if (count_text(counters[which], text, how, &a) != OK ||
	    count_text(counters[which], text, how, &b) != OK ||
	    count_ids(counters[which], text, how, ids, IDS_MAX, &m) != OK)
		abort();
	assert(a == b && a == m);
	return 0;
}
