/* What is for nobody's eyes is not printed; changes of it are still seen. */
#include "conf/conf.h"
#include "conf/diff.h"
#include "conf/mask.h"
#include "conf/problem.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static const struct {
	const char *url, *host, *shown;
} urls[] = {
    {"https://hooks.slack.com/services/T0/B0/xyz", "hooks.slack.com",
	"https://hooks.slack.com/..."},
    {"https://ntfy.sh/topic-xyz", "ntfy.sh", "https://ntfy.sh/..."},
    {"http://10.0.0.1:9093", "10.0.0.1:9093", "http://10.0.0.1:9093"},
    {"http://10.0.0.1:9093?k=xyz", "10.0.0.1:9093", "http://10.0.0.1:9093/..."},
    {"https://me:xyz@host:8/", "host:8", "https://host:8/..."},
    {"https://host#xyz@elsewhere", "host", "https://host/..."},
    {"https://[::1]:8/xyz", "[::1]:8", "\"https://[::1]:8/...\""},
};

static void
test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct slice url = slice_str(urls[i].url);
		struct buf b;

		buf_init(&b, 1000);
		assert_true(slice_is(mask_host(url), urls[i].host));
		assert_int_equal(mask_print(CONF_KIND_WEBHOOK, &url, &b), OK);
		if (!slice_is(buf_slice(&b), urls[i].shown))
			print_error("%s: %.*s\n", urls[i].url,
			    SLICE_ARG(buf_slice(&b)));
		assert_true(slice_is(buf_slice(&b), urls[i].shown));
		buf_fini(&b);
	}
}

static struct conf *
parse(const char *secret)
{
	static struct conf_problems problems;
	struct conf *c = NULL;
	char text[1000];
	int n = snprintf(text, sizeof text,
	    "alerts: [{webhook: 'https://a/%s'}, {command: '/x --key %s'}]\n"
	    "engines: [{name: a, run: x, url: 'http://x:1', env: {HF_TOKEN: "
	    "%s, my_api_key: %s, OLLAMA_DEBUG: '1'}}]\n",
	    secret, secret, secret, secret);

	assert_int_equal(
	    conf_parse(slice_of(text, (size_t)n), "f", &c, &problems), OK);
	return c;
}

static void
test_a_configuration(void **state)
{
	struct conf *a = parse("xyz"), *b = parse("uvw");
	struct conf_changes changes;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(conf_print(a, &out), OK);
	assert_int_equal(buf_add_char(&out, '\0'), OK);
	assert_null(strstr(out.p, "xyz"));
	assert_non_null(strstr(out.p, "webhook: https://a/...\n"));
	assert_non_null(strstr(out.p, "command: \"/x ...\"\n"));
	assert_non_null(strstr(out.p, "HF_TOKEN: \"...\""));
	assert_non_null(strstr(out.p, "OLLAMA_DEBUG: 1"));
	conf_diff(a, b, &changes);
	assert_int_equal(changes.n, 3);
	buf_fini(&out);
	conf_drop(a);
	conf_drop(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
