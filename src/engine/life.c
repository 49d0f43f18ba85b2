#include "engine/life.h"
#include "engine/address.h"
#include "engine/probe.h"
#include "os/clock.h"
#include <stdio.h>

/* What servers say before they end; the first that is found counts. */
static const struct {
	struct slice says;
	struct life_reason reason;
} reasons[] = {
#define PORT                                                                   \
	{                                                                      \
		"port_taken", "its port is taken"                              \
	}
#define GPU                                                                    \
	{                                                                      \
		"gpu_memory", "the GPU's memory is full"                       \
	}
#define RAM                                                                    \
	{                                                                      \
		"memory", "there is not enough memory"                         \
	}
#define FILE_GONE                                                              \
	{                                                                      \
		"model_file", "its model's file cannot be read"                \
	}
#define DAMAGED                                                                \
	{                                                                      \
		"model_file", "its model's file is damaged"                    \
	}
#define LIBRARY                                                                \
	{                                                                      \
		"library", "a library that it needs is missing"                \
	}
#define MODEL                                                                  \
	{                                                                      \
		"model", "it cannot load its model"                            \
	}
#define USAGE                                                                  \
	{                                                                      \
		"usage", "it does not know an option in `run`"                 \
	}
    {SLICE("ddress already in use"), PORT},
    {SLICE("couldn't bind"), PORT},
    {SLICE("ErrorOutOfDeviceMemory"), GPU},
    {SLICE("hipErrorOutOfMemory"), GPU},
    {SLICE("cudaMalloc failed"), GPU},
    {SLICE("CUDA out of memory"), GPU},
    {SLICE("CUDA error: out of memory"), GPU},
    {SLICE("OutOfMemoryError"), GPU},
    {SLICE("std::bad_alloc"), RAM},
    {SLICE("annot allocate memory"), RAM},
    {SLICE("failed to allocate"), RAM},
    {SLICE("unable to allocate"), RAM},
    {SLICE("while loading shared libraries"), LIBRARY},
    {SLICE("failed to open GGUF file"), FILE_GONE},
    {SLICE("invalid magic"), DAMAGED},
    {SLICE("failed to load model"), MODEL},
    {SLICE("error loading model"), MODEL},
    {SLICE("invalid argument"), USAGE},
    {SLICE("unknown flag"), USAGE},
    {SLICE("unknown command"), USAGE},
#undef PORT
#undef GPU
#undef RAM
#undef FILE_GONE
#undef DAMAGED
#undef LIBRARY
#undef MODEL
#undef USAGE
};

const struct life_reason *
life_read(struct slice tail)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (slice_has(tail, reasons[i].says))
			return &reasons[i].reason;
	return NULL;
}

static void
say(struct engine *e, const char *why)
{
	(void)snprintf(e->life, sizeof e->life, "%s", why);
}

void
life_runs(struct engine *e, pid_t pid, uint16_t port)
{
	e->is_run = true;
	e->is_proved = false;
	e->run_pid = pid;
	if (port != 0 && e->port != port)
		address_set_port(e, port);
	if (!engine_is_up(e))
		say(e, "weir has started it; it does not answer yet");
}

void
life_started(struct engine *e, pid_t pid, uint16_t port)
{
	life_runs(e, pid, port);
	if (!engine_is_up(e))
		probe_afresh(e);
}

void
life_ended(struct engine *e, const char *why, bool is_looping)
{
	e->is_run = true;
	e->is_looping = is_looping;
	e->run_pid = 0;
	if (is_looping)
		e->is_open = true;
	say(e, why);
	if (e->state != ENGINE_DOWN)
		engine_move(e, ENGINE_DOWN, ERR_EOF);
}

void
life_blame(struct engine *e, enum engine_blame blame)
{
	e->ended_us = os_now_us();
	e->blame = blame;
}
