#include "ipc/engine_news.h"

uint16_t
engine_ports_find(const struct engine_ports *p, struct slice name)
{
	for (size_t i = 0; i < p->n; i++)
		if (slice_is(name, p->v[i].name))
			return p->v[i].port;
	return 0;
}
