/* Manifests as Ollama writes them, names as callers write them. */
#include "engine/blob.h"
#include "os/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEX "74e7b2db1326f64918e4991100ceeea0ed741043ea69d23f2e48cd54bbdf14c8"
#define LAYER(type, digest)                                                    \
	"{\"mediaType\":\"application/vnd.ollama.image." type                  \
	"\",\"digest\":\"" digest "\",\"size\":1}"
#define MANIFEST(layers)                                                       \
	"{\"schemaVersion\":2,\"config\":" LAYER(                              \
	    "config", "sha256:00") ",\"layers\":[" layers "]}"

static void
test_digest(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {MANIFEST(LAYER("template", "sha256:" HEX) "," LAYER(
		 "model", "sha256:" HEX)),
		"sha256:" HEX},
	    {MANIFEST(LAYER("projector", "sha256:" HEX)), ""},
	    {MANIFEST(LAYER("model", "sha256:../../../etc/passwd")), ""},
	    {MANIFEST(LAYER("model", "sha512:" HEX)), ""},
	    {MANIFEST(LAYER("model", "sha256:" HEX "0")), ""},
	    {MANIFEST(""), ""},
	    {"{\"layers\":[" LAYER("model", "sha256:" HEX), ""}, /* cut */
	    {"", ""},
	    {"[]", ""},
	    {"{\"layers\":{}}", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice got = blob_digest(slice_str(rows[i].text));

		if (!slice_is(got, rows[i].want))
			fail_msg("row %zu: %.*s", i, SLICE_ARG(got));
	}
}

static void
put(const char *root, const char *path, const char *text)
{
	char whole[512];
	char *slash;

	(void)snprintf(whole, sizeof whole, "%s/%s", root, path);
	slash = strrchr(whole, '/');
	*slash = '\0';
	assert_int_equal(file_make_dir(whole, 0755), OK);
	*slash = '/';
	assert_int_equal(file_replace(whole, slice_str(text), 0644), OK);
}

static void
test_find(void **state)
{
	static const struct {
		const char *model;
		enum err err;
	} rows[] = {
	    {"tiny", OK},
	    {"tiny:latest", OK},
	    {"Library/Tiny", OK},
	    {"registry.ollama.ai/library/tiny:latest", OK},
	    {"hf.co/someone/phi-gguf:q4_k_m", OK}, /* other case on disk */
	    {"tiny:1b", ERR_NOT_FOUND},
	    {"other", ERR_NOT_FOUND},
	    {"../tiny", ERR_NOT_FOUND},
	    {"halved", ERR_SYNTAX},
	    {"", ERR_MODEL_MISSING},
	};
	char root[] = "/tmp/weir-blob-XXXXXX", path[512], want[512];
	char command[600];

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "manifests/registry.ollama.ai/library/tiny/latest",
	    MANIFEST(LAYER("model", "sha256:" HEX)));
	put(root, "manifests/registry.ollama.ai/library/halved/latest",
	    "{\"schemaVersion\":2,");
	put(root, "manifests/hf.co/Someone/Phi-GGUF/Q4_K_M",
	    MANIFEST(LAYER("model", "sha256:" HEX)));
	(void)snprintf(want, sizeof want, "%s/blobs/sha256-" HEX, root);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum err e = blob_find(
		    root, slice_str(rows[i].model), path, sizeof path);

		if (e != rows[i].err)
			fail_msg("%s: %s", rows[i].model, err_get(e)->name);
		if (e == OK)
			assert_string_equal(path, want);
	}
	assert_int_equal(
	    blob_find(root, slice_str("tiny"), path, 40), ERR_FULL);
	assert_int_equal(
	    blob_find("/nowhere", slice_str("tiny"), path, sizeof path),
	    ERR_NOT_FOUND);
	(void)snprintf(command, sizeof command, "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_digest),
	    cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
