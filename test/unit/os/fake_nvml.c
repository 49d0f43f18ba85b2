/* NVML with three processors: a large one, a small one, a lost one. */
#include <string.h>

struct nvml_memory {
	unsigned long long total, free, used;
};

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, const int **out);
int nvmlDeviceGetName(const int *d, char *out, unsigned n);
int nvmlDeviceGetMemoryInfo(const int *d, struct nvml_memory *out);

static const int devices[3] = {0, 1, 2};
static int begun;

int
nvmlInit_v2(void)
{
	begun++;
	return 0;
}

int
nvmlShutdown(void)
{
	begun--;
	return 0;
}

int
nvmlDeviceGetCount_v2(unsigned *n)
{
	*n = 3;
	return begun > 0 ? 0 : 1;
}

int
nvmlDeviceGetHandleByIndex_v2(unsigned i, const int **out)
{
	*out = &devices[i];
	return 0;
}

int
nvmlDeviceGetName(const int *d, char *out, unsigned n)
{
	if (*d != 0)
		return 3;
	strncpy(out, "NVIDIA Test 24GB", n);
	return 0;
}

int
nvmlDeviceGetMemoryInfo(const int *d, struct nvml_memory *out)
{
	static const unsigned long long mib = 1024 * 1024;

	if (*d == 2)
		return 15; /* NVML_ERROR_GPU_IS_LOST */
	*out = *d == 0
	    ? (struct nvml_memory){24576 * mib, 20000 * mib, 4576 * mib}
	    : (struct nvml_memory){512 * mib, 512 * mib, 0};
	return 0;
}
