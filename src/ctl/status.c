#include "ctl/status.h"
#include "ctl/ask.h"
#include "ctl/doc.h"
#include "ctl/grid.h"
#include "ipc/control.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	OUT_MAX = 1 << 20,
	ID_SHOWN = 10, /* its end: requests of one moment begin the same */
	WAITING_SHOWN = 40,
};

/* One table in the making. */
struct part {
	struct grid *t;
	struct buf *out;
};

/* --- cells --- */

/* Two units at most: "850 ms", "12 s", "3 min 5 s", "2 d 4 h". */
static enum err
add_span(struct buf *out, int64_t ms)
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int64_t s = ms / 1000;

	if (s == 0)
		return buf_printf(out, "%lld ms", (long long)ms);
	for (size_t i = 0; i < 4; i++) {
		int64_t rest = s % units[i].s;

		if (s < units[i].s)
			continue;
		if (i == 3 || rest < units[i + 1].s)
			return buf_printf(out, "%lld %s",
			    (long long)(s / units[i].s), units[i].name);
		return buf_printf(out, "%lld %s %lld %s",
		    (long long)(s / units[i].s), units[i].name,
		    (long long)(rest / units[i + 1].s), units[i + 1].name);
	}
	return OK;
}

static void
cell_text(struct part *p, struct slice row, const char *key)
{
	(void)!doc_add_text(row, key, grid_cell(p->t));
	grid_end_cell(p->t);
}

static void
cell_id(struct part *p, struct slice row)
{
	struct slice v = doc_get(row, "id");

	/* Without its quotes; ids have nothing to unescape. */
	v = v.n > 2 ? slice_of(v.p + 1, v.n - 2) : slice_of(NULL, 0);
	if (v.n > ID_SHOWN)
		v = slice_from(v, v.n - ID_SHOWN);
	grid_add(p->t, v);
}

static void
cell_int(struct part *p, struct slice row, const char *key)
{
	if (doc_has(row, key))
		(void)!buf_add_i64(grid_cell(p->t), doc_int(row, key));
	else
		(void)!buf_add_char(grid_cell(p->t), '-');
	grid_end_cell(p->t);
}

static void
cell_span(struct part *p, struct slice row, const char *key)
{
	if (doc_has(row, key))
		(void)!add_span(grid_cell(p->t), doc_int(row, key));
	else
		(void)!buf_add_char(grid_cell(p->t), '-');
	grid_end_cell(p->t);
}

static void
part_begin(struct part *p, const char *titles)
{
	grid_init(p->t, titles);
}

/* Print the table under ${title}, if it has any rows. */
static enum err
part_end(struct part *p, const char *title)
{
	enum err e = OK;

	if (p->t->n > p->t->columns) {
		e = buf_printf(p->out, "\n%s\n", title);
		if (e == OK)
			e = grid_print(p->t, p->out);
	}
	grid_fini(p->t);
	return e;
}

static enum err
say_more(struct part *p, int64_t more)
{
	return more <= 0
	    ? OK
	    : buf_printf(p->out, "... and %lld more\n", (long long)more);
}

/* --- tables --- */

/* "up", "down", "up, drained", "down (breaker open)". */
static void
cell_state(struct part *p, struct slice row)
{
	struct buf *out = grid_cell(p->t);

	(void)!doc_add_text(row, "state", out);
	if (doc_bool(row, "draining"))
		(void)!buf_add_str(out, ", drained");
	if (slice_is(doc_get(row, "breaker"), "\"open\""))
		(void)!buf_add_str(out, ", breaker open");
	grid_end_cell(p->t);
}

/* What of an engine fits into no column. */
static enum err
print_about(struct part *p, struct slice row)
{
	struct slice loaded = doc_get(row, "loaded"), name;
	struct buf *b = p->out;
	const char *between = "";
	struct json_reader r;
	enum err e = OK;

	if (loaded.n > sizeof "[]" - 1) {
		if ((e = doc_add_text(row, "name", b)) == OK)
			e = buf_add_str(b, " has loaded ");
		doc_begin(&r, loaded);
		while (e == OK && doc_next(&r, &name)) {
			if ((e = buf_add_str(b, between)) == OK)
				e = doc_add_value(name, b);
			between = ", ";
		}
		if (e == OK)
			e = buf_add_char(b, '\n');
	}
	if (e == OK && doc_has(row, "why") &&
	    (e = doc_add_text(row, "name", b)) == OK &&
	    (e = buf_add_str(b, ": ")) == OK &&
	    (e = doc_add_text(row, "why", b)) == OK)
		e = buf_add_char(b, '\n');
	return e;
}

static enum err
print_engines(struct part *p, struct slice doc)
{
	struct json_reader r;
	struct slice row;
	enum err e;

	part_begin(p, "ENGINE|KIND|STATE|>FOR|>IN USE|>SLOTS|>MODELS|URL");
	doc_begin(&r, doc_get(doc, "engines"));
	while (doc_next(&r, &row)) {
		cell_text(p, row, "name");
		cell_text(p, row, "kind");
		cell_state(p, row);
		cell_span(p, row, "since_ms");
		cell_int(p, row, "in_use");
		cell_int(p, row, "slots");
		cell_int(p, row, "models");
		cell_text(p, row, "url");
	}
	e = part_end(p, "Engines");
	doc_begin(&r, doc_get(doc, "engines"));
	while (e == OK && doc_next(&r, &row))
		e = print_about(p, row);
	return e == OK ? say_more(p, doc_int(doc, "engines_not_shown")) : e;
}

/* Tokens as the engine told them, else pieces of a stream. */
static void
cell_tokens(struct part *p, struct slice row)
{
	if (doc_has(row, "output_tokens"))
		cell_int(p, row, "output_tokens");
	else
		cell_int(p, row, "pieces");
}

static enum err
print_in_flight(struct part *p, struct slice doc)
{
	struct slice all = doc_get(doc, "in_flight"), row;
	struct json_reader r;
	enum err e;

	part_begin(p, "ID|CALLER|MODEL|ENGINE|STATE|>AGE|>BYTES|>TOKENS");
	doc_begin(&r, doc_get(all, "requests"));
	while (doc_next(&r, &row)) {
		cell_id(p, row);
		cell_text(p, row, "caller");
		cell_text(p, row, "model");
		cell_text(p, row, "engine");
		cell_text(p, row, "state");
		cell_span(p, row, "age_ms");
		(void)!buf_add_size(
		    grid_cell(p->t), doc_int(row, "sent_bytes"));
		grid_end_cell(p->t);
		cell_tokens(p, row);
	}
	e = part_end(p, "In flight");
	return e == OK
	    ? say_more(p, doc_int(all, "count") - doc_int(all, "shown"))
	    : e;
}

static enum err
print_waiting(struct part *p, struct slice doc)
{
	struct slice all = doc_get(doc, "waiting"), row;
	struct json_reader r;
	int64_t n = 0;
	enum err e;

	part_begin(p, ">PLACE|ID|CALLER|MODEL|CLASS|>WAITED|>WAIT YET");
	doc_begin(&r, doc_get(all, "requests"));
	while (n < WAITING_SHOWN && doc_next(&r, &row)) {
		cell_int(p, row, "place");
		cell_id(p, row);
		cell_text(p, row, "caller");
		cell_text(p, row, "model");
		cell_text(p, row, "class");
		cell_span(p, row, "waited_ms");
		cell_span(p, row, "estimate_ms");
		n++;
	}
	e = part_end(p, "Waiting (places are those for the same model)");
	return e == OK ? say_more(p, doc_int(all, "count") - n) : e;
}

static enum err
print_callers(struct part *p, struct slice doc)
{
	struct slice all = doc_get(doc, "callers"), row;
	struct json_reader r;
	enum err e;

	part_begin(p, "CALLER|>IN FLIGHT|>WAITING|>TOKENS/HOUR");
	doc_begin(&r, doc_get(all, "list"));
	while (doc_next(&r, &row)) {
		cell_text(p, row, "caller");
		cell_int(p, row, "in_flight");
		cell_int(p, row, "waiting");
		cell_int(p, row, "tokens_hour");
	}
	if ((e = part_end(p, "Callers")) != OK ||
	    (e = say_more(p, doc_int(all, "count") - doc_int(all, "shown"))) !=
		OK)
		return e;
	part_begin(p, "CALLER|>FOR");
	doc_begin(&r, doc_get(doc, "blocked"));
	while (doc_next(&r, &row)) {
		cell_text(p, row, "caller");
		cell_span(p, row, "rest_ms");
	}
	e = part_end(p, "Blocked");
	return e == OK ? say_more(p, doc_int(doc, "blocked_not_shown")) : e;
}

static enum err
print_disks(struct part *p, struct slice doc)
{
	struct json_reader r;
	struct slice row;

	part_begin(p, "DISK OF|STATE|>USED %|>FREE|>SIZE|>FULL IN H|PATH");
	doc_begin(&r, doc_get(doc, "disks"));
	while (doc_next(&r, &row)) {
		cell_text(p, row, "holds");
		cell_text(p, row, "level");
		cell_int(p, row, "used_percent");
		(void)!buf_add_size(
		    grid_cell(p->t), doc_int(row, "free_bytes"));
		grid_end_cell(p->t);
		(void)!buf_add_size(
		    grid_cell(p->t), doc_int(row, "size_bytes"));
		grid_end_cell(p->t);
		cell_int(p, row, "full_in_h");
		cell_text(p, row, "path");
	}
	return part_end(p, "Disks");
}

/* --- all --- */

static enum err
print_weir(struct part *p, struct slice doc)
{
	struct slice connections = doc_get(doc, "connections");
	struct slice bodies = doc_get(doc, "bodies");
	int64_t dropped = doc_int(doc, "log_lines_dropped");
	struct buf *b = p->out;
	enum err e;

	if ((e = buf_add_str(b, "weir ")) != OK ||
	    (e = doc_add_text(doc, "version", b)) != OK ||
	    (e = buf_printf(
		 b, ", pid %lld, up ", (long long)doc_int(doc, "pid"))) != OK ||
	    (e = add_span(b, doc_int(doc, "uptime_ms"))) != OK)
		return e;
	if (doc_int(doc, "generation") > 1 &&
	    ((e = buf_printf(b, " (gate %lld, up ",
		  (long long)doc_int(doc, "generation"))) != OK ||
		(e = add_span(b, doc_int(doc, "gate_uptime_ms"))) != OK ||
		(e = buf_add_char(b, ')')) != OK))
		return e;
	if (doc_bool(doc, "stopping") &&
	    (e = buf_add_str(b, ", being stopped")) != OK)
		return e;
	if ((e = buf_printf(b,
		 "\n%lld in flight, %lld waiting; %lld of %lld "
		 "connections; bodies ",
		 (long long)doc_int(doc_get(doc, "in_flight"), "count"),
		 (long long)doc_int(doc_get(doc, "waiting"), "count"),
		 (long long)doc_int(connections, "count"),
		 (long long)doc_int(connections, "max"))) != OK ||
	    (e = buf_add_size(b, doc_int(bodies, "bytes"))) != OK ||
	    (e = buf_add_str(b, " of ")) != OK ||
	    (e = buf_add_size(b, doc_int(bodies, "max"))) != OK)
		return e;
	if (dropped > 0 &&
	    (e = buf_printf(
		 b, "; %lld log lines were dropped", (long long)dropped)) != OK)
		return e;
	return buf_add_char(b, '\n');
}

/* What those that were replaced have still to finish. */
static enum err
print_leaving(struct part *p, struct slice doc)
{
	struct slice v = doc_get(doc, "leaving");

	return v.n == 0
	    ? OK
	    : buf_printf(p->out,
		  "earlier gates have %lld in flight, %lld waiting\n",
		  (long long)doc_int(v, "in_flight"),
		  (long long)doc_int(v, "waiting"));
}

enum err
ctl_status_print(struct slice answer, struct buf *out)
{
	struct grid *t = calloc(1, sizeof *t);
	struct part p = {t, out};
	enum err e;

	if (t == NULL)
		return ERR_NOMEM;
	if ((e = print_weir(&p, answer)) == OK &&
	    (e = print_leaving(&p, answer)) == OK &&
	    (e = print_engines(&p, answer)) == OK &&
	    (e = print_in_flight(&p, answer)) == OK &&
	    (e = print_waiting(&p, answer)) == OK &&
	    (e = print_callers(&p, answer)) == OK)
		e = print_disks(&p, answer);
	free(t);
	return e;
}

enum err
ctl_status_print_earlier(
    struct slice gate, struct slice answer, struct buf *out)
{
	struct grid *t = calloc(1, sizeof *t);
	struct part p = {t, out};
	enum err e;

	if (t == NULL)
		return ERR_NOMEM;
	if ((e = buf_printf(
		 out, "\nGate %.*s, which leaves\n", SLICE_ARG(gate))) == OK &&
	    (e = print_in_flight(&p, answer)) == OK)
		e = print_waiting(&p, answer);
	free(t);
	return e;
}

/* What gates that leave tell; one that has ended meanwhile tells nothing. */
static void
ask_earlier(const struct ctl_args *args, struct slice status, struct buf *out)
{
	struct json_reader r;
	struct slice gate;

	doc_begin(&r, doc_get(doc_get(status, "leaving"), "gates"));
	while (doc_next(&r, &gate)) {
		char command[64];
		struct buf answer;
		bool ok = false;

		buf_init(&answer, CONTROL_ANSWER_MAX);
		(void)snprintf(command, sizeof command, "gate %.*s status",
		    (int)(gate.n < 20 ? gate.n : 20), gate.p);
		if (ctl_ask(args, command, &ok, &answer) && ok)
			(void)!ctl_status_print_earlier(
			    gate, buf_slice(&answer), out);
		buf_fini(&answer);
	}
}

int
ctl_status_code(struct slice answer)
{
	struct slice health = doc_get(answer, "health");

	if (slice_is(health, "\"ok\""))
		return 0;
	return slice_is(health, "\"down\"") ? 4 : 3;
}

int
ctl_status(const struct ctl_args *args)
{
	struct buf answer, out;
	bool ok = false, is_answered;
	int status = 1;

	buf_init(&answer, CONTROL_ANSWER_MAX);
	buf_init(&out, OUT_MAX);
	is_answered = ctl_ask(args, "status", &ok, &answer);
	if (is_answered && ok)
		status = ctl_status_code(buf_slice(&answer));
	if (args->json != NULL) {
		(void)printf("%.*s", SLICE_ARG(buf_slice(&answer)));
	} else if (is_answered && !ok) {
		if (doc_add_text(buf_slice(&answer), "text", &out) == OK)
			(void)fprintf(stderr, "weir status: %.*s\n",
			    SLICE_ARG(buf_slice(&out)));
	} else if (is_answered) {
		enum err e = ctl_status_print(buf_slice(&answer), &out);

		ask_earlier(args, buf_slice(&answer), &out);
		if (e == OK)
			(void)printf("%.*s", SLICE_ARG(buf_slice(&out)));
		else
			status = 1;
	}
	buf_fini(&out);
	buf_fini(&answer);
	return status;
}
