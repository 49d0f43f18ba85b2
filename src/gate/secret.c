#include "gate/secret.h"
#include "os/file.h"
#include "os/random.h"

bool
secret_get(const char *path, uint8_t out[PEOPLE_SECRET_BYTES])
{
	struct buf b;
	enum err e;

	if (path[0] == 0) {
		random_must_fill(out, PEOPLE_SECRET_BYTES);
		return false;
	}
	buf_init(&b, PEOPLE_SECRET_BYTES + 1);
	e = file_read(path, &b, NULL);
	if (e == OK && b.n == PEOPLE_SECRET_BYTES) {
		memcpy(out, b.p, PEOPLE_SECRET_BYTES);
		buf_fini(&b);
		return true;
	}
	buf_fini(&b);
	random_must_fill(out, PEOPLE_SECRET_BYTES);
	/* One that cannot be read stays: it may be somebody's. */
	return e == ERR_NOT_FOUND &&
	    file_replace(path, slice_of((const char *)out, PEOPLE_SECRET_BYTES),
		0600) == OK;
}
