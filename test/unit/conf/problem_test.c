/* What is wrong in a file, where, and what was probably meant. */
#include "conf/conf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

struct problem_case {
	const char *name;
	const char *yaml;
	const char *problems; /* all lines that are printed */
};

/* --- the text as such --- */
static const struct problem_case texts[] = {
    {"not YAML", "limits: [1, 2\nqueue: 3\n",
	"f:2:6: this is not YAML: did not find expected ',' or ']', while "
	"parsing a flow sequence that began in line 1\n"},
    {"a tab where spaces belong", "limits:\n\tbody: 1\n",
	"f:2:1: this is not YAML: found character that cannot start any "
	"token, while scanning for the next token\n"},
    {"a list at the top", "- a\n",
	"f:1:1: a configuration is a mapping: lines such as `dry_run: "
	"true`\n"},
    {"a word at the top", "hello\n",
	"f:1:1: a configuration is a mapping: lines such as `dry_run: "
	"true`\n"},
    {"an anchor", "log:\n  path: &a /x\n",
	"f:2:9: anchors (&name) are not allowed; a text that begins with & "
	"wants quotes\n"},
    {"an alias", "control: *a\n",
	"f:1:10: aliases (*name) are not allowed; write it out\n"},
    {"an anchor at a mapping", "log: &l\n  path: x\n",
	"f:1:6: anchors (&name) are not allowed; a text that begins with & "
	"wants quotes\n"},
    {"a tag", "dry_run: !!bool true\n",
	"f:1:10: tags (!name) are not allowed; a text that begins with ! wants "
	"quotes\n"},
    {"a tag at a list", "hosts: !x [a]\n",
	"f:1:8: tags (!name) are not allowed; a text that begins with ! wants "
	"quotes\n"},
    {"a second document", "dry_run: true\n---\ndry_run: false\n",
	"f:2:1: a second document starts here; a configuration is one\n"},
    {"a key twice", "dry_run: true\nlog: {}\ndry_run: false\n",
	"f:3:1: `dry_run` stands here a second time; the first is in line 1\n"},
    {"a key twice, deeper", "log: {path: a, path: b}\n",
	"f:1:16: `path` stands here a second time; the first is in line 1\n"},
    {"a key that is a list", "[a, b]: c\n", "f:1:1: a key must be a text\n"},
    {"not UTF-8", "hosts:\n  - b\xffx\n", "f:2:6: this is not valid UTF-8\n"},
    {"a UTF-8 character cut short", "hosts: [\"\xc3\"]\n",
	"f:1:10: this is not valid UTF-8\n"},
    {"an overlong slash", "state: \xc0\xaf\n",
	"f:1:8: this is not valid UTF-8\n"},
    {"a surrogate", "state: \xed\xa0\x80\n",
	"f:1:8: this is not valid UTF-8\n"},
    {"past the last code point", "state: \xf4\x90\x80\x80\n",
	"f:1:8: this is not valid UTF-8\n"},
    {"columns count characters", "hosts: [\xc3\xa4\xe2\x82\xac, \xff]\n",
	"f:1:13: this is not valid UTF-8\n"},
    {"lines end as CR LF too", "a: 1\r\nb: \x01\r\n",
	"f:2:4: a control character stands here\n"},
    {"an escape sequence", "hosts: [\x1b[31m]\n",
	"f:1:9: a control character stands here\n"},
    {"a line break in quotes", "log:\n  path: \"a\\nb\"\n",
	"f:2:9: a line break or control character stands in this text\n"},
    {"a NUL in quotes", "state: \"/a\\0b\"\n",
	"f:1:8: a line break or control character stands in this text\n"},
    {"too deep", "a: [[[[[[[[[[[[1]]]]]]]]]]]]\n",
	"f:1:15: nested deeper than 12 levels\n"},
};

/* --- keys --- */
static const struct problem_case keys[] = {
    {"an unknown key", "listn: 127.0.0.1:1\n",
	"f:1:1: unknown key `listn`; did you mean `listen`?\n"},
    {"of a group", "limits:\n  boby: 1MiB\n",
	"f:2:3: unknown key `boby`; did you mean `body`?\n"},
    {"of a caller", "callers:\n  - name: a\n    wieght: 2\n",
	"f:3:5: unknown key `wieght`; did you mean `weight`?\n"},
    {"of a section", "calers: []\n",
	"f:1:1: unknown key `calers`; did you mean `callers`?\n"},
    {"of a group's name", "limit: {body: 1MiB}\n",
	"f:1:1: unknown key `limit`; did you mean `limits`?\n"},
    {"in another case", "Dry_Run: true\n",
	"f:1:1: unknown key `Dry_Run`; did you mean `dry_run`?\n"},
    {"near nothing", "zebra_stripes: 1\n",
	"f:1:1: unknown key `zebra_stripes`\n"},
    {"that stands elsewhere", "body_total: 1GiB\n",
	"f:1:1: unknown key `body_total`; did you mean `limits.body_total`?\n"},
    {"that stands in a section", "manage_models: true\n",
	"f:1:1: unknown key `manage_models`; did you mean callers: "
	"`manage_models`?\n"},
    {"written with a dot", "limits.body: 1MiB\n",
	"f:1:1: unknown key `limits.body`\n"},
    {"empty", "'': 1\n", "f:1:1: unknown key ``\n"},
    {"a merge key", "log: {<<: {path: a}}\n", "f:1:7: unknown key `<<`\n"},
    {"a model's name is its key", "models: {m: {name: x}}\n",
	"f:1:14: unknown key `name`; did you mean engines: `name`?\n"},
    {"long ones are cut",
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee: 1\n",
	"f:1:1: unknown key `aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...`\n"},
    {"a group that is a list", "log: [a]\n",
	"f:1:6: `log` wants a mapping of options\n"},
    {"a group that is a word", "log: stdout\n",
	"f:1:6: `log` wants a mapping of options\n"},
    {"a section that is a mapping", "engines: {name: a}\n",
	"f:1:10: `engines` wants a list, each item begun by `- `\n"},
    {"a section that is a list", "models: [a]\n",
	"f:1:9: `models` wants a mapping of names to options\n"},
    {"a thing that is a word", "callers:\n  - anna\n",
	"f:2:5: a thing in `callers` is a mapping of options\n"},
};

/* --- values --- */
static const struct problem_case values[] = {
    {"a size without its unit", "limits: {body: 64M}\n",
	"f:1:16: `limits.body` wants a size such as 64MiB, 16KiB or 1GB, not "
	"`64M`; did you mean `64MiB`?\n"},
    {"a size in the wrong case", "limits: {body: 64mib}\n",
	"f:1:16: `limits.body` wants a size such as 64MiB, 16KiB or 1GB, not "
	"`64mib`; did you mean `64MiB`?\n"},
    {"a size that is a word", "limits: {body: big}\n",
	"f:1:16: `limits.body` wants a size such as 64MiB, 16KiB or 1GB, not "
	"`big`\n"},
    {"a negative size", "limits: {body: -1}\n",
	"f:1:16: `limits.body` wants a size such as 64MiB, 16KiB or 1GB, not "
	"`-1`\n"},
    {"a size too large", "limits: {body: 5GiB}\n",
	"f:1:16: `limits.body` is at most 4GiB, not `5GiB`\n"},
    {"a size past all numbers", "limits: {body: 99999999999999TiB}\n",
	"f:1:16: `limits.body` is at most 4GiB, not `99999999999999TiB`\n"},
    {"a size too small", "limits: {head: 10}\n",
	"f:1:16: `limits.head` is at least 256, not `10`\n"},
    {"a size that is a list", "limits: {body: [1]}\n",
	"f:1:16: `limits.body` wants a size such as 64MiB, 16KiB or 1GB, not a "
	"list\n"},
    {"a time without its unit", "queue: {wait: 90}\n",
	"f:1:15: `queue.wait` wants a time such as 500ms, 10s, 5min, 1h or 1d, "
	"not `90`; did you mean `90s`?\n"},
    {"a time in m", "queue: {wait: 5m}\n",
	"f:1:15: `queue.wait` wants a time such as 500ms, 10s, 5min, 1h or 1d, "
	"not `5m`; did you mean `5min`?\n"},
    {"a time too long", "queue: {wait: forever}\n",
	"f:1:15: `queue.wait` is at most 1d, not `forever`\n"},
    {"a time with a fraction", "queue: {wait: 1.5s}\n",
	"f:1:15: `queue.wait` wants a time such as 500ms, 10s, 5min, 1h or 1d, "
	"not `1.5s`\n"},
    {"a time too short", "limits: {idle: 1ms}\n",
	"f:1:16: `limits.idle` is at least 100ms, not `1ms`\n"},
    {"a number that is a word", "queue: {length: many}\n",
	"f:1:17: `queue.length` wants a whole number, not `many`\n"},
    {"a number too large", "queue: {length: 1000001}\n",
	"f:1:17: `queue.length` is at most 1000000, not `1000001`\n"},
    {"a number of 30 digits",
	"queue: {length: 100000000000000000000000000000}\n",
	"f:1:17: `queue.length` is at most 1000000, not "
	"`100000000000000000000000000000`\n"},
    {"slots", "engines: [{name: a, url: 'unix:/a', slots: 0}]\n",
	"f:1:44: `slots` is at least 1, not `0`\n"},
    {"slots that are a word",
	"engines: [{name: a, url: 'unix:/a', slots: all}]\n",
	"f:1:44: `slots` wants a whole number, or auto, not `all`\n"},
    {"a share without its sign", "disk: {alert: 80}\n",
	"f:1:15: `disk.alert` wants a share such as 80%, not `80`; did you "
	"mean `80%`?\n"},
    {"a share past all", "disk: {alert: 101%}\n",
	"f:1:15: `disk.alert` is at most 100%, not `101%`\n"},
    {"yes", "dry_run: yes\n",
	"f:1:10: `dry_run` wants true or false, not `yes`; did you mean "
	"`true`?\n"},
    {"Off", "dry_run: Off\n",
	"f:1:10: `dry_run` wants true or false, not `Off`; did you mean "
	"`false`?\n"},
    {"perhaps", "dry_run: perhaps\n",
	"f:1:10: `dry_run` wants true or false, not `perhaps`\n"},
    {"a choice misspelt", "anonymous: alow\n",
	"f:1:12: `anonymous` wants allow or refuse, not `alow`; did you mean "
	"`allow`?\n"},
    {"a choice that is none", "anonymous: 17\n",
	"f:1:12: `anonymous` wants allow or refuse, not `17`\n"},
    {"a relative path", "state: var/weir\n",
	"f:1:8: `state` wants an absolute path, not `var/weir`\n"},
    {"a path from home", "state: ~/weir\n",
	"f:1:8: `state` wants an absolute path, not `~/weir`\n"},
    {"a socket's path that the system cannot take",
	"control: /123456789012345678901234567890123456789012345678901234567890"
	"1234567890123456789012345678901234567890123456789\n",
	"f:1:10: `control` is at most 107 bytes long\n"},
    {"an empty text", "log: {path: ''}\n",
	"f:1:13: `log.path` must not be empty\n"},
    {"a list with nothing in it", "hosts:\n  - a\n  -\n",
	"f:3:4: `hosts` has an empty item\n"},
    {"no address at all", "listen: []\n",
	"f:1:9: `listen` has at least 1 items, not 0\n"},
    {"a list in a list", "hosts: [a, [b]]\n",
	"f:1:12: `hosts` wants a text or a list of texts, not a list\n"},
    {"only a port", "listen: 8080\n",
	"f:1:9: `listen` wants host:port, [v6]:port or unix:/path, or a list "
	"of them, not `8080`; did you mean `127.0.0.1:8080`?\n"},
    {"an address twice",
	"listen:\n  - 127.0.0.1:80\n  - \"[::1]:80\"\n  - localhost:80\n",
	"f:4:5: `listen` has an address twice\n"},
    {"a network with host bits", "trusted_proxies: [10.1.2.3/8]\n",
	"f:1:19: `trusted_proxies` wants addresses or networks such as "
	"10.0.0.0/8, not `10.1.2.3/8`; did you mean `10.0.0.0/8`?\n"},
};

/* --- engines and callers --- */
static const struct problem_case things[] = {
    {"https", "engines:\n  - name: a\n    url: https://x:1\n",
	"f:3:10: `url` cannot be https yet: only http:// and unix: work in "
	"this version\n"},
    {"a url with a path", "engines:\n  - name: a\n    url: http://x:11434/v1\n",
	"f:3:10: `url` wants http://host:port or unix:/path, not "
	"`http://x:11434/v1`; did you mean `http://x:11434`?\n"},
    {"a url without a scheme", "engines: [{name: a, url: 'x:11434'}]\n",
	"f:1:26: `url` wants http://host:port or unix:/path, not `x:11434`; "
	"did you mean `http://x:11434`?\n"},
    {"a url without a port", "engines: [{name: a, url: 'http://box'}]\n",
	"f:1:26: `url` wants http://host:port or unix:/path, not `http://box`; "
	"did you mean `http://box:11434`?\n"},
    {"a url with a password",
	"engines: [{name: a, url: 'http://u:secret@x:1'}]\n",
	"f:1:26: `url` must not hold a user or a password; a key for the "
	"engine goes into key_file\n"},
    {"an engine without a name", "engines:\n  - url: http://x:1\n",
	"f:2:5: this engine lacks `name`\n"},
    {"an engine without a url", "engines:\n  - name: a\n",
	"f:2:5: this engine lacks `url`, such as http://127.0.0.1:11434\n"},
    {"an engine to be run with an open quote",
	"engines:\n  - name: a\n    run: ollama 'serve\n",
	"f:3:10: `run` has a quote that is not closed\n"},
    {"an engine that weir and systemd run",
	"engines:\n  - name: a\n    url: http://x:1\n    run: a\n    unit: b\n",
	"f:5:11: an engine has either `run` (weir runs it) or `unit` (systemd "
	"does)\n"},
    {"an environment for nobody",
	"engines:\n  - name: a\n    url: http://x:1\n    env: {A: b}\n",
	"f:4:10: warning: `env` has no effect without `run`: weir does not "
	"start this engine\n"},
    {"two engines of one name",
	"engines:\n  - {name: a, url: 'unix:/a'}\n"
	"  - {name: b, url: 'unix:/b'}\n  - {name: a, url: 'unix:/c'}\n",
	"f:4:12: the name `a` is already taken in line 2\n"},
    {"two engines at one url",
	"engines:\n  - {name: a, url: 'http://x:1'}\n"
	"  - {name: b, url: 'http://x:1/'}\n",
	"f:3:20: warning: this url is already that of `a` in line 2\n"},
    {"a caller without a name", "callers:\n  - rate: 1/s\n",
	"f:2:5: this caller lacks `name`\n"},
    {"a caller whose name is null", "callers:\n  - name: null\n",
	"f:2:5: this caller lacks `name`\n"},
    {"a name with a space", "callers:\n  - name: my app\n",
	"f:2:11: `name` wants a name of letters, digits and . _ -, not `my "
	"app`; did you mean `my-app`?\n"},
    {"a name that looks like a flag", "callers:\n  - name: -x\n",
	"f:2:11: `name` wants a name of letters, digits and . _ -, not `-x`\n"},
    {"two callers of one name",
	"callers:\n  - name: app\n  - name: other\n  - name: app\n",
	"f:4:11: the name `app` is already taken in line 2\n"},
    {"an engine may be called like a caller",
	"callers:\n  - name: app\n"
	"engines:\n  - name: app\n    url: http://x:1\n",
	""},
    {"one key of two callers",
	"callers:\n  - name: a\n    key: sha256:" HEX "\n"
	"  - name: b\n    keys:\n      - sha256:" HEX "\n",
	"f:6:9: this key is already that of `a` in line 3\n"},
    {"one address of two callers",
	"callers:\n  - name: a\n    from: 10.0.0.1\n"
	"  - name: b\n    from: [10.0.0.2, 10.0.0.1/32]\n",
	"f:5:22: this address already names `a` in line 3\n"},
    {"anonymous with a key",
	"callers:\n  - name: anonymous\n    key: sha256:" HEX "\n",
	"f:3:10: the caller `anonymous` is whoever is nobody else: it has no "
	"keys and no addresses\n"},
    {"key and keys",
	"callers:\n  - name: a\n    key: sha256:" HEX "\n    keys: []\n",
	"f:4:5: `key` and `keys` are one option; write one of them\n"},
    {"a key as it is", "callers:\n  - name: a\n    key: weir_SECRET\n",
	"f:3:10: `keys` wants the SHA-256 of a key, never the key itself: "
	"write sha256:HEX with HEX from `printf %s KEY | sha256sum`, or let "
	"`weir key add NAME` make a key\n"},
    {"a hash without its form", "callers: [{name: a, key: " HEX "}]\n",
	"f:1:26: `keys` lacks its form: write sha256: before the digits\n"},
    {"a hash too short", "callers: [{name: a, key: 'sha256:9f86d0'}]\n",
	"f:1:26: `keys` is not valid: behind sha256: stand 64 hexadecimal "
	"digits\n"},
    {"a hash with another letter",
	"callers: [{name: a, key: 'sha256:gf86d081884c7d659a2feaa0c55ad015"
	"a3bf4f1b2b0b822cd15d6c15b0f00a08'}]\n",
	"f:1:26: `keys` is not valid: behind sha256: stand 64 hexadecimal "
	"digits\n"},
    {"a rate as nginx writes it", "callers: [{name: a, rate: 10r/m}]\n",
	"f:1:27: `rate` wants a rate such as 10/min, 5/s or 100/hour, or none, "
	"not `10r/m`; did you mean `10/min`?\n"},
    {"a rate of nothing", "callers: [{name: a, rate: 0/min}]\n",
	"f:1:27: `rate` is at least 1, not `0/min`\n"},
    {"a rate without a time", "callers: [{name: a, rate: 10}]\n",
	"f:1:27: `rate` wants a rate such as 10/min, 5/s or 100/hour, or none, "
	"not `10`\n"},
    {"a burst without a rate", "callers: [{name: a, burst: 5}]\n",
	"f:1:28: warning: `burst` has no effect without `rate`\n"},
    {"tokens without a limit", "callers: [{name: a, tokens: {strict: true}}]\n",
	"f:1:29: `tokens` lacks `limit`\n"},
    {"an alert of both kinds", "alerts: [{webhook: a, command: b}]\n",
	"f:1:10: an alert has either `webhook` or `command`\n"
	"f:1:20: `webhook` wants a URL such as https://host/path\n"},
    {"a body that never fits", "limits:\n  body_total: 128MiB\n",
	"f:2:15: warning: a body of `limits.body` never fits: a caller may "
	"hold a quarter of `limits.body_total`\n"},
    {"all that is wrong, in its order",
	"dry_run: maybe\nlimits:\n  bodi: 1\n  head: 1\nqueue: 7\n",
	"f:1:10: `dry_run` wants true or false, not `maybe`\n"
	"f:3:3: unknown key `bodi`; did you mean `body`?\n"
	"f:4:9: `limits.head` is at least 256, not `1`\n"
	"f:5:8: `queue` wants a mapping of options\n"},
};

static void
check_cases(const struct problem_case *v, size_t n)
{
	static struct conf_problems p;

	for (size_t i = 0; i < n; i++) {
		struct conf *c;
		struct buf out;
		enum err e;

		buf_init(&out, 1 << 16);
		e = conf_parse(slice_str(v[i].yaml), "f", &c, &p);
		assert_int_equal(conf_problems_print(&p, &out), OK);
		assert_int_equal(buf_add_char(&out, '\0'), OK);
		if (strcmp(out.p, v[i].problems) != 0)
			print_error("case: %s\n", v[i].name);
		assert_string_equal(out.p, v[i].problems);
		assert_int_equal(e, p.n_errors > 0 ? ERR_SYNTAX : OK);
		assert_true((c == NULL) == (e != OK));
		conf_drop(c);
		buf_fini(&out);
	}
}

#define CASES(v) check_cases(v, sizeof(v) / sizeof(v)[0])

static void
texts_are_refused(void **state)
{
	CASES(texts);
}

static void
keys_are_refused(void **state)
{
	CASES(keys);
}

static void
values_are_refused(void **state)
{
	CASES(values);
}

static void
things_are_refused(void **state)
{
	CASES(things);
}

/* Twenty errors are shown, the others counted. */
static void
errors_are_counted(void **state)
{
	static struct conf_problems p;
	struct buf yaml, out;
	struct conf *c;

	buf_init(&yaml, 1 << 16);
	buf_init(&out, 1 << 16);
	for (int i = 0; i < 33; i++)
		assert_int_equal(buf_printf(&yaml, "zebra_%c%c: 1\n",
				     'a' + i / 26, 'a' + i % 26),
		    OK);
	assert_int_equal(conf_parse(buf_slice(&yaml), "f", &c, &p), ERR_SYNTAX);
	assert_int_equal(p.n_errors, 33);
	assert_int_equal(conf_problems_print(&p, &out), OK);
	assert_true(slice_has(buf_slice(&out),
	    (struct slice)SLICE("f:20:1: unknown key `zebra_at`\n"
				"f: and 13 more errors\n")));
	buf_fini(&yaml);
	buf_fini(&out);
}

static void
check_refused(struct slice text, const char *problem)
{
	static struct conf_problems p;
	struct conf *c;

	assert_int_equal(conf_parse(text, "f", &c, &p), ERR_SYNTAX);
	assert_null(c);
	assert_int_equal(p.n_errors, 1);
	assert_string_equal(p.errors[0].text, problem);
}

static void
sizes_are_bounded(void **state)
{
	struct buf b;

	/* One comment of 1 MiB is allowed, a byte more is not. */
	buf_init(&b, 4 << 20);
	assert_int_equal(buf_reserve(&b, (1 << 20) + 1), OK);
	memset(b.p, '#', (1 << 20) + 1);
	b.n = 1 << 20;
	{
		static struct conf_problems p;
		struct conf *c;

		assert_int_equal(conf_parse(buf_slice(&b), "f", &c, &p), OK);
		conf_drop(c);
	}
	b.n++;
	check_refused(buf_slice(&b), "the file is larger than 1 MiB");

	buf_clear(&b);
	for (int i = 0; i < 66000; i++)
		assert_int_equal(buf_add_str(&b, "- a\n"), OK);
	check_refused(buf_slice(&b), "the file has more than 65536 values");

	buf_clear(&b);
	for (int i = 0; i < 1025; i++)
		assert_int_equal(buf_printf(&b, "k%d: 1\n", i), OK);
	check_refused(buf_slice(&b), "more than 1024 keys in one mapping");

	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "hosts:\n"), OK);
	for (int i = 0; i < 257; i++)
		assert_int_equal(buf_printf(&b, "- h%d\n", i), OK);
	check_refused(buf_slice(&b), "`hosts` has at most 256 items, not 257");
	buf_fini(&b);
}

/* What stands in for a key is in no message. */
static void
keys_are_never_quoted(void **state)
{
	static const char *const yamls[] = {
	    "callers: [{name: a, key: weir_SECRET}]",
	    "callers: [{name: a, keys: [weir_SECRET]}]",
	    "callers: [{name: a, keys: ['sha256:SECRET']}]",
	    "callers: [{name: a, key: {SECRET: SECRET}}]",
	    "engines: [{name: a, url: 'http://SECRET@x:1'}]",
	};
	static struct conf_problems p;

	for (size_t i = 0; i < sizeof yamls / sizeof yamls[0]; i++) {
		struct conf *c;

		assert_int_equal(
		    conf_parse(slice_str(yamls[i]), "f", &c, &p), ERR_SYNTAX);
		for (size_t k = 0; k < p.n_errors; k++)
			assert_null(strstr(p.errors[k].text, "SECRET"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_refused),
	    cmocka_unit_test(keys_are_refused),
	    cmocka_unit_test(values_are_refused),
	    cmocka_unit_test(things_are_refused),
	    cmocka_unit_test(errors_are_counted),
	    cmocka_unit_test(sizes_are_bounded),
	    cmocka_unit_test(keys_are_never_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
