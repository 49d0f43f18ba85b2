/* count: see flow/count.h. */
#include "flow/count_part.h"
#include "engine/tokenizer.h"
#include "flow/exact.h"
#include "json/value.h"
#include "loop/job.h"
#include <stdlib.h>

enum {
	NEAR_BYTES = 32 * 1024, /* more is counted on the helper thread */
	JOBS_MAX = 64,		/* more that wait: not counted */
	TEXT_MAX = 256 * 1024 * 1024,
	CUT_SHARE = 10, /* fewer by a tenth than its texts: it was cut */
	CUT_LEAST_TOK = 32,
	CUT_TOOLS_SHARE = 3, /* templates write tools anew */
	CUT_BYTES = 24,	     /* hardly a text has so many bytes a token */
	OLLAMA_SPECIALS = 2, /* that it keeps room for in an embedding */
};

/* How the texts of a request are counted. */
enum how {
	HOW_TEXTS, /* parts of a prompt that a template joins */
	HOW_WHOLE, /* one that is the whole prompt */
	HOW_EMBED  /* each is a prompt */
};

struct sum {
	uint64_t tok;		  /* of all */
	uint64_t longest, widest; /* as in struct flow */
};

/* A body being counted on the helper thread. */
struct count_job {
	struct job job;
	struct flow *flow; /* NULL: it has gone, and body is ours */
	char *body;
	struct tokenizer *tokenizer; /* held */
	unsigned n;
	enum how how;
	struct sum tally;
	enum err err;
	struct slice texts[];
};

/* --- what is counted --- */

static bool
is_counted(const struct flow *f)
{
	const struct route *r = f->match.route;

	if (!f->has_inspect || !f->has_name || r->class != CLASS_INFERENCE ||
	    f->inspect.texts_cut || f->inspect.n_images > 0)
		return false;
	switch (r->shape) {
	case SHAPE_OLLAMA:
	case SHAPE_OPENAI:
	case SHAPE_ANTHROPIC:
	case SHAPE_RESPONSES:
	case SHAPE_NATIVE:
	case SHAPE_COUNT:
		return true;
	case SHAPE_EMBED:
		return r->id == ROUTE_API_EMBED ||
		    r->id == ROUTE_API_EMBEDDINGS ||
		    r->id == ROUTE_V1_EMBEDDINGS;
	default:
		return false;
	}
}

static enum how
how_of(const struct flow *f)
{
	if (f->match.route->shape == SHAPE_EMBED)
		return HOW_EMBED;
	return f->match.route->id == ROUTE_WEIR_COUNT &&
		f->inspect.raw[FIELD_CONTENT].n > 0
	    ? HOW_WHOLE
	    : HOW_TEXTS;
}

/* Where the model is loaded, else where it is listed. */
static struct engine_model *
find(struct flow *f, struct engine **engine)
{
	struct engine_model *found = NULL;

	LIST_EACH (it, &f->env->engines.engines) {
		struct engine *e = LIST_OF(it, struct engine, node);
		struct engine_model *m;

		if (!engine_is_up(e) || (m = count_model_at(f, e)) == NULL ||
		    (found != NULL && (found->is_loaded || !m->is_loaded)))
			continue;
		found = m;
		*engine = e;
	}
	return found;
}

static bool
begins_with(const struct vocab *v, struct slice text, int64_t id)
{
	return id != VOCAB_ABSENT &&
	    slice_starts(text, vocab_text(v, (uint32_t)id));
}

static bool
ends_with(const struct vocab *v, struct slice text, int64_t id)
{
	struct slice end;

	if (id == VOCAB_ABSENT)
		return false;
	end = vocab_text(v, (uint32_t)id);
	return end.n <= text.n &&
	    slice_eq(slice_from(text, text.n - end.n), end);
}

/* An input of ${n} tokens, of which the model's specials are some. */
static enum err
add_input(struct counter *c, struct slice text, uint64_t n, struct sum *sum)
{
	const struct vocab *v = counter_vocab(c);
	uint64_t specials, wide;
	enum err e = count_text(c, slice_of("", 0), COUNT_AS_ENGINE, &specials);

	if (e != OK)
		return e;
	wide = n - specials + OLLAMA_SPECIALS -
	    begins_with(v, text, vocab_bos(v)) -
	    ends_with(v, text, vocab_eos(v));
	sum->longest = n > sum->longest ? n : sum->longest;
	sum->widest = wide > sum->widest ? wide : sum->widest;
	return OK;
}

/*
 * ${room} is for the text without its escapes.  White space at the ends is
 * what templates trim, so that the least is counted; a text that is the whole
 * prompt is counted as it is.
 */
static enum err
count_one(struct counter *c, struct slice raw, enum how how, struct buf *room,
    struct sum *sum)
{
	struct slice text = raw;
	uint64_t n;
	size_t bytes;
	enum err e;

	if (memchr(raw.p, '\\', raw.n) != NULL) {
		buf_clear(room);
		if ((e = buf_reserve(room, raw.n)) != OK)
			return e;
		/* What is no string, a tool, goes as its JSON. */
		if (json_unescape(raw, room->p, raw.n, &bytes) == OK)
			text = slice_of(room->p, bytes);
	}
	if (count_is_poison(counter_vocab(c), text, 0))
		return ERR_PROMPT_POISON;
	e = how == HOW_TEXTS
	    ? count_text(c, slice_trim(text), COUNT_PARSE_SPECIAL, &n)
	    : count_text(c, text, COUNT_AS_ENGINE, &n);
	if (e == OK && how == HOW_EMBED)
		e = add_input(c, text, n, sum);
	if (e == OK)
		sum->tok += n;
	return e;
}

static enum err
count_all(struct counter *c, const struct slice *texts, unsigned n,
    enum how how, struct sum *sum)
{
	enum err e = OK;
	struct buf room;

	buf_init(&room, TEXT_MAX);
	for (unsigned i = 0; i < n && e == OK; i++)
		e = count_one(c, texts[i], how, &room, sum);
	buf_fini(&room);
	return e;
}

static void
take_count(struct flow *f, enum err e, const struct sum *t)
{
	f->is_counted = e == OK;
	f->is_poison = e == ERR_PROMPT_POISON;
	f->counted_tok = t->tok + f->inspect.token_ids;
	f->longest_tok = t->longest;
	f->widest_tok = t->widest;
}

/* --- on the helper thread --- */

static void
work(struct job *j)
{
	struct count_job *c = (struct count_job *)(void *)j;

	c->err = count_all(tokenizer_far_counter(c->tokenizer), c->texts, c->n,
	    c->how, &c->tally);
}

static void
done(struct job *j)
{
	struct count_job *c = (struct count_job *)(void *)j;
	struct flow *f = c->flow;

	if (f != NULL) {
		f->counting = NULL;
		f->count_done = true;
		take_count(f, c->err, &c->tally);
	}
	free(c->body);
	tokenizer_drop(c->tokenizer);
	free(c);
	if (f != NULL)
		flow_run(f);
}

void
count_leave(struct flow *f)
{
	struct count_job *c = f->counting;

	if (c == NULL)
		return;
	c->flow = NULL;
	c->body = f->body;
	f->body = NULL;
	f->counting = NULL;
}

static bool
count_far(struct flow *f, struct tokenizer *t)
{
	struct loop *loop = f->env->loop;
	struct count_job *c;
	unsigned n = 0;

	if (job_count(loop) >= JOBS_MAX)
		return false;
	c = calloc(1, sizeof *c + f->inspect.n_texts * sizeof *c->texts);
	if (c == NULL)
		return false;
	for (struct inspect_chunk *k = f->inspect.texts; k; k = k->next)
		for (unsigned i = 0; i < k->n && n < f->inspect.n_texts; i++)
			c->texts[n++] = k->texts[i];
	c->job = (struct job){.work = work, .done = done};
	c->n = n;
	c->how = how_of(f);
	c->flow = f;
	c->tokenizer = tokenizer_hold(t);
	if (job_start(loop, &c->job) == OK) {
		f->counting = c;
		return true;
	}
	tokenizer_drop(t);
	free(c);
	return false;
}

static void
count_near(struct flow *f, struct tokenizer *t)
{
	struct counter *c = tokenizer_counter(t);
	struct sum tally = {0};
	enum err e = OK;

	for (struct inspect_chunk *k = f->inspect.texts; k && e == OK;
	     k = k->next)
		e = count_all(c, k->texts, k->n, how_of(f), &tally);
	take_count(f, e, &tally);
}

/* --- the stage --- */

/* Begin to count; STEP_WAIT where the helper thread does it. */
static enum step
begin(struct flow *f, struct tokenizer *t)
{
	if (f->inspect.text_bytes <= NEAR_BYTES)
		count_near(f, t);
	else if (count_far(f, t))
		return STEP_WAIT;
	f->count_done = true;
	return STEP_NEXT;
}

/*
 * The count is what is asked for: the engine's own, where weir's would be an
 * estimate and nothing has to be loaded for it.
 */
static enum step
ask_engine(struct flow *f, struct engine *e, const struct engine_model *m,
    struct tokenizer *t)
{
	struct exact_opt opt = {.engine = e, .tokenizer = t, .is_loaded = true};

	if (!m->is_loaded || how_of(f) == HOW_WHOLE ||
	    f->match.route->id == ROUTE_WEIR_TOKENIZE)
		return STEP_NEXT;
	return exact_ask(f, &opt);
}

/* There is no vocabulary: not yet, or never. */
static enum step
answer_without(struct flow *f, struct engine *e, struct engine_model *m)
{
	bool must_answer = count_is_answered(f, NULL);

	if (must_answer && tokenizer_is_coming(m))
		return count_await(f, m);
	if (ask_engine(f, e, m, NULL) == STEP_WAIT)
		return STEP_WAIT;
	if (f->is_exact)
		return count_answer(f, e, m);
	return must_answer ? count_await(f, m) : STEP_NEXT;
}

/* Go on without a count, unless the count is all that was asked for. */
static enum step
uncounted(struct flow *f)
{
	if (!count_is_answered(f, NULL))
		return STEP_NEXT;
	f->refusal.reason =
	    slice_str("the request has parts that only the engine can count");
	return flow_refuse(f, ERR_COUNT_UNAVAILABLE);
}

enum step
stage_count(struct flow *f)
{
	struct engine_model *m;
	struct tokenizer *t;
	struct engine *e = NULL;

	if (f->counting)
		return STEP_WAIT;
	if (!is_counted(f))
		return uncounted(f);
	if ((m = find(f, &e)) == NULL) {
		f->refusal.model = f->inspect.model;
		return count_is_answered(f, NULL)
		    ? flow_refuse(f, ERR_MODEL_NOT_FOUND)
		    : STEP_NEXT;
	}
	t = tokenizer_get(e, m);
	if (t == NULL)
		return count_is_answered(f, e) ? answer_without(f, e, m)
					       : STEP_NEXT;
	if (!f->count_done && begin(f, t) == STEP_WAIT)
		return STEP_WAIT;
	if (f->is_poison && !f->conf->dry_run) {
		f->refusal.limit = (int64_t)vocab_poison_run(
		    counter_vocab(tokenizer_counter(t)));
		return flow_refuse(f, ERR_PROMPT_POISON);
	}
	if (!f->is_counted)
		return uncounted(f);
	if (!count_is_answered(f, e))
		return count_judge(f, e);
	if (ask_engine(f, e, m, t) == STEP_WAIT)
		return STEP_WAIT;
	if (f->is_exact)
		count_learn(f, t, f->exact_tok);
	f->count_extra =
	    tokenizer_extra(t, count_kind(f), f->inspect.n_messages).least;
	return count_answer(f, e, m);
}

int64_t
count_prompt_tok(const struct flow *f)
{
	if (f->is_exact)
		return f->exact_tok;
	if (!f->is_counted)
		return -1;
	return (int64_t)f->counted_tok + f->count_extra;
}

/* --- what the engine says --- */

static void
note(struct flow *f, const char *result)
{
	struct slice labels[2] = {flow_model_shown(f), slice_str(result)};

	series_add(metric_series(f->env->metrics, METRIC_COUNTS, labels), 1);
}

/* Fewer by so many as templates never leave out. */
static bool
is_cut(struct flow *f, int64_t told)
{
	int64_t texts = (int64_t)f->counted_tok, fewer = texts - told;

	if (f->is_exact)
		return told < f->exact_tok;
	if (!f->is_counted)
		return count_may_cut(f, f->engine) &&
		    told * CUT_BYTES < (int64_t)f->inspect.text_bytes;
	if (f->match.route->shape == SHAPE_EMBED)
		return fewer > 0;
	if (fewer <= CUT_LEAST_TOK)
		return false;
	return fewer * (count_is_plain(f) ? CUT_SHARE : CUT_TOOLS_SHARE) >
	    texts;
}

/* What the template added, where nothing else has changed the number. */
static void
learn(struct flow *f, struct tokenizer *t, int64_t told)
{
	int64_t extra = told - (int64_t)f->counted_tok;
	struct tokenizer_extra known;

	if (f->match.route->shape == SHAPE_EMBED) {
		note(f, extra == 0 ? "as known" : "differs");
		return;
	}
	if (f->body_n > COUNT_LEARN_BYTES || !count_is_plain(f))
		return;
	known = tokenizer_extra(t, count_kind(f), f->inspect.n_messages);
	if (known.is_learnt)
		note(f,
		    extra >= known.least && extra <= known.most ? "as known"
								: "differs");
	else
		note(f, "learnt");
	count_learn(f, t, told);
}

void
count_settle(struct flow *f, struct access *a)
{
	int64_t told = f->has_answer ? f->answer.input_tok : -1;
	struct engine_model *m;
	struct tokenizer *t;

	a->counted_tokens = count_prompt_tok(f);
	if (f->is_exact)
		a->exact = 1;
	if (told <= 0 || f->status != 200 || !f->has_engine ||
	    !f->has_inspect || !f->has_name ||
	    f->match.route->class != CLASS_INFERENCE)
		return;
	if (is_cut(f, told)) {
		a->truncated = 1;
		note(f, "cut");
		return;
	}
	if (f->is_counted && (m = count_model_at(f, f->engine)) != NULL &&
	    (t = tokenizer_get(f->engine, m)) != NULL)
		learn(f, t, told);
}
