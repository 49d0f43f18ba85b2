#include "caller/page.h"

static const struct slice schemes[] = {SLICE("http://"), SLICE("https://")};
static const struct slice near[] = {
    SLICE("localhost"),
    SLICE("127.0.0.1"),
    SLICE("0.0.0.0"),
};
/* Not the web's: programs that show pages of their own. */
static const struct slice apps[] = {
    SLICE("app://"),
    SLICE("file://"),
    SLICE("tauri://"),
    SLICE("vscode-webview://"),
    SLICE("vscode-file://"),
};
static const struct slice suffixes[] = {
    SLICE(".localhost"),
    SLICE(".local"),
    SLICE(".internal"),
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Cut the scheme of the web off ${origin}; false: it has another. */
static bool
cut_scheme(struct slice *origin)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (slice_starts(*origin, schemes[i])) {
			*origin = slice_from(*origin, schemes[i].n);
			return true;
		}
	return false;
}

/* Is ${s} empty, or a port behind its colon? */
static bool
is_port(struct slice s)
{
	uint64_t port;

	return s.n == 0 ||
	    (s.p[0] == ':' && slice_u64(slice_from(s, 1), 65535, &port));
}

static bool
is_near(struct slice origin)
{
	if (!cut_scheme(&origin))
		return false;
	for (size_t i = 0; i < COUNT(near); i++)
		if (slice_starts(origin, near[i]) &&
		    is_port(slice_from(origin, near[i].n)))
			return true;
	return false;
}

bool
page_origin_is_allowed(struct slice origin, const struct conf_texts *more)
{
	if (is_near(origin))
		return true;
	for (size_t i = 0; i < COUNT(apps); i++)
		if (slice_starts(origin, apps[i]))
			return true;
	for (size_t i = 0; i < more->n; i++)
		if (slice_glob(more->v[i], origin))
			return true;
	return false;
}

bool
page_is_of(struct slice origin, struct slice host)
{
	return host.n > 0 && cut_scheme(&origin) &&
	    slice_eq_nocase(origin, host);
}

/* Does ${s} end with ${suffix}, in any case, behind something? */
static bool
ends(struct slice s, struct slice suffix)
{
	return s.n > suffix.n &&
	    slice_eq_nocase(slice_from(s, s.n - suffix.n), suffix);
}

static bool
is_one_of(struct slice name, const struct page_names *names)
{
	if (slice_eq_nocase(name, near[0]) ||
	    (names->own.n > 0 && slice_eq_nocase(name, names->own)))
		return true;
	for (size_t i = 0; i < COUNT(suffixes); i++)
		if (ends(name, suffixes[i]))
			return true;
	for (size_t i = 0; i < names->more->n; i++)
		if (slice_eq_nocase(name, names->more->v[i]))
			return true;
	return false;
}

bool
page_host_is_ours(struct slice host, const struct page_names *names)
{
	size_t colon = slice_rfind(host, ':');
	struct address literal;

	if (host.n == 0 || address_parse_host(host, &literal))
		return true;
	if (!is_port(slice_from(host, colon)))
		return false;
	host = slice_to(host, colon);
	/* localhost. is localhost: the root's dot. */
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	if (names->is_far && slice_find(host, '.') == host.n)
		return true;
	return is_one_of(host, names);
}
