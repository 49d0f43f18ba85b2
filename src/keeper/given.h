/*
 * given: listening sockets that a service manager has opened for weir (socket
 * activation): taken instead of opening an address of `listen` anew.
 */
#pragma once
#include "conf/conf.h"

/* Take over what was given to this process; once, at the start. */
void given_begin(void);

/* The socket given for the address ${want}, the caller's now; -1: none. */
int given_take(const struct conf_listen *want);

/* Close what nobody took, and say so in ${why}. */
void given_end(struct buf *why);
