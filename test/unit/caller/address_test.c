/* Addresses: one form for both families, groups, and what logs show. */
#include "caller/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

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

static const struct {
	const char *text;
	bool is_ipv4, is_local;
	const char *full, *net, *group;
} cases[] = {
    {"192.168.1.77", true, false, "192.168.1.77", "192.168.1.0/24",
	"192.168.1.77"},
    {"::ffff:192.168.1.77", true, false, "192.168.1.77", "192.168.1.0/24",
	"192.168.1.77"},
    {"127.0.0.1", true, true, "127.0.0.1", "127.0.0.0/24", "127.0.0.1"},
    {"127.8.8.8", true, true, "127.8.8.8", "127.8.8.0/24", "127.8.8.8"},
    {"::1", false, true, "::1", "::/48", "::"},
    {"2001:db8:1:2:3:4:5:6", false, false, "2001:db8:1:2:3:4:5:6",
	"2001:db8:1::/48", "2001:db8:1:2::"},
    {"unix", false, true, "unix", "unix", "unix"},
};

static void
check_show(
    size_t i, const struct address *a, enum conf_address how, const char *want)
{
	struct buf b;

	buf_init(&b, 128);
	assert_int_equal(address_show(a, how, &b), OK);
	if (!slice_is(buf_slice(&b), want))
		fail_msg("case %zu: %.*s, not %s", i, SLICE_ARG(buf_slice(&b)),
		    want);
	buf_fini(&b);
}

static void
test_addresses(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address a = parse(cases[i].text);
		struct address group = address_group(&a);

		assert_int_equal(address_is_ipv4(&a), cases[i].is_ipv4);
		assert_int_equal(address_is_local(&a), cases[i].is_local);
		check_show(i, &a, CONF_ADDRESS_FULL, cases[i].full);
		check_show(i, &a, CONF_ADDRESS_NET, cases[i].net);
		check_show(i, &a, CONF_ADDRESS_NONE, "");
		check_show(i, &group, CONF_ADDRESS_FULL, cases[i].group);
	}
}

static void
test_the_same_host_is_the_same_address(void **state)
{
	struct address a = parse("10.0.0.1"), b = parse("::ffff:10.0.0.1");

	assert_memory_equal(&a, &b, sizeof a);
	/* A unix peer is not [::]/64. */
	a = parse("unix");
	b = parse("::1");
	b = address_group(&b);
	assert_memory_not_equal(&a, &b, sizeof a);
}

static void
test_no_room(void **state)
{
	struct address a = parse("192.168.1.77");
	struct buf b;

	buf_init(&b, 5);
	assert_int_equal(address_show(&a, CONF_ADDRESS_FULL, &b), ERR_FULL);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_the_same_host_is_the_same_address),
	    cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
