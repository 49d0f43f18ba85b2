#include "base/err.h"
#include <assert.h>

#define NO_RETRY false
#define RETRY true
#define DEBUG LEVEL_DEBUG
#define INFO LEVEL_INFO
#define WARN LEVEL_WARN
#define ERROR LEVEL_ERROR

static const struct err_fact facts[ERR_COUNT] = {
    [OK] = {.name = "OK", .code = "ok", .text = "", .status = 200},
#define ERR(nm, st, cd, lv, rt, tx, ca, cu)                                    \
	[ERR_##nm] = {.name = #nm,                                             \
	    .code = cd,                                                        \
	    .text = tx,                                                        \
	    .cause = ca,                                                       \
	    .cure = cu,                                                        \
	    .status = st,                                                      \
	    .level = lv,                                                       \
	    .retry = rt},
#include "facts/errors.def"
#undef ERR
};

const struct err_fact *
err_get(enum err e)
{
	assert((unsigned)e < ERR_COUNT);
	return &facts[e];
}
