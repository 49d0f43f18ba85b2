/*
 * world: a keeper in a process of its own, with a configuration in a folder
 * of its own, and what can be seen of it from outside.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct world {
	char dir[64];
	char config[96], control[96], unix_path[96];
	pid_t keeper;
	int said;	  /* the keeper's standard error */
	char text[32768]; /* what was read of it */
	size_t n;
	uint16_t port; /* of the first listener */
};

/* What a stand-in answers. */
struct greeting {
	long generation, pid, count, reopened, drained;
	char text[256];
};

/* A folder, and no keeper yet. */
void world_init(struct world *w);

/* Kill the keeper if it lives, and remove the folder. */
void world_fini(struct world *w);

/*
 * Write the configuration: ${first} as a comment in its first line, then
 * ${rest}, then where control is.
 */
void world_write(struct world *w, const char *first, const char *rest);

/* Start a keeper, in ${one_process} or not, with a ${grace_us}. */
void world_start(struct world *w, bool one_process, int64_t grace_us);

/* Wait until the keeper has said ${words}, anew since the last call. */
void world_hear(struct world *w, const char *words);

/* Wait for "serves on" and find the port in it. */
void world_hear_port(struct world *w);

/* Wait for the keeper's end; its exit status, or minus the signal. */
int world_end(struct world *w);

/* Connect to ${port} and read the greeting; false if refused. */
bool world_greet(uint16_t port, struct greeting *g);

/* The same at the unix socket. */
bool world_greet_unix(struct world *w, struct greeting *g);

/* Ask over the control socket; true if it said ok, the text in ${out}. */
bool world_control(struct world *w, const char *command, char *out, size_t cap);

/* Wait until the process ${pid} (not a child) is gone. */
void world_wait_gone(pid_t pid);
