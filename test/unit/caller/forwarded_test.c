/* Where a request comes from that proxies passed on. */
#include "caller/forwarded.h"
#include "http/parser.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* The trusted ones of all cases: 10.0.0.0/8, 127.0.0.1 and 2001:db8:1::/48. */
static const struct conf_net nets[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 10}, 104},
    {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, 128},
    {{0x20, 1, 0xd, 0xb8, 0, 1}, 48},
};
static const struct conf_nets trusted = {nets, sizeof nets / sizeof *nets};

static const struct {
	const char *peer, *fields, *from;
} cases[] = {
    /* a peer that nobody trusts says nothing */
    {"192.0.2.1", "X-Forwarded-For: 203.0.113.7\r\n", "192.0.2.1"},
    {"192.0.2.1", "Forwarded: for=203.0.113.7\r\n", "192.0.2.1"},
    {"10.0.0.1", "", "10.0.0.1"},
    /* one proxy */
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "x-forwarded-for:203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7:4711\r\n", "203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: 2001:db8::9\r\n", "2001:db8::9"},
    {"10.0.0.1", "X-Forwarded-For: [2001:db8::9]\r\n", "2001:db8::9"},
    {"10.0.0.1", "X-Forwarded-For: [2001:db8::9]:80\r\n", "2001:db8::9"},
    {"10.0.0.1", "X-Forwarded-For: ::ffff:203.0.113.7\r\n", "203.0.113.7"},
    {"127.0.0.1", "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
    {"2001:db8:1::5", "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
    /* what the caller wrote itself stands before */
    {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: 10.0.0.5, 203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: junk, 203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n",
	"203.0.113.7"},
    /* proxies behind proxies */
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7, 10.0.0.2,10.0.0.3\r\n",
	"203.0.113.7"},
    {"10.0.0.1",
	"X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n"
	"X-Forwarded-For: 10.0.0.2\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "X-Forwarded-For: 10.0.0.9, 10.0.0.2\r\n", "10.0.0.9"},
    /* malformed where it counts */
    {"10.0.0.1", "X-Forwarded-For: junk\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For:\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7,\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7, unknown\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, junk, 10.0.0.2\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7:x\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 203.0.113.7 10.0.0.1\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: [2001:db8::9\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: [203.0.113.7]\r\n", "10.0.0.1"},
    /* another machine's loopback is nobody */
    {"10.0.0.1", "X-Forwarded-For: 127.0.0.2\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: ::1\r\n", "10.0.0.1"},
    {"127.0.0.1", "X-Forwarded-For: 127.0.0.2\r\n", "127.0.0.2"},
    /* RFC 7239 4 and 6 */
    {"10.0.0.1", "Forwarded: for=203.0.113.7\r\n", "203.0.113.7"},
    {"10.0.0.1", "Forwarded: For=\"[2001:db8::9]:4711\"\r\n", "2001:db8::9"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7;proto=http;by=203.0.113.43\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: proto=http; for=\"203.0.113.7:1\"\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=192.0.2.43, for=203.0.113.7\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7, for=10.1.1.1\r\n", "203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7\r\nForwarded: for=10.0.0.2\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=\"a,b\";for=1.1.1.1, for=203.0.113.7\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=_hidden\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=unknown\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"_gazonk\", for=10.1.1.1\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: proto=https\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7, proto=https\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: 203.0.113.7\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"203.0.113.7\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"203.0.113.7\"x, for=10.1.1.1\r\n",
	"10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"203.\\0.113.7\"\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7,\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7;\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded:\r\n", "10.0.0.1"},
    /* both: they must agree, since one of them may be the caller's */
    {"10.0.0.1",
	"Forwarded: for=203.0.113.7\r\nX-Forwarded-For: 203.0.113.7\r\n",
	"203.0.113.7"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n",
	"10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=203.0.113.7\r\nX-Forwarded-For: 1.1.1.1\r\n",
	"10.0.0.1"},
};

static struct address
parse(const char *text)
{
	struct address a;

	assert_true(address_parse_host(slice_str(text), &a));
	return a;
}

static void
test_from(void **state)
{
	static struct http_head head;
	struct http_limits l = http_limits_default();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address peer = parse(cases[i].peer), from;
		struct http_parser p;
		struct slice body;
		char raw[512];
		size_t used;
		struct buf b;

		snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
		    cases[i].fields);
		http_parser_init(&p, HTTP_SIDE_REQUEST, &l);
		assert_int_equal(
		    http_parser_next(&p, &head, slice_str(raw), &used, &body),
		    HTTP_EVENT_HEAD);
		from = forwarded_address(&head, &peer, &trusted);
		buf_init(&b, 64);
		assert_int_equal(
		    address_show(&from, CONF_ADDRESS_FULL, &b), OK);
		if (!slice_is(buf_slice(&b), cases[i].from))
			fail_msg("%s from %s: %.*s", cases[i].fields,
			    cases[i].peer, SLICE_ARG(buf_slice(&b)));
		buf_fini(&b);
	}
}

static void
test_a_unix_peer_is_no_proxy(void **state)
{
	struct http_head head = {.n_fields = 0};
	struct address peer = {.is_unix = true}, from;

	from = forwarded_address(&head, &peer, &trusted);
	assert_true(from.is_unix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_from),
	    cmocka_unit_test(test_a_unix_peer_is_no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
