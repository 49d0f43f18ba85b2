/*
 * server: which process on this machine is an engine's server, and which are
 * the runners that it has started.
 *
 * Whoever holds a port may be anybody's: a proxy, a container's forwarder, a
 * program with runners of its own.  Only what weir has started, or what is an
 * Ollama by its program, is taken for the server; and nothing but a child of
 * that for its runner.
 */
#pragma once
#include "engine/engine.h"

/* The server's process, where it is known and to be trusted; 0: it is not. */
pid_t server_find(const struct engine *e);

/* Is ${pid} a runner that ${server} has started? */
bool server_has_runner(pid_t server, pid_t pid);

/* The only runner of ${server}; 0: it has none, or several (*${n}). */
pid_t server_runner(pid_t server, size_t *n);
