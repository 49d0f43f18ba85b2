/*
 * secret: what hashes people's names (caller/people.h), kept in the state's
 * folder so that a person has one name in all logs of an installation.
 */
#pragma once
#include "caller/people.h"

/* The file in that folder. */
#define SECRET_FILE "people.secret"

/*
 * Read the secret at ${path}, or make one there, 0600.  Where neither can be
 * done ${out} is one of this process alone; false then.
 */
bool secret_get(const char *path, uint8_t out[PEOPLE_SECRET_BYTES]);
