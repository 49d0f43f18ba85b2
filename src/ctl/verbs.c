#include "ctl/verbs.h"
#include "conf/conf.h"
#include "ctl/ask.h"
#include "ctl/doc.h"
#include "ipc/control.h"
#include <stdio.h>

enum { BLOCK_DEFAULT_S = 3600, BLOCK_MAX_S = 366 * 24 * 3600, S_US = 1000000 };

/* The sentence of ${answer}, or, if it is no JSON, all of it. */
static void
print_text(struct slice answer, FILE *to)
{
	struct buf text;

	buf_init(&text, CONTROL_ANSWER_MAX);
	if (doc_add_text(answer, "text", &text) == OK && text.n > 0)
		answer = buf_slice(&text);
	answer = slice_trim(answer);
	(void)fprintf(to, "%.*s\n", SLICE_ARG(answer));
	buf_fini(&text);
}

/* Is it one word or name that a line of the control socket can carry? */
static bool
is_sound(const struct ctl_args *args)
{
	struct slice s = slice_str(args->operands[0]);

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			s.n = 0;
	if (s.n > 0 && s.n < CONTROL_COMMAND_MAX - 32)
		return true;
	(void)fprintf(stderr, "weir %s: that is no %s\n",
	    ctl_fact_get(args->command)->words,
	    ctl_fact_get(args->command)->operands);
	return false;
}

/* Send `${words} ${operand}` and print what comes. */
static int
tell(const struct ctl_args *args, const char *words)
{
	char command[CONTROL_COMMAND_MAX];
	struct buf answer;
	bool ok = false, is_answered;

	if (!is_sound(args))
		return 2;
	(void)snprintf(
	    command, sizeof command, "%s %s", words, args->operands[0]);
	buf_init(&answer, CONTROL_ANSWER_MAX);
	is_answered = ctl_ask(args, command, &ok, &answer);
	if (args->json != NULL)
		(void)printf("%.*s", SLICE_ARG(buf_slice(&answer)));
	else if (is_answered)
		print_text(buf_slice(&answer), ok ? stdout : stderr);
	buf_fini(&answer);
	return is_answered && ok ? 0 : 1;
}

int
ctl_cancel(const struct ctl_args *args)
{
	return tell(args, "cancel");
}

/* --for in seconds, rounded up; 0: it was told what is wrong. */
static int64_t
seconds_of(const struct ctl_args *args)
{
	struct conf_quotation meant;
	int64_t us = 0;
	enum err e;

	if (args->length == NULL)
		return BLOCK_DEFAULT_S;
	e = conf_duration(slice_str(args->length), &us, &meant);
	if (e == OK && us > 0 && us <= (int64_t)BLOCK_MAX_S * S_US)
		return (us + S_US - 1) / S_US;
	(void)fprintf(stderr,
	    "weir block: --for wants a time such as 30s, 10min, 2h or 1d, at "
	    "most 366d, not %s%s%s%s\n",
	    conf_quote(slice_str(args->length)).text,
	    e == ERR_SYNTAX && meant.text[0] ? "; did you mean " : "",
	    e == ERR_SYNTAX ? meant.text : "",
	    e == ERR_SYNTAX && meant.text[0] ? "?" : "");
	return 0;
}

int
ctl_block(const struct ctl_args *args)
{
	int64_t seconds = seconds_of(args);
	char words[32];

	if (seconds == 0)
		return 2;
	(void)snprintf(words, sizeof words, "block %lld", (long long)seconds);
	return tell(args, words);
}

int
ctl_unblock(const struct ctl_args *args)
{
	return tell(args, "unblock");
}

int
ctl_drain(const struct ctl_args *args)
{
	return tell(args, "drain");
}

int
ctl_resume(const struct ctl_args *args)
{
	return tell(args, "resume");
}
