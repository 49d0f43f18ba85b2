/*
 * reserve: the tokens of a request: set aside, confirmed, noted, settled.
 *
 * What was used is what the engine reports.  Where it reports nothing (the
 * caller hung up, the stream broke off) it is what was seen: the guess of the
 * prompt, a token for each piece of the answer that passed.  A request that
 * never was at an engine, or whose engine failed it before it answered, used
 * nothing.  The guess: 4 bytes of text a token, 768 tokens an image; `strict`
 * reckons with a token a byte, which no tokenizer exceeds.
 */
#pragma once
#include "flow/flow.h"
#include "log/access.h"

/*
 * A slot is there: is what was set aside still covered, or has the caller
 * used more meanwhile than it had reserved?  STEP_NEXT or STEP_REFUSE.
 */
enum step reserve_confirm(struct flow *f);

/* More of the answer has passed: that much is charged if weir crashes now. */
void reserve_note(struct flow *f);

/*
 * The flow, whose line will be ${a}, ends: charge what it used and note it in
 * the ledger, once.  Its connection to the engine is still as it was.
 */
void reserve_settle(struct flow *f, const struct access *a);
