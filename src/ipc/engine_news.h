/*
 * engine_news: what a keeper tells its gate of the engines that it runs, and
 * what the gate wishes of them.
 *
 * Behind a keeper they are messages of the link.  In one process (weir serve
 * -1) the gate runs the engines itself.
 */
#pragma once
#include "conf/conf.h"
#include <sys/types.h>

enum {
	ENGINE_NAME_MAX = 65, /* NUL counted */
	ENGINE_NOTE_MAX = 240,
	ENGINE_TAIL_MAX = 6 * 1024,
	ENGINES_RUN_MAX = 64,
};

enum engine_phase {
	ENGINE_IS_STOPPED,   /* not wanted any more */
	ENGINE_IS_RUNNING,   /* pid; whether it answers is the gate's to see */
	ENGINE_IS_WAITING,   /* it ended, and is started again in delay_us */
	ENGINE_IS_LOOPING,   /* the same, in a crash loop */
	ENGINE_IS_ELSEWHERE, /* somebody else serves at its address: note */
	ENGINE_IS_SWEEPING,  /* left-overs of it are ended first: note */
	ENGINE_IS_HELD,	     /* it must not be started so: note says why */
	ENGINE_PHASES
};

/* How it ended last. */
enum engine_end {
	ENGINE_END_NONE,
	ENGINE_END_EXIT,    /* by itself; code is its status */
	ENGINE_END_SIGNAL,  /* code is the signal */
	ENGINE_END_MEMORY,  /* the kernel killed it for want of memory */
	ENGINE_END_NO_EXEC, /* it never began; code is an errno */
	ENGINE_ENDS
};

struct engine_news {
	char name[ENGINE_NAME_MAX];
	enum engine_phase phase;
	bool is_fresh; /* it happened now; else a new gate is told */
	pid_t pid;
	uint16_t port;	/* where weir chose it; 0: its url says */
	uint32_t exits; /* within two minutes */
	enum engine_end end;
	int code;
	int64_t ran_us, delay_us;
	char note[ENGINE_NOTE_MAX];
	struct slice tail; /* of its output, where it ended; at most
			      ENGINE_TAIL_MAX, borrowed */
};

enum engine_wish {
	ENGINE_IS_PROVED = 1, /* it answered a request: it is well */
	ENGINE_RESTART,	      /* it hangs or is down: start it anew */
	ENGINE_WISHES
};

/* A port that the keeper chose for an engine without a url. */
struct engine_port {
	char name[ENGINE_NAME_MAX];
	uint16_t port;
};

struct engine_ports {
	struct engine_port v[ENGINES_RUN_MAX];
	size_t n;
};

/* The port of ${name}; 0: none was chosen. */
uint16_t engine_ports_find(const struct engine_ports *p, struct slice name);
