/* Numbers with units, and addresses. */
#include "conf/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

typedef enum err number_fn(struct slice, int64_t *, char *);

struct number_case {
	const char *text;
	enum err err;
	int64_t value;
	const char *meant;
};

static const struct number_case bytes[] = {
    {"0", OK, 0, ""},
    {"17", OK, 17, ""},
    {"17B", OK, 17, ""},
    {"1KiB", OK, 1024, ""},
    {"64MiB", OK, 67108864, ""},
    {"64 MiB", OK, 67108864, ""},
    {"2GiB", OK, INT64_C(2147483648), ""},
    {"3TiB", OK, INT64_C(3298534883328), ""},
    {"1KB", OK, 1000, ""},
    {"1MB", OK, 1000000, ""},
    {"1GB", OK, 1000000000, ""},
    {"5TB", OK, INT64_C(5000000000000), ""},
    {"9223372036854775807", OK, INT64_MAX, ""},
    {"9223372036854775808", ERR_RANGE, 0, ""},
    {"8388608TiB", ERR_RANGE, 0, ""}, /* 2^63 */
    {"8388607TiB", OK, INT64_C(8388607) << 40, ""},
    {"", ERR_SYNTAX, 0, ""},
    {"MiB", ERR_SYNTAX, 0, ""},
    {"-1", ERR_SYNTAX, 0, ""},
    {"+1", ERR_SYNTAX, 0, ""},
    {"1.5GiB", ERR_SYNTAX, 0, ""},
    {"0x10", ERR_SYNTAX, 0, ""},
    {"1e6", ERR_SYNTAX, 0, ""},
    {"64M", ERR_SYNTAX, 0, "64MiB"},
    {"64g", ERR_SYNTAX, 0, "64GiB"},
    {"64mib", ERR_SYNTAX, 0, "64MiB"},
    {"64kb", ERR_SYNTAX, 0, "64KB"},
    {"64 miles", ERR_SYNTAX, 0, ""},
};

static const struct number_case durations[] = {
    {"0", OK, 0, ""},
    {"500ms", OK, 500000, ""},
    {"2s", OK, 2000000, ""},
    {"10min", OK, 600000000, ""},
    {"1h", OK, INT64_C(3600000000), ""},
    {"1d", OK, INT64_C(86400000000), ""},
    {"forever", OK, INT64_MAX, ""},
    {"106751991d", OK, INT64_C(9223372022400000000), ""},
    {"106751992d", ERR_RANGE, 0, ""},
    {"90", ERR_SYNTAX, 0, "90s"},
    {"5m", ERR_SYNTAX, 0, "5min"},
    {"5M", ERR_SYNTAX, 0, "5min"},
    {"5 minutes", ERR_SYNTAX, 0, "5min"},
    {"2hours", ERR_SYNTAX, 0, "2h"},
    {"10S", ERR_SYNTAX, 0, "10s"},
    {"3days", ERR_SYNTAX, 0, "3d"},
    {"1h30min", ERR_SYNTAX, 0, ""},
    {"Forever", ERR_SYNTAX, 0, ""},
    {"", ERR_SYNTAX, 0, ""},
    {"s", ERR_SYNTAX, 0, ""},
    {"-1s", ERR_SYNTAX, 0, ""},
};

static void
check_numbers(number_fn *read, const struct number_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char meant[VALUE_MEANT_MAX];
		int64_t got = -7;
		enum err e = read(slice_str(v[i].text), &got, meant);

		if (e != v[i].err || (e == OK && got != v[i].value) ||
		    strcmp(meant, v[i].meant) != 0)
			print_error("case: %s\n", v[i].text);
		assert_int_equal(e, v[i].err);
		if (e == OK)
			assert_true(got == v[i].value);
		assert_string_equal(meant, v[i].meant);
	}
}

static void
sizes_and_times(void **state)
{
	check_numbers(value_bytes, bytes, sizeof bytes / sizeof bytes[0]);
	check_numbers(
	    value_duration, durations, sizeof durations / sizeof durations[0]);
}

struct rate_case {
	const char *text;
	enum err err;
	int64_t count, period_s;
	const char *meant;
};

static const struct rate_case rates[] = {
    {"10/min", OK, 10, 60, ""},
    {"5/s", OK, 5, 1, ""},
    {"100/hour", OK, 100, 3600, ""},
    {"1/day", OK, 1, 86400, ""},
    {"2/month", OK, 2, 30 * 86400, ""},
    {"50k/hour", OK, 50000, 3600, ""},
    {"2M/day", OK, 2000000, 86400, ""},
    {" 10 / min ", OK, 10, 60, ""},
    {"10r/m", ERR_SYNTAX, 0, 0, "10/min"},
    {"10r/s", ERR_SYNTAX, 0, 0, "10/s"},
    {"10/m", ERR_SYNTAX, 0, 0, "10/min"},
    {"10/h", ERR_SYNTAX, 0, 0, "10/hour"},
    {"10/Minute", ERR_SYNTAX, 0, 0, "10/min"},
    {"50K/hour", ERR_SYNTAX, 0, 0, "50k/hour"},
    {"10/fortnight", ERR_SYNTAX, 0, 0, ""},
    {"10", ERR_SYNTAX, 0, 0, ""},
    {"/min", ERR_SYNTAX, 0, 0, ""},
    {"10/", ERR_SYNTAX, 0, 0, ""},
    {"", ERR_SYNTAX, 0, 0, ""},
    {"-1/s", ERR_SYNTAX, 0, 0, ""},
    {"1/s/s", ERR_SYNTAX, 0, 0, ""},
    {"99999999999999999999/s", ERR_RANGE, 0, 0, ""},
    {"9999999999999999M/s", ERR_RANGE, 0, 0, ""},
};

static void
rates_have_a_period(void **state)
{
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		char meant[VALUE_MEANT_MAX];
		int64_t count = 0, period_ns = 0;
		enum err e = value_rate(
		    slice_str(rates[i].text), &count, &period_ns, meant);

		if (e != rates[i].err || strcmp(meant, rates[i].meant) != 0)
			print_error("case: %s\n", rates[i].text);
		assert_int_equal(e, rates[i].err);
		assert_string_equal(meant, rates[i].meant);
		if (e != OK)
			continue;
		assert_true(count == rates[i].count);
		assert_true(period_ns == rates[i].period_s * 1000000000);
	}
}

struct address_case {
	const char *text;
	const char *canonical; /* NULL: refused */
	const char *meant;
};

static const struct address_case listens[] = {
    {"127.0.0.1:11435", "127.0.0.1:11435", ""},
    {"0.0.0.0:0", "0.0.0.0:0", ""},
    {"localhost:80", "127.0.0.1:80", ""},
    {"[::1]:80", "[::1]:80", ""},
    {"[0:0:0:0:0:0:0:1]:80", "[::1]:80", ""},
    {"[2001:DB8::1]:65535", "[2001:db8::1]:65535", ""},
    {"unix:/run/weir.sock", "unix:/run/weir.sock", ""},
    {"unix:run/weir.sock", NULL, ""},
    {"unix:", NULL, ""},
    {"unix:/", NULL, ""},
    {"11435", NULL, "127.0.0.1:11435"},
    {":11435", NULL, "0.0.0.0:11435"},
    {"*:11435", NULL, "0.0.0.0:11435"},
    {"127.0.0.1", NULL, "127.0.0.1:11435"},
    {"::1", NULL, "\"[::1]:11435\""},
    {"/run/weir.sock", NULL, "unix:/run/weir.sock"},
    {"::1:80x", NULL, ""},
    {"127.0.0.1:65536", NULL, ""},
    {"127.0.0.1:", NULL, ""},
    {"127.0.0.1:-1", NULL, ""},
    {"256.0.0.1:80", NULL, ""},
    {"1.2.3:80", NULL, ""},
    {"[127.0.0.1]:80", NULL, ""},
    {"[::1]80", NULL, ""},
    {"[::1:80", NULL, ""},
    {"[]:80", NULL, ""},
    {"[", NULL, ""},
    {"box.lan:80", NULL, ""},
    {"http://127.0.0.1:80", NULL, ""},
    {"", NULL, ""},
};

static void
listens_are_literal(void **state)
{
	for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
		char meant[VALUE_MEANT_MAX];
		struct conf_listen l;
		struct buf b;
		enum err e =
		    value_listen(slice_str(listens[i].text), &l, meant);

		if ((e == OK) != (listens[i].canonical != NULL))
			print_error("case: %s\n", listens[i].text);
		assert_int_equal(e == OK, listens[i].canonical != NULL);
		if (e != OK) {
			assert_string_equal(meant, listens[i].meant);
			continue;
		}
		buf_init(&b, 256);
		assert_int_equal(value_print_listen(&l, &b), OK);
		assert_true(slice_is(buf_slice(&b), listens[i].canonical));
		buf_fini(&b);
	}
}

static const struct address_case nets[] = {
    {"172.18.0.5", "172.18.0.5", ""},
    {"172.18.0.5/32", "172.18.0.5", ""},
    {"10.0.0.0/8", "10.0.0.0/8", ""},
    {"0.0.0.0/0", "0.0.0.0/0", ""},
    {"192.168.128.0/17", "192.168.128.0/17", ""},
    {"::/0", "::/0", ""},
    {"2001:db8::/32", "2001:db8::/32", ""},
    {"fe80::1", "fe80::1", ""},
    {"::ffff:1.2.3.4", "1.2.3.4", ""},
    {"::ffff:1.2.3.0/120", "1.2.3.0/24", ""},
    {"10.1.2.3/8", NULL, "10.0.0.0/8"},
    {"10.0.0.129/25", NULL, "10.0.0.128/25"},
    {"2001:db8::1/64", NULL, "2001:db8::/64"},
    {"10.0.0.0/33", NULL, ""},
    {"::/129", NULL, ""},
    {"10.0.0.0/", NULL, ""},
    {"10.0.0/8", NULL, ""},
    {"10.0.0.0/-1", NULL, ""},
    {"box.lan", NULL, ""},
    {"", NULL, ""},
    {"/8", NULL, ""},
};

static void
nets_are_whole(void **state)
{
	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
		char meant[VALUE_MEANT_MAX];
		struct conf_net net;
		struct buf b;
		enum err e = value_net(slice_str(nets[i].text), &net, meant);

		if ((e == OK) != (nets[i].canonical != NULL))
			print_error("case: %s\n", nets[i].text);
		assert_int_equal(e == OK, nets[i].canonical != NULL);
		assert_string_equal(meant, nets[i].meant);
		if (e != OK)
			continue;
		buf_init(&b, 256);
		assert_int_equal(value_print_net(&net, &b), OK);
		if (!slice_is(buf_slice(&b), nets[i].canonical))
			print_error("case: %s\n", nets[i].text);
		assert_true(slice_is(buf_slice(&b), nets[i].canonical));
		buf_fini(&b);
	}
}

struct member_case {
	const char *net, *addr;
	bool is_in;
};

static const struct member_case members[] = {
    {"10.0.0.0/8", "10.255.0.1", true},
    {"10.0.0.0/8", "11.0.0.1", false},
    {"10.0.0.128/25", "10.0.0.255", true},
    {"10.0.0.128/25", "10.0.0.127", false},
    {"1.2.3.4", "1.2.3.4", true},
    {"1.2.3.4", "1.2.3.5", false},
    {"0.0.0.0/0", "8.8.8.8", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "8.8.8.8", true}, /* mapped */
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1", "::1", true},
};

static void
nets_have_members(void **state)
{
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const struct member_case *m = &members[i];
		char meant[VALUE_MEANT_MAX];
		struct conf_net net, addr;

		assert_int_equal(value_net(slice_str(m->net), &net, meant), OK);
		assert_int_equal(
		    value_net(slice_str(m->addr), &addr, meant), OK);
		if (conf_net_has(&net, addr.addr) != m->is_in)
			print_error("case: %s %s\n", m->net, m->addr);
		assert_int_equal(conf_net_has(&net, addr.addr), m->is_in);
	}
}

struct url_case {
	const char *text;
	const char *host; /* NULL: refused */
	uint16_t port;
	const char *meant;
};

static const struct url_case urls[] = {
    {"http://127.0.0.1:11434", "127.0.0.1", 11434, ""},
    {"http://127.0.0.1:11434/", "127.0.0.1", 11434, ""},
    {"http://gpu-box_1.lan:80", "gpu-box_1.lan", 80, ""},
    {"http://[::1]:8080", "::1", 8080, ""},
    {"http://box:0", NULL, 0, ""},
    {"http://box", NULL, 0, "http://box:11434"},
    {"http://box:65536", NULL, 0, ""},
    {"http://box:80/v1", NULL, 0, "http://box:80"},
    {"http://box:80/v1/", NULL, 0, "http://box:80"},
    {"http://box:80//", NULL, 0, "http://box:80"},
    {"box:11434", NULL, 0, "http://box:11434"},
    {"127.0.0.1:11434", NULL, 0, "http://127.0.0.1:11434"},
    {"http://999.1.1.1:80", NULL, 0, ""},
    {"http://::1:80", NULL, 0, ""},
    {"http://bo x:80", NULL, 0, ""},
    {"http://box:80?x", NULL, 0, ""},
    {"http://-box:80", NULL, 0, ""},
    {"HTTP://box:80", NULL, 0, ""},
    {"ftp://box:80", NULL, 0, ""},
    {"https://box:443", NULL, 0, ""},
    {"http://u:p@box:80", NULL, 0, ""},
    {"http://", NULL, 0, ""},
    {"http://:80", NULL, 0, ""},
    {"unix:x", NULL, 0, ""},
    {"", NULL, 0, ""},
};

static void
urls_are_host_and_port(void **state)
{
	struct conf_url u;
	char meant[VALUE_MEANT_MAX];
	const char *why;

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		enum err e =
		    value_url(slice_str(urls[i].text), &u, meant, &why);

		if ((e == OK) != (urls[i].host != NULL) ||
		    strcmp(meant, urls[i].meant) != 0)
			print_error("case: %s\n", urls[i].text);
		assert_int_equal(e == OK, urls[i].host != NULL);
		assert_string_equal(meant, urls[i].meant);
		if (e != OK)
			continue;
		assert_true(slice_is(u.host, urls[i].host));
		assert_int_equal(u.port, urls[i].port);
	}
	assert_int_equal(
	    value_url(slice_str("unix:/run/e"), &u, meant, &why), OK);
	assert_true(slice_is(u.path, "/run/e"));
	assert_int_equal(u.host.n, 0);
}

struct near_case {
	const char *wrong;
	const char *best; /* NULL: none is near */
};

static void
the_nearest_word_is_meant(void **state)
{
	static const char *const words[] = {
	    "weight", "waiting", "rate", "burst", "over", "wait"};
	static const struct near_case cases[] = {
	    {"wieght", "weight"},  /* swapped */
	    {"weigt", "weight"},   /* lost */
	    {"weightt", "weight"}, /* doubled */
	    {"WEIGHT", "weight"},
	    {"rtae", "rate"},
	    {"rat", "rate"},
	    {"bust", "burst"},
	    {"wating", "waiting"},
	    {"wait", "wait"},
	    {"x", NULL},
	    {"", NULL},
	    {"zzzz", NULL},
	    {"completely_different_words_that_are_too_long", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct conf_nearest n;

		conf_nearest_init(&n, slice_str(cases[i].wrong));
		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
			conf_nearest_try(&n, slice_str(words[k]));
		if (cases[i].best == NULL) {
			assert_null(n.best);
			continue;
		}
		assert_non_null(n.best);
		assert_string_equal(n.best, cases[i].best);
	}
}

static void
quotations_are_harmless(void **state)
{
	assert_string_equal(
	    conf_quote((struct slice)SLICE("a\x1b[0m\n")).text, "`a?[0m?`");
	assert_string_equal(conf_quote((struct slice)SLICE("")).text, "``");
	/* Forty characters, however many bytes they have. */
	assert_string_equal(
	    conf_quote((struct slice)SLICE(
			   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			   "0123456789012345678901234567890123456789"))
		.text,
	    "`\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	    "0123456789012345678901234567890123...`");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_and_times),
	    cmocka_unit_test(rates_have_a_period),
	    cmocka_unit_test(listens_are_literal),
	    cmocka_unit_test(nets_are_whole),
	    cmocka_unit_test(nets_have_members),
	    cmocka_unit_test(urls_are_host_and_port),
	    cmocka_unit_test(the_nearest_word_is_meant),
	    cmocka_unit_test(quotations_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
