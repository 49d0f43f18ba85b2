/* The program: ctl/ reads the command line, and here it meets its command. */
#include "ctl/alert.h"
#include "ctl/args.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/count.h"
#include "ctl/doctor.h"
#include "ctl/install.h"
#include "ctl/key.h"
#include "ctl/memory.h"
#include "ctl/reload.h"
#include "ctl/status.h"
#include "ctl/verbs.h"
#include "ctl/usage.h"
#include "keeper/keeper.h"
#include <assert.h>
#include <stdio.h>

static char **words; /* of the command line */

static int
serve(const struct ctl_args *args)
{
	struct keeper_opts opts = {.config = args->config,
	    .one_process = args->single != NULL,
	    .env = ctl_env(),
	    .grace_us = KEEPER_GRACE_US,
	    .argv = words};

	return keeper_main(&opts);
}

static int
heir(const struct ctl_args *args)
{
	(void)args;
	return keeper_heir();
}

static int
gate(const struct ctl_args *args)
{
	(void)args;
	return keeper_gate_child();
}

static int (*const commands[CTL_COUNT])(const struct ctl_args *) = {
    [CTL_SERVE] = serve,
    [CTL_CHECK] = ctl_check,
    [CTL_RELOAD] = ctl_reload,
    [CTL_STATUS] = ctl_status,
    [CTL_CANCEL] = ctl_cancel,
    [CTL_BLOCK] = ctl_block,
    [CTL_UNBLOCK] = ctl_unblock,
    [CTL_DRAIN] = ctl_drain,
    [CTL_RESUME] = ctl_resume,
    [CTL_KEY_ADD] = ctl_key_add,
    [CTL_KEY_LIST] = ctl_key_list,
    [CTL_KEY_REVOKE] = ctl_key_revoke,
    [CTL_USAGE] = ctl_usage,
    [CTL_COUNT_TOKENS] = ctl_count,
    [CTL_DOCTOR] = ctl_doctor,
    [CTL_MEMORY] = ctl_memory,
    [CTL_INSTALL] = ctl_install,
    [CTL_UNINSTALL] = ctl_uninstall,
    [CTL_ALERT_TEST] = ctl_alert_test,
    [CTL_GATE] = gate,
    [CTL_HEIR] = heir,
    [CTL_REEXEC] = ctl_reexec,
    [CTL_VERSION] = ctl_version,
    [CTL_HELP] = ctl_help,
    [CTL_MAN] = ctl_man,
};

int
main(int argc, char **argv)
{
	struct ctl_args args;
	struct buf complaint;

	words = argv;
	buf_init(&complaint, 4096);
	if (ctl_args_parse(argc, argv, &args, &complaint) != OK) {
		(void)fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&complaint)));
		buf_fini(&complaint);
		return 2;
	}
	buf_fini(&complaint);
	if (args.wants_help)
		return ctl_help_of(args.command);
	assert(commands[args.command] != NULL);
	return commands[args.command](&args);
}
