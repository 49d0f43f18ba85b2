/* Every row of facts/errors.def is fit to be shown. */
#include "base/err.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Fields of struct refusal. */
static const char *const places[] = {
    "wait", "limit", "value", "model", "what", "reason"};

/* What HTTP has names for, and nginx's 499: the caller hung up. */
static const int statuses[] = {400, 401, 403, 404, 405, 408, 413, 414, 415, 417,
    429, 431, 499, 500, 502, 503, 504, 507};

static bool
is_status(int status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i] == status)
			return true;
	return status == 0;
}

static bool
is_code(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) &&
		    !isdigit((unsigned char)*s) && *s != '_')
			return false;
	return s[-1] != '_';
}

static void
check_places(const struct err_fact *f)
{
	const char *at = f->text, *end;

	while ((at = strchr(at, '{')) != NULL) {
		bool known = false;

		end = strchr(at, '}');
		assert_non_null(end);
		for (size_t i = 0; i < sizeof places / sizeof *places; i++)
			known |= strlen(places[i]) == (size_t)(end - at - 1) &&
			    strncmp(places[i], at + 1, strlen(places[i])) == 0;
		if (!known)
			fail_msg("%s: unknown place %s", f->name, at);
		at = end;
	}
	end = strchr(f->text, '}');
	if (end)
		assert_true(strchr(f->text, '{') < end);
}

static void
test_rows(void **state)
{
	(void)state;
	for (int e = OK + 1; e < ERR_COUNT; e++) {
		const struct err_fact *f = err_get((enum err)e);

		assert_non_null(f->name);
		if (!is_code(f->code) || !is_status(f->status))
			fail_msg("%s: code or status", f->name);
		check_places(f);
		/* Each one stands in the manual. */
		if (f->cause[0] == 0)
			fail_msg("%s has no cause", f->name);
		if (f->status == 0 && f->text[0])
			fail_msg("%s is never shown but has a text", f->name);
		if (f->status > 0 && f->cure[0] == 0)
			fail_msg("%s has no cure", f->name);
		/* 499 is for the log only: nobody is there to be told. */
		if (f->status > 0 && f->status != 499 && f->text[0] == 0)
			fail_msg("%s says nothing", f->name);
		/* "Try again in 5 s" must not be said where it is useless. */
		if (strstr(f->text, "{wait}") && !f->retry)
			fail_msg("%s: waits, but is not RETRY", f->name);
		if ((f->status == 429 || f->status == 503) && !f->retry)
			fail_msg("%s: %d is RETRY", f->name, f->status);
	}
}

/* Programs tell errors apart by their codes. */
static void
test_codes(void **state)
{
	(void)state;
	for (int a = 0; a < ERR_COUNT; a++)
		for (int b = 0; b < a; b++) {
			const struct err_fact *x = err_get((enum err)a);
			const struct err_fact *y = err_get((enum err)b);

			if (strcmp(x->code, y->code) == 0)
				fail_msg(
				    "%s and %s: %s", x->name, y->name, x->code);
		}
}

static void
test_ok(void **state)
{
	(void)state;
	assert_int_equal(err_get(OK)->status, 200);
	assert_string_equal(err_get(OK)->text, "");
	assert_int_equal(OK, 0);
	assert_string_equal(err_get(ERR_RATE_LIMITED)->name, "RATE_LIMITED");
	assert_string_equal(
	    err_get(ERR_RATE_LIMITED)->code, "rate_limit_exceeded");
	assert_int_equal(err_get(ERR_RATE_LIMITED)->status, 429);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_codes),
	    cmocka_unit_test(test_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
