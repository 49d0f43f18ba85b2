/*
 * fit: `overflow: fit`, where a prompt that is longer than the loaded context
 * has Ollama load the model with a larger one instead of being refused.
 *
 *   4096 loaded, 5000 needed --> 8192 --> ... never beyond models: context
 *
 * Each step doubles what is loaded, so a conversation that grows makes few
 * loads; what was made larger stays, because all requests ride on it
 * (dialect/edit_loads.c).  Only requests of Ollama's own routes can say how
 * large: on /v1 each would have the model loaded anew with its default, so a
 * model that is used there too does not grow.
 */
#pragma once
#include "flow/flow.h"

/*
 * The largest context that the model ${m} of ${e} may get for ${f}; 0: it
 * stays as it is.
 */
uint32_t fit_most(
    const struct flow *f, const struct engine *e, const struct engine_model *m);

/* The step from ${have}, which is not 0, that holds ${need}, ${most} at most. */
uint32_t fit_step(uint32_t have, int64_t need, uint32_t most);

/* ${f}, which has a name, goes to f->engine: by a route that can say it? */
void fit_note_use(struct flow *f);
