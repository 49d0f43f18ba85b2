/*
 * For differential.py: reads texts from stdin, each behind its length as four
 * bytes, lowest first, and prints a line for each: BAD, or its events.
 */
#include "json/reader.h"
#include "json/value.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20 };

static void
print_string(char mark, struct slice raw)
{
	char *out = malloc(raw.n + 1);
	size_t n;

	if (out == NULL || json_unescape(raw, out, raw.n, &n) != OK)
		abort();
	(void)putchar(mark);
	for (size_t i = 0; i < n; i++)
		(void)printf("%02x", (unsigned char)out[i]);
	free(out);
}

static void
print_number(struct slice raw)
{
	double d;
	int64_t i;

	(void)printf("n%.*s:", SLICE_ARG(raw));
	if (json_f64(raw, &d) == OK)
		(void)printf("%.17g:", d);
	else
		(void)printf("-:");
	if (json_i64(raw, &i) == OK)
		(void)printf("%" PRId64, i);
	else
		(void)printf("-");
}

static void
print_event(enum json_kind kind, struct slice span)
{
	static const char marks[] = "...{}[]..."
				    "tf0";

	if (kind == JSON_KEY)
		print_string('k', span);
	else if (kind == JSON_STRING)
		print_string('s', span);
	else if (kind == JSON_NUMBER)
		print_number(span);
	else
		(void)putchar(marks[kind]);
	(void)putchar(' ');
}

/* Is ${text} one valid value?  Nothing is printed before that is known. */
static bool
is_valid(struct slice text)
{
	struct json_reader r;

	json_reader_init(&r, text, JSON_DEPTH_MAX);
	(void)json_skip(&r);
	return json_skip(&r) == JSON_END;
}

static void
print_text(struct slice text, size_t budget)
{
	struct json_reader r;
	enum json_kind kind = JSON_BAD;

	json_reader_init(&r, text, JSON_DEPTH_MAX);
	json_reader_budget(&r, budget);
	if (is_valid(text))
		while ((kind = json_next(&r)) > JSON_BAD || kind == JSON_MORE) {
			if (kind == JSON_MORE)
				json_reader_budget(&r, budget);
			else
				print_event(kind, json_span(&r));
		}
	(void)printf("%s\n", kind == JSON_END ? "END" : "BAD");
}

int
main(void)
{
	unsigned char head[4];

	for (size_t i = 0; fread(head, 1, 4, stdin) == 4; i++) {
		size_t n = head[0] | (size_t)head[1] << 8 |
		    (size_t)head[2] << 16 | (size_t)head[3] << 24;
		char *text = n <= TEXT_MAX ? malloc(n ? n : 1) : NULL;

		if (text == NULL || fread(text, 1, n, stdin) != n)
			return 1;
		print_text(slice_of(text, n), i % 7 + 1);
		free(text);
	}
	return 0;
}
