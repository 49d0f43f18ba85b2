#include "caller/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address
address_of(const struct sockaddr *sa)
{
	struct address a = {.is_unix = false};

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof in);
		memcpy(a.ip, mapped, sizeof mapped);
		memcpy(a.ip + sizeof mapped, &in.sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof in6);
		memcpy(a.ip, &in6.sin6_addr, sizeof a.ip);
	} else {
		a.is_unix = true;
	}
	return a;
}

/* Cut `]` or `]:port` off an address that began with `[`. */
static bool
cut_bracket(struct slice *s)
{
	size_t n = slice_find(*s, ']');
	struct slice rest = slice_from(*s, n + 1);
	uint64_t port;

	if (n == s->n)
		return false;
	*s = slice_to(*s, n);
	return rest.n == 0 ||
	    (rest.p[0] == ':' && slice_u64(slice_from(rest, 1), 65535, &port));
}

bool
address_parse_host(struct slice s, struct address *out)
{
	struct address a = {.is_unix = false};
	size_t colon = slice_find(s, ':');
	char text[INET6_ADDRSTRLEN];
	bool is_v6 = s.n > 0 && s.p[0] == '[';
	uint64_t port;

	if (is_v6) {
		s = slice_from(s, 1);
		if (!cut_bracket(&s))
			return false;
	} else if (colon < s.n && colon == slice_rfind(s, ':')) {
		if (!slice_u64(slice_from(s, colon + 1), 65535, &port))
			return false;
		s = slice_to(s, colon);
	} else {
		is_v6 = colon < s.n;
	}
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	memcpy(a.ip, mapped, sizeof mapped);
	if (is_v6 ? inet_pton(AF_INET6, text, a.ip) != 1
		  : inet_pton(AF_INET, text, a.ip + sizeof mapped) != 1)
		return false;
	*out = a;
	return true;
}

bool
address_is_ipv4(const struct address *a)
{
	return !a->is_unix && memcmp(a->ip, mapped, sizeof mapped) == 0;
}

bool
address_is_local(const struct address *a)
{
	static const uint8_t one[16] = {[15] = 1};

	if (a->is_unix)
		return true;
	if (address_is_ipv4(a))
		return a->ip[12] == 127;
	return memcmp(a->ip, one, sizeof one) == 0;
}

/* Clear all but the first ${bytes} bytes. */
static struct address
cut(const struct address *a, size_t bytes)
{
	struct address net = *a;

	memset(net.ip + bytes, 0, sizeof net.ip - bytes);
	return net;
}

struct address
address_group(const struct address *a)
{
	if (a->is_unix || address_is_ipv4(a))
		return *a;
	return cut(a, 8);
}

enum err
address_show(const struct address *a, enum conf_address how, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	bool is_net = how == CONF_ADDRESS_NET, is_ipv4 = address_is_ipv4(a);
	struct address shown = *a;
	enum err e;

	if (how == CONF_ADDRESS_NONE)
		return OK;
	if (a->is_unix)
		return buf_add_str(out, "unix");
	if (is_net)
		shown = cut(a, is_ipv4 ? 15 : 6);
	if (is_ipv4)
		inet_ntop(AF_INET, shown.ip + 12, text, sizeof text);
	else
		inet_ntop(AF_INET6, shown.ip, text, sizeof text);
	if ((e = buf_add_str(out, text)) != OK || !is_net)
		return e;
	return buf_add_str(out, is_ipv4 ? "/24" : "/48");
}
