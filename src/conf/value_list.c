#include "conf/value_list.h"
#include <stdio.h>

/* Reads one item of a list into ${item}. */
typedef bool item_fn(
    struct value_reader *, const struct tree_node *, void *item);

/*
 * Read ${n}, one item or a list of them, each of ${size} bytes; the number of
 * items goes to ${count}.  NULL: something was wrong.
 */
static void *
read_items(struct value_reader *r, const struct tree_node *n, size_t size,
    item_fn *read, size_t *count)
{
	const struct tree_node *one = n->kind == TREE_LIST ? n->first : n;
	size_t most = (size_t)r->option->max, i = 0;
	bool is_ok = true;
	char why[80], *v;

	*count = 0;
	for (const struct tree_node *k = one; k; k = k->next) {
		++*count;
		if (n->kind != TREE_LIST)
			break;
	}
	if (*count < (size_t)r->option->min || *count > most) {
		(void)snprintf(why, sizeof why, "has %s %lld items, not %zu",
		    *count > most ? "at most" : "at least",
		    (long long)(*count > most ? r->option->max
					      : r->option->min),
		    *count);
		value_refuse(r, n, why);
		return NULL;
	}
	if ((v = arena_alloc(r->a, *count * size + 1)) == NULL) {
		r->is_out_of_memory = true;
		return NULL;
	}
	for (const struct tree_node *k = one; i < *count; k = k->next, i++) {
		memset(v + i * size, 0, size);
		if (tree_is_null(k)) {
			value_refuse(r, k, "has an empty item");
			is_ok = false;
		} else if (!read(r, k, v + i * size)) {
			is_ok = false;
		}
	}
	return is_ok ? v : NULL;
}

enum { ITEM_BYTES_MAX = 1024, NAME_BYTES_MAX = 256 };

static bool
read_text(struct value_reader *r, const struct tree_node *n, void *item)
{
	const struct slice *s = value_scalar(r, n);

	if (s == NULL)
		return false;
	if (s->n > 0 && s->n <= ITEM_BYTES_MAX)
		return value_copy(r, *s, item);
	value_refuse(r, n,
	    s->n == 0 ? "has an empty item"
		      : "has an item of more than 1024 bytes");
	return false;
}

bool
value_read_texts(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_texts *t = field;
	size_t count;
	struct slice *v = read_items(r, n, sizeof *v, read_text, &count);

	if (v != NULL)
		*t = (struct conf_texts){v, count};
	return v != NULL;
}

static bool
read_net(struct value_reader *r, const struct tree_node *n, void *item)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];

	if (s == NULL)
		return false;
	if (value_net(*s, item, meant) == OK)
		return true;
	value_wrong(r, n, meant);
	return false;
}

bool
value_read_nets(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_nets *t = field;
	size_t count;
	struct conf_net *v = read_items(r, n, sizeof *v, read_net, &count);

	if (v != NULL)
		*t = (struct conf_nets){v, count};
	return v != NULL;
}

/* The canonical text that ${b} holds, or not if ${e}, as a copy. */
static bool
copy_printed(
    struct value_reader *r, enum err e, const struct buf *b, struct slice *out)
{
	if (e == OK)
		return value_copy(r, buf_slice(b), out);
	r->is_out_of_memory = true;
	return false;
}

static bool
read_listen(struct value_reader *r, const struct tree_node *n, void *item)
{
	const struct slice *s = value_scalar(r, n);
	struct conf_listen *l = item;
	char meant[VALUE_MEANT_MAX];
	struct buf b;
	bool is_ok;
	enum err e;

	if (s == NULL)
		return false;
	if (value_listen(*s, l, meant) != OK) {
		value_wrong(r, n, meant);
		return false;
	}
	buf_init(&b, 256);
	e = value_print_listen(l, &b);
	is_ok = copy_printed(r, e, &b, &l->text) &&
	    value_copy(r, l->path, &l->path);
	buf_fini(&b);
	return is_ok;
}

static const struct tree_node *
item_at(const struct tree_node *list, size_t i)
{
	const struct tree_node *k = list->first;

	while (i-- > 0)
		k = k->next;
	return k;
}

bool
value_read_listens(
    struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_listens *t = field;
	size_t count;
	struct conf_listen *v =
	    read_items(r, n, sizeof *v, read_listen, &count);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++) {
			bool is_free = v[i].family != CONF_UNIX && !v[i].port;

			if (is_free || !slice_eq(v[i].text, v[j].text))
				continue;
			value_refuse(r, item_at(n, i), "has an address twice");
			return false;
		}
	*t = (struct conf_listens){v, count};
	return true;
}

bool
value_read_url(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];
	struct conf_url *u = field;
	const char *why;
	struct buf b;
	bool is_ok;
	enum err e;

	if (s == NULL)
		return false;
	if (value_url(*s, u, meant, &why) != OK) {
		if (why != NULL)
			value_refuse(r, n, why);
		else
			value_wrong(r, n, meant);
		return false;
	}
	buf_init(&b, 2048);
	if (u->path.n > 0)
		e = buf_printf(&b, "unix:%.*s", SLICE_ARG(u->path));
	else if (slice_find(u->host, ':') < u->host.n)
		e = buf_printf(
		    &b, "http://[%.*s]:%u", SLICE_ARG(u->host), u->port);
	else
		e = buf_printf(
		    &b, "http://%.*s:%u", SLICE_ARG(u->host), u->port);
	is_ok = copy_printed(r, e, &b, &u->text) &&
	    value_copy(r, u->host, &u->host) &&
	    value_copy(r, u->path, &u->path);
	buf_fini(&b);
	u->authority = u->path.n > 0 ? (struct slice)SLICE("localhost")
				     : slice_from(u->text, 7);
	return is_ok;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
read_hash(struct slice hex, struct conf_key *k)
{
	if (hex.n != 2 * sizeof k->sha256)
		return false;
	for (size_t i = 0; i < sizeof k->sha256; i++) {
		int high = hex_digit(hex.p[2 * i]);
		int low = hex_digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		k->sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
read_key(struct value_reader *r, const struct tree_node *n, void *item)
{
	static const struct slice prefix = SLICE("sha256:");
	struct conf_key no;

	if (n->kind != TREE_SCALAR) {
		value_wrong(r, n, NULL);
		return false;
	}
	if (slice_starts(n->text, prefix)) {
		if (read_hash(slice_from(n->text, prefix.n), item))
			return true;
		value_refuse(r, n,
		    "is not valid: behind sha256: stand 64 hexadecimal "
		    "digits");
		return false;
	}
	value_refuse(r, n,
	    read_hash(n->text, &no)
		? "lacks its form: write sha256: before the digits"
		: "wants the SHA-256 of a key, never the key itself: write "
		  "sha256:HEX with HEX from `printf %s KEY | sha256sum`, or "
		  "let "
		  "`weir key add NAME` make a key");
	return false;
}

bool
value_read_keys(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_keys *t = field;
	size_t count;
	struct conf_key *v = read_items(r, n, sizeof *v, read_key, &count);

	if (v != NULL)
		*t = (struct conf_keys){v, count};
	return v != NULL;
}

bool
value_read_pairs(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_pairs *t = field;
	struct conf_pair *v;
	size_t count = 0, i = 0;
	bool is_ok = true;

	if (n->kind != TREE_MAP) {
		value_wrong(r, n, NULL);
		return false;
	}
	for (const struct tree_node *k = n->first; k; k = k->next)
		count++;
	if (count > (size_t)r->option->max) {
		value_refuse(r, n, "has too many names");
		return false;
	}
	if ((v = arena_alloc(r->a, count * sizeof *v + 1)) == NULL) {
		r->is_out_of_memory = true;
		return false;
	}
	for (const struct tree_node *k = n->first; k; k = k->next, i++) {
		const struct slice *s = value_scalar(r, k->value);

		if (k->text.n == 0 || k->text.n > NAME_BYTES_MAX ||
		    slice_find(k->text, '=') < k->text.n) {
			value_refuse(r, k,
			    "has a name that is empty, too long or has =");
			is_ok = false;
		} else if (s == NULL || !value_copy(r, k->text, &v[i].name) ||
		    !value_copy(r, *s, &v[i].value)) {
			is_ok = false;
		}
	}
	*t = (struct conf_pairs){v, count};
	return is_ok;
}
