/* Keys and the file that keeps them, also after people have edited it. */
#include "caller/keyfile.h"
#include "caller/keyring.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* SHA-256 of "abc" and of nothing: FIPS 180-4's examples. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NIL "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char dir[] = "/tmp/weir-keyfile-XXXXXX";
static char path[sizeof dir + 8];

static int
make_dir(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/keys", dir);
	return 0;
}

static int
drop_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static int
no_file(void **state)
{
	unlink(path);
	return 0;
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
assert_file(const char *want)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_int_equal(file_read(path, &b, NULL), OK);
	if (!slice_is(buf_slice(&b), want))
		fail_msg("the file is: %.*s", SLICE_ARG(buf_slice(&b)));
	buf_fini(&b);
}

static void
test_digests(void **state)
{
	struct key_hasher *h = key_hasher_new();
	struct key_digest d, again;
	char hex[64];

	for (int i = 0; i < 2; i++) { /* a hasher may be used again */
		d = key_hash(h, slice_str("abc"));
		key_digest_write(&d, hex);
		assert_memory_equal(hex, ABC, 64);
		d = key_hash(h, slice_of(NULL, 0));
		key_digest_write(&d, hex);
		assert_memory_equal(hex, NIL, 64);
	}
	assert_true(key_digest_read(slice_str("sha256:" NIL), &again));
	assert_true(key_digest_eq(&d, &again));
	again.b[31] ^= 1;
	assert_false(key_digest_eq(&d, &again));
	assert_false(key_digest_read(slice_str(""), &again));
	assert_false(key_digest_read(slice_str("md5:" NIL), &again));
	assert_false(key_digest_read(slice_str(NIL "0"), &again));
	assert_false(key_digest_read(slice_of(NIL, 63), &again));
	hex[63] = 'g';
	assert_false(key_digest_read(slice_of(hex, 64), &again));
	key_hasher_free(h);
}

static void
test_keys_are_long_and_never_the_same(void **state)
{
	char a[KEY_TEXT_BYTES], b[KEY_TEXT_BYTES];
	unsigned seen[128] = {0};

	for (int i = 0; i < 2000; i++) {
		key_make(a);
		key_make(b);
		assert_memory_not_equal(a, b, sizeof a);
		assert_true(key_is_ours(slice_of(a, sizeof a)));
		for (size_t k = 5; k < sizeof a; k++)
			seen[a[k] & 127]++;
	}
	/* 86,000 letters out of 62: 1387 of each, 37 is one sigma. */
	for (int c = 0; c < 128; c++) {
		bool is_letter = (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (is_letter)
			assert_in_range(seen[c], 1387 - 8 * 37, 1387 + 8 * 37);
		else
			assert_int_equal(seen[c], 0);
	}
	assert_false(key_is_ours(slice_str("weir")));
	assert_false(key_is_ours(slice_str("Weir_x")));
}

static void
test_add_list_revoke(void **state)
{
	char key[2][KEY_TEXT_BYTES];
	struct key_hasher *h = key_hasher_new();
	struct keyfile k;
	struct stat st;
	size_t n;

	assert_int_equal(keyfile_add(path, slice_str("a"), 100, key[0]), OK);
	assert_int_equal(keyfile_add(path, slice_str("b"), 200, key[1]), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, 2);
	assert_int_equal(k.warnings.n, 0);
	for (size_t i = 0; i < 2; i++) {
		struct key_digest d =
		    key_hash(h, slice_of(key[i], KEY_TEXT_BYTES));

		assert_true(key_digest_eq(&d, &k.rows[i].digest));
		assert_true(slice_is(k.rows[i].name, i == 0 ? "a" : "b"));
		assert_int_equal(k.rows[i].made_s, i == 0 ? 100 : 200);
		assert_int_equal(k.rows[i].revoked_s, 0);
	}
	keyfile_fini(&k);
	assert_int_equal(keyfile_revoke(path, slice_str("a"), 300, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(
	    keyfile_revoke(path, slice_str("a"), 301, &n), ERR_NOT_FOUND);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, 2);
	assert_int_equal(k.rows[0].revoked_s, 300);
	assert_int_equal(k.rows[1].revoked_s, 0);
	keyfile_fini(&k);
	key_hasher_free(h);
}

static void
test_revoke_by_id(void **state)
{
	size_t n;

	/* A name goes before an id; ids of several keys are refused. */
	write_file("x " ABC " 1 -\ny ba78" NIL "\nba78 " NIL " 1 -\n");
	assert_int_equal(keyfile_revoke(path, slice_str("ba78"), 9, &n), OK);
	assert_int_equal(n, 1);
	assert_file("x " ABC " 1 -\ny ba78" NIL "\nba78 " NIL " 1 9\n");
	assert_int_equal(keyfile_revoke(path, slice_str("BA78"), 9, &n), OK);
	assert_file("x " ABC " 1 9\ny ba78" NIL "\nba78 " NIL " 1 9\n");
	write_file("x " ABC "\nx2 ba7816" NIL "\n");
	assert_int_equal(
	    keyfile_revoke(path, slice_str("ba7"), 9, &n), ERR_NOT_FOUND);
	write_file("x " ABC "\nx2 " ABC "\n");
	assert_int_equal(
	    keyfile_revoke(path, slice_str("ba7816"), 9, &n), ERR_EXISTS);
	assert_int_equal(n, 0);
	/* All keys of a name at once. */
	write_file("x " ABC "\nx " NIL " 5 -\n");
	assert_int_equal(keyfile_revoke(path, slice_str("x"), 9, &n), OK);
	assert_int_equal(n, 2);
	assert_file("x " ABC " - 9\nx " NIL " 5 9\n");
}

static void
test_hand_edits(void **state)
{
	static const char text[] = "\n# mine\n"
				   "short " ABC "\n" /* 3 */
				   "  tabs\tsha256:" NIL "\t7\t-  \r\n"
				   "nokey weir_secret 1 -\n"	/* 5 */
				   "bad/name " ABC " 1 -\n"	/* 6 */
				   "time " ABC " yesterday -\n" /* 7 */
				   "gone " ABC " 1 soon\n"	/* 8 */
				   "more " ABC " 1 - x\n"	/* 9 */
				   "anonymous " ABC " 1 -\n"	/* 10 */
				   "last " ABC " 1 2";
	struct keyfile k;
	size_t n, at = 0;
	struct slice w;

	write_file(text);
	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, 3);
	assert_int_equal(k.rows[0].line, 3);
	assert_int_equal(k.rows[0].made_s, 0);
	assert_true(slice_is(k.rows[1].name, "tabs"));
	assert_int_equal(k.rows[1].made_s, 7);
	assert_int_equal(k.rows[2].revoked_s, 2);
	w = buf_slice(&k.warnings);
	for (int line = 5; line <= 10; line++) {
		char want[16];

		snprintf(want, sizeof want, "keys:%d: ", line);
		assert_true(slice_starts(slice_cut(&w, '\n'), slice_str(want)));
		at++;
	}
	assert_int_equal(w.n, 0);
	assert_int_equal(at, 6);
	/* What is wrong with a line is told without its bytes. */
	assert_false(slice_has(buf_slice(&k.warnings), slice_str("secret")));
	keyfile_fini(&k);

	/* Others' lines stay as they are, bad ones too. */
	assert_int_equal(keyfile_revoke(path, slice_str("tabs"), 9, &n), OK);
	assert_file("\n# mine\nshort " ABC "\ntabs " NIL " 7 9\n"
		    "nokey weir_secret 1 -\nbad/name " ABC " 1 -\n"
		    "time " ABC " yesterday -\ngone " ABC " 1 soon\n"
		    "more " ABC " 1 - x\nanonymous " ABC " 1 -\n"
		    "last " ABC " 1 2\n");
}

static void
test_add_keeps_what_is_there(void **state)
{
	char key[KEY_TEXT_BYTES];
	struct keyfile k;

	write_file("# mine\nold " ABC " 1 -"); /* no end of line */
	assert_int_equal(keyfile_add(path, slice_str("new"), 5, key), OK);
	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, 2);
	assert_int_equal(k.warnings.n, 0);
	assert_true(slice_is(k.rows[1].name, "new"));
	assert_true(
	    slice_starts(buf_slice(&k.text), slice_str("# mine\nold ")));
	keyfile_fini(&k);
}

static void
test_permissions_are_looked_at(void **state)
{
	struct keyfile k;

	write_file("a " ABC "\n");
	assert_int_equal(chmod(path, 0640), 0);
	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, 1);
	assert_true(slice_has(buf_slice(&k.warnings), slice_str("chmod 600")));
	keyfile_fini(&k);
}

static void
test_odd_files(void **state)
{
	char key[KEY_TEXT_BYTES];
	struct keyfile k;
	size_t n;

	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK); /* there is none */
	assert_int_equal(k.n, 0);
	assert_int_equal(
	    keyfile_revoke(path, slice_str("a"), 1, &n), ERR_NOT_FOUND);
	assert_int_equal(
	    keyfile_revoke("/nonexistent/keys", slice_str("a"), 1, &n),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    keyfile_add("/nonexistent/keys", slice_str("a"), 1, key), ERR_IO);
	assert_int_equal(keyfile_load(&k, dir), ERR_IO); /* a folder */
	keyfile_fini(&k);
	assert_int_equal(keyfile_parse(&k, slice_of("a\0b " ABC "\n", 70)), OK);
	assert_int_equal(k.n, 0);
	keyfile_fini(&k);
}

static void
test_changes_are_noticed(void **state)
{
	char key[KEY_TEXT_BYTES];
	struct keyfile_watch w = {.path = path};
	size_t n;

	assert_false(keyfile_changed(&w));
	assert_int_equal(keyfile_add(path, slice_str("a"), 1, key), OK);
	assert_true(keyfile_changed(&w));
	assert_false(keyfile_changed(&w));
	assert_int_equal(keyfile_revoke(path, slice_str("a"), 2, &n), OK);
	assert_true(keyfile_changed(&w));
	assert_false(keyfile_changed(&w));
	unlink(path);
	assert_true(keyfile_changed(&w));
	assert_false(keyfile_changed(&w));
}

/* Many at a time lose nothing: the folder is locked. */
static void
test_adding_at_the_same_time(void **state)
{
	enum { PROCESSES = 4, EACH = 10 };
	char key[KEY_TEXT_BYTES];
	struct keyfile k;
	pid_t pid[PROCESSES];

	for (int p = 0; p < PROCESSES; p++) {
		pid[p] = fork();
		assert_true(pid[p] >= 0);
		if (pid[p] > 0)
			continue;
		for (int i = 0; i < EACH; i++)
			if (keyfile_add(path, slice_str("a"), 1, key) != OK)
				_exit(1);
		_exit(0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;

		assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
		assert_int_equal(status, 0);
	}
	keyfile_init(&k);
	assert_int_equal(keyfile_load(&k, path), OK);
	assert_int_equal(k.n, PROCESSES * EACH);
	assert_int_equal(k.warnings.n, 0);
	keyfile_fini(&k);
}

static void
test_names(void **state)
{
	char longest[KEYFILE_NAME_MAX + 1];

	memset(longest, 'a', sizeof longest);
	assert_true(keyfile_is_name(slice_str("Agent-forum_2.x")));
	assert_true(keyfile_is_name(slice_of(longest, KEYFILE_NAME_MAX)));
	assert_false(keyfile_is_name(slice_of(longest, sizeof longest)));
	assert_false(keyfile_is_name(slice_str("")));
	assert_false(keyfile_is_name(slice_str("a b")));
	assert_false(keyfile_is_name(slice_str("a\n")));
	assert_false(keyfile_is_name(slice_str("\xc3\xa4")));
}

static void
test_keyring(void **state)
{
	enum { KEYS = 3000 };
	struct keyring r = {0};
	struct key_digest d = {{0}};
	int owners[KEYS];

	assert_null(keyring_find(&r, &d)); /* all 0 is an empty one */
	assert_int_equal(keyring_init(&r, KEYS, (struct hash_key){1, 2}), OK);
	for (int i = 0; i < KEYS; i++) {
		memcpy(d.b, &i, sizeof i);
		assert_true(keyring_add(&r, &d, &owners[i]));
		assert_false(keyring_add(&r, &d, &owners[0]));
	}
	for (int i = 0; i < 2 * KEYS; i++) {
		memcpy(d.b, &i, sizeof i);
		assert_ptr_equal(
		    keyring_find(&r, &d), i < KEYS ? &owners[i] : NULL);
	}
	keyring_fini(&r);
}

#define TEST(f) cmocka_unit_test_teardown(f, no_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_digests),
	    TEST(test_keys_are_long_and_never_the_same),
	    TEST(test_add_list_revoke),
	    TEST(test_revoke_by_id),
	    TEST(test_hand_edits),
	    TEST(test_add_keeps_what_is_there),
	    TEST(test_permissions_are_looked_at),
	    TEST(test_odd_files),
	    TEST(test_changes_are_noticed),
	    TEST(test_adding_at_the_same_time),
	    TEST(test_names),
	    TEST(test_keyring),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
