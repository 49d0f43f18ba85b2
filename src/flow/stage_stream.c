/* stream: relay the answer (relay.c), until its end or the engine's. */
#include "flow/flow.h"
#include "flow/relay.h"

enum step
stage_stream(struct flow *f)
{
	if (f->answer_ended)
		return STEP_DONE;
	if (f->up_failed)
		return relay_broken(f, f->up_err);
	if (f->relay_begun)
		return STEP_WAIT;
	f->relay_begun = true;
	return relay_begin(f);
}
