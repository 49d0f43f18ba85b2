/* Who sends a request, and what of a caller lives through a reload. */
#include "caller/caller.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define SEC INT64_C(1000000000)

/* SHA-256 of "abc": FIPS 180-4's example. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char usual[] =
    "log: { address: full }\n"
    "callers:\n"
    "  - { name: alice, key: 'sha256:" ABC "', rate: 10/min, burst: 5,\n"
    "      at_once: 2, waiting: 7, weight: 3, manage_models: true }\n"
    "  - { name: lan, from: [10.0.0.0/8, '2001:db8:5::/48'] }\n"
    "  - { name: host, from: 10.1.2.3 }\n"
    "  - { name: anonymous, rate: 1/min }\n";

static const char refuse[] = "anonymous: refuse\n"
			     "callers:\n"
			     "  - { name: alice, key: 'sha256:" ABC "' }\n"
			     "  - { name: lan, from: 10.0.0.0/8 }\n";

/* --- the world of a test --- */

struct world {
	struct cells cells;
	void *memory;
	struct caller_set *set;
	struct keyfile keys; /* what the next load gets */
};

static void
load(struct world *w, const char *text)
{
	struct conf_problems p;
	struct conf *conf;

	if (conf_parse(slice_str(text), "test", &conf, &p) != OK)
		fail_msg("the configuration is wrong: %s", text);
	caller_set_load(w->set, conf, &w->keys);
	conf_drop(conf);
}

static void
set_keys(struct world *w, const char *text)
{
	keyfile_fini(&w->keys);
	assert_int_equal(keyfile_parse(&w->keys, slice_str(text)), OK);
	assert_int_equal(w->keys.warnings.n, 0);
}

/* A line of the keys' file for ${key}. */
static const char *
key_line(const char *name, const char *key, const char *revoked)
{
	static char line[256];
	struct key_hasher *h = key_hasher_new();
	struct key_digest d = key_hash(h, slice_str(key));
	char hex[64];

	key_digest_write(&d, hex);
	snprintf(line, sizeof line, "%s %.64s 1 %s\n", name, hex, revoked);
	key_hasher_free(h);
	return line;
}

static struct world *
world_new(const char *text, const char *keys)
{
	struct world *w = calloc(1, sizeof *w);
	size_t size = cells_bytes(4096);

	assert_non_null(w);
	w->memory = aligned_alloc(64, size);
	assert_non_null(w->memory);
	memset(w->memory, 0, size);
	assert_int_equal(
	    cells_attach(&w->cells, w->memory, size, (struct hash_key){1, 2}),
	    OK);
	w->set = caller_set_new(&w->cells);
	keyfile_init(&w->keys);
	set_keys(w, keys);
	load(w, text);
	return w;
}

static void
world_free(struct world *w)
{
	caller_set_free(w->set);
	keyfile_fini(&w->keys);
	free(w->memory);
	free(w);
}

static struct address
parse(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_of((struct sockaddr *)&in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		return address_of((struct sockaddr *)&in6);
	return address_of((struct sockaddr *)&un);
}

static enum err
identify(struct world *w, const char *authorization, const char *x_api_key,
    const char *api_key, const char *from, struct caller **out)
{
	struct caller_request r = {.authorization = slice_str(authorization),
	    .x_api_key = slice_str(x_api_key),
	    .api_key = slice_str(api_key),
	    .peer = parse(from)};
	struct caller_found found = {NULL, false};
	enum err e = caller_identify(w->set, &r, &found);

	*out = found.caller;
	return e;
}

static struct caller *
must_identify(struct world *w, const char *authorization, const char *from)
{
	struct caller *c;

	assert_int_equal(identify(w, authorization, NULL, NULL, from, &c), OK);
	return c;
}

/* --- who --- */

struct who {
	const char *conf;
	const char *authorization, *x_api_key, *api_key, *from;
	enum err err;
	const char *shown; /* if err is OK */
};

static const struct who cases[] = {
    /* a key, in each of the three headers */
    {usual, "Bearer abc", NULL, NULL, "192.0.2.1", OK, "alice"},
    {usual, "bearer   abc \t", NULL, NULL, "192.0.2.1", OK, "alice"},
    {usual, NULL, "abc", NULL, "192.0.2.1", OK, "alice"},
    {usual, NULL, NULL, "abc", "192.0.2.1", OK, "alice"},
    {usual, NULL, NULL, " abc ", "192.0.2.1", OK, "alice"},
    {usual, "Bearer weir_bob", NULL, NULL, "192.0.2.1", OK, "bob"},
    /* the first one that is somebody's */
    {usual, "Bearer x", "y", "abc", "192.0.2.1", OK, "alice"},
    {usual, "Bearer weir_bob", "abc", NULL, "192.0.2.1", OK, "bob"},
    {usual, "Bearer weir_nobody", "abc", NULL, "192.0.2.1", OK, "alice"},
    /* a key goes before an address */
    {usual, "Bearer abc", NULL, NULL, "10.0.0.1", OK, "alice"},
    /* weir's own, unknown or revoked: never anonymous */
    {usual, "Bearer weir_nobody", NULL, NULL, "192.0.2.1", ERR_UNKNOWN_KEY,
	NULL},
    {usual, "Bearer weir_old", NULL, NULL, "192.0.2.1", ERR_UNKNOWN_KEY, NULL},
    {usual, NULL, "weir_", NULL, "10.0.0.1", ERR_UNKNOWN_KEY, NULL},
    {usual, NULL, NULL, "weir_bob2", "unix", ERR_UNKNOWN_KEY, NULL},
    /* any other credential is nobody's */
    {usual, "Bearer ollama", NULL, NULL, "192.0.2.1", OK,
	"anonymous@192.0.2.1"},
    {usual, "Basic abc", NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    {usual, "abc", NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    {usual, "Bearerabc", NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    {usual, "Bearer", NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    {usual, "Bearer abc abc", NULL, NULL, "192.0.2.1", OK,
	"anonymous@192.0.2.1"},
    {usual, "Bearer ABC", NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    /* addresses */
    {usual, NULL, NULL, NULL, "192.0.2.1", OK, "anonymous@192.0.2.1"},
    {usual, NULL, NULL, NULL, "10.9.9.9", OK, "lan"},
    {usual, NULL, NULL, NULL, "::ffff:10.9.9.9", OK, "lan"},
    {usual, "Bearer ollama", NULL, NULL, "10.9.9.9", OK, "lan"},
    {usual, NULL, NULL, NULL, "10.1.2.3", OK, "lan"}, /* the first */
    {usual, NULL, NULL, NULL, "2001:db8:5:9::1", OK, "lan"},
    {usual, NULL, NULL, NULL, "2001:db8:6:9::1", OK,
	"anonymous@2001:db8:6:9::"},
    {usual, NULL, NULL, NULL, "unix", OK, "anonymous@unix"},
    /* anonymous: refuse */
    {refuse, NULL, NULL, NULL, "192.0.2.1", ERR_KEY_REQUIRED, NULL},
    {refuse, "Bearer ollama", NULL, NULL, "192.0.2.1", ERR_KEY_REQUIRED, NULL},
    {refuse, NULL, NULL, NULL, "unix", ERR_KEY_REQUIRED, NULL},
    {refuse, "Bearer weir_x", NULL, NULL, "192.0.2.1", ERR_UNKNOWN_KEY, NULL},
    {refuse, "Bearer abc", NULL, NULL, "192.0.2.1", OK, "alice"},
    {refuse, NULL, NULL, NULL, "10.9.9.9", OK, "lan"},
};

static void
test_who(void **state)
{
	char keys[512];

	snprintf(keys, sizeof keys, "%s", key_line("bob", "weir_bob", "-"));
	strcat(keys, key_line("old", "weir_old", "2"));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct who *k = &cases[i];
		struct world *w = world_new(k->conf, keys);
		struct caller *c;
		enum err e = identify(
		    w, k->authorization, k->x_api_key, k->api_key, k->from, &c);

		if (e != k->err)
			fail_msg("case %zu: %s", i, err_get(e)->code);
		if (e == OK && !slice_is(c->shown, k->shown))
			fail_msg("case %zu: %.*s", i, SLICE_ARG(c->shown));
		if (e == OK)
			caller_drop(w->set, c);
		world_free(w);
	}
}

/* What is no key at all costs little and is nobody's. */
static void
test_overlong_credentials(void **state)
{
	static char text[20000];
	struct world *w = world_new(usual, "");
	struct caller *c;

	memset(text, 'x', sizeof text - 1);
	assert_int_equal(identify(w, NULL, text, NULL, "192.0.2.1", &c), OK);
	assert_true(c->is_anonymous);
	caller_drop(w->set, c);
	memcpy(text, "weir_", 5);
	assert_int_equal(
	    identify(w, NULL, text, NULL, "192.0.2.1", &c), ERR_UNKNOWN_KEY);
	world_free(w);
}

static void
test_rows_and_rates(void **state)
{
	struct world *w = world_new(usual, "");
	struct caller *c = must_identify(w, "Bearer abc", "unix");

	assert_true(slice_is(c->name, "alice"));
	assert_false(c->is_anonymous);
	assert_true(c->row->manage_models);
	assert_int_equal(c->rate.count, 10);
	assert_int_equal(c->rate.burst, 5);
	assert_int_equal(c->rate.interval.ns, 6 * SEC);
	assert_int_equal(c->line.at_once, 2);
	assert_int_equal(c->line.most, 7);
	assert_int_equal(c->line.weight, 3 * CALLER_WEIGHT_UNIT);
	/* limits.listing, 20/s: a client may fetch 20 at one moment */
	assert_int_equal(c->listing.count, 20);
	assert_int_equal(c->listing.burst, 19);
	caller_drop(w->set, c);
	c = must_identify(w, NULL, "10.0.0.1");
	assert_int_equal(c->rate.count, 0); /* none */
	assert_int_equal(c->line.at_once, 0);
	caller_drop(w->set, c);
	c = must_identify(w, NULL, "192.0.2.1");
	assert_int_equal(c->rate.count, 1);
	caller_drop(w->set, c);
	world_free(w);
}

/* Several keys of a name are one caller; so are addresses of one /64. */
static void
test_one_caller_one_limit(void **state)
{
	char keys[512];
	struct world *w;
	struct caller *a, *b;

	snprintf(keys, sizeof keys, "%s", key_line("alice", "weir_2", "-"));
	w = world_new(usual, keys);
	a = must_identify(w, "Bearer abc", "unix");
	b = must_identify(w, "Bearer weir_2", "192.0.2.1");
	assert_ptr_equal(a, b);
	caller_drop(w->set, a);
	caller_drop(w->set, b);
	a = must_identify(w, NULL, "2001:db8::1");
	b = must_identify(w, NULL, "2001:db8::ffff:ffff:ffff:ffff");
	assert_ptr_equal(a, b);
	caller_drop(w->set, b);
	b = must_identify(w, NULL, "2001:db8:0:1::1");
	assert_ptr_not_equal(a, b);
	assert_memory_not_equal(&a->rate_key, &b->rate_key, sizeof a->rate_key);
	assert_memory_not_equal(
	    &a->rate_key, &a->listing_key, sizeof a->rate_key);
	caller_drop(w->set, a);
	caller_drop(w->set, b);
	world_free(w);
}

/* `weir key add bob` where bob is not configured. */
static void
test_keys_of_unconfigured_callers(void **state)
{
	static const char with_default[] =
	    "callers: [ { name: default, rate: 2/s },\n"
	    "  { name: anonymous, rate: 1/min } ]\n";
	char keys[512];
	struct world *w;
	struct caller *c;

	snprintf(keys, sizeof keys, "%s", key_line("bob", "weir_1", "-"));
	strcat(keys, key_line("bob", "weir_2", "-"));
	w = world_new(usual, keys);
	c = must_identify(w, "Bearer weir_1", "unix");
	assert_true(slice_is(c->shown, "bob"));
	assert_int_equal(c->rate.count, 0); /* not anonymous' rate */
	load(w, with_default);
	assert_ptr_equal(caller_find(w->set, slice_str("bob")), c);
	assert_int_equal(c->rate.count, 2);
	caller_drop(w->set, c);
	c = must_identify(w, "Bearer weir_2", "unix");
	assert_true(slice_is(c->shown, "bob"));
	caller_drop(w->set, c);
	world_free(w);
}

/* --- reload --- */

static void
test_a_reload_keeps_callers_and_changes_their_rows(void **state)
{
	struct world *w = world_new(usual, "");
	struct caller *alice = must_identify(w, "Bearer abc", "unix");
	struct caller *anon = must_identify(w, NULL, "192.0.2.1");
	struct cells_key key = alice->rate_key;

	alice->line.in_flight = 1;
	load(w,
	    "log: { address: net }\n"
	    "callers: [ { name: alice, rate: 3/s },\n"
	    "  { name: anonymous, rate: 7/min } ]\n");
	assert_ptr_equal(caller_find(w->set, slice_str("alice")), alice);
	assert_int_equal(alice->rate.count, 3);
	assert_int_equal(alice->line.in_flight, 1);
	assert_memory_equal(&key, &alice->rate_key, sizeof key);
	assert_int_equal(anon->rate.count, 7);
	assert_true(slice_is(anon->shown, "anonymous@192.0.2.0/24"));
	load(w, "log: { address: none }");
	assert_true(slice_is(anon->shown, "anonymous"));
	alice->line.in_flight = 0;
	caller_drop(w->set, alice);
	caller_drop(w->set, anon);
	world_free(w);
}

static void
test_a_caller_that_is_gone_ends_with_its_last_request(void **state)
{
	struct world *w = world_new(usual, "");
	struct caller *alice = must_identify(w, "Bearer abc", "unix"), *c;

	load(w, "");
	assert_null(caller_find(w->set, slice_str("alice")));
	/* Its key is nobody's, its row is still good to look at. */
	c = must_identify(w, "Bearer abc", "unix");
	assert_true(c->is_anonymous);
	caller_drop(w->set, c);
	assert_true(slice_is(alice->row->name, "alice"));
	load(w, "");
	assert_true(alice->row->manage_models);
	/* Coming back it is a new one; both end well. */
	load(w, usual);
	c = must_identify(w, "Bearer abc", "unix");
	assert_ptr_not_equal(c, alice);
	assert_memory_equal(&c->rate_key, &alice->rate_key, 16);
	caller_drop(w->set, alice);
	caller_drop(w->set, c);
	world_free(w);
}

static void
test_a_revoked_key_is_refused_after_the_load(void **state)
{
	char keys[512];
	struct world *w;
	struct caller *c;

	snprintf(keys, sizeof keys, "%s", key_line("bob", "weir_1", "-"));
	w = world_new(usual, keys);
	c = must_identify(w, "Bearer weir_1", "unix");
	caller_drop(w->set, c);
	snprintf(keys, sizeof keys, "%s", key_line("bob", "weir_1", "9"));
	set_keys(w, keys);
	load(w, usual);
	assert_int_equal(identify(w, "Bearer weir_1", NULL, NULL, "unix", &c),
	    ERR_UNKNOWN_KEY);
	assert_null(caller_find(w->set, slice_str("bob")));
	world_free(w);
}

/* --- anonymous callers are bounded --- */

static struct caller *
nth(struct world *w, unsigned n)
{
	char from[32];

	snprintf(from, sizeof from, "198.%u.%u.%u", 18 + (n >> 16),
	    n >> 8 & 255, n & 255);
	return must_identify(w, NULL, from);
}

static size_t
count(const struct world *w)
{
	size_t n = 0;

	for (struct caller *c = caller_next(w->set, NULL); c != NULL;
	     c = caller_next(w->set, c))
		n++;
	return n;
}

static void
test_idle_anonymous_callers_make_room(void **state)
{
	struct world *w = world_new("", "");
	struct caller *first = nth(w, 0), *c;

	for (unsigned i = 1; i < 3 * CALLER_ANONYMOUS_MAX; i++)
		caller_drop(w->set, nth(w, i));
	assert_int_equal(count(w), CALLER_ANONYMOUS_MAX);
	/* The one that is held is still there. */
	c = nth(w, 0);
	assert_ptr_equal(c, first);
	caller_drop(w->set, c);
	caller_drop(w->set, first);
	/* Now it is the youngest of the idle ones. */
	for (unsigned i = 0; i < CALLER_ANONYMOUS_MAX - 1; i++)
		caller_drop(w->set, nth(w, 100000 + i));
	c = nth(w, 0);
	assert_ptr_equal(c, first);
	caller_drop(w->set, c);
	world_free(w);
}

/* Who was idle and is held again is not idle any more. */
static void
test_held_again_is_not_made_room_of(void **state)
{
	struct world *w = world_new("", "");
	struct caller *c = nth(w, 0), *again;

	caller_drop(w->set, c);
	again = nth(w, 0);
	assert_ptr_equal(again, c);
	for (unsigned i = 1; i < 2 * CALLER_ANONYMOUS_MAX; i++)
		caller_drop(w->set, nth(w, i));
	c = nth(w, 0);
	assert_ptr_equal(again, c);
	assert_int_equal(c->refs, 2);
	caller_drop(w->set, c);
	caller_drop(w->set, again);
	world_free(w);
}

static void
test_beyond_the_maximum_all_share_one(void **state)
{
	static struct caller *held[CALLER_ANONYMOUS_MAX];
	struct world *w = world_new("log: { address: full }", "");
	struct caller *a, *b;

	for (unsigned i = 0; i < CALLER_ANONYMOUS_MAX; i++)
		held[i] = nth(w, i);
	a = nth(w, CALLER_ANONYMOUS_MAX);
	b = nth(w, CALLER_ANONYMOUS_MAX + 1);
	assert_ptr_equal(a, b);
	assert_true(a->is_anonymous);
	assert_true(slice_is(a->shown, "anonymous"));
	load(w, "callers: [ { name: anonymous, rate: 1/min } ]");
	assert_int_equal(a->rate.count, 1);
	caller_drop(w->set, a);
	caller_drop(w->set, held[0]);
	a = nth(w, CALLER_ANONYMOUS_MAX);
	assert_ptr_not_equal(a, b); /* there is room again */
	caller_drop(w->set, a);
	caller_drop(w->set, b);
	for (unsigned i = 1; i < CALLER_ANONYMOUS_MAX; i++)
		caller_drop(w->set, held[i]);
	world_free(w);
}

/* Not a measurement: fails only if identify does something silly. */
static void
test_identify_is_cheap(void **state)
{
	enum { TIMES = 20000 };
	struct world *w = world_new(usual, "");
	clock_t start = clock();

	for (int i = 0; i < TIMES; i++)
		caller_drop(w->set, must_identify(w, "Bearer abc", "unix"));
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_who),
	    cmocka_unit_test(test_overlong_credentials),
	    cmocka_unit_test(test_rows_and_rates),
	    cmocka_unit_test(test_one_caller_one_limit),
	    cmocka_unit_test(test_keys_of_unconfigured_callers),
	    cmocka_unit_test(
		test_a_reload_keeps_callers_and_changes_their_rows),
	    cmocka_unit_test(
		test_a_caller_that_is_gone_ends_with_its_last_request),
	    cmocka_unit_test(test_a_revoked_key_is_refused_after_the_load),
	    cmocka_unit_test(test_idle_anonymous_callers_make_room),
	    cmocka_unit_test(test_held_again_is_not_made_room_of),
	    cmocka_unit_test(test_beyond_the_maximum_all_share_one),
	    cmocka_unit_test(test_identify_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
