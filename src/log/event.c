#include "log/event.h"
#include "log/stamp.h"
#include "log/text.h"
#include "base/utf8.h"
#include <assert.h>
#include <poll.h>
#include <unistd.h>

#define DEBUG LEVEL_DEBUG
#define INFO LEVEL_INFO
#define WARN LEVEL_WARN
#define ERROR LEVEL_ERROR

static const struct event_fact facts[EVENT_COUNT] = {
#define EVENT(nm, lv, cd, tx, hp)                                              \
	[EVENT_##nm] = {                                                       \
	    .name = #nm, .code = cd, .text = tx, .help = hp, .level = lv},
#include "facts/events.def"
#undef EVENT
};

static const char *const level_names[] = {
    [LEVEL_DEBUG] = "debug",
    [LEVEL_INFO] = "info",
    [LEVEL_WARN] = "warn",
    [LEVEL_ERROR] = "error",
};

/* Where a line grows; what does not fit is left out. */
struct out {
	char *at, *end;
};

const struct event_fact *
event_get(enum event_id id)
{
	assert((unsigned)id < EVENT_COUNT);
	return &facts[id];
}

struct event_arg
event_slice(const char *name, struct slice text)
{
	if (text.p == NULL)
		text.p = ""; /* NULL marks a number */
	return (struct event_arg){name, text, 0};
}

struct event_arg
event_str(const char *name, const char *text)
{
	return event_slice(name, slice_str(text));
}

struct event_arg
event_num(const char *name, int64_t number)
{
	return (struct event_arg){name, {NULL, 0}, number};
}

static void
put(struct out *o, struct slice s)
{
	s = slice_to(s, (size_t)(o->end - o->at));
	o->at = text_put_raw(o->at, s.p, s.n);
}

static void
put_escaped(struct out *o, struct slice s)
{
	size_t room = (size_t)(o->end - o->at);

	if (room <= TEXT_SLACK)
		return;
	s = utf8_cut(s, (room - TEXT_SLACK) / TEXT_GROWTH);
	o->at = text_put(o->at, s);
}

static struct slice
value_of(const struct event_arg *arg, char digits[21])
{
	if (arg->text.p != NULL)
		return utf8_cut(arg->text, EVENT_TEXT_MAX);
	return slice_of(
	    digits, (size_t)(text_put_i64(digits, arg->number) - digits));
}

static const struct event_arg *
find_arg(struct slice name, const struct event_arg *args, size_t n_args)
{
	for (size_t i = 0; i < n_args; i++)
		if (slice_is(name, args[i].name))
			return &args[i];
	return NULL;
}

/* Replace the {name}s of the event's text; one without a value becomes "?". */
size_t
event_sentence(
    char *out, enum event_id id, const struct event_arg *args, size_t n_args)
{
	struct out o = {out, out + EVENT_LINE_MAX};
	struct slice rest = slice_str(event_get(id)->text);
	char digits[21];

	for (;;) {
		const struct event_arg *arg;
		struct slice name;

		put(&o, slice_to(rest, slice_find(rest, '{')));
		rest = slice_from(rest, slice_find(rest, '{') + 1);
		if (rest.n == 0)
			break;
		name = slice_cut(&rest, '}');
		arg = find_arg(name, args, n_args);
		put(&o, arg ? value_of(arg, digits) : slice_str("?"));
	}
	for (char *p = out; p < o.at; p++)
		if (((unsigned char)*p < ' ' && *p != '\n') || *p == 0x7f)
			*p = ' ';
	return (size_t)(o.at - out);
}

size_t
event_format(char *out, int64_t wall_us, enum event_id id,
    const struct event_arg *args, size_t n_args)
{
	struct out o = {out, out + EVENT_LINE_MAX - 64};
	const struct event_fact *f = event_get(id);
	char text[EVENT_LINE_MAX], digits[21];
	struct stamp stamp = {0};
	size_t n = event_sentence(text, id, args, n_args);

	put(&o, slice_str("{\"ts\":\""));
	stamp_put(&stamp, wall_us, o.at);
	o.at += STAMP_LEN;
	put(&o, slice_str("\",\"level\":\""));
	put(&o, slice_str(level_names[f->level]));
	put(&o, slice_str("\",\"event\":\""));
	put(&o, slice_str(f->code));
	put(&o, slice_str("\",\"text\":\""));
	/* A sentence beside itself: half of the room stays for the values. */
	put_escaped(&o, utf8_cut(slice_of(text, n), EVENT_TEXT_MAX / 2));
	put(&o, slice_str("\""));
	for (size_t i = 0; i < n_args; i++) {
		struct slice v = value_of(&args[i], digits);
		struct slice name = slice_str(args[i].name);
		bool is_text = args[i].text.p != NULL;

		/* A value that might not fit whole is left out, never torn. */
		if ((size_t)(o.end - o.at) <
		    name.n + 8 + v.n * TEXT_GROWTH + TEXT_SLACK)
			continue;
		put(&o, slice_str(",\""));
		put(&o, name);
		put(&o, slice_str(is_text ? "\":\"" : "\":"));
		put_escaped(&o, v);
		put(&o, slice_str(is_text ? "\"" : ""));
	}
	o.end += 64;
	put(&o, slice_str("}"));
	return (size_t)(o.at - out);
}

void
event_print(enum event_id id, const struct event_arg *args, size_t n_args)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	char text[EVENT_LINE_MAX + 8] = "weir: ";
	size_t n = 6;
	ssize_t r;

	n += event_sentence(text + n, id, args, n_args);
	text[n++] = '\n';
	/* Nobody waits for somebody who does not read. */
	if (poll(&p, 1, 0) != 1)
		return;
	r = write(STDERR_FILENO, text, n);
	(void)r;
}

void
event_write(struct log *l, int64_t wall_us, enum event_id id,
    const struct event_arg *args, size_t n_args)
{
	char line[EVENT_LINE_MAX];
	size_t n = event_format(line, wall_us, id, args, n_args);

	(void)log_write(l, slice_of(line, n));
	if (!log_is_stdout(l) && isatty(STDERR_FILENO))
		event_print(id, args, n_args);
}
