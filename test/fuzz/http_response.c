#include "test/fuzz/http_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	fuzz_split(HTTP_SIDE_RESPONSE, data, n);
	return 0;
}
