/*
 * Counting as a service: /weir/count and /weir/tokenize for every engine, and
 * the dialects' own routes where the engine has none.
 */
#include "engine/tokenizer.h"
#include "flow/count.h"
#include "flow/reply.h"
#include "json/value.h"
#include "json/write.h"
#include <stdlib.h>

enum {
	LOOK_US = 50 * 1000,
	PATIENCE_US = 15 * 1000000, /* for a vocabulary that is being read */
	ANSWER_MAX = 16 * 1024 * 1024,
	TOKENIZE_MAX = 256 * 1024, /* bytes of text */
};

bool
count_is_answered(const struct flow *f, const struct engine *e)
{
	switch (f->match.route->id) {
	case ROUTE_WEIR_COUNT:
	case ROUTE_WEIR_TOKENIZE:
		return true;
	case ROUTE_V1_COUNT_TOKENS:
	case ROUTE_V1_CHAT_COUNT:
	case ROUTE_V1_RESPONSES_COUNT:
		/* A llama-server counts with its own template. */
		return e != NULL && e->kind != ENGINE_LLAMA;
	default:
		return false;
	}
}

enum step
count_await(struct flow *f, const struct engine_model *m)
{
	int64_t now_us = os_now_us();

	if (f->is_delayed)
		return STEP_WAIT;
	if (tokenizer_is_coming(m) && now_us - f->start_us < PATIENCE_US) {
		f->is_delayed = true;
		timer_set(&f->delay, now_us + LOOK_US);
		return STEP_WAIT;
	}
	f->refusal.reason = slice_str(tokenizer_reason(m));
	return flow_refuse(f, ERR_COUNT_UNAVAILABLE);
}

/* Members about the context, where one is known. */
static void
write_limit(struct json_writer *w, struct flow *f, struct engine *e,
    struct engine_model *m, int64_t total)
{
	struct count_limit l = count_limit(f, e, m);

	if (l.tok == 0) {
		json_null(w, "limit");
		return;
	}
	json_int(w, "limit", l.tok);
	json_str(w, "limit_source", slice_str(l.source));
	json_bool(w, "fits", total < l.tok);
}

/* Is the number what the engine would have, and who says so? */
static void
write_source(struct json_writer *w, const struct flow *f)
{
	bool is_whole = f->inspect.raw[FIELD_CONTENT].n > 0;

	json_bool(w, "exact", f->is_exact || is_whole);
	json_str(w, "source", slice_str(f->is_exact ? "engine" : "weir"));
}

/* Texts and what the template adds; the total. */
static int64_t
write_parts(struct json_writer *w, struct flow *f, struct tokenizer *t)
{
	int64_t texts = (int64_t)f->counted_tok;
	struct tokenizer_extra x;

	if (t == NULL) {
		json_null(w, "texts");
		json_null(w, "template");
		return f->exact_tok;
	}
	x = tokenizer_extra(t, count_kind(f), f->inspect.n_messages);
	if (f->is_exact)
		x.least = x.most = f->exact_tok - texts;
	else if (f->inspect.n_messages == 0 && !x.is_learnt)
		x = (struct tokenizer_extra){.least = 0};
	json_int(w, "texts", texts);
	json_object_begin(w, "template");
	json_int(w, "least", x.least);
	json_int(w, "most", x.most);
	json_bool(w, "learnt", x.is_learnt);
	json_object_end(w);
	return texts + x.least;
}

static void
write_count(struct json_writer *w, struct flow *f, struct engine *e,
    struct engine_model *m)
{
	int64_t total;

	json_str(w, "model", name_short(&f->name));
	json_str(w, "engine", e->name);
	total = write_parts(w, f, f->is_counted ? tokenizer_get(e, m) : NULL);
	json_int(w, "total", total);
	write_source(w, f);
	write_limit(w, f, e, m, total);
}

static enum err
write_tokens(struct json_writer *w, struct flow *f, struct tokenizer *t)
{
	struct slice raw = f->inspect.raw[FIELD_CONTENT], text;
	char *room = NULL;
	uint32_t *ids = NULL;
	enum err e = ERR_NOMEM;
	uint64_t n;
	size_t bytes;

	raw = raw.n >= 2 ? slice_of(raw.p + 1, raw.n - 2) : raw;
	if ((room = malloc(raw.n + 1)) == NULL ||
	    (ids = malloc((raw.n + 8) * sizeof *ids)) == NULL)
		goto undo;
	if ((e = json_unescape(raw, room, raw.n, &bytes)) != OK)
		goto undo;
	text = slice_of(room, bytes);
	if ((e = count_ids(tokenizer_counter(t), text, COUNT_AS_ENGINE, ids,
		 raw.n + 8, &n)) != OK)
		goto undo;
	json_array_begin(w, "tokens");
	for (uint64_t i = 0; i < n && i < raw.n + 8; i++)
		json_int(w, NULL, ids[i]);
	json_array_end(w);
	json_int(w, "count", (int64_t)n);
undo:
	free(ids);
	free(room);
	return e;
}

static void
write_input_tokens(struct json_writer *w, const struct flow *f)
{
	json_int(w, "input_tokens", count_prompt_tok(f));
	write_source(w, f);
}

enum step
count_answer(struct flow *f, struct engine *e, struct engine_model *m)
{
	struct tokenizer *t = tokenizer_get(e, m);
	struct json_writer w;
	enum err err = OK;
	struct buf b;

	if (f->match.route->id == ROUTE_WEIR_TOKENIZE &&
	    (f->inspect.raw[FIELD_CONTENT].n > TOKENIZE_MAX ||
		f->inspect.raw[FIELD_CONTENT].n < 2 ||
		f->inspect.raw[FIELD_CONTENT].p[0] != '"')) {
		f->refusal.what = inspect_key(FIELD_CONTENT);
		f->refusal.reason =
		    slice_str("it must be a string of at most 256 KiB");
		return flow_refuse(f, ERR_FIELD_TYPE);
	}
	buf_init(&b, ANSWER_MAX);
	json_writer_init(&w, &b);
	json_object_begin(&w, NULL);
	if (f->match.route->id == ROUTE_WEIR_TOKENIZE)
		err = write_tokens(&w, f, t);
	else if (f->match.route->id == ROUTE_WEIR_COUNT)
		write_count(&w, f, e, m);
	else
		write_input_tokens(&w, f);
	json_object_end(&w);
	if (err == OK)
		err = w.err;
	if (err == OK)
		reply_whole(f, 200, "application/json", buf_slice(&b));
	buf_fini(&b);
	return err == OK ? STEP_DONE : flow_refuse(f, ERR_INTERNAL);
}
