/*
 * credential: the secret in a request's Authorization field.
 */
#pragma once
#include "base/slice.h"

/* Room for a decoded "user:password"; longer ones are nobody's. */
enum { CREDENTIAL_ROOM = 1536 };

/*
 * The KEY of "Bearer KEY" (RFC 6750 2.1), a part of ${value}; or the password
 * of "Basic BASE64" (RFC 7617 2), a part of ${room}, whose user name may be
 * anything: clients make that of http://any:KEY@host.  The user name where
 * there is no password (http://KEY@host).  Empty if it is anything else.
 */
struct slice credential_read(struct slice value, char room[CREDENTIAL_ROOM]);
