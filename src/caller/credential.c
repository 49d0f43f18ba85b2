#include "caller/credential.h"

/* Six bits of RFC 4648's alphabet, or -1. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* ${s} without what fills it up to whole groups of four. */
static struct slice
cut_padding(struct slice s)
{
	for (int i = 0; i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	return s;
}

/* Decode ${s} into ${room}; empty if it is no base64 or too long. */
static struct slice
decode(struct slice s, char room[CREDENTIAL_ROOM])
{
	uint32_t bits = 0;
	size_t n = 0;

	s = cut_padding(s);
	if (s.n % 4 == 1 || s.n / 4 * 3 + 3 > CREDENTIAL_ROOM)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.n; i++) {
		int v = sextet(s.p[i]);

		if (v < 0)
			return slice_of(NULL, 0);
		bits = bits << 6 | (uint32_t)v;
		/* The group's first letter alone makes no byte. */
		if (i % 4 != 0)
			room[n++] = (char)(bits >> (6 - i % 4 * 2) & 0xff);
	}
	return slice_of(room, n);
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
