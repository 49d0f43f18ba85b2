#include "caller/credential.h"
#include "base/base64.h"

/* Decode ${s} into ${room}; empty if it is no base64 or too long. */
static struct slice
decode(struct slice s, char room[CREDENTIAL_ROOM])
{
	size_t n;

	return base64_decode(s, room, CREDENTIAL_ROOM, &n) ? slice_of(room, n)
							   : slice_of(NULL, 0);
}

/* What stands behind ${scheme}, which ends with a space, in ${s}. */
static struct slice
behind(struct slice s, struct slice scheme)
{
	if (!slice_eq_nocase(slice_to(s, scheme.n), scheme))
		return slice_of(NULL, 0);
	return slice_trim(slice_from(s, scheme.n));
}

struct slice
credential_read(struct slice value, char room[CREDENTIAL_ROOM])
{
	static const struct slice bearer = SLICE("bearer ");
	static const struct slice basic = SLICE("basic ");
	struct slice s = slice_trim(value), key = behind(s, bearer), user;

	if (key.n > 0)
		return key;
	key = decode(behind(s, basic), room);
	if (slice_find(key, ':') == key.n)
		return slice_of(NULL, 0);
	user = slice_cut(&key, ':');
	return key.n > 0 ? key : user;
}
