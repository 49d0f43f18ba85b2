/*
 * deliver: one try to hand over an alert.  Blocking; the sender's threads only.
 *
 * libcurl is loaded when it is first needed: it brings thirty libraries, of
 * which those who have no webhook need none.
 */
#pragma once
#include "base/err.h"

enum deliver_result {
	DELIVERED,
	DELIVER_LATER, /* worth another try */
	DELIVER_NEVER, /* it would fail again */
};

/*
 * POST ${body} to ${url} with ${fields}, "Name: value" with a newline behind
 * each, within ${timeout_ms}.  Anything but 2xx is a failure; ${why}, which
 * has room for ${cap} bytes, says it without any of the url.  The certificate
 * of an https server must be good; SSL_CERT_FILE and SSL_CERT_DIR of the
 * environment name other authorities than the system's, as OpenSSL has it.
 */
enum deliver_result deliver_post(const char *url, struct slice fields,
    struct slice body, int timeout_ms, char *why, size_t cap);

/*
 * Run the command of ${words} with ${variables} besides its environment, but
 * for what a service manager told weir alone; a NUL stands behind each.  What
 * takes longer than ${timeout_ms} is killed
 * with all that it started.
 */
enum deliver_result deliver_run(struct slice words, struct slice variables,
    int timeout_ms, char *why, size_t cap);
