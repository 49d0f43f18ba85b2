/*
 * The configuration's reader on any bytes.  It answers with a configuration
 * or with at least one error; what it accepts prints to what it reads as the
 * same, but for what is secret; problems print.
 */
#include "conf/diff.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { TEXT_MAX = 32 << 20 };

static struct conf_problems problems;
static struct conf_changes changes;

/* What stands in the place of a secret; see conf/mask.h. */
static bool
has_hidden(struct slice text)
{
	return memmem(text.p, text.n, "...", 3) != NULL;
}

/*
 * ${c} prints as YAML that reads as the same, but for what is hidden; what
 * was hidden once stays as it is.
 */
static void
round_trip(const struct conf *c)
{
	struct buf first, second;
	struct conf *again;

	buf_init(&first, TEXT_MAX);
	buf_init(&second, TEXT_MAX);
	assert(conf_print(c, &first) == OK);
	if (first.n <= 1 << 20) {
		assert(conf_parse(buf_slice(&first), "again", &again,
			   &problems) == OK);
		conf_diff(c, again, &changes);
		assert(has_hidden(buf_slice(&first)) ||
		    (changes.n == 0 && changes.n_restart == 0));
		assert(conf_print(again, &second) == OK);
		assert(slice_eq(buf_slice(&first), buf_slice(&second)));
		conf_drop(again);
	}
	buf_fini(&first);
	buf_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice_of((const char *)data, n);
	struct conf *c;
	struct buf out;
	enum err e = conf_parse(text, "fuzz.yaml", &c, &problems);

	buf_init(&out, 1 << 20);
	assert(conf_problems_print(&problems, &out) == OK);
	buf_fini(&out);
	assert((e == OK) == (c != NULL));
	assert((e == OK) == (problems.n_errors == 0));
	if (c != NULL)
		round_trip(c);
	conf_drop(c);
	return 0;
}
