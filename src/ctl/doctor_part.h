/*
 * doctor_part: what the files of `weir doctor` share.
 */
#pragma once
#include "conf/conf.h"

struct doctor;

/* Something is wrong: ${what}, and ${cure} mends it; ${code} for programs. */
void doctor_wrong(
    struct doctor *d, const char *code, const char *what, const char *cure);

/*
 * Who runs the engines of ${c} besides, and do they work with the slots and
 * contexts that ${c} has?
 */
void doctor_look_at_runs(struct doctor *d, const struct conf *c);
