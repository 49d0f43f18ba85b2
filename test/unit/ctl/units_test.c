/* What systemd is told, and where Ollama is. */
#include "ctl/units.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>

/*
 * OLLAMA_HOST by Ollama's rules (envconfig/config.go, Host): a port that is
 * absent is 11434, with http:// it is 80, a path is of no matter.
 */
static const struct {
	const char *text, *host;
	uint16_t port; /* 0: weir cannot listen there */
} places[] = {
    {NULL, "127.0.0.1", 11434},
    {"", "127.0.0.1", 11434},
    {"1.2.3.4", "1.2.3.4", 11434},
    {":1234", "127.0.0.1", 1234},
    {"1.2.3.4:1234", "1.2.3.4", 1234},
    {"0.0.0.0", "0.0.0.0", 11434},
    {"localhost:80", "127.0.0.1", 80},
    {"http://1.2.3.4", "1.2.3.4", 80},
    {"http://1.2.3.4:5000", "1.2.3.4", 5000},
    {"http://1.2.3.4:5000/", "1.2.3.4", 5000},
    {"http://0.0.0.0:11434/api", "0.0.0.0", 11434},
    {"[::1]", "::1", 11434},
    {"[::]:1337", "::", 1337},
    {"::1", "::1", 11434},
    {" 1.2.3.4 ", "1.2.3.4", 11434},
    {"\"1.2.3.4\"", "1.2.3.4", 11434},
    {"'1.2.3.4:7'", "1.2.3.4", 7},
    {"https://1.2.3.4", "", 0},
    {"gpubox:11434", "", 0},
    {"1.2.3.4:66000", "", 0},
    {"1.2.3.4:x", "", 0},
};

static void
test_where_an_ollama_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct units_place p;
		bool ok = units_ollama_place(places[i].text, &p);

		if (ok != (places[i].port != 0) ||
		    (ok &&
			(strcmp(p.host, places[i].host) != 0 ||
			    p.port != places[i].port)))
			fail_msg("%s: %s %u", places[i].text, p.host, p.port);
	}
}

static struct conf *
parse(const char *text)
{
	static struct conf_problems problems;
	struct conf *c;

	assert_int_equal(
	    conf_parse(slice_str(text), "test", &c, &problems), OK);
	return c;
}

/* What is written for Ollama's place is a configuration that weir takes. */
static void
test_the_configuration_in_its_place(void **state)
{
	struct units_place at = {.host = "::1", .port = 11434};
	struct buf b;
	struct conf *c;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(units_config(&at, 11436, "ollama.service",
			     "https://a.example, \"x\\y\" ,,app://*", &b),
	    OK);
	assert_int_equal(buf_add_char(&b, 0), OK);
	c = parse(b.p);
	assert_int_equal(c->listen.n, 1);
	assert_int_equal(c->listen.v[0].family, CONF_IPV6);
	assert_int_equal(c->listen.v[0].port, 11434);
	assert_int_equal(c->origins.n, 3);
	assert_true(slice_is(c->origins.v[0], "https://a.example"));
	assert_true(slice_is(c->origins.v[1], "\"x\\y\""));
	assert_int_equal(c->engines[0].url.port, 11436);
	assert_true(slice_is(c->engines[0].unit, "ollama.service"));
	conf_drop(c);
	buf_fini(&b);
}

/* systemd expands % and $, and takes quotes and backslashes. */
static void
test_words_of_commands(void **state)
{
	struct units_of u = {.program = "/opt/we\"ir/50%/$x",
	    .config = "/etc/a b.yaml",
	    .conf = conf_default(),
	    .groups = ""};
	struct buf b;

	(void)state;
	buf_init(&b, 16384);
	assert_int_equal(units_service(&u, &b), OK);
	assert_int_equal(buf_add_char(&b, 0), OK);
	assert_non_null(strstr(b.p,
	    "\nExecStart=\"/opt/we\\\"ir/50%%/$$x\" serve -c "
	    "\"/etc/a b.yaml\"\n"));
	conf_drop(u.conf);
	buf_fini(&b);
}

/* The one right that weir gets: these units, this user, this verb. */
static void
test_the_right_to_restart(void **state)
{
	struct units_of u = {.program = "/w", .groups = ""};
	struct conf *c =
	    parse("engines:\n"
		  "- {name: a, url: 'http://127.0.0.1:1', unit: ollama}\n"
		  "- {name: b, url: 'http://127.0.0.1:2'}\n"
		  "- {name: c, url: 'http://127.0.0.1:3', unit: c.service}\n");
	struct buf b;

	(void)state;
	u.conf = c;
	buf_init(&b, 16384);
	assert_true(units_has_unit(c));
	assert_int_equal(units_rule(&u, &b), OK);
	assert_int_equal(buf_add_char(&b, 0), OK);
	assert_non_null(
	    strstr(b.p, "units = [\"ollama.service\", \"c.service\", \"\"];"));
	assert_non_null(strstr(b.p, "subject.user == \"weir\""));
	assert_non_null(strstr(b.p, "lookup(\"verb\") == \"restart\""));
	conf_drop(c);
	c = conf_default();
	assert_false(units_has_unit(c));
	conf_drop(c);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_where_an_ollama_is),
	    cmocka_unit_test(test_the_configuration_in_its_place),
	    cmocka_unit_test(test_words_of_commands),
	    cmocka_unit_test(test_the_right_to_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
