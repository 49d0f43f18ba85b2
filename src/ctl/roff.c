/*
 * The manual page.  Whatever a user may meet by name (option, error code, log
 * field, event, metric) has its paragraph here, from the table that declares
 * it, so that the manual cannot drift.
 */
#include "conf/option.h"
#include "ctl/manual.h"

/*
 * Append a text of ours: backslashes, hyphens, and dots that begin a line,
 * escaped; what stands in backquotes in bold.
 */
static enum err
text(const char *s, struct buf *out)
{
	bool is_bold = false;
	enum err e = OK;

	if (s[0] == '.' || s[0] == '\'')
		e = buf_add_str(out, "\\&");
	for (; e == OK && *s; s++) {
		if (*s == '\\')
			e = buf_add_str(out, "\\e");
		else if (*s == '-')
			e = buf_add_str(out, "\\-");
		else if (*s == '`')
			e = buf_add_str(
			    out, (is_bold = !is_bold) ? "\\fB" : "\\fR");
		else
			e = buf_add_char(out, *s);
	}
	return e;
}

/* Append a text as lines of their own, if it is not empty. */
static enum err
line(const char *s, struct buf *out)
{
	enum err e;

	if (s[0] == '\0')
		return OK;
	e = text(s, out);
	return e == OK ? buf_add_char(out, '\n') : e;
}

/* Append a help as a sentence: with a full stop, if nothing else ends it. */
static enum err
sentence(const char *s, struct buf *out)
{
	size_t n = strlen(s);
	enum err e = text(s, out);

	if (e == OK && (n == 0 || strchr(".?!", s[n - 1]) == NULL))
		e = buf_add_char(out, '.');
	return e == OK ? buf_add_char(out, '\n') : e;
}

static enum err
section(const char *title, const char *intro, struct buf *out)
{
	enum err e = buf_printf(out, ".SH %s\n", title);

	return e == OK ? line(intro, out) : e;
}

/* Begin a paragraph with ${term} in bold and ${rest} behind it. */
static enum err
term(const char *name, const char *rest, struct buf *out)
{
	enum err e = buf_add_str(out, ".TP\n\\fB");

	if (e == OK)
		e = text(name, out);
	if (e == OK)
		e = buf_add_str(out, rest[0] ? "\\fR " : "\\fR\n");
	return e == OK ? line(rest, out) : e;
}

/* A line `-c, --config FILE: what it is`. */
static enum err
flag(const struct ctl_flag *f, struct buf *out)
{
	enum err e = buf_printf(out,
	    ".br\n\\fB\\-%c\\fR, \\fB\\-\\-%s\\fR%s%s: ", f->letter, f->word,
	    f->value[0] ? " " : "", f->value);

	return e == OK ? line(f->help, out) : e;
}

static enum err
commands(struct buf *out)
{
	enum err e = section("COMMANDS", "", out);
	size_t n;
	const struct ctl_flag *f = ctl_flags(&n);

	for (unsigned c = 0; e == OK && c < CTL_COUNT; c++) {
		const struct ctl_fact *k = ctl_fact_get(c);

		if (k->is_hidden)
			continue;
		if ((e = term(k->words, k->operands, out)) != OK ||
		    (e = sentence(k->help, out)) != OK ||
		    (e = line(k->more, out)) != OK)
			return e;
		for (size_t i = 0; e == OK && i < n; i++)
			if (f[i].command == c)
				e = flag(&f[i], out);
	}
	return e;
}

/* What values an option takes, and what it is without one. */
static enum err
option(const struct conf_table *t, const struct conf_option *o, struct buf *out)
{
	enum err e = buf_add_str(out, ".TP\n\\fB");

	if (e == OK && t->is_map)
		e = buf_printf(out, "%s.NAME.", t->name);
	else if (e == OK && t->name[0])
		e = buf_printf(out, "%s[].", t->name);
	if (e != OK || (e = text(o->path, out)) != OK ||
	    (e = buf_add_str(out, "\\fR (")) != OK ||
	    (e = text(conf_kind_wants(o->kind), out)) != OK)
		return e;
	if (o->preset[0] &&
	    ((e = buf_add_str(out, "; default ")) != OK ||
		(e = text(o->preset, out)) != OK))
		return e;
	if ((e = buf_add_str(out, ")\n")) != OK ||
	    (e = sentence(o->help, out)) != OK ||
	    (e = line(o->more, out)) != OK)
		return e;
	if (e == OK && o->needs_restart)
		e = line("A change needs a restart.", out);
	return e;
}

static enum err
options(struct buf *out)
{
	enum err e = section("CONFIGURATION",
	    "One YAML file, all of it optional; a dot stands for a level of "
	    "indentation.  `weir check` shows what is in force.  Times are "
	    "written as 500ms, 10s, 5min, 1h, 1d or forever, sizes as 64MiB "
	    "or 1GB; null is the default.",
	    out);

	for (unsigned i = 0; e == OK && i < CONF_TABLE_COUNT; i++) {
		const struct conf_table *t = conf_table_get(i);

		if (t->name[0])
			e = buf_printf(out, ".SS %s\n", t->name);
		if (e == OK && t->name[0])
			e = sentence(t->help, out);
		for (size_t k = t->is_map; e == OK && k < t->n; k++)
			e = option(t, &t->v[k], out);
	}
	return e;
}

static enum err
errors(struct buf *out)
{
	enum err e = section("ERRORS",
	    "What callers are told, by the code that stands in the answer, in "
	    "the log's err and in the metrics.",
	    out);

	for (unsigned i = 1; e == OK && i < ERR_COUNT; i++) {
		const struct err_fact *f = err_get(i);

		if (f->status == 0)
			continue;
		if ((e = buf_printf(out, ".TP\n\\fB%s\\fR (%d)\n", f->code,
			 f->status)) != OK ||
		    (e = line(f->text, out)) != OK ||
		    (e = buf_add_str(out, ".br\nCause: ")) != OK ||
		    (e = line(f->cause, out)) != OK)
			return e;
		if (f->cure[0] && (e = buf_add_str(out, ".br\nCure: ")) == OK)
			e = line(f->cure, out);
	}
	return e;
}

/* A name with its text: rows of the tables below. */
struct entry {
	const char *name, *rest, *help;
};

static enum err
entries(const struct entry *v, size_t n, struct buf *out)
{
	enum err e = OK;

	for (size_t i = 0; e == OK && i < n; i++)
		if ((e = term(v[i].name, v[i].rest, out)) == OK)
			e = line(v[i].help, out);
	return e;
}

static enum err
log_fields(struct buf *out)
{
	static const struct entry fields[] = {
#define LOG_FIELD(member, key, kind, help) {key, "", help},
#include "facts/log_fields.def"
#undef LOG_FIELD
	};
	static const struct entry edits[] = {
#define EDIT(nm, name, help) {name, "", help},
#include "facts/edits.def"
#undef EDIT
	};
	enum err e = section("LOG",
	    "One JSON line for each request, with these fields in this order; "
	    "what is not known is left out.  Never any content.",
	    out);

	if (e == OK)
		e = entries(fields, sizeof fields / sizeof fields[0], out);
	if (e == OK)
		e = buf_add_str(out,
		    ".SS Edits\nChanges of a request's body, "
		    "as they stand in edits.\n");
	return e == OK ? entries(edits, sizeof edits / sizeof edits[0], out)
		       : e;
}

static enum err
events(struct buf *out)
{
	static const struct entry v[] = {
#define EVENT(nm, level, code, text, help) {code, text, help},
#include "facts/events.def"
#undef EVENT
	};
	enum err e =
	    section("EVENTS", "Lines about weir itself, in the same log.", out);

	return e == OK ? entries(v, sizeof v / sizeof v[0], out) : e;
}

static enum err
alerts(struct buf *out)
{
	static const struct entry v[] = {
#define ALERT(nm, code, level, lasting, help) {code, #lasting, help},
#include "facts/alerts.def"
#undef ALERT
	};
	enum err e = section("ALERTS",
	    "What those whom alerts names are told of: LASTING ones when they "
	    "have lasted for `after`, the others at once; again after each "
	    "`remind`, and when they are over.",
	    out);

	return e == OK ? entries(v, sizeof v / sizeof v[0], out) : e;
}

static enum err
metrics(struct buf *out)
{
	static const struct entry v[] = {
#define NO_LABELS ""
#define LABELS(...) #__VA_ARGS__
#define METRIC(nm, kind, name, labels, help) {name, labels, help},
#include "facts/metrics.def"
#undef METRIC
#undef LABELS
#undef NO_LABELS
	};
	enum err e = section("METRICS",
	    "At /metrics, in the Prometheus text format, with their labels.",
	    out);

	return e == OK ? entries(v, sizeof v / sizeof v[0], out) : e;
}

static enum err
frame(struct buf *out)
{
	return buf_add_str(out,
	    ".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"\"\n"
	    ".SH NAME\nweir \\- stands between callers and local LLM engines\n"
	    ".SH SYNOPSIS\n\\fBweir\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR]\n"
	    ".SH DESCRIPTION\n"
	    "weir is a small daemon between callers (apps, agents, people) and "
	    "the LLM engines of a machine (Ollama, llama\\-server, vLLM, LM "
	    "Studio and others).  It knows every caller, limits its requests, "
	    "keeps a bounded line before each engine, streams answers through "
	    "untouched, and writes one JSON line for each request, never its "
	    "content.  Callers go on to speak the API that they speak today.\n"
	    ".SH FILES\n"
	    "The configuration is the file of \\-c, else \\fB$WEIR_CONFIG\\fR, "
	    "\\fI./weir.yaml\\fR, \\fI/etc/weir/weir.yaml\\fR; with none of "
	    "them the defaults hold.\n"
	    ".SH EXIT STATUS\n"
	    "0: done.  1: it failed, and standard error says why.  2: the "
	    "command line is wrong.\n");
}

enum err
ctl_man_print(struct buf *out)
{
	static enum err (*const parts[])(struct buf *) = {frame, commands,
	    options, errors, log_fields, events, alerts, metrics};
	enum err e = OK;

	for (size_t i = 0; e == OK && i < sizeof parts / sizeof parts[0]; i++)
		e = parts[i](out);
	return e;
}
