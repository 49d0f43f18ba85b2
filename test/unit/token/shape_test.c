/*
 * What a model takes, by its metadata.  Expectations are arithmetic done by
 * hand; test/spec/memory_test.py compares with what llama-server allocates.
 */
#include "token/shape.h"
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { KIB = 1024, F16 = 2 };

static struct buf keys;
static uint64_t n_keys;

static void
number(struct buf *b, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		assert_int_equal(buf_add_char(b, (char)(v & 0xff)), OK);
}

static void
string(struct buf *b, const char *s)
{
	number(b, strlen(s), 8);
	assert_int_equal(buf_add_str(b, s), OK);
}

static void
begin(const char *architecture)
{
	buf_clear(&keys);
	n_keys = 1;
	string(&keys, "general.architecture");
	number(&keys, GGUF_STRING, 4);
	string(&keys, architecture);
}

static void
put(const char *key, uint64_t v)
{
	n_keys++;
	string(&keys, key);
	number(&keys, GGUF_U64, 4);
	number(&keys, v, 8);
}

/* A list of ${n} of ${type}, one digit of ${digits} each. */
static void
put_list(const char *key, enum gguf_type type, const char *digits)
{
	n_keys++;
	string(&keys, key);
	number(&keys, GGUF_ARRAY, 4);
	number(&keys, type, 4);
	number(&keys, strlen(digits), 8);
	for (; *digits; digits++)
		number(&keys, (uint64_t)(*digits - '0'), gguf_size(type));
}

static enum err
read_shape(int64_t more_bytes, struct shape *out)
{
	struct buf file;
	struct gguf *g;
	enum err e;

	buf_init(&file, 64 * KIB);
	assert_int_equal(buf_add_str(&file, "GGUF"), OK);
	number(&file, 3, 4);
	number(&file, 0, 8);
	number(&file, n_keys, 8);
	assert_int_equal(buf_add(&file, buf_slice(&keys)), OK);
	assert_int_equal(gguf_parse(buf_slice(&file), &g), OK);
	e = shape_read(g, more_bytes ? (int64_t)file.n + more_bytes : 0, out);
	gguf_free(g);
	buf_fini(&file);
	return e;
}

/* 4 layers of 8 heads, 2 of keys and values, of 32 each. */
static void
begin_llama(void)
{
	begin("llama");
	put("llama.block_count", 4);
	put("llama.embedding_length", 256);
	put("llama.feed_forward_length", 512);
	put("llama.context_length", 4096);
	put("llama.attention.head_count", 8);
	put("llama.attention.head_count_kv", 2);
}

static void
test_weights_context_and_slots(void **state)
{
	struct shape_use use = {.context_tok = 1024, .slots = 3};
	struct shape_need need;
	struct shape s;

	(void)state;
	begin_llama();
	assert_int_equal(read_shape(1000000, &s), OK);
	assert_int_equal(s.context_max_tok, 4096);
	need = shape_need(&s, &use);
	assert_int_equal(need.weights_bytes, 1000000);
	/* layers x kv heads x length x (key, value) x f16 x tokens x slots */
	assert_int_equal(need.context_bytes, 4 * 2 * 32 * 2 * F16 * 1024 * 3);
	assert_int_equal(need.total_bytes,
	    need.weights_bytes + need.context_bytes + need.work_bytes);
	use.is_shared = true;
	assert_int_equal(
	    shape_need(&s, &use).context_bytes, 4 * 2 * 32 * 2 * F16 * 1024);
	/* Contexts come in steps of 256 tokens. */
	use = (struct shape_use){.context_tok = 1000};
	assert_int_equal(
	    shape_need(&s, &use).context_bytes, 4 * 2 * 32 * 2 * F16 * 1024);
	/* Without any: what it was made for, one slot. */
	use = (struct shape_use){.slots = 0};
	assert_int_equal(
	    shape_need(&s, &use).context_bytes, 4 * 2 * 32 * 2 * F16 * 4096);
}

static void
test_types(void **state)
{
	static const struct {
		const char *name;
		int64_t bytes; /* of 32 values */
	} cases[] = {{"f16", 64}, {"bf16", 64}, {"f32", 128}, {"q8_0", 34},
	    {"q5_1", 24}, {"q5_0", 22}, {"q4_1", 20}, {"q4_0", 18},
	    {"iq4_nl", 18}};
	struct shape_use use = {.context_tok = 256};
	struct shape s;

	(void)state;
	begin_llama();
	assert_int_equal(read_shape(0, &s), OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(
		    shape_type_find(slice_str(cases[i].name), &use.k_type));
		use.v_type = use.k_type;
		assert_int_equal(shape_need(&s, &use).context_bytes,
		    4 * 2 * 2 * 256 * cases[i].bytes);
	}
	assert_false(shape_type_find(slice_str("q9"), &use.k_type));
	assert_false(shape_type_find(slice_str(""), &use.k_type));
}

static void
test_windows(void **state)
{
	struct shape_use use = {.context_tok = 8192, .slots = 2};
	struct shape s;
	int64_t each = 2 * 32 * 2 * F16;

	(void)state;
	begin("cohere2"); /* every fourth layer sees all */
	put("cohere2.block_count", 8);
	put("cohere2.embedding_length", 256);
	put("cohere2.attention.head_count", 8);
	put("cohere2.attention.head_count_kv", 2);
	put("cohere2.attention.sliding_window", 1024);
	assert_int_equal(read_shape(0, &s), OK);
	/* A window keeps what it sees and one batch. */
	assert_int_equal(shape_need(&s, &use).context_bytes,
	    2 * (2 * 8192 + 6 * (1024 + 512)) * each);
	use.is_shared = true;
	assert_int_equal(shape_need(&s, &use).context_bytes,
	    (2 * 8192 + 6 * (2 * 1024 + 512)) * each);
	/* Never more than the context itself. */
	use = (struct shape_use){.context_tok = 512};
	assert_int_equal(shape_need(&s, &use).context_bytes, 8 * 512 * each);
}

static void
test_lists_of_layers(void **state)
{
	struct shape_use use = {.context_tok = 4096};
	struct shape s;

	(void)state;
	begin("gemma4");
	put("gemma4.block_count", 5);
	put("gemma4.embedding_length", 256);
	put("gemma4.attention.head_count", 4);
	put_list("gemma4.attention.head_count_kv", GGUF_I32, "22122");
	put("gemma4.attention.key_length", 128);
	put("gemma4.attention.value_length", 128);
	put("gemma4.attention.key_length_swa", 64);
	put("gemma4.attention.value_length_swa", 64);
	put("gemma4.attention.sliding_window", 512);
	put_list("gemma4.attention.sliding_window_pattern", GGUF_BOOL, "11011");
	put("gemma4.attention.shared_kv_layers", 1);
	assert_int_equal(read_shape(0, &s), OK);
	assert_int_equal(shape_need(&s, &use).context_bytes,
	    1 * 128 * 2 * F16 * 4096 + 3 * 2 * 64 * 2 * F16 * 1024);
}

static void
test_latent_attention(void **state)
{
	struct shape_use use = {.context_tok = 1024};
	struct shape s;

	(void)state;
	begin("deepseek2");
	put("deepseek2.block_count", 3);
	put("deepseek2.nextn_predict_layers", 1);
	put("deepseek2.embedding_length", 256);
	put("deepseek2.attention.head_count", 16);
	put("deepseek2.attention.head_count_kv", 1);
	put("deepseek2.attention.key_length", 576);
	put("deepseek2.attention.value_length", 512);
	put("deepseek2.attention.key_length_mla", 192);
	put("deepseek2.attention.value_length_mla", 128);
	assert_int_equal(read_shape(0, &s), OK);
	assert_int_equal(
	    shape_need(&s, &use).context_bytes, 2 * 576 * F16 * 1024);
}

static void
test_recurrent_state(void **state)
{
	struct shape_use use = {.context_tok = 1024, .slots = 2};
	struct shape s;
	int64_t each = 4 * (3 * (512 + 2 * 2 * 64) + 64 * 512);

	(void)state;
	begin("mamba2");
	put("mamba2.block_count", 4);
	put("mamba2.embedding_length", 256);
	put("mamba2.attention.head_count", 0);
	put("mamba2.ssm.conv_kernel", 4);
	put("mamba2.ssm.inner_size", 512);
	put("mamba2.ssm.state_size", 64);
	put("mamba2.ssm.group_count", 2);
	assert_int_equal(read_shape(0, &s), OK);
	assert_int_equal(shape_need(&s, &use).context_bytes, 2 * 4 * each);
	/* Hybrid: attention where a layer has heads of keys. */
	begin("jamba");
	put("jamba.block_count", 4);
	put("jamba.embedding_length", 256);
	put("jamba.attention.head_count", 8);
	put_list("jamba.attention.head_count_kv", GGUF_U32, "0020");
	put("jamba.ssm.conv_kernel", 4);
	put("jamba.ssm.inner_size", 512);
	put("jamba.ssm.state_size", 64);
	put("jamba.ssm.group_count", 2);
	assert_int_equal(read_shape(0, &s), OK);
	assert_int_equal(shape_need(&s, &use).context_bytes,
	    2 * (3 * each + 2 * 32 * 2 * F16 * 1024));
}

static void
test_an_embedder_keeps_nothing(void **state)
{
	struct shape_use use = {.context_tok = 512};
	struct shape s;

	(void)state;
	begin("nomic-bert");
	put("nomic-bert.block_count", 4);
	put("nomic-bert.embedding_length", 256);
	put("nomic-bert.attention.head_count", 8);
	assert_int_equal(read_shape(0, &s), OK);
	assert_int_equal(shape_need(&s, &use).context_bytes, 0);
}

static void
test_what_is_no_model(void **state)
{
	struct shape s;

	(void)state;
	begin("llama");
	assert_int_equal(read_shape(0, &s), ERR_SYNTAX);
	begin("llama");
	put("llama.block_count", 4);
	assert_int_equal(read_shape(0, &s), ERR_SYNTAX);
	/* Numbers that would overflow a product. */
	begin("llama");
	put("llama.block_count", UINT64_MAX / 4);
	put("llama.embedding_length", 256);
	assert_int_equal(read_shape(0, &s), ERR_RANGE);
	begin_llama();
	put("llama.attention.key_length", INT64_MAX);
	assert_int_equal(read_shape(0, &s), ERR_RANGE);
	begin("llama");
	put("llama.block_count", 1024);
	put("llama.embedding_length", 256);
	put("llama.attention.head_count", 65536);
	put("llama.attention.key_length", 1 << 20);
	assert_int_equal(read_shape(0, &s), ERR_RANGE);
}

static void
test_the_largest_there_may_be_does_not_overflow(void **state)
{
	struct shape_use use = {.context_tok = INT64_MAX,
	    .slots = INT64_MAX,
	    .batch_tok = INT64_MAX,
	    .k_type = SHAPE_F32,
	    .v_type = SHAPE_F32};
	struct shape_need need;
	struct shape s;

	(void)state;
	begin("mamba2");
	put("mamba2.block_count", 1024);
	put("mamba2.embedding_length", 1 << 20);
	put("mamba2.feed_forward_length", 1 << 20);
	put("mamba2.attention.head_count", 8);
	put("mamba2.attention.key_length", 1 << 20);
	assert_int_equal(read_shape(INT32_MAX, &s), OK);
	need = shape_need(&s, &use);
	assert_true(need.context_bytes > 0);
	assert_true(need.total_bytes > need.context_bytes);
}

static void
test_the_largest_context_that_fits(void **state)
{
	struct shape_use use = {.context_tok = 4096, .slots = 2};
	struct shape s;
	int64_t room, at;

	(void)state;
	begin_llama();
	assert_int_equal(read_shape(1000000, &s), OK);
	room = shape_need(&s, &use).total_bytes;
	assert_int_equal(shape_fitting_context(&s, &use, room), 4096);
	at = shape_fitting_context(&s, &use, room - 1);
	assert_in_range(at, 1024, 4095);
	assert_int_equal(at % 1024, 0);
	use.context_tok = at;
	assert_true(shape_need(&s, &use).total_bytes <= room - 1);
	assert_int_equal(shape_fitting_context(&s, &use, 1000000), 0);
}

static int
set_up(void **state)
{
	(void)state;
	buf_init(&keys, 32 * KIB);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_fini(&keys);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_weights_context_and_slots),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_lists_of_layers),
	    cmocka_unit_test(test_latent_attention),
	    cmocka_unit_test(test_recurrent_state),
	    cmocka_unit_test(test_an_embedder_keeps_nothing),
	    cmocka_unit_test(test_what_is_no_model),
	    cmocka_unit_test(test_the_largest_there_may_be_does_not_overflow),
	    cmocka_unit_test(test_the_largest_context_that_fits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
