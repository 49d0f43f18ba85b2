/* Addresses: networks, what to listen on, where an engine is. */
#include "conf/value.h"
#include <arpa/inet.h>
#include <stdio.h>

enum {
	V4_BITS = 96, /* of a mapped address before the IPv4 part */
	UNIX_PATH_MAX_ = 107,
	HOST_MAX = 255,
};

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* A literal address into 16 bytes; its family's bits, 0 if it is none. */
static unsigned
parse_literal(struct slice s, uint8_t out[16])
{
	char text[64];

	if (s.n == 0 || s.n >= sizeof text)
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET6, text, out) == 1)
		return 128;
	memcpy(out, v4_prefix, sizeof v4_prefix);
	return inet_pton(AF_INET, text, out + 12) == 1 ? 32 : 0;
}

static bool
parse_port(struct slice s, uint16_t *out)
{
	uint64_t v;

	if (s.n > 5 || !slice_u64(s, 65535, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

/* Cut `host:port` or `[v6]:port`; false if it has neither form. */
static bool
cut_host(struct slice s, struct slice *host, struct slice *port, bool *is_v6)
{
	size_t colon = slice_rfind(s, ':');
	size_t end = slice_find(s, ']');

	*is_v6 = s.n > 0 && s.p[0] == '[';
	if (colon == s.n || (*is_v6 && end + 1 != colon))
		return false;
	*host = *is_v6 ? slice_of(s.p + 1, end - 1) : slice_to(s, colon);
	*port = slice_from(s, colon + 1);
	return host->n > 0 && (*is_v6 || slice_find(*host, ':') == host->n);
}

static bool
cut_unix(struct slice s, struct slice *path)
{
	static const struct slice prefix = SLICE("unix:");

	if (!slice_starts(s, prefix))
		return false;
	*path = slice_from(s, prefix.n);
	return true;
}

static bool
is_unix_path(struct slice path)
{
	return path.n > 1 && path.n <= UNIX_PATH_MAX_ && path.p[0] == '/';
}

/* What was meant by an address to listen on that is none. */
static void
meant_listen(struct slice s, char *meant)
{
	struct slice host, port;
	uint8_t addr[16];
	uint16_t n;
	bool is_v6;

	meant[0] = '\0';
	if (s.n > 60)
		return;
	if (parse_port(s, &n))
		(void)snprintf(meant, VALUE_MEANT_MAX, "127.0.0.1:%u", n);
	else if (s.n > 1 && s.p[0] == ':' && parse_port(slice_from(s, 1), &n))
		(void)snprintf(meant, VALUE_MEANT_MAX, "0.0.0.0:%u", n);
	else if (parse_literal(s, addr) == 32)
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "%.*s:11435", SLICE_ARG(s));
	else if (parse_literal(s, addr) == 128)
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "\"[%.*s]:11435\"", SLICE_ARG(s));
	else if (slice_starts(s, (struct slice)SLICE("/")))
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "unix:%.*s", SLICE_ARG(s));
	else if (cut_host(s, &host, &port, &is_v6) && slice_is(host, "*") &&
	    parse_port(port, &n))
		(void)snprintf(meant, VALUE_MEANT_MAX, "0.0.0.0:%u", n);
}

enum err
value_listen(
    struct slice s, struct conf_listen *out, char meant[VALUE_MEANT_MAX])
{
	struct slice host, port;
	uint8_t addr[16];
	unsigned bits;
	bool is_v6;

	*out = (struct conf_listen){.family = CONF_UNIX};
	meant[0] = '\0';
	if (cut_unix(s, &out->path))
		return is_unix_path(out->path) ? OK : ERR_SYNTAX;
	meant_listen(s, meant);
	if (!cut_host(s, &host, &port, &is_v6) || !parse_port(port, &out->port))
		return ERR_SYNTAX;
	if (slice_is(host, "localhost"))
		host = (struct slice)SLICE("127.0.0.1");
	bits = parse_literal(host, addr);
	if (bits == 0 || is_v6 != (bits == 128))
		return ERR_SYNTAX;
	out->family = is_v6 ? CONF_IPV6 : CONF_IPV4;
	memcpy(out->addr, is_v6 ? addr : addr + 12, is_v6 ? 16 : 4);
	return OK;
}

enum err
value_print_listen(const struct conf_listen *l, struct buf *out)
{
	char text[64] = "";

	if (l->family == CONF_UNIX)
		return buf_printf(out, "unix:%.*s", SLICE_ARG(l->path));
	(void)inet_ntop(l->family == CONF_IPV6 ? AF_INET6 : AF_INET, l->addr,
	    text, sizeof text);
	if (l->family == CONF_IPV6)
		return buf_printf(out, "[%s]:%u", text, l->port);
	return buf_printf(out, "%s:%u", text, l->port);
}

/* Clear the bits behind ${bits}; was any of them set? */
static bool
clear_host_bits(uint8_t addr[16], unsigned bits)
{
	bool had = false;

	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8
		    : bits <= 8 * i		    ? 0
						    : bits - 8 * i;
		uint8_t mask = (uint8_t)(0xff00u >> keep);

		had = had || (addr[i] & (uint8_t)~mask) != 0;
		addr[i] &= mask;
	}
	return had;
}

enum err
value_net(struct slice s, struct conf_net *out, char meant[VALUE_MEANT_MAX])
{
	struct slice bits = s, addr = slice_cut(&bits, '/');
	unsigned family = parse_literal(addr, out->addr);
	uint64_t n = family;
	struct buf b;

	meant[0] = '\0';
	if (family == 0 || (bits.p != NULL && !slice_u64(bits, family, &n)))
		return ERR_SYNTAX;
	out->bits = (uint8_t)(n + (family == 32 ? V4_BITS : 0));
	if (!clear_host_bits(out->addr, out->bits))
		return OK;
	buf_init(&b, VALUE_MEANT_MAX);
	if (value_print_net(out, &b) == OK)
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "%.*s", SLICE_ARG(buf_slice(&b)));
	buf_fini(&b);
	return ERR_SYNTAX;
}

enum err
value_print_net(const struct conf_net *n, struct buf *out)
{
	bool is_v4 = n->bits >= V4_BITS &&
	    memcmp(n->addr, v4_prefix, sizeof v4_prefix) == 0;
	unsigned bits = is_v4 ? n->bits - V4_BITS + 0u : n->bits;
	char text[64] = "";

	(void)inet_ntop(is_v4 ? AF_INET : AF_INET6,
	    is_v4 ? n->addr + 12 : n->addr, text, sizeof text);
	if (bits == (is_v4 ? 32 : 128))
		return buf_add_str(out, text);
	return buf_printf(out, "%s/%u", text, bits);
}

bool
conf_net_has(const struct conf_net *net, const uint8_t addr[16])
{
	unsigned bytes = net->bits / 8, bits = net->bits % 8;

	if (memcmp(net->addr, addr, bytes) != 0)
		return false;
	return bits == 0 || (net->addr[bytes] ^ addr[bytes]) >> (8 - bits) == 0;
}

bool
conf_nets_have(const struct conf_nets *nets, const uint8_t addr[16])
{
	for (size_t i = 0; i < nets->n; i++)
		if (conf_net_has(&nets->v[i], addr))
			return true;
	return false;
}

static bool
is_host_name(struct slice s)
{
	bool is_number = true;
	uint8_t addr[16];

	if (s.n == 0 || s.n > HOST_MAX || s.p[0] == '-' || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_digit = c >= '0' && c <= '9';

		if (!is_digit && c != '.' && c != '-' && c != '_' &&
		    !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return false;
		is_number = is_number && (is_digit || c == '.');
	}
	return !is_number || parse_literal(s, addr) == 32;
}

static bool
is_url_host(struct slice host, bool is_v6)
{
	uint8_t addr[16];

	return is_v6 ? parse_literal(host, addr) == 128 : is_host_name(host);
}

/* What was meant by an engine's address that is none. */
static void
meant_url(struct slice rest, bool has_scheme, char *meant)
{
	struct slice host, port, authority;
	uint16_t n;
	bool is_v6;

	if (rest.n > 90)
		return;
	authority = slice_cut(&rest, '/');
	if (cut_host(authority, &host, &port, &is_v6) &&
	    is_url_host(host, is_v6) && parse_port(port, &n) && n > 0)
		(void)snprintf(meant, VALUE_MEANT_MAX, "http://%.*s",
		    SLICE_ARG(authority));
	else if (is_host_name(authority) && has_scheme)
		(void)snprintf(meant, VALUE_MEANT_MAX, "http://%.*s:11434",
		    SLICE_ARG(authority));
}

enum err
value_url(struct slice s, struct conf_url *out, char meant[VALUE_MEANT_MAX],
    const char **why)
{
	static const struct slice http = SLICE("http://");
	static const struct slice https = SLICE("https://");
	bool is_http = slice_starts(s, http), is_v6;
	struct slice rest, port;

	*out = (struct conf_url){.port = 0};
	*why = NULL;
	meant[0] = '\0';
	if (cut_unix(s, &out->path))
		return is_unix_path(out->path) ? OK : ERR_SYNTAX;
	if (slice_starts(s, https)) {
		*why = "cannot be https yet: only http:// and unix: work in "
		       "this version";
		return ERR_SYNTAX;
	}
	rest = is_http ? slice_from(s, http.n) : s;
	if (slice_find(rest, '@') < rest.n) {
		*why = "must not hold a user or a password; a key for the "
		       "engine goes into key_file";
		return ERR_SYNTAX;
	}
	if (rest.n > 0 && slice_find(rest, '/') == rest.n - 1)
		rest.n--;
	if (is_http && cut_host(rest, &out->host, &port, &is_v6) &&
	    is_url_host(out->host, is_v6) && parse_port(port, &out->port) &&
	    out->port > 0)
		return OK;
	meant_url(rest, is_http, meant);
	return ERR_SYNTAX;
}
