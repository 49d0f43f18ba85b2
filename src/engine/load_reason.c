#include "engine/load.h"

/* What engines say when they cannot load, and what it means. */
static const struct {
	struct slice text;
	const char *reason;
} reasons[] = {
    {SLICE("requires more system memory"), "it does not fit into memory"},
    {SLICE("out of memory"), "it does not fit into memory"},
    {SLICE("cudaMalloc failed"), "it does not fit into memory"},
    {SLICE("failed to allocate"), "it does not fit into memory"},
    {SLICE("unable to allocate"), "it does not fit into memory"},
    {SLICE("timed out"), "loading it took too long"},
    {SLICE("incompatible with your version"),
	"this version of the engine cannot run it"},
    {SLICE("unknown model architecture"),
	"this version of the engine cannot run it"},
    {SLICE("not found"), "its files are missing"},
    {SLICE("no such file"), "its files are missing"},
    {SLICE("invalid magic"), "its files are damaged"},
    {SLICE("corrupt"), "its files are damaged"},
    {SLICE("has terminated"), "its runner ended while it loaded"},
};

const char *
load_reason(int status, struct slice body)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (slice_has(body, reasons[i].text))
			return reasons[i].reason;
	return status == 404 ? "its files are missing"
			     : "the engine cannot load it";
}
