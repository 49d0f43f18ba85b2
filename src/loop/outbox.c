#include "loop/outbox.h"
#include "loop/conn_part.h"

bool
outbox_put(struct outbox *o, struct conn *c, const struct slice *s, unsigned n,
    size_t bytes)
{
	struct outbox_row *row = c->row;

	if (row == NULL) {
		if (o->n == OUTBOX_CONNS || bytes > OUTBOX_BYTES)
			return false;
		row = &o->rows[o->n++];
		row->conn = c;
		row->n = 0;
		c->row = row;
	} else if (bytes > OUTBOX_BYTES - row->n) {
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		if (s[i].n > 0)
			memcpy(row->bytes + row->n, s[i].p, s[i].n);
		row->n += s[i].n;
	}
	return true;
}

void
outbox_drop(struct conn *c)
{
	if (c->row)
		c->row->conn = NULL;
	c->row = NULL;
}

void
outbox_send(struct conn *c)
{
	const struct outbox_row *row = c->row;

	if (row == NULL)
		return;
	outbox_drop(c);
	conn_send_row(c, slice_of(row->bytes, row->n));
}

void
outbox_flush(struct outbox *o)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->rows[i].conn)
			outbox_send(o->rows[i].conn);
	o->n = 0;
}
