#include "ctl/count.h"
#include "ctl/count_ask.h"
#include "json/reader.h"
#include "json/value.h"
#include "os/file.h"
#include "token/count.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES_MAX = 1 << 30, PART_BYTES = 1 << 16, WHY_BYTES_MAX = 8192 };

static int
complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "weir count: %s: %s\n", what, why);
	return 1;
}

static const char *
reason(enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND:
		return "no such file, or it has no tokenizer";
	case ERR_IO:
		return strerror(errno);
	case ERR_SYNTAX:
		return "no valid GGUF file";
	case ERR_VERSION:
		return "GGUF of a version or byte order that is not read here";
	case ERR_FULL:
		return "larger than is allowed here";
	case ERR_VOCAB_UNKNOWN:
		return "a tokenizer that weir does not know; only its engine "
		       "can count";
	default:
		return "out of memory";
	}
}

/* All of ${f}. */
static enum err
read_all(FILE *f, struct buf *out)
{
	size_t got;

	do {
		enum err e = buf_reserve(out, PART_BYTES);

		if (e != OK)
			return e;
		got = fread(out->p + out->n, 1, PART_BYTES, f);
		out->n += got;
	} while (got > 0);
	return ferror(f) ? ERR_IO : OK;
}

static int
count_whole(struct counter *c, const char *path)
{
	struct buf text;
	uint64_t n;
	enum err e;

	buf_init(&text, TEXT_BYTES_MAX);
	e = path != NULL ? file_read(path, &text, NULL)
			 : read_all(stdin, &text);
	if (e == OK)
		e = count_text(c, buf_slice(&text), COUNT_AS_ENGINE, &n);
	buf_fini(&text);
	if (e != OK)
		return complain(path != NULL ? path : "standard input",
		    e == ERR_NOT_FOUND ? "no such file" : reason(e));
	(void)printf("%" PRIu64 "\n", n);
	return 0;
}

/* The string that ${line} is, unescaped into ${text}. */
static enum err
unescape(struct slice line, struct buf *text)
{
	struct json_reader r;
	struct slice raw;
	enum err e;

	json_reader_init(&r, line, 1);
	if (json_next(&r) != JSON_STRING)
		return ERR_SYNTAX;
	raw = json_span(&r);
	if (json_next(&r) != JSON_END)
		return ERR_SYNTAX;
	buf_clear(text);
	e = buf_reserve(text, raw.n);
	return e == OK ? json_unescape(raw, text->p, raw.n, &text->n) : e;
}

static int
count_lines(struct counter *c)
{
	char *line = NULL, where[48];
	struct buf text;
	size_t cap = 0;
	uintmax_t at = 0;
	ssize_t got;
	enum err e = OK;

	buf_init(&text, TEXT_BYTES_MAX);
	while (e == OK && (got = getline(&line, &cap, stdin)) > 0) {
		uint64_t n;

		at++;
		e = unescape(slice_of(line, (size_t)got), &text);
		if (e == OK)
			e = count_text(
			    c, buf_slice(&text), COUNT_AS_ENGINE, &n);
		if (e == OK)
			(void)printf("%" PRIu64 "\n", n);
		(void)fflush(stdout); /* whoever asks may wait for it */
	}
	free(line);
	buf_fini(&text);
	if (e == OK)
		return 0;
	(void)snprintf(where, sizeof where, "line %" PRIuMAX, at);
	return complain(where, e == ERR_SYNTAX ? "no JSON string" : reason(e));
}

static int
misused(const char *why)
{
	(void)fprintf(stderr, "weir count: %s\n", why);
	return 2;
}

/* The running weir counts. */
static int
count_asked(const struct ctl_args *args)
{
	const char *path = args->n_operands ? args->operands[0] : NULL;
	struct buf text, why;
	int64_t n;
	int status = 0;
	enum err e;

	buf_init(&text, TEXT_BYTES_MAX);
	buf_init(&why, WHY_BYTES_MAX);
	e = path != NULL ? file_read(path, &text, NULL)
			 : read_all(stdin, &text);
	if (e != OK)
		status = complain(path != NULL ? path : "standard input",
		    e == ERR_NOT_FOUND ? "no such file" : reason(e));
	else if (count_ask(args, buf_slice(&text), &n, &why))
		(void)printf("%" PRId64 "\n", n);
	else
		status = complain(args->model, why.n > 0 ? why.p : "");
	buf_fini(&why);
	buf_fini(&text);
	return status;
}

int
ctl_count(const struct ctl_args *args)
{
	struct counter *c;
	struct vocab *v;
	int status;
	enum err e;

	if ((args->gguf == NULL) == (args->model == NULL))
		return misused("which model?  --model NAME is one of the "
			       "running weir, --gguf FILE its file");
	if (args->jsonl != NULL && args->n_operands > 0)
		return misused("--jsonl reads standard input");
	if (args->jsonl != NULL && args->model != NULL)
		return misused("--jsonl needs the model's file: --gguf");
	if (args->model != NULL)
		return count_asked(args);
	e = vocab_open(args->gguf, &v);
	if (e == OK) {
		e = counter_new(v, NULL, &c);
		vocab_drop(v);
	}
	if (e != OK)
		return complain(args->gguf, reason(e));
	status = args->jsonl != NULL
	    ? count_lines(c)
	    : count_whole(c, args->n_operands ? args->operands[0] : NULL);
	counter_free(c);
	if (fflush(stdout) != 0)
		status = complain("standard output", strerror(errno));
	return status;
}
