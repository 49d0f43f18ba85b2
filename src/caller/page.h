/*
 * page: which web pages may call, and under which names of this machine.
 *
 * A browser sends what any page asks for to any address that its user can
 * reach.  Two things tell such a request from the user's own: Origin, which
 * names the page, and Host: a page that makes its own name point here (DNS
 * rebinding) is of one origin with the answer, but calls by a foreign name.
 *
 * Sources: Fetch (fetch.spec.whatwg.org) 3.2; Ollama envconfig/config.go
 * (AllowedOrigins), server/routes.go (allowedHost).
 */
#pragma once
#include "caller/address.h"
#include "conf/conf.h"

/*
 * May the page of ${origin}, an Origin field's value, call?  Ollama's defaults
 * (http and https of localhost, 127.0.0.1 and 0.0.0.0 with any port; app://,
 * file://, tauri://, vscode-webview:// and vscode-file://) and ${more}, where
 * `*` is any run of bytes.
 */
bool page_origin_is_allowed(struct slice origin, const struct conf_texts *more);

/* Is ${origin} what a page has that came from ${host}, a Host field's value? */
bool page_is_of(struct slice origin, struct slice host);

struct page_names {
	struct slice own;	       /* this machine's name, or empty */
	const struct conf_texts *more; /* `hosts` */
	bool is_far; /* the peer is not on loopback: a name of one label is
			that of a container or of the local network */
};

/*
 * Is ${host}, a Host field's value with or without a port, one of ours: an
 * address, localhost, *.localhost, *.local, *.internal, one of ${names}?  A
 * request without a Host (HTTP/1.0) is no browser's and counts as ours.
 */
bool page_host_is_ours(struct slice host, const struct page_names *names);
