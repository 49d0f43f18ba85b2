#include "ctl/alert.h"
#include "ctl/ask.h"
#include "ctl/doc.h"
#include "ipc/control.h"
#include <poll.h>
#include <stdio.h>

enum { LOOK_MS = 200, LOOKS = 150 /* longer than any try takes */ };

static bool
has_pending(struct slice answer)
{
	struct json_reader r;
	struct slice row;
	bool has = false;

	doc_begin(&r, doc_get(answer, "targets"));
	while (doc_next(&r, &row))
		has = has || slice_is(doc_get(row, "state"), "\"pending\"");
	return has;
}

/* One line for each; have all got it? */
static bool
print_targets(struct slice answer, struct buf *out)
{
	struct json_reader r;
	struct slice row;
	bool all = true;

	doc_begin(&r, doc_get(answer, "targets"));
	while (doc_next(&r, &row)) {
		bool is_ok = slice_is(doc_get(row, "state"), "\"ok\"");

		(void)!doc_add_text(row, "name", out);
		(void)!buf_add_str(out, is_ok ? ": delivered" : ": ");
		if (!is_ok && doc_has(row, "why"))
			(void)!doc_add_text(row, "why", out);
		else if (!is_ok)
			(void)!buf_add_str(out, "no word of it yet");
		(void)!buf_add_char(out, '\n');
		all = all && is_ok;
	}
	return all;
}

/* What becomes of it; true: all have got it. */
static bool
follow(const struct ctl_args *args, struct buf *answer)
{
	bool ok, is_done = false, all;
	struct buf out;

	for (int i = 0; i < LOOKS && !is_done; i++) {
		(void)poll(NULL, 0, LOOK_MS);
		buf_clear(answer);
		if (!ctl_ask(args, "alert result", &ok, answer) || !ok)
			return false;
		is_done = !has_pending(buf_slice(answer));
	}
	buf_init(&out, CONTROL_ANSWER_MAX);
	all = print_targets(buf_slice(answer), &out);
	if (args->json != NULL)
		(void)printf("%.*s", SLICE_ARG(buf_slice(answer)));
	else
		(void)printf("%.*s", SLICE_ARG(buf_slice(&out)));
	buf_fini(&out);
	return all;
}

int
ctl_alert_test(const struct ctl_args *args)
{
	bool ok = false, is_answered, all = false;
	struct buf answer, text;

	buf_init(&answer, CONTROL_ANSWER_MAX);
	buf_init(&text, CONTROL_ANSWER_MAX);
	is_answered = ctl_ask(args, "alert test", &ok, &answer);
	if (is_answered && ok)
		all = follow(args, &answer);
	else if (args->json != NULL)
		(void)printf("%.*s", SLICE_ARG(buf_slice(&answer)));
	else if (is_answered &&
	    doc_add_text(buf_slice(&answer), "text", &text) == OK)
		(void)fprintf(stderr, "weir alert test: %.*s\n",
		    SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	buf_fini(&answer);
	return all ? 0 : 1;
}
