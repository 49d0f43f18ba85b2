/*
 * address: where a request comes from, in one canonical form.
 *
 * 16 bytes: IPv6 as it is, IPv4 mapped into it (::ffff:a.b.c.d), so that the
 * same host is the same address through a listener of either family.  All who
 * come over unix sockets are one.
 */
#pragma once
#include "base/buf.h"
#include "conf/type.h"
#include <sys/socket.h>

struct address {
	uint8_t ip[16]; /* network order; of a unix peer all 0 */
	bool is_unix;
};

/* The address of ${sa}; anything but IPv4 and IPv6 counts as a unix peer. */
struct address address_of(const struct sockaddr *sa);

/*
 * Read ${s}, a literal address with or without a port, as Host and
 * X-Forwarded-For have them: 10.0.0.1, 10.0.0.1:80, ::1, [::1], [::1]:80.
 * False (and ${out} untouched) if it is anything else.
 */
bool address_parse_host(struct slice s, struct address *out);

/* Is it IPv4 (mapped)? */
bool address_is_ipv4(const struct address *a);

/* Is it this machine: 127.0.0.0/8, ::1 or a unix peer? */
bool address_is_local(const struct address *a);

/*
 * The address that anonymous callers, and connections, are counted under: an
 * IPv4 address itself, of IPv6 the /64, because whoever has one address of it
 * has all.
 */
struct address address_group(const struct address *a);

/*
 * Append ${a} as logs may show it: CONF_ADDRESS_FULL "192.168.1.7",
 * "2001:db8::1"; CONF_ADDRESS_NET "192.168.1.0/24", "2001:db8::/48"; "unix"
 * for unix peers in both; CONF_ADDRESS_NONE nothing.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err address_show(
    const struct address *a, enum conf_address how, struct buf *out);
