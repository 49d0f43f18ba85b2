/*
 * browser: what web pages may do; the fields (CORS) by which browsers know.
 *
 *   Origin allowed? --preflight--> 204 or 403, nobody asks who calls
 *        '--- who calls? --------> Host, Origin, Sec-Fetch-Site: 403, or on
 *
 * The engine's own CORS fields never go on to the caller; weir's are in all
 * answers to a page that may call, refusals too, so that it can tell them.
 */
#pragma once
#include "flow/asker.h"
#include "flow/flow.h"

/* Note in f->page the page that asks, if it may. */
void browser_note(struct flow *f, const struct asker *a);

/* Does the browser only ask whether it may send a request? */
bool browser_is_preflight(const struct flow *f, const struct asker *a);

/* Answer that: STEP_DONE, or a refusal. */
enum step browser_preflight(struct flow *f);

/*
 * OK, or ERR_HOST_FORBIDDEN (unless the caller has a key: ${by_key}), or
 * ERR_ORIGIN_FORBIDDEN.
 */
MUST_CHECK enum err browser_judge(
    const struct flow *f, const struct asker *a, bool by_key);

/* Append the fields for f->page, if there is one.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err browser_add_fields(const struct flow *f, struct buf *b);
