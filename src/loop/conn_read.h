/* conn_read: what the two files of conn share; see loop/conn.h. */
#pragma once
#include "loop/conn.h"

/* Tell the owner, once, that the stream is broken; from the loop only. */
void conn_fail(struct conn *c);

/* Free the window of ${c}, with what was not eaten. */
void conn_drop_window(struct conn *c);
