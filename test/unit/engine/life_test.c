/* What is known of an engine's process, and what follows for the engine. */
#include "engine/life.h"
#include "mill.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static struct mill m;
static int n_proved;

/* Lines as the servers write them. */
static void
test_reasons(void **state)
{
	static const struct {
		const char *says, *word;
	} cases[] = {
	    {"E srv  start: couldn't bind HTTP server socket, hostname: "
	     "127.0.0.1, port: 8080\n",
		"port_taken"},
	    {"Error: listen tcp 127.0.0.1:11434: bind: address already in use",
		"port_taken"},
	    {"OSError: [Errno 98] Address already in use", "port_taken"},
	    {"ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4000.00 "
	     "MiB on device 0: cudaMalloc failed: out of memory\n"
	     "llama_model_load: error loading model: unable to allocate "
	     "CUDA0 buffer\n",
		"gpu_memory"},
	    {"CUDA error: out of memory\n  current device: 0", "gpu_memory"},
	    {"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate",
		"gpu_memory"},
	    {"terminate called after throwing an instance of "
	     "'std::bad_alloc'",
		"memory"},
	    {"gguf_init_from_file: failed to open GGUF file '/m.gguf' (No "
	     "such file or directory)\nerror loading model",
		"model_file"},
	    {"llama_model_load: error loading model: "
	     "unknown model architecture: 'x'",
		"model"},
	    {"ollama: error while loading shared libraries: libcudart.so.12",
		"library"},
	    {"error: invalid argument: --no-such\n", "usage"},
	    {"slot released, all is well\n", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct life_reason *r =
		    life_read(slice_str(cases[i].says));

		if ((r == NULL) != (cases[i].word == NULL))
			fail_msg("%s", cases[i].says);
		if (r != NULL)
			assert_string_equal(r->word, cases[i].word);
	}
}

static void
on_proved(void *ctx, struct engine *e)
{
	(void)ctx;
	(void)e;
	n_proved++;
}

static void
test_ends_and_starts(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	ce = mill_conf(&m, "a");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "a");
	m.set.on_proved = on_proved;
	n_proved = 0;
	mill_until_state(&m, e, ENGINE_UP);
	life_started(e, 1, 0);
	assert_int_equal(e->state, ENGINE_UP);
	engine_note_success(e);
	engine_note_success(e);
	assert_int_equal(n_proved, 1);
	/* Down at once, and why. */
	life_ended(e, "it ended (signal 9)", false);
	assert_int_equal(e->state, ENGINE_DOWN);
	assert_string_equal(engine_why(e), "it ended (signal 9)");
	assert_false(e->is_open);
	life_started(e, 1, 0);
	assert_string_equal(
	    engine_why(e), "weir has started it; it does not answer yet");
	mill_until_state(&m, e, ENGINE_UP);
	engine_note_success(e);
	assert_int_equal(n_proved, 2);
	mill_fini(&m);
}

/* A crash loop opens the circuit: once it answers it is on trial. */
static void
test_loop(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	ce = mill_conf(&m, "a");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "a");
	mill_until_state(&m, e, ENGINE_UP);
	life_ended(e, "it keeps ending", true);
	assert_true(e->is_looping);
	life_started(e, 1, 0);
	mill_until_state(&m, e, ENGINE_TRIAL);
	assert_true(e->is_looping);
	engine_note_success(e);
	assert_int_equal(e->state, ENGINE_UP);
	assert_false(e->is_looping);
	mill_fini(&m);
}

/* Pauses between probes are short again after a start. */
static void
test_probed_soon(void **state)
{
	struct conf_engine ce;
	struct engine *e;
	int64_t began_us;
	int port;

	(void)state;
	mill_init(&m);
	ce = mill_conf(&m, "a");
	port = m.port;
	mill_close(&m);
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "a");
	mill_until_state(&m, e, ENGINE_DOWN);
	/* Until the pauses are of seconds. */
	mill_for(&m, 2500000);
	assert_true(mill_open(&m, port));
	began_us = os_now_us();
	life_started(e, 1, 0);
	mill_until_state(&m, e, ENGINE_UP);
	assert_in_range(os_now_us() - began_us, 0, 500000);
	mill_fini(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_ends_and_starts),
	    cmocka_unit_test(test_loop),
	    cmocka_unit_test(test_probed_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
