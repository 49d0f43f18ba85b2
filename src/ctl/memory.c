#include "ctl/memory.h"
#include "json/write.h"
#include "token/shape.h"
#include <errno.h>
#include <stdio.h>

enum { OUT_MAX = 64 * 1024 };

static int
complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "weir memory: %s: %s\n", what, why);
	return 1;
}

static const char *
reason(enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND:
		return "no such file";
	case ERR_IO:
		return strerror(errno);
	case ERR_VERSION:
		return "GGUF of a version or byte order that is not read here";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_FULL:
	case ERR_RANGE:
		return "its numbers are beyond all reason";
	default:
		return "no valid GGUF file of a model";
	}
}

static bool
take_number(const char *text, uint64_t most, int64_t *out)
{
	uint64_t v;

	if (text == NULL)
		return true;
	if (!slice_u64(slice_str(text), most, &v) || v == 0)
		return false;
	*out = (int64_t)v;
	return true;
}

static bool
read_use(const struct ctl_args *a, struct shape_use *u)
{
	u->is_shared = a->shared != NULL;
	if (!take_number(a->context, SHAPE_CONTEXT_MAX, &u->context_tok) ||
	    !take_number(a->slots, SHAPE_SLOTS_MAX, &u->slots))
		return false;
	if (a->cache == NULL)
		return true;
	if (!shape_type_find(slice_str(a->cache), &u->k_type))
		return false;
	u->v_type = u->k_type;
	return true;
}

static enum err
write_json(
    const struct shape_use *u, const struct shape_need *n, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w, NULL);
	json_int(&w, "context_tokens", u->context_tok);
	json_int(&w, "slots", u->slots);
	json_int(&w, "weights_bytes", n->weights_bytes);
	json_int(&w, "context_bytes", n->context_bytes);
	json_int(&w, "work_bytes", n->work_bytes);
	json_int(&w, "total_bytes", n->total_bytes);
	json_object_end(&w);
	return w.err == OK ? buf_add_char(out, '\n') : w.err;
}

static enum err
write_row(struct buf *out, const char *name, int64_t bytes)
{
	enum err e = buf_printf(out, "%-9s", name);

	if (e == OK)
		e = buf_add_size(out, bytes);
	return e;
}

static enum err
write_text(
    const struct shape_use *u, const struct shape_need *n, struct buf *out)
{
	enum err e = write_row(out, "weights", n->weights_bytes);

	if (e == OK)
		e = write_row(out, "\ncontext", n->context_bytes);
	if (e == OK)
		e = buf_printf(out, " (%lld tokens, %lld slot%s)",
		    (long long)u->context_tok, (long long)u->slots,
		    u->slots == 1 ? "" : "s");
	if (e == OK)
		e = write_row(out, "\nwork", n->work_bytes);
	if (e == OK)
		e = write_row(out, "\ntotal", n->total_bytes);
	return e == OK ? buf_add_char(out, '\n') : e;
}

int
ctl_memory(const struct ctl_args *args)
{
	struct shape_use use = {.slots = 1};
	struct shape_need need;
	struct shape shape;
	struct buf out;
	enum err e;

	if (!read_use(args, &use)) {
		(void)complain("--context, --slots, --cache-type",
		    "whole numbers above 0, and a type such as q8_0");
		return 2;
	}
	if ((e = shape_open(args->operands[0], &shape)) != OK)
		return complain(args->operands[0], reason(e));
	if (use.context_tok == 0)
		use.context_tok = shape.context_max_tok;
	need = shape_need(&shape, &use);
	buf_init(&out, OUT_MAX);
	e = args->json ? write_json(&use, &need, &out)
		       : write_text(&use, &need, &out);
	if (e == OK)
		(void)fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	return e == OK && fflush(stdout) == 0 ? 0 : 1;
}
