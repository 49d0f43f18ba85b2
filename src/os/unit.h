/*
 * unit: what systemd's files say of the unit that a process belongs to.
 */
#pragma once
#include "base/buf.h"
#include <sys/types.h>

/*
 * The name of the service of systemd's (of the machine, not of one user) that
 * ${pid} belongs to, NUL-terminated: "ollama.service".  ERR_NOT_FOUND: none, or
 * it cannot be told; ERR_FULL.
 */
MUST_CHECK enum err os_unit_of(pid_t pid, char *out, size_t cap);

/*
 * Append the environment that the files of service ${unit} and their drop-ins
 * give it, words with a NUL behind each; of two of one name there is the later
 * one.  Specifiers (%h) and EnvironmentFile= are left alone.  ${root} is put
 * before the folders: "" but for tests.  Source: systemd.unit(5),
 * systemd.exec(5), systemd.syntax(7).  ERR_NOT_FOUND: no such file to be read;
 * ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err os_unit_environ(
    const char *root, const char *unit, struct buf *out);

/*
 * Append the environment of ${pid}; where that is hidden, as another user's is,
 * what its unit's files say.  ERR_NOT_FOUND: neither is to be had; ERR_FULL,
 * ERR_NOMEM.
 */
MUST_CHECK enum err os_unit_environ_of(pid_t pid, struct buf *out);
