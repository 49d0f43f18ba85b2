/*
 * fetch: one small request of weir's own to an engine, the whole answer in a
 * bounded buffer, one call back.  For probes and listings.
 */
#pragma once
#include "engine/engine.h"
#include "engine/upstream.h"

/* Who answers, where that matters. */
enum fetch_server { FETCH_OTHER, FETCH_WEIR, FETCH_LLAMA };

struct fetch {
	struct upstream_user user;
	struct engine *engine;
	struct upstream *up; /* NULL: nothing under way */
	struct buf request, answer;
	struct timer bound;
	void (*on_done)(struct fetch *f);
	/*
	 * Takes the answer as it comes instead of ${answer}; NULL: none.
	 * False: enough, on_done follows with ERR_FULL.
	 */
	bool (*on_part)(struct fetch *f, struct slice part);
	int64_t bound_us; /* with on_part it is of the silence between parts */
	enum err err;	  /* OK: an answer came, with any status */
	int status;
	enum fetch_server server; /* as its Server field says */
};

/* Prepare; answers of more than ${max} bytes are ERR_FULL. */
void fetch_init(struct fetch *f, struct engine *e, size_t max,
    void (*on_done)(struct fetch *f));

/*
 * Send ${method} ${path} with ${body} (JSON; empty: none).  on_done follows,
 * after ${bound_us} at the latest; not from inside this call.  Where on_part
 * is set each part begins that time anew.
 */
void fetch_start(struct fetch *f, const char *method, const char *path,
    struct slice body, int64_t bound_us);

/* Stop: on_done does not come any more.  Safe at any moment. */
void fetch_cancel(struct fetch *f);

/* Is ${user} the one of a fetch? */
bool fetch_is(const struct upstream_user *user);

/* Cancel and free the buffers. */
void fetch_fini(struct fetch *f);
