/* model and stream of multipart forms; and forms that two parsers would read
 * in two ways. */
#include "dialect/inspect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TYPE "multipart/form-data; boundary=XyZ"
#define PART(name, data)                                                       \
	"--XyZ\r\nContent-Disposition: form-data; name=\"" name                \
	"\"\r\n\r\n" data "\r\n"
#define FILE_PART                                                              \
	"--XyZ\r\nContent-Disposition: form-data; name=\"file\"; "             \
	"filename=\"a;b.wav\"\r\nContent-Type: audio/wav\r\n\r\n"              \
	"RIFF\r\r\n-\r\n--Xy\r\n\r\n"
#define LAST "--XyZ--\r\n"

static const size_t budgets[] = {1 << 20, 1, 2, 13};

static enum inspect_step
run(struct inspect *in, const char *type, struct slice body, size_t budget)
{
	struct inspect_opt opt = {.route = route_get(ROUTE_V1_TRANSCRIPTIONS),
	    .content_type = slice_str(type)};
	enum inspect_step step;
	char *copy = malloc(body.n ? body.n : 1);

	assert_non_null(copy);
	if (body.n > 0)
		memcpy(copy, body.p, body.n);
	opt.body = slice_of(copy, body.n);
	inspect_init(in, &opt);
	do
		step = inspect_run(in, budget);
	while (step == INSPECT_MORE);
	/* The model is compared before its bytes go. */
	in->text_bytes = slice_is(in->model, "whisper");
	free(copy);
	return step;
}

static void
test_good(void **state)
{
	static const struct {
		const char *type, *body;
		bool is_stream;
	} cases[] = {
	    {TYPE, PART("model", "whisper") LAST, false},
	    {TYPE, FILE_PART PART("model", "whisper") LAST, false},
	    {TYPE, PART("model", "whisper") FILE_PART LAST, false},
	    {TYPE, PART("model", "whisper") PART("stream", "true") LAST, true},
	    {TYPE, PART("stream", "True") PART("model", "whisper") LAST, true},
	    {TYPE, PART("model", "whisper") PART("stream", "false") LAST,
		false},
	    {TYPE, PART("model", "whisper") PART("prompt", "") LAST, false},
	    {TYPE, PART("model", "whisper") "--XyZ--", false},
	    {"Multipart/Form-Data;Boundary=\"XyZ\"; charset=utf-8",
		PART("model", "whisper") LAST, false},
	    {TYPE,
		"--XyZ\r\ncontent-disposition:form-data;name=model\r\n"
		"content-transfer-encoding: 8BIT\r\n\r\nwhisper\r\n" LAST,
		false},
	};
	struct inspect in;

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * COUNT(budgets); i++) {
		size_t c = i / COUNT(budgets);

		if (run(&in, cases[c].type, slice_str(cases[c].body),
			budgets[i % COUNT(budgets)]) != INSPECT_DONE)
			fail_msg("%s: %.*s", cases[c].body,
			    SLICE_ARG(in.why.reason));
		assert_int_equal(in.text_bytes, 1);
		assert_int_equal(in.is_stream, cases[c].is_stream);
	}
}

static void
test_refused(void **state)
{
#define HEAD(line) "--XyZ\r\n" line "\r\n\r\nwhisper\r\n" LAST
#define NAMED "Content-Disposition: form-data; name=\"model\""
	static const struct {
		const char *type, *body;
		enum err err;
	} cases[] = {
	    {TYPE, "", ERR_BODY_MISSING},
	    {TYPE, LAST, ERR_MODEL_MISSING},
	    {TYPE, FILE_PART LAST, ERR_MODEL_MISSING},
	    {TYPE, PART("model", "") LAST, ERR_MODEL_MISSING},
	    {TYPE, PART("model", "a") PART("model", "b") LAST,
		ERR_FIELD_DUPLICATE},
	    {TYPE, PART("model", "") PART("model", "b") LAST,
		ERR_FIELD_DUPLICATE},
	    {TYPE, PART("model", "a") PART("Model", "b") LAST,
		ERR_FIELD_SPELLING},
	    {TYPE, PART("model", "a") PART("STREAM", "true") LAST,
		ERR_FIELD_SPELLING},
	    /* The type. */
	    {"", PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    {"application/json", "{\"model\":\"a\"}", ERR_BODY_NOT_FORM},
	    {"multipart/form-data", PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    {"multipart/mixed; boundary=XyZ", PART("model", "a") LAST,
		ERR_BODY_NOT_FORM},
	    {TYPE "; boundary=abc", PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    {"multipart/form-data; boundary=", PART("model", "a") LAST,
		ERR_BODY_NOT_FORM},
	    {"multipart/form-data; boundary=\"X\\yZ\"", PART("model", "a") LAST,
		ERR_BODY_NOT_FORM},
	    {"multipart/form-data; boundary="
	     "1234567890123456789012345678901234567890123456789012345678901234"
	     "5678901",
		PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    /* The frame. */
	    {TYPE, "preamble\r\n" PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    {TYPE, "\r\n" PART("model", "a") LAST, ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a") LAST "epilogue", ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a"), ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a") "--XyZ", ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a") "--XyZ-", ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a") "--XyZx\r\n" LAST, ERR_BODY_NOT_FORM},
	    {TYPE, PART("model", "a") "--XyZ \r\n" LAST, ERR_BODY_NOT_FORM},
	    {TYPE, "--XyZ\n" NAMED "\n\nwhisper\n--XyZ--\n", ERR_BODY_NOT_FORM},
	    {TYPE, "--XyZ\r\n", ERR_BODY_NOT_FORM},
	    /* The heads. */
	    {TYPE, "--XyZ\r\n\r\nwhisper\r\n" LAST, ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Type: text/plain"), ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "\r\n" NAMED), ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "\r\n folded"), ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "\r\nno colon"), ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition : form-data; name=\"model\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition: attachment; name=\"model\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "; name=\"x\""), ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "; name*=utf-8''x"), ERR_BODY_NOT_FORM},
	    {TYPE,
		HEAD("Content-Disposition: form-data; filename=\"a\\\"; "
		     "name=\"model\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition: form-data; name=\"mod\\el\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition: form-data; name=mo\"del\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition: form-data; name=\"\""),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD("Content-Disposition: form-data"), ERR_BODY_NOT_FORM},
	    {TYPE,
		HEAD(NAMED "\r\nContent-Transfer-Encoding: quoted-printable"),
		ERR_BODY_NOT_FORM},
	    {TYPE, HEAD(NAMED "\nX: y"), ERR_BODY_NOT_FORM},
	};
	struct inspect in;

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * COUNT(budgets); i++) {
		size_t c = i / COUNT(budgets);
		enum inspect_step step = run(&in, cases[c].type,
		    slice_str(cases[c].body), budgets[i % COUNT(budgets)]);

		if (step != INSPECT_REFUSED || in.why.err != cases[c].err)
			fail_msg("%s: %s", cases[c].body,
			    step == INSPECT_DONE ? "accepted"
						 : err_get(in.why.err)->name);
	}
}

/* Cut anywhere, a form is incomplete, unless only its last CRLF is gone. */
static void
test_cut(void **state)
{
	static const char body[] = FILE_PART PART("model", "whisper") LAST;
	struct inspect in;

	(void)state;
	for (size_t n = 0; n < sizeof body - 1; n++) {
		enum inspect_step step =
		    run(&in, TYPE, slice_of(body, n), 1 << 20);

		/* A lone CR behind the end is junk. */
		if (n == sizeof body - 3)
			assert_int_equal(step, INSPECT_DONE);
		else
			assert_int_equal(step, INSPECT_REFUSED);
	}
}

/* A turn ends in time, however small the parts are. */
static void
test_turns(void **state)
{
	enum { PARTS = 2000 };
	static const char part[] = PART("x", "");
	struct inspect_opt opt = {.route = route_get(ROUTE_V1_TRANSCRIPTIONS),
	    .content_type = SLICE(TYPE)};
	size_t each = sizeof part - 1, turns = 1;
	char *body = malloc(PARTS * each + 200);
	struct inspect in;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < PARTS; i++)
		memcpy(body + i * each, part, each);
	opt.body = slice_of(body,
	    PARTS * each +
		(size_t)sprintf(
		    body + PARTS * each, "%s", PART("model", "whisper") LAST));
	inspect_init(&in, &opt);
	while (inspect_run(&in, 1000) == INSPECT_MORE)
		turns++;
	assert_true(slice_is(in.model, "whisper"));
	assert_in_range(turns, opt.body.n / 1200, opt.body.n / 900 + 2);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
