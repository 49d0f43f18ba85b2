/*
 * door: where an engine is going to listen, and whether somebody does already.
 */
#pragma once
#include "conf/conf.h"
#include <netinet/in.h>
#include <sys/un.h>

struct door {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} at;
	socklen_t n; /* 0: a name, which is not looked up */
};

/* What ${url} says, or where it is empty ${port} of this machine. */
void door_init(struct door *d, const struct conf_url *url, uint16_t port);

/* Does somebody accept connections there?  Waits at most 50 ms. */
bool door_is_answered(const struct door *d);

/* Who, for people: "ollama (pid 71)"; slow. */
void door_holder(const struct door *d, char *out, size_t cap);

/* A port of 127.0.0.1 that nobody uses now; 0: there is none. */
uint16_t door_free_port(void);
