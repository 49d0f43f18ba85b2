#include "test/unit/http/check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
run(struct trace *t, const char *name, const char *want,
    const struct trace_in *in)
{
	trace_run(t, in);
	if (!slice_glob(slice_str(want), buf_slice(&t->brief)))
		fail_msg("%s (cut %d): expected \"%s\", got \"%.*s\"", name,
		    in->n_cuts ? (int)in->cuts[0] : -1, want,
		    SLICE_ARG(buf_slice(&t->brief)));
}

static void
same(const char *name, const struct trace *whole, const struct trace *parts)
{
	if (!slice_eq(buf_slice(&whole->full), buf_slice(&parts->full)) ||
	    !slice_eq(buf_slice(&whole->brief), buf_slice(&parts->brief)) ||
	    whole->is_idle != parts->is_idle)
		fail_msg("%s: whole and cut differ, %.*s", name,
		    SLICE_ARG(buf_slice(&parts->full)));
}

void
check_cuts(const char *name, const char *want, const struct trace_in *in)
{
	struct trace whole, parts;
	struct trace_in cut_in = *in;

	run(&whole, name, want, in);
	cut_in.each_byte = true;
	run(&parts, name, want, &cut_in);
	same(name, &whole, &parts);
	trace_fini(&parts);
	cut_in.each_byte = false;
	cut_in.n_cuts = 1;
	for (size_t cut = 0; cut <= in->bytes.n; cut++) {
		cut_in.cuts = &cut;
		run(&parts, name, want, &cut_in);
		same(name, &whole, &parts);
		trace_fini(&parts);
	}
	trace_fini(&whole);
}
