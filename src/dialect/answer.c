/*
 * Three ways to be cheap: a piece that equals the last one but for its text is
 * known by two memcmp; Ollama's end in ,"done":false}; Anthropic's and the
 * Responses API's events have names.  Whatever is not surely dull is parsed.
 */
#include "dialect/answer.h"
#include "dialect/piece.h"

enum {
	/* A longer whole answer is not parsed, only searched at its ends. */
	PARSE_MAX = 256 * 1024
};

void
answer_init(struct answer *a, const struct route *route, bool is_stream,
    struct arena *arena)
{
	*a = (struct answer){
	    .input_tok = -1,
	    .output_tok = -1,
	    .cached_tok = -1,
	    .route = route,
	    .is_stream =
		is_stream && route_framing(route->shape) != FRAMING_WHOLE,
	    .arena = arena,
	};
}

/* The counts of ${p} into ${a}. */
static void
add_counts(struct answer *a, const struct piece *p)
{
	if (p->input >= 0) {
		a->is_exact = true;
		a->input_tok = p->input;
		/* Anthropic's input_tokens leave the cached ones out. */
		if (p->cache_read > 0)
			a->input_tok += p->cache_read;
		if (p->cache_made > 0)
			a->input_tok += p->cache_made;
	}
	if (p->output >= 0) {
		a->is_exact = true;
		a->output_tok = p->output;
	}
	if (p->cached >= 0)
		a->cached_tok = p->cached;
	else if (p->cache_read >= 0)
		a->cached_tok = p->cache_read;
	else if (p->t_cache >= 0)
		a->cached_tok = p->t_cache;
	if (a->is_exact || p->t_prompt < 0)
		return;
	a->input_tok = p->t_prompt + (p->t_cache > 0 ? p->t_cache : 0);
	if (p->t_predicted >= 0)
		a->output_tok = p->t_predicted;
}

static unsigned
settle(struct answer *a, const struct piece *p)
{
	add_counts(a, p);
	if (p->stop != STOP_UNKNOWN)
		a->stop = p->stop;
	if (p->marks & ANSWER_CONTENT) {
		a->has_content = true;
		a->pieces++;
	}
	if (p->marks & ANSWER_ERROR)
		a->is_failed = true;
	if (p->marks & ANSWER_END)
		a->is_finished = true;
	return p->marks;
}

/* --- pieces that are like the last one --- */

/* Is ${s} a string's inside: every quote and backslash escaped? */
static bool
is_inside(struct slice s)
{
	size_t i = 0;

	while (i < s.n) {
		if (s.p[i] == '"')
			return false;
		i += s.p[i] == '\\' ? 2 : 1;
	}
	return i == s.n;
}

/*
 * Same bytes around what is all inside of the one string: so the piece says
 * nothing else.
 */
static bool
is_like_kept(const struct answer *a, struct slice data)
{
	size_t around = a->head_n + a->tail_n;

	if (around == 0 || data.n <= around)
		return false;
	return memcmp(data.p, a->kept, a->head_n) == 0 &&
	    memcmp(data.p + data.n - a->tail_n, a->kept + a->head_n,
		a->tail_n) == 0 &&
	    is_inside(slice_of(data.p + a->head_n, data.n - around));
}

/* Remember ${data}, in which the only text is ${text}. */
static void
keep(struct answer *a, struct slice data, struct slice text)
{
	size_t head = (size_t)(text.p - data.p);
	size_t tail = data.n - head - text.n;

	if (head + tail > ANSWER_KEPT_MAX || a->arena == NULL)
		return;
	if (a->kept == NULL)
		a->kept = arena_alloc(a->arena, ANSWER_KEPT_MAX);
	if (a->kept == NULL)
		return;
	memcpy(a->kept, data.p, head);
	memcpy(a->kept + head, text.p + text.n, tail);
	a->head_n = head;
	a->tail_n = tail;
}

static unsigned
read_piece(struct answer *a, struct slice data)
{
	struct piece p;

	piece_init(&p);
	piece_read(&p, a->route->shape, data);
	if (p.marks == ANSWER_CONTENT && p.n_texts == 1 &&
	    p.stop == STOP_UNKNOWN && p.t_prompt < 0)
		keep(a, data, p.text);
	return settle(a, &p);
}

/* Does the name alone say that it is more of the same? */
static bool
is_dull_event(const struct answer *a, struct slice name)
{
	static const struct slice delta = SLICE(".delta");

	switch (a->route->shape) {
	case SHAPE_ANTHROPIC:
		return slice_is(name, "content_block_delta");
	case SHAPE_RESPONSES:
	case SHAPE_LMSTUDIO:
		return slice_ends(name, delta);
	default:
		return false;
	}
}

unsigned
answer_event(struct answer *a, struct slice name, struct slice data)
{
	if (a->has_content &&
	    ((name.n > 0 && is_dull_event(a, name)) || is_like_kept(a, data))) {
		a->pieces++;
		return ANSWER_CONTENT;
	}
	if (slice_is(data, "[DONE]")) {
		a->is_finished = true;
		return ANSWER_END;
	}
	return read_piece(a, data);
}

/*
 * In a valid object that ends so, "done" is a member of the object itself: the
 * quote behind the comma can only open a key.
 */
static bool
is_dull_line(struct slice line)
{
	return slice_ends(line, (struct slice)SLICE(",\"done\":false}"));
}

unsigned
answer_line(struct answer *a, struct slice line)
{
	if (a->has_content && a->route->shape == SHAPE_OLLAMA &&
	    is_dull_line(line)) {
		a->pieces++;
		return ANSWER_CONTENT;
	}
	return read_piece(a, line);
}

/* --- answers that are not streamed --- */

/*
 * A whole answer needs no end mark but Ollama's, which can say that it is not
 * done, and the success of a pull.
 */
static unsigned
settle_whole(struct answer *a, struct piece *p)
{
	if (a->route->shape != SHAPE_PROGRESS && !p->is_undone)
		p->marks |= ANSWER_END;
	return settle(a, p);
}

unsigned
answer_body(struct answer *a, struct slice body)
{
	struct piece p;

	piece_init(&p);
	if (body.n <= PARSE_MAX) {
		piece_read(&p, a->route->shape, body);
	} else {
		piece_scan(&p, a->route->shape, slice_to(body, ANSWER_WINDOW));
		piece_scan(&p, a->route->shape,
		    slice_from(body, body.n - ANSWER_WINDOW));
	}
	return settle_whole(a, &p);
}

/* The last bytes of all parts, in their order, in the window's second half. */
static void
keep_end(struct answer *a, struct slice part)
{
	char *end = a->window + ANSWER_WINDOW;
	size_t keep_n;

	if (part.n > ANSWER_WINDOW) {
		part = slice_from(part, part.n - ANSWER_WINDOW);
		a->is_long = true;
	}
	keep_n = ANSWER_WINDOW - part.n;
	if (a->end_n > keep_n) {
		memmove(end, end + a->end_n - keep_n, keep_n);
		a->end_n = keep_n;
		a->is_long = true;
	}
	memcpy(end + a->end_n, part.p, part.n);
	a->end_n += part.n;
}

void
answer_part(struct answer *a, struct slice part)
{
	size_t n;

	if (part.n == 0)
		return;
	if (a->window == NULL && a->arena != NULL)
		a->window = arena_alloc(a->arena, 2 * (size_t)ANSWER_WINDOW);
	if (a->window == NULL)
		return;
	n = ANSWER_WINDOW - a->begin_n;
	if (n > part.n)
		n = part.n;
	memcpy(a->window + a->begin_n, part.p, n);
	a->begin_n += n;
	part = slice_from(part, n);
	if (part.n > 0)
		keep_end(a, part);
}

unsigned
answer_parts_end(struct answer *a)
{
	struct piece p;

	piece_init(&p);
	if (a->window != NULL && !a->is_long) {
		piece_read(&p, a->route->shape,
		    slice_of(a->window, a->begin_n + a->end_n));
	} else if (a->window != NULL) {
		piece_scan(
		    &p, a->route->shape, slice_of(a->window, a->begin_n));
		piece_scan(&p, a->route->shape,
		    slice_of(a->window + ANSWER_WINDOW, a->end_n));
	}
	return settle_whole(a, &p);
}

enum err
answer_end(const struct answer *a)
{
	if (a->is_failed)
		return ERR_ENGINE_ERROR_IN_STREAM;
	if (a->is_finished || a->route->shape == SHAPE_PLAIN)
		return OK;
	return ERR_UPSTREAM_INCOMPLETE;
}
