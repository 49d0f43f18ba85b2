/*
 * net: the few socket calls and the clock that the tools share.
 *
 * IPv4 on one machine, everything non-blocking.  What cannot go on (no
 * descriptor, no port) ends the program with a sentence on stderr: these are
 * tools for tests and measurements, not services.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Monotonic clock in nanoseconds. */
int64_t clock_ns(void);

/* Print "tool: " and the printf text with errno's words, exit with 2. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Read all of ${text} as a decimal number of at least ${min} and at most
 * ${max}; anything else ends the program and names ${what}.
 */
int64_t parse_number(
    const char *what, const char *text, int64_t min, int64_t max);

/* Read "HOST:PORT" (IPv4) into ${out}; ends the program if it is neither. */
void net_parse(const char *text, struct sockaddr_in *out);

/* Listen on 127.0.0.1:${*port}, 0 for any free one; tells it in ${port}. */
int net_listen(int *port);

/*
 * Accept one connection from ${listener}: non-blocking, without Nagle's
 * delay.  Returns -1 when there is none now.
 */
int net_accept(int listener);

/* Start to connect to ${to}; returns the descriptor. */
int net_connect(const struct sockaddr_in *to);

/* Allow this process as many descriptors as the system lets it have. */
void net_raise_limit(void);
