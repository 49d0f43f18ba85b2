/* Canonical names, cloud names, operators' patterns. */
#include "model/name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
assert_text(struct slice got, const char *want, const char *what)
{
	if (!slice_is(got, want))
		fail_msg(
		    "%s: got '%.*s', want '%s'", what, SLICE_ARG(got), want);
}

static void
test_canonical(void **state)
{
	static const struct {
		const char *raw, *canonical, *tagged, *full;
	} cases[] = {
	    {"llama3.2", "llama3.2", "llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"llama3.2:latest", "llama3.2", "llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"LLaMA3.2:Latest", "llama3.2", "llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"library/llama3.2", "llama3.2", "llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"registry.ollama.ai/library/llama3.2", "llama3.2",
		"llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"https://Registry.Ollama.AI/Library/llama3.2", "llama3.2",
		"llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"qwen3:8b", "qwen3:8b", "qwen3:8b",
		"registry.ollama.ai/library/qwen3:8b"},
	    {"Qwen3:8B-Q4_K_M", "qwen3:8b-q4_k_m", "qwen3:8b-q4_k_m",
		"registry.ollama.ai/library/qwen3:8b-q4_k_m"},
	    {"mike/mistral", "mike/mistral", "mike/mistral:latest",
		"registry.ollama.ai/mike/mistral:latest"},
	    {"hf.co/bartowski/Phi-4-GGUF:Q4_K_M",
		"hf.co/bartowski/phi-4-gguf:q4_k_m",
		"hf.co/bartowski/phi-4-gguf:q4_k_m",
		"hf.co/bartowski/phi-4-gguf:q4_k_m"},
	    /* The namespace is hidden only with the default host. */
	    {"hf.co/library/x", "hf.co/library/x", "hf.co/library/x:latest",
		"hf.co/library/x:latest"},
	    {"localhost:5000/a/b:c", "localhost:5000/a/b:c",
		"localhost:5000/a/b:c", "localhost:5000/a/b:c"},
	    {"localhost:5000/a/b", "localhost:5000/a/b",
		"localhost:5000/a/b:latest", "localhost:5000/a/b:latest"},
	    /* Ollama takes :local off. */
	    {"llama3.2:local", "llama3.2", "llama3.2:latest",
		"registry.ollama.ai/library/llama3.2:latest"},
	    {"qwen3:8b:LOCAL", "qwen3:8b", "qwen3:8b",
		"registry.ollama.ai/library/qwen3:8b"},
	    /* vLLM's names fit Ollama's rules often. */
	    {"meta-llama/Llama-3.1-8B-Instruct",
		"meta-llama/llama-3.1-8b-instruct",
		"meta-llama/llama-3.1-8b-instruct:latest",
		"registry.ollama.ai/meta-llama/"
		"llama-3.1-8b-instruct:latest"},
	    /* Opaque: nobody's defaults are filled in. */
	    {"qwen2.5-7b@Q4_K_M", "qwen2.5-7b@q4_k_m", "qwen2.5-7b@q4_k_m",
		"qwen2.5-7b@q4_k_m"},
	    {"/models/Foo.gguf", "/models/foo.gguf", "/models/foo.gguf",
		"/models/foo.gguf"},
	    {"a/b/c/d", "a/b/c/d", "a/b/c/d", "a/b/c/d"},
	    {"a.b/c", "a.b/c", "a.b/c", "a.b/c"}, /* a namespace has no dot */
	    {"-x", "-x", "-x", "-x"},
	    {"x:", "x:", "x:", "x:"},
	    {":x", ":x", ":x", ":x"},
	    {"x/", "x/", "x/", "x/"},
	    {"http://x", "http://x", "http://x", "http://x"},
	};
	struct name n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *raw = cases[i].raw;

		assert_int_equal(name_parse(slice_str(raw), &n), OK);
		assert_text(name_short(&n), cases[i].canonical, raw);
		assert_text(name_tagged(&n), cases[i].tagged, raw);
		assert_text(name_full(&n), cases[i].full, raw);
	}
}

/* Every form that is printed is the same name when it is read again. */
static void
test_round_trip(void **state)
{
	static const char *const raws[] = {"llama3.2", "A/B:C",
	    "hf.co/library/x:latest", "registry.ollama.ai/a/b", "x@y",
	    "a/b/c/d"};
	struct name n, again;

	(void)state;
	for (size_t i = 0; i < COUNT(raws); i++) {
		assert_int_equal(name_parse(slice_str(raws[i]), &n), OK);
		assert_int_equal(name_parse(name_short(&n), &again), OK);
		assert_true(name_eq(&n, &again));
		assert_int_equal(name_parse(name_full(&n), &again), OK);
		assert_true(name_eq(&n, &again));
	}
	assert_int_equal(name_parse(slice_str("llama3.2:1b"), &n), OK);
	assert_int_equal(name_parse(slice_str("llama3.2"), &again), OK);
	assert_false(name_eq(&n, &again));
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"a b", " a", "a ", "a\nb", "a\tb",
	    "a\"b", "a\\b", "\xc3\xa9", "a\x7f", "\x01", "llama3.2: cloud"};
	char longest[MODEL_NAME_MAX + 1];
	struct name n;

	(void)state;
	assert_int_equal(name_parse(slice_of(NULL, 0), &n), ERR_MODEL_MISSING);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (name_parse(slice_str(bad[i]), &n) != ERR_MODEL_NAME)
			fail_msg("%s", bad[i]);
	assert_int_equal(name_parse(slice_of("a\0b", 3), &n), ERR_MODEL_NAME);
	memset(longest, 'a', sizeof longest);
	assert_int_equal(name_parse(slice_of(longest, MODEL_NAME_MAX), &n), OK);
	assert_int_equal(
	    name_parse(slice_of(longest, sizeof longest), &n), ERR_MODEL_NAME);
	/* The longest parts that Ollama allows, and one more. */
	memset(longest, 'a', 81);
	assert_int_equal(name_parse(slice_of(longest, 80), &n), OK);
	assert_false(n.opaque);
	assert_int_equal(name_parse(slice_of(longest, 81), &n), OK);
	assert_true(n.opaque);
	longest[350] = '/';
	longest[352] = '/';
	assert_int_equal(name_parse(slice_of(longest, 354), &n), OK);
	assert_false(n.opaque);
	assert_int_equal(n.n, 354 + sizeof ":latest" - 1);
}

static void
test_cloud(void **state)
{
	static const struct {
		const char *raw;
		bool cloud;
	} cases[] = {
	    {"gpt-oss:120b-cloud", true},
	    {"gpt-oss:120b-CLOUD", true},
	    {"kimi-k2:cloud", true},
	    {"kimi-k2:Cloud", true},
	    {"ns/kimi-k2:1t-cloud", true},
	    {"kimi-k2:cloud:local", true},
	    {"a@b:cloud", true},
	    {"a/b/c/d:x-cloud", true},
	    {"kimi-k2", false},
	    {"cloud", false},
	    {"my-cloud", false}, /* no tag: Ollama runs it here */
	    {"nextcloud:latest", false},
	    {"x:cloudy", false},
	    {"x:cloud-8b", false},
	    {"host:5000/ns/x-cloud", false},
	};
	struct name n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(name_parse(slice_str(cases[i].raw), &n), OK);
		if (name_is_cloud(&n) != cases[i].cloud)
			fail_msg("%s", cases[i].raw);
	}
}

static void
test_patterns(void **state)
{
	static const struct {
		const char *pattern, *raw;
		bool match;
	} cases[] = {
	    /* A plain name is its latest tag. */
	    {"llama3.2", "llama3.2", true},
	    {"llama3.2", "LLAMA3.2:latest", true},
	    {"llama3.2", "registry.ollama.ai/library/llama3.2", true},
	    {"llama3.2", "llama3.2:local", true},
	    {"llama3.2", "llama3.2:1b", false},
	    {"llama3.2", "llama3.2x", false},
	    {"llama3.2", "llama3", false},
	    {"llama3.2", "mike/llama3.2", false},
	    {"llama3.2", "hf.co/library/llama3.2", false},
	    {"llama3.2:latest", "llama3.2", true},
	    {"llama3.2:1b", "llama3.2:1B", true},
	    {"llama3.2:1b", "llama3.2", false},
	    {"Llama3.2", "llama3.2", true},
	    {"library/llama3.2", "llama3.2", true},
	    {"registry.ollama.ai/library/llama3.2", "llama3.2", true},
	    {"registry.ollama.ai/mike/x", "mike/x", true},
	    /* Tags. */
	    {"llama3.2:*", "llama3.2", true},
	    {"llama3.2:*", "llama3.2:1b", true},
	    {"llama3.2:*", "llama3.2x:1b", false},
	    {"llama3.2:*", "llama3.2:1b-cloud", true},
	    {"*:8b", "qwen3:8b", true},
	    {"*:8b", "qwen3:4b", false},
	    {"*:8b", "ns/qwen3:8b", false},
	    /* Names. */
	    {"qwen3*", "qwen3", true},
	    {"qwen3*", "qwen3:8b", true},
	    {"qwen3*", "qwen3-coder:30b", true},
	    {"qwen3*", "qwen2.5", false},
	    {"qwen3*", "qwen3x/evil", false},
	    {"*-coder", "qwen3-coder:30b", true},
	    {"qwen?", "qwen3:8b", true},
	    {"qwen?", "qwen33", false},
	    {"qwen3*8b", "qwen3:8b", true},
	    /* Namespaces and hosts. */
	    {"meta-llama/*", "meta-llama/Llama-3.1-8B", true},
	    {"meta-llama/*", "meta-llama2/Llama", false},
	    {"hf.co/*", "hf.co/bartowski/x:q4", true},
	    {"hf.co/*", "hf.com/bartowski/x", false},
	    {"*/x", "mike/x", true},
	    {"*/x", "x", false},
	    /* Everything. */
	    {"*", "anything", true},
	    {"*", "a/b/c/d@e", true},
	    {"**", "a/b", true},
	    {"registry.ollama.ai/*", "hf.co/a/b", false},
	    {"library/*", "qwen3:8b", true},
	    {"library/*", "mike/x", false},
	    /* Opaque names. */
	    {"qwen2.5@q4", "Qwen2.5@Q4", true},
	    {"qwen2.5@*", "qwen2.5@q8", true},
	    {"qwen2.5@q4", "qwen2.5@q8", false},
	    {"/models/*", "/models/foo.gguf", true},
	};
	struct name_pattern p;
	struct name n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    name_pattern_parse(slice_str(cases[i].pattern), &p), OK);
		assert_int_equal(name_parse(slice_str(cases[i].raw), &n), OK);
		if (name_match(&p, &n) != cases[i].match)
			fail_msg("%s ~ %s", cases[i].pattern, cases[i].raw);
	}
}

static void
test_patterns_refused(void **state)
{
	char longest[MODEL_NAME_MAX + 1];
	struct name_pattern p;

	(void)state;
	memset(longest, '*', sizeof longest);
	assert_int_equal(
	    name_pattern_parse(slice_of(NULL, 0), &p), ERR_MODEL_NAME);
	assert_int_equal(
	    name_pattern_parse(slice_str("a b"), &p), ERR_MODEL_NAME);
	assert_int_equal(
	    name_pattern_parse(slice_of(longest, MODEL_NAME_MAX), &p), OK);
	assert_int_equal(
	    name_pattern_parse(slice_of(longest, sizeof longest), &p),
	    ERR_MODEL_NAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_cloud),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_patterns_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
