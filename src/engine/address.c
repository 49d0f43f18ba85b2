#include "engine/address.h"
#include <stdio.h>
#include <stdlib.h>

struct lookup {
	uv_getaddrinfo_t req;
	struct engine *engine;
};

static bool
set_number(struct engine *e)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->address.storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->address.storage;

	return uv_ip4_addr(e->host_name, e->port, v4) == 0 ||
	    uv_ip6_addr(e->host_name, e->port, v6) == 0;
}

const struct addrinfo *
address_pick(const struct addrinfo *list, unsigned turn)
{
	const struct addrinfo *a;
	unsigned n = 0;

	for (a = list; a; a = a->ai_next)
		n++;
	if (n == 0)
		return NULL;
	for (a = list, turn %= n; turn > 0; turn--)
		a = a->ai_next;
	return a;
}

static void
on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct lookup *l = (struct lookup *)(void *)req;
	struct engine *e = l->engine;
	const struct addrinfo *a =
	    status == 0 ? address_pick(res, e->asked) : NULL;

	e->is_asking = false;
	if (a && !e->is_retired && a->ai_addrlen <= sizeof e->address.storage) {
		memcpy(&e->address.storage, a->ai_addr, a->ai_addrlen);
		e->has_address = true;
		e->asked++;
	}
	uv_freeaddrinfo(res);
	engine_drop(e);
	free(l);
}

void
address_refresh(struct engine *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct lookup *l;
	char port[8];

	if (e->is_numeric || e->is_asking || (l = calloc(1, sizeof *l)) == NULL)
		return;
	(void)snprintf(port, sizeof port, "%d", e->port);
	l->engine = engine_hold(e);
	e->is_asking = true;
	if (uv_getaddrinfo(&e->loop->uv, &l->req, on_lookup, e->host_name, port,
		&hints) != 0) {
		e->is_asking = false;
		engine_drop(e);
		free(l);
	}
}

static char *
copy_text(struct slice s)
{
	char *p = malloc(s.n + 1);

	if (p == NULL)
		abort();
	memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

/*
 * Engines on loopback refuse Host names that are not local (DNS rebinding);
 * the literal address is always right.
 */
void
address_set_port(struct engine *e, int port)
{
	char text[300];
	int n;

	e->port = port;
	e->is_numeric = e->has_address = set_number(e);
	n = snprintf(text, sizeof text,
	    strchr(e->host_name, ':') ? "[%s]:%d" : "%s:%d", e->host_name,
	    port);
	if (n < 0 || (size_t)n >= sizeof text)
		n = 0;
	free(e->host_text);
	e->host_text = copy_text(slice_of(text, (size_t)n));
	e->host = slice_str(e->host_text);
}

void
address_init(struct engine *e, const struct conf_url *url)
{
	if (url->path.n) {
		e->unix_path = copy_text(url->path);
		e->address.is_unix = true;
		e->address.path = e->unix_path;
		e->has_address = e->is_numeric = true;
		e->host = slice_str("localhost");
		return;
	}
	e->host_name = copy_text(url->host);
	address_set_port(e, url->port);
	address_refresh(e);
}

bool
address_is(const struct engine *e, const struct conf_url *url)
{
	if (url->path.n)
		return e->unix_path && slice_is(url->path, e->unix_path);
	return e->host_name && slice_is(url->host, e->host_name) &&
	    url->port == e->port;
}

const struct engine_address *
engine_address(struct engine *e)
{
	return e->has_address ? &e->address : NULL;
}

void
address_fini(struct engine *e)
{
	free(e->unix_path);
	free(e->host_name);
	free(e->host_text);
}
