/*
 * The data of a part may be megabytes of sound; it is searched for the
 * delimiter a budget at a time and never looked at otherwise.
 */
#include "dialect/form.h"
#include "dialect/field.h"
#include "model/name.h"

enum {
	BOUNDARY_MAX = 70, /* RFC 2046 */
	HEAD_MAX = 4096,
	/* Modes of the inspection; 0 is the start. */
	FORM_START = 0,
	FORM_NEXT, /* behind a delimiter */
	FORM_DATA
};

static const struct slice crlf = SLICE("\r\n");

static bool
bad(struct inspect *in, const char *reason)
{
	return field_refuse(in, ERR_BODY_NOT_FORM, slice_of(NULL, 0), reason);
}

/* What is left of the body. */
static struct slice
rest_of(const struct inspect *in)
{
	return slice_from(in->opt.body, in->at);
}

/* Go past ${s}, if the rest begins with it. */
static bool
eat(struct inspect *in, struct slice s)
{
	if (!slice_starts(rest_of(in), s))
		return false;
	in->at += s.n;
	return true;
}

static bool
is_boundary(struct slice s)
{
	if (s.n == 0 || s.n > BOUNDARY_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"\\;<>@[]", s.p[i]) != NULL)
			return false;
	return true;
}

/* A parameter's value without its quotes; false if it has others. */
static bool
unquote(struct slice *s)
{
	if (s->n >= 2 && s->p[0] == '"' && s->p[s->n - 1] == '"')
		*s = slice_of(s->p + 1, s->n - 2);
	return slice_find(*s, '"') == s->n && slice_find(*s, '\\') == s->n;
}

/* Cut the next `key=value` off ${params}, which semicolons divide. */
static bool
next_param(struct slice *params, struct slice *key, struct slice *value)
{
	struct slice part;
	size_t end = 0;
	bool quoted = false;

	if (params->n == 0)
		return false;
	while (end < params->n && (quoted || params->p[end] != ';'))
		quoted ^= params->p[end++] == '"';
	part = slice_to(*params, end);
	*params = slice_from(*params, end < params->n ? end + 1 : end);
	*key = slice_trim(slice_cut(&part, '='));
	*value = slice_trim(part);
	return true;
}

static bool
is_called(struct slice s, const char *name)
{
	return slice_eq_nocase(s, slice_str(name));
}

/* The boundary in the Content-Type. */
static bool
read_type(struct inspect *in)
{
	struct slice params = in->opt.content_type, key, value;
	struct slice type = slice_trim(slice_cut(&params, ';'));

	if (!is_called(type, "multipart/form-data"))
		return bad(in, "the Content-Type is not multipart/form-data");
	while (next_param(&params, &key, &value)) {
		if (!is_called(key, "boundary"))
			continue;
		if (in->boundary.n > 0)
			return bad(in, "there are two boundaries");
		if (!unquote(&value) || !is_boundary(value))
			return bad(in, "the boundary is not valid");
		in->boundary = value;
	}
	return in->boundary.n > 0 || bad(in, "there is no boundary");
}

static bool
start(struct inspect *in)
{
	static const struct slice dashes = SLICE("--");

	if (in->opt.body.n == 0)
		return field_refuse(
		    in, ERR_BODY_MISSING, slice_of(NULL, 0), "");
	if (!read_type(in))
		return false;
	if (!eat(in, dashes) || !eat(in, in->boundary))
		return bad(in, "it does not begin with the boundary");
	in->mode = FORM_NEXT;
	return true;
}

/* --- a part --- */

/* The field that ${name} is, FIELD_NONE if weir does not read it. */
static bool
find_field(struct inspect *in, struct slice name)
{
	static const enum field known[] = {FIELD_MODEL, FIELD_STREAM};

	in->field = FIELD_NONE;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct slice key = inspect_key(known[i]);

		if (!slice_eq_nocase(name, key))
			continue;
		if (!slice_eq(name, key))
			return field_refuse(in, ERR_FIELD_SPELLING, key, "");
		if (in->raw[known[i]].p != NULL)
			return field_refuse(in, ERR_FIELD_DUPLICATE, key, "");
		in->field = (uint8_t)known[i];
	}
	return true;
}

static bool
read_disposition(struct inspect *in, struct slice params)
{
	struct slice key, value, name = {0};

	/* Parsers do not agree on what it escapes. */
	if (slice_find(params, '\\') < params.n)
		return bad(in, "there is a backslash in a part's head");
	if (!is_called(slice_trim(slice_cut(&params, ';')), "form-data"))
		return bad(in, "a part is no form-data");
	while (next_param(&params, &key, &value)) {
		if (is_called(key, "name")) {
			if (name.p != NULL || !unquote(&value) || value.n == 0)
				return bad(in, "a part's name is not valid");
			name = value;
		} else if (!is_called(key, "filename") &&
		    !is_called(key, "filename*")) {
			return bad(in, "a part has an unknown parameter");
		}
	}
	return name.p != NULL ? find_field(in, name)
			      : bad(in, "a part has no name");
}

static bool
is_identity(struct slice encoding)
{
	return is_called(encoding, "binary") || is_called(encoding, "8bit") ||
	    is_called(encoding, "7bit");
}

/* One line of a part's head; ${seen} counts the dispositions. */
static bool
read_line(struct inspect *in, struct slice line, unsigned *seen)
{
	struct slice name = slice_cut(&line, ':');

	if (line.p == NULL || name.n == 0 || slice_trim(name).n != name.n ||
	    slice_find(line, '\r') < line.n || slice_find(line, '\n') < line.n)
		return bad(in, "a line of a part's head is not valid");
	line = slice_trim(line);
	if (is_called(name, "Content-Disposition"))
		return (*seen)++ == 0
		    ? read_disposition(in, line)
		    : bad(in, "a part has two Content-Dispositions");
	if (is_called(name, "Content-Transfer-Encoding") && !is_identity(line))
		return bad(in, "a part has a transfer encoding");
	return true;
}

static bool
read_head(struct inspect *in)
{
	struct slice head = slice_to(rest_of(in), HEAD_MAX);
	unsigned seen = 0;

	for (;;) {
		const char *end = memmem(head.p, head.n, crlf.p, crlf.n);
		struct slice line;

		if (end == NULL)
			return bad(in, "a part's head does not end");
		line = slice_of(head.p, (size_t)(end - head.p));
		in->at += line.n + crlf.n;
		head = slice_from(head, line.n + crlf.n);
		if (line.n == 0)
			break;
		if (!read_line(in, line, &seen))
			return false;
	}
	if (seen == 0)
		return bad(in, "a part has no Content-Disposition");
	in->value_at = in->at;
	in->mode = FORM_DATA;
	return true;
}

/* --- data --- */

static bool
take(struct inspect *in, struct slice value)
{
	enum field f = in->field;

	if (f == FIELD_NONE)
		return true;
	in->raw[f] = value;
	if (f == FIELD_MODEL) {
		if (value.n > MODEL_NAME_MAX)
			return field_refuse(
			    in, ERR_MODEL_NAME, inspect_key(f), "");
		in->model = value;
		return true;
	}
	in->has_stream = true;
	in->is_stream = is_called(value, "true") || slice_is(value, "1");
	return true;
}

/* Is ${s} the delimiter, CRLF -- boundary? */
static bool
is_delimiter(const struct inspect *in, struct slice s)
{
	return s.n >= 4 + in->boundary.n && memcmp(s.p, "\r\n--", 4) == 0 &&
	    memcmp(s.p + 4, in->boundary.p, in->boundary.n) == 0;
}

/* Search the data up to ${end}; INSPECT_DONE: the delimiter was found. */
static enum inspect_step
search(struct inspect *in, size_t end)
{
	struct slice body = in->opt.body;

	while (in->at < end) {
		const char *cr = memchr(body.p + in->at, '\r', end - in->at);

		in->at = cr ? (size_t)(cr - body.p) : end;
		if (cr != NULL && is_delimiter(in, rest_of(in)))
			return INSPECT_DONE;
		in->at += cr != NULL;
	}
	if (in->at < body.n)
		return INSPECT_MORE;
	(void)bad(in, "it breaks off before its end");
	return INSPECT_REFUSED;
}

static enum inspect_step
finish(struct inspect *in)
{
	(void)eat(in, crlf);
	if (in->at < in->opt.body.n)
		(void)bad(in, "there is something behind its end");
	else if (in->model.n == 0 && !in->opt.is_model_optional)
		(void)field_refuse(
		    in, ERR_MODEL_MISSING, inspect_key(FIELD_MODEL), "");
	else
		return INSPECT_DONE;
	return INSPECT_REFUSED;
}

/* Behind a delimiter: the next part's head, or the end. */
static enum inspect_step
next(struct inspect *in)
{
	static const struct slice last = SLICE("--");

	if (eat(in, last))
		return finish(in);
	if (!eat(in, crlf))
		(void)bad(in, "a boundary line is not valid");
	else if (read_head(in))
		return INSPECT_MORE;
	return INSPECT_REFUSED;
}

enum inspect_step
form_run(struct inspect *in, size_t budget)
{
	enum inspect_step step;
	size_t end;

	if (in->mode == FORM_START && !start(in))
		return INSPECT_REFUSED;
	end = in->at + slice_to(rest_of(in), budget).n;
	do {
		if (in->mode == FORM_NEXT && (step = next(in)) != INSPECT_MORE)
			return step;
		if ((step = search(in, end)) != INSPECT_DONE)
			return step;
		if (!take(in,
			slice_of(in->opt.body.p + in->value_at,
			    in->at - in->value_at)))
			return INSPECT_REFUSED;
		in->at += 4 + in->boundary.n;
		in->mode = FORM_NEXT;
	} while (in->at < end);
	return INSPECT_MORE;
}
