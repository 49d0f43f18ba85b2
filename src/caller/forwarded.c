#include "caller/forwarded.h"

/* What a chain that has been read up to here says. */
struct chain {
	const struct address *peer;
	const struct conf_nets *trusted;
	bool has_any, is_bad;
	struct address from;
};

/* Take ${s}, the next entry to the right, which may be no address at all. */
static void
take(struct chain *c, struct slice s)
{
	struct address a;
	bool good = address_parse_host(s, &a) &&
	    !(address_is_local(&a) && !address_is_local(c->peer));

	/* What stands before a trusted proxy is what that one was told. */
	if (good && c->has_any && conf_nets_have(c->trusted, a.ip))
		return;
	c->has_any = true;
	c->is_bad = !good;
	if (good)
		c->from = a;
}

/* One X-Forwarded-For field: addresses between commas. */
static void
take_list(struct chain *c, struct slice value)
{
	while (value.p != NULL)
		take(c, slice_trim(slice_cut(&value, ',')));
}

/*
 * Cut the next `name=value` or `name="value"` off ${s} with the byte that ends
 * it: ';' within an element, ',' between two, 0 at the end.  False: malformed.
 */
static bool
cut_pair(struct slice *s, struct slice *name, struct slice *value, char *end)
{
	size_t eq = slice_find(*s, '='), n;

	*name = slice_trim(slice_to(*s, eq));
	if (eq == s->n || slice_find(*name, ',') < name->n ||
	    slice_find(*name, ';') < name->n)
		return false;
	*s = slice_from(*s, eq + 1);
	if (s->n > 0 && s->p[0] == '"') {
		*s = slice_from(*s, 1);
		n = slice_find(*s, '"');
		/* No address has a byte that needs an escape. */
		if (n == s->n || slice_find(slice_to(*s, n), '\\') < n)
			return false;
		*value = slice_to(*s, n);
		*s = slice_trim(slice_from(*s, n + 1));
		n = 0;
	} else {
		n = 0;
		while (n < s->n && s->p[n] != ';' && s->p[n] != ',')
			n++;
		*value = slice_trim(slice_to(*s, n));
	}
	*end = n < s->n ? s->p[n] : '\0';
	*s = slice_from(*s, n + 1);
	return *end == '\0' || *end == ';' || *end == ',';
}

/* One Forwarded field; false if it is malformed as a whole. */
static bool
take_forwarded(struct chain *c, struct slice value)
{
	static const struct slice wanted = SLICE("for");
	struct slice name, what, from = {0};
	char end = ',';

	do {
		if (!cut_pair(&value, &name, &what, &end))
			return false;
		if (slice_eq_nocase(name, wanted))
			from = what;
		if (end != ';') {
			take(c, from);
			from = slice_of(NULL, 0);
		}
	} while (end != '\0');
	return true;
}

struct address
forwarded_address(const struct http_head *head, const struct address *peer,
    const struct conf_nets *trusted)
{
	static const struct slice list = SLICE("x-forwarded-for");
	static const struct slice rfc7239 = SLICE("forwarded");
	struct chain a = {.peer = peer, .trusted = trusted, .from = *peer};
	struct chain b = a;

	if (peer->is_unix || !conf_nets_have(trusted, peer->ip))
		return *peer;
	for (unsigned i = 0; i < head->n_fields; i++) {
		struct slice name = http_head_name(head, i);
		struct slice value = http_head_value(head, i);

		if (slice_eq_nocase(name, list))
			take_list(&a, value);
		else if (slice_eq_nocase(name, rfc7239) &&
		    !take_forwarded(&b, value))
			return *peer;
	}
	if (a.is_bad || b.is_bad)
		return *peer;
	if (a.has_any && b.has_any &&
	    memcmp(a.from.ip, b.from.ip, sizeof a.from.ip) != 0)
		return *peer;
	return a.has_any ? a.from : b.from;
}
