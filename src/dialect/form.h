/*
 * form: model and stream out of a multipart/form-data body.
 *
 *   --B CRLF head CRLF CRLF data CRLF --B CRLF ... CRLF --B-- CRLF
 *
 * Internal to the room: inspect_run comes here for routes with BODY_FORM.
 * Strict where parsers differ: no preamble, CRLF only, one Content-Disposition
 * a part, no folded lines, no transfer encodings, nothing behind the end.
 *
 * Source: RFC 7578; RFC 2046, 5.1.
 */
#pragma once
#include "dialect/inspect.h"

/* As inspect_run. */
enum inspect_step form_run(struct inspect *in, size_t budget);
