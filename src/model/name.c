/*
 * A name is written out once in full, lower case; every other form is a part
 * of that text.
 */
#include "model/name.h"

static const struct slice default_host = SLICE("registry.ollama.ai");
static const struct slice default_space = SLICE("library");
static const struct slice default_tag = SLICE("latest");

enum { HOST_MAX = 350, PART_MAX = 80 };

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Begins with a letter, digit or _; goes on with those, - and ${more}. */
static bool
is_part(struct slice s, size_t max, const char *more)
{
	if (s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_')
			continue;
		if (i == 0 || c == 0)
			return false;
		if (c != '-' && strchr(more, c) == NULL)
			return false;
	}
	return true;
}

/* Bytes that some engine's names have. */
static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' ||
		    s.p[i] == '\\')
			return false;
	return true;
}

/* Cut ${s} behind its last ${sep}: returns that, leaves what is before. */
static bool
cut_last(struct slice *s, char sep, struct slice *tail)
{
	size_t at = slice_rfind(*s, sep);

	if (at == s->n)
		return false;
	*tail = slice_from(*s, at + 1);
	s->n = at;
	return true;
}

static void
append(struct name *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		out->text[out->n + i] = lower(s.p[i]);
	out->n = (uint16_t)(out->n + s.n);
}

static void
append_char(struct name *out, char c)
{
	out->text[out->n++] = c;
}

static bool
is_cloud_tag(struct slice tag)
{
	return slice_is(tag, "cloud") ||
	    slice_ends(tag, (struct slice)SLICE("-cloud"));
}

static void
make_opaque(struct slice raw, struct name *out)
{
	struct slice all, tag;

	*out = (struct name){.opaque = true};
	append(out, raw);
	out->tag_at = (uint16_t)(out->n + 1);
	all = slice_of(out->text, out->n);
	out->cloud = cut_last(&all, ':', &tag) && is_cloud_tag(tag);
}

/* Cut into the four parts as Ollama does; false if a part is not valid. */
static bool
split(struct slice s, struct slice part[4])
{
	struct slice host = default_host;
	size_t colon, slash;

	part[1] = default_space;
	part[3] = default_tag;
	colon = slice_rfind(s, ':');
	slash = slice_rfind(s, '/');
	if (colon < s.n && (slash == s.n || colon > slash) &&
	    !cut_last(&s, ':', &part[3]))
		return false;
	part[2] = s;
	if (cut_last(&s, '/', &part[2])) {
		part[1] = s;
		if (cut_last(&s, '/', &part[1])) {
			host = s;
			for (size_t i = 0; i + 3 <= s.n; i++)
				if (memcmp(s.p + i, "://", 3) == 0) {
					host = slice_from(s, i + 3);
					break;
				}
		}
	}
	part[0] = host;
	return is_part(part[0], HOST_MAX, ".:") &&
	    is_part(part[1], PART_MAX, "") && is_part(part[2], PART_MAX, ".") &&
	    is_part(part[3], PART_MAX, ".");
}

enum err
name_parse(struct slice raw, struct name *out)
{
	static const struct slice local = SLICE(":local");
	struct slice s = raw, part[4];

	if (raw.n == 0)
		return ERR_MODEL_MISSING;
	if (raw.n > MODEL_NAME_MAX || !is_plain(raw))
		return ERR_MODEL_NAME;
	if (s.n > local.n &&
	    slice_eq_nocase(slice_from(s, s.n - local.n), local))
		s.n -= local.n;
	if (!split(s, part)) {
		make_opaque(raw, out);
		return OK;
	}
	out->opaque = false;
	out->n = 0;
	append(out, part[0]);
	append_char(out, '/');
	out->space_at = out->n;
	append(out, part[1]);
	append_char(out, '/');
	out->model_at = out->n;
	append(out, part[2]);
	append_char(out, ':');
	out->tag_at = out->n;
	append(out, part[3]);
	out->cloud = is_cloud_tag(name_tag(out));
	return OK;
}

struct slice
name_full(const struct name *n)
{
	return slice_of(n->text, n->n);
}

struct slice
name_tag(const struct name *n)
{
	return slice_from(name_full(n), n->tag_at);
}

struct slice
name_tagged(const struct name *n)
{
	struct slice host, space;
	size_t from = 0;

	if (n->opaque)
		return name_full(n);
	host = slice_of(n->text, (size_t)n->space_at - 1);
	space = slice_of(
	    n->text + n->space_at, (size_t)(n->model_at - n->space_at) - 1);
	if (slice_eq(host, default_host)) {
		from = n->space_at;
		if (slice_eq(space, default_space))
			from = n->model_at;
	}
	return slice_from(name_full(n), from);
}

/* The short form without any tag. */
static struct slice
untagged(const struct name *n)
{
	struct slice s = name_tagged(n);

	if (!n->opaque)
		s.n -= (size_t)(n->n - n->tag_at) + 1;
	return s;
}

struct slice
name_short(const struct name *n)
{
	return slice_eq(name_tag(n), default_tag) ? untagged(n)
						  : name_tagged(n);
}

bool
name_eq(const struct name *a, const struct name *b)
{
	return a->opaque == b->opaque && slice_eq(name_full(a), name_full(b));
}

/* Without the host and namespace that canonical names do not show. */
static struct slice
drop_defaults(struct slice s)
{
	static const struct slice host = SLICE("registry.ollama.ai/");
	static const struct slice space = SLICE("library/");
	struct slice rest;

	if (s.n > host.n && slice_eq_nocase(slice_to(s, host.n), host))
		s = slice_from(s, host.n);
	rest = slice_from(s, space.n);
	if (s.n > space.n && slice_eq_nocase(slice_to(s, space.n), space) &&
	    slice_find(rest, '/') == rest.n)
		s = rest;
	return s;
}

enum err
name_pattern_parse(struct slice text, struct name_pattern *out)
{
	size_t colon, slash, stars = 0;

	if (text.n == 0 || text.n > MODEL_NAME_MAX || !is_plain(text))
		return ERR_MODEL_NAME;
	for (size_t i = 0; i < text.n; i++)
		stars += text.p[i] == '*';
	*out = (struct name_pattern){.all = stars == text.n};
	text = drop_defaults(text);
	out->n = (uint16_t)text.n;
	for (size_t i = 0; i < text.n; i++) {
		out->text[i] = lower(text.p[i]);
		out->wild |= text.p[i] == '*' || text.p[i] == '?';
	}
	colon = slice_rfind(text, ':');
	slash = slice_rfind(text, '/');
	out->slash = slash < text.n;
	out->tagged = colon < text.n && (!out->slash || colon > slash);
	return OK;
}

bool
name_match(const struct name_pattern *p, const struct name *n)
{
	struct slice want = slice_of(p->text, p->n);
	struct slice full = name_tagged(n), bare = untagged(n);

	if (p->all)
		return true;
	if (!p->slash && slice_find(bare, '/') < bare.n)
		return false;
	if (p->tagged || n->opaque)
		return slice_glob(want, full);
	if (p->wild)
		return slice_glob(want, bare) || slice_glob(want, full);
	return slice_eq(want, name_short(n));
}
