#include "alert/message.h"
#include "json/write.h"
#include <time.h>

enum { US_PER_S = 1000000, YEAR_S = 365 * 24 * 3600, GRACE_S = 600 };

static const char *
level_word(enum level l)
{
	static const char *const words[] = {
	    "debug", "info", "warning", "critical"};

	return words[l];
}

/* RFC 3339. */
static void
write_time(struct json_writer *w, const char *key, int64_t s)
{
	time_t t = (time_t)s;
	char text[32];
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		json_str(w, key,
		    slice_of(text,
			strftime(
			    text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm)));
}

/* "weir on HOST: TEXT (resolved)". */
static enum err
add_sentence(const struct alert_message *m, struct buf *b)
{
	const char *prefix = m->is_over ? "resolved: " : "";

	return buf_printf(b, "%s%.*s", prefix, SLICE_ARG(m->text));
}

static enum err
add_title(const struct alert_message *m, struct buf *b)
{
	return buf_printf(
	    b, "weir on %.*s: %s %s", SLICE_ARG(m->host), m->code, m->state);
}

/* --- shapes --- */

static void
write_json(struct json_writer *w, const struct alert_message *m)
{
	json_object_begin(w, NULL);
	json_str(w, "alert", slice_str(m->code));
	json_str(w, "state", slice_str(m->state));
	json_str(w, "level", slice_str(level_word(m->level)));
	json_str(w, "subject", m->subject);
	json_str(w, "text", m->text);
	json_str(w, "host", m->host);
	write_time(w, "since", m->since_s);
	write_time(w, "at", m->now_s);
	json_object_end(w);
}

static enum err
write_slack(struct json_writer *w, const struct alert_message *m)
{
	struct buf b;
	enum err e;

	buf_init(&b, ALERT_BODY_MAX);
	if ((e = add_title(m, &b)) == OK && (e = buf_add_char(&b, '\n')) == OK)
		e = add_sentence(m, &b);
	json_object_begin(w, NULL);
	json_str(w, "text", buf_slice(&b));
	json_object_end(w);
	buf_fini(&b);
	return e;
}

/*
 * Alertmanager takes an alert for resolved when its end has passed: it must be
 * behind the next reminder.
 */
static int64_t
end_s(const struct alert_message *m)
{
	if (m->is_over)
		return m->now_s;
	if (m->remind_us >= (int64_t)YEAR_S * US_PER_S)
		return m->now_s + YEAR_S;
	return m->now_s + m->remind_us / US_PER_S + GRACE_S;
}

static void
write_alertmanager(struct json_writer *w, const struct alert_message *m)
{
	json_array_begin(w, NULL);
	json_object_begin(w, NULL);
	json_object_begin(w, "labels");
	json_str(w, "alertname", slice_str(m->code));
	json_str(w, "job", (struct slice)SLICE("weir"));
	json_str(w, "instance", m->host);
	json_str(w, "subject", m->subject);
	json_str(w, "severity", slice_str(level_word(m->level)));
	json_object_end(w);
	json_object_begin(w, "annotations");
	json_str(w, "summary", m->text);
	json_object_end(w);
	write_time(w, "startsAt", m->since_s);
	write_time(w, "endsAt", end_s(m));
	json_object_end(w);
	json_array_end(w);
}

enum err
alert_body(
    enum conf_shape shape, const struct alert_message *m, struct buf *out)
{
	struct json_writer w;
	enum err e = OK;

	json_writer_init(&w, out);
	switch (shape) {
	case CONF_SHAPE_JSON:
		write_json(&w, m);
		break;
	case CONF_SHAPE_SLACK:
		e = write_slack(&w, m);
		break;
	case CONF_SHAPE_NTFY:
		return add_sentence(m, out);
	case CONF_SHAPE_ALERTMANAGER:
		write_alertmanager(&w, m);
		break;
	}
	return e != OK ? e : w.err;
}

enum err
alert_fields(
    enum conf_shape shape, const struct alert_message *m, struct buf *out)
{
	enum err e;

	if (shape != CONF_SHAPE_NTFY)
		return buf_add_str(out, "Content-Type: application/json\n");
	if ((e = buf_add_str(out, "Content-Type: text/plain\nTitle: ")) != OK ||
	    (e = add_title(m, out)) != OK)
		return e;
	return buf_printf(out, "\nPriority: %s\nTags: %s\n",
	    m->is_over			  ? "default"
		: m->level == LEVEL_ERROR ? "high"
					  : "default",
	    m->is_over ? "white_check_mark" : "warning");
}

static enum err
add_variable(struct buf *out, const char *name, struct slice value)
{
	enum err e;

	/* A NUL would end it early. */
	value = slice_to(value, slice_find(value, '\0'));
	if ((e = buf_add_str(out, name)) != OK ||
	    (e = buf_add_char(out, '=')) != OK ||
	    (e = buf_add(out, value)) != OK)
		return e;
	return buf_add_char(out, '\0');
}

enum err
alert_variables(const struct alert_message *m, struct buf *out)
{
	struct buf json;
	enum err e;

	buf_init(&json, ALERT_BODY_MAX);
	if ((e = add_variable(out, "WEIR_ALERT", slice_str(m->code))) == OK &&
	    (e = add_variable(out, "WEIR_ALERT_STATE", slice_str(m->state))) ==
		OK &&
	    (e = add_variable(out, "WEIR_ALERT_LEVEL",
		 slice_str(level_word(m->level)))) == OK &&
	    (e = add_variable(out, "WEIR_ALERT_SUBJECT", m->subject)) == OK &&
	    (e = add_variable(out, "WEIR_ALERT_TEXT", m->text)) == OK &&
	    (e = add_variable(out, "WEIR_ALERT_HOST", m->host)) == OK &&
	    (e = alert_body(CONF_SHAPE_JSON, m, &json)) == OK)
		e = add_variable(out, "WEIR_ALERT_JSON", buf_slice(&json));
	buf_fini(&json);
	return e;
}
