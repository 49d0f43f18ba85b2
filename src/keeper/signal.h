/*
 * signal: signals as bytes in a pipe, so that one poll sees everything.
 */
#pragma once
#include "base/err.h"

/* Signals that came since the last look. */
struct signals {
	unsigned stop;	 /* SIGTERM and SIGINT */
	unsigned reload; /* SIGHUP */
	unsigned reexec; /* SIGUSR2 */
	bool child;	 /* SIGCHLD */
};

/*
 * Catch them, also those that were held; returns the descriptor to poll, -1 if that failed.  Once in a
 * process.  SIGPIPE is ignored from now on.
 */
int signals_catch(void);

/*
 * Let none come from now on, or let them come again; what comes meanwhile
 * waits, also across an exec.
 */
void signals_hold(bool on);

/* What came; never blocks. */
struct signals signals_take(void);

/*
 * Undo signals_catch, at the end of the process: a second SIGTERM, SIGINT,
 * SIGHUP or SIGUSR2 has no effect any more.
 */
void signals_release(void);
