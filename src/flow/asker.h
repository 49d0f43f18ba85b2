/*
 * asker: the fields of a head that tell who asks, found in one pass.
 */
#pragma once
#include "http/head.h"

/* Values as they came; p is NULL where there is no such field. */
struct asker {
	struct slice authorization, x_api_key, api_key;
	struct slice host, origin, fetch_site;
	bool is_proxied; /* some proxy says that it passed it on */
};

/* Read ${head}, which must outlive ${a}.  Of several equal fields the first. */
void asker_read(struct asker *a, const struct http_head *head);
