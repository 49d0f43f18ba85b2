/*
 * What an option's value is in C.  Texts and paths are copies in the
 * configuration's own memory and are followed by a NUL, so that p may be used
 * as a C string; one that is not set is empty (n is 0, p is "").
 */
#pragma once
#include "base/slice.h"

/* Bounds that rows of facts/options.def name: microseconds and bytes. */
#define CONF_MILLI INT64_C(1000)
#define CONF_SECOND (1000 * CONF_MILLI)
#define CONF_HOUR (3600 * CONF_SECOND)
#define CONF_DAY (24 * CONF_HOUR)
#define CONF_FOREVER INT64_MAX /* the duration `forever` */
#define CONF_MIB (INT64_C(1) << 20)
#define CONF_GIB (INT64_C(1) << 30)
#define CONF_TIB (INT64_C(1) << 40)

/* The word `auto` in place of a number. */
#define CONF_AUTO INT64_C(-1)

/* ${count} for every ${period_ns}; count 0: no limit. */
struct conf_rate {
	uint32_t count;
	int64_t period_ns;
};

/* ${limit} tokens for every ${period_ns}; limit 0: none. */
struct conf_tokens {
	uint64_t limit;
	int64_t period_ns;
	bool strict;
};

struct conf_texts {
	const struct slice *v;
	size_t n;
};

/* A network; IPv4 is mapped (::ffff:a.b.c.d, bits from 96 on). */
struct conf_net {
	uint8_t addr[16];
	uint8_t bits;
};

struct conf_nets {
	const struct conf_net *v;
	size_t n;
};

enum conf_family { CONF_UNIX, CONF_IPV4, CONF_IPV6 };

/* One address to listen on. */
struct conf_listen {
	enum conf_family family;
	uint8_t addr[16];  /* network order; IPv4: the first four */
	uint16_t port;	   /* 0: a free one */
	struct slice path; /* CONF_UNIX */
	struct slice text; /* canonical: 127.0.0.1:80, [::1]:80, unix:/p */
};

struct conf_listens {
	const struct conf_listen *v;
	size_t n;
};

/* Where an engine is.  All empty: not set. */
struct conf_url {
	struct slice host; /* name or literal, without brackets */
	uint16_t port;
	struct slice path;	/* of a unix socket; then host is empty */
	struct slice authority; /* for the Host field: host:port, [v6]:port */
	struct slice text;	/* canonical: http://host:port, unix:/path */
};

struct conf_key {
	uint8_t sha256[32];
};

struct conf_keys {
	const struct conf_key *v;
	size_t n;
};

struct conf_pair {
	struct slice name, value;
};

struct conf_pairs {
	const struct conf_pair *v;
	size_t n;
};

/* Choices: enum conf_over { CONF_OVER_REFUSE, CONF_OVER_WAIT } and so on. */
#define WORD(choice, value, text) CONF_##choice##_##value,
#define CHOICE(nm, c_name, words) enum conf_##c_name{words};
#include "facts/options.def"
#undef WORD

/* Plumbing for the tables: the C type of each kind. */
#define KIND(nm, type, wants) typedef type conf_of_##nm;
#define CHOICE(nm, c_name, words) typedef enum conf_##c_name conf_of_##nm;
#include "facts/options.def"

/*
 * Is ${addr} (16 bytes, IPv4 mapped) in ${net}?
 */
bool conf_net_has(const struct conf_net *net, const uint8_t addr[16]);

/* Is ${addr} in one of ${nets}? */
bool conf_nets_have(const struct conf_nets *nets, const uint8_t addr[16]);
