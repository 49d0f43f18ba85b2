/*
 * alerts: what is wrong with this gate's engines, models, disks and budgets,
 * told to those whom the configuration names.
 *
 * Looked at every half second as a whole, so that nothing that was forgotten
 * to be taken back stays wrong.
 */
#pragma once
#include "alert/board.h"
#include "conf/conf.h"
#include "base/err.h"

enum {
	ALERTS_CONFIGURED = 16,
	ALERTS_NAME_MAX = 128,
	ALERTS_WHY_MAX = 200,
};

struct gate;
struct caller;
struct sender;
struct command_answer;

/* What became of the last `weir alert test`. */
struct alerts_test {
	char name[ALERTS_NAME_MAX];
	enum { ALERTS_PENDING, ALERTS_OK, ALERTS_FAILED } state;
	char why[ALERTS_WHY_MAX];
};

struct alerts {
	struct alert_board board; /* in g->state; of the gate that serves */
	struct sender *sender;	  /* NULL: nothing was to be sent yet */
	struct alerts_test tests[ALERTS_CONFIGURED];
	size_t n_tests;
};

/* Every half second: what is wrong, what became of what was sent?  Never
 * blocks. */
void alerts_look(struct gate *g, int64_t now_us);

/* A caller was refused because its tokens are used up; ctx is the gate. */
void alerts_spent(void *ctx, const struct caller *c, int64_t wait_us);

/* The ledger cannot be written, or, where ${until_us} is now, can be again. */
void alerts_ledger(struct gate *g, const char *reason, int64_t until_us);

/* Another gate tells from now on; what is under way here is delivered. */
void alerts_leave(struct gate *g);

/* The end: try what waits once more. */
void alerts_close(struct gate *g, int64_t wait_us);
