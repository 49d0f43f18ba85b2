#include "conf/mask.h"
#include "conf/value.h"

#define HIDDEN "..."
enum { TEXT_MAX = 8 * 1024 };

struct slice
mask_host(struct slice url)
{
	size_t at = 0;

	while (at < url.n && url.p[at] != ':')
		at++;
	url = slice_from(url, at + 3 < url.n ? at + 3 : url.n);
	at = 0;
	while (at < url.n && strchr("/?#\\", url.p[at]) == NULL)
		at++;
	url = slice_to(url, at);
	at = slice_rfind(url, '@');
	return at < url.n ? slice_from(url, at + 1) : url;
}

struct slice
mask_command(struct slice command)
{
	return slice_to(command, slice_find(command, ' '));
}

static enum err
print_webhook(struct slice url, struct buf *out)
{
	struct slice scheme = slice_to(url, slice_find(url, ':'));
	struct slice host = mask_host(url);
	struct buf text;
	enum err e;

	buf_init(&text, TEXT_MAX);
	e = buf_printf(
	    &text, "%.*s://%.*s", SLICE_ARG(scheme), SLICE_ARG(host));
	if (e == OK && text.n < url.n)
		e = buf_add_str(&text, "/" HIDDEN);
	if (e == OK)
		e = value_print_text(buf_slice(&text), out);
	buf_fini(&text);
	return e;
}

static enum err
print_command(struct slice command, struct buf *out)
{
	struct slice first = mask_command(command);
	struct buf text;
	enum err e;

	buf_init(&text, TEXT_MAX);
	e = buf_add(&text, first);
	if (e == OK && first.n < command.n)
		e = buf_add_str(&text, " " HIDDEN);
	if (e == OK)
		e = value_print_text(buf_slice(&text), out);
	buf_fini(&text);
	return e;
}

/* Would somebody keep a secret under ${name}? */
static bool
is_secret(struct slice name)
{
	static const struct slice words[] = {SLICE("KEY"), SLICE("TOKEN"),
	    SLICE("SECRET"), SLICE("PASS"), SLICE("CREDENTIAL"), SLICE("AUTH")};

	for (size_t i = 0; i < name.n; i++)
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			if (slice_eq_nocase(
				slice_to(slice_from(name, i), words[k].n),
				words[k]))
				return true;
	return false;
}

static enum err
print_pairs(const struct conf_pairs *p, struct buf *out)
{
	enum err e = p->n > 0 ? buf_add_char(out, '{') : OK;

	for (size_t i = 0; e == OK && i < p->n; i++) {
		struct slice v = p->v[i].value;

		if ((e = buf_add_str(out, i > 0 ? ", " : " ")) != OK ||
		    (e = value_print_text(p->v[i].name, out)) != OK ||
		    (e = buf_add_str(out, ": ")) != OK)
			return e;
		e = value_print_text(
		    is_secret(p->v[i].name) ? slice_str(HIDDEN) : v, out);
	}
	return e == OK && p->n > 0 ? buf_add_str(out, " }") : e;
}

enum err
mask_print(enum conf_kind kind, const void *field, struct buf *out)
{
	struct slice s;

	if (kind == CONF_KIND_PAIRS)
		return print_pairs(field, out);
	if (kind != CONF_KIND_WEBHOOK && kind != CONF_KIND_COMMAND)
		return value_print(kind, field, out);
	memcpy(&s, field, sizeof s);
	if (s.n == 0)
		return OK;
	return kind == CONF_KIND_WEBHOOK ? print_webhook(s, out)
					 : print_command(s, out);
}
