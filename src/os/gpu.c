#include "os/gpu.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_ROOM = 600, NVML_SUCCESS = 0 };

#define LEAST_BYTES (INT64_C(1) << 30)

/* As in nvml.h; the numbers are those of the library's binary interface. */
typedef struct nvml_device *nvml_device_t;
struct nvml_memory {
	unsigned long long total, free, used;
};

struct os_gpus {
	char root[256];
	void *library;
	int (*shutdown)(void);
	int (*count)(unsigned *n);
	int (*by_index)(unsigned i, nvml_device_t *out);
	int (*get_name)(nvml_device_t d, char *out, unsigned n);
	int (*memory)(nvml_device_t d, struct nvml_memory *out);
};

/* --- NVIDIA --- */

/* The address of a function, copied, as POSIX has it for dlsym. */
static bool
find(struct os_gpus *g, const char *name, void *function)
{
	void *p = dlsym(g->library, name);

	memcpy(function, &p, sizeof p);
	return p != NULL;
}

static bool
begin_nvml(struct os_gpus *g)
{
	int (*begin)(void);

	return find(g, "nvmlInit_v2", (void *)&begin) &&
	    find(g, "nvmlShutdown", (void *)&g->shutdown) &&
	    find(g, "nvmlDeviceGetCount_v2", (void *)&g->count) &&
	    find(g, "nvmlDeviceGetHandleByIndex_v2", (void *)&g->by_index) &&
	    find(g, "nvmlDeviceGetName", (void *)&g->get_name) &&
	    find(g, "nvmlDeviceGetMemoryInfo", (void *)&g->memory) &&
	    begin() == NVML_SUCCESS;
}

static bool
look_at_nvidia(struct os_gpus *g, unsigned i, struct os_gpu *out)
{
	struct nvml_memory m;
	nvml_device_t device;

	if (g->by_index(i, &device) != NVML_SUCCESS ||
	    g->memory(device, &m) != NVML_SUCCESS || m.total > INT64_MAX ||
	    m.free > m.total)
		return false;
	if (g->get_name(device, out->name, sizeof out->name) != NVML_SUCCESS)
		(void)snprintf(out->name, sizeof out->name, "NVIDIA %u", i);
	out->name[sizeof out->name - 1] = 0;
	out->total_bytes = (int64_t)m.total;
	out->free_bytes = (int64_t)m.free;
	return true;
}

static size_t
look_at_all_nvidia(struct os_gpus *g, struct os_gpu *out, size_t cap)
{
	unsigned there = 0;
	size_t n = 0;

	if (g->library == NULL || g->count(&there) != NVML_SUCCESS)
		return 0;
	for (unsigned i = 0; i < there && n < cap; i++)
		if (look_at_nvidia(g, i, &out[n]) &&
		    out[n].total_bytes >= LEAST_BYTES)
			n++;
	return n;
}

/* --- AMD --- */

static int64_t
number_in(const char *dir, const char *name)
{
	char path[PATH_ROOM + 64], text[32];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	if (n <= 0 || text[0] < '0' || text[0] > '9')
		return -1;
	text[n] = 0;
	return strtoll(text, NULL, 10);
}

static bool
look_at_amd(const char *dir, const char *card, struct os_gpu *out)
{
	int64_t total = number_in(dir, "mem_info_vram_total");
	int64_t used = number_in(dir, "mem_info_vram_used");

	if (total < LEAST_BYTES || used < 0 || used > total)
		return false;
	(void)snprintf(out->name, sizeof out->name, "AMD %s", card);
	out->total_bytes = total;
	out->free_bytes = total - used;
	return true;
}

static size_t
look_at_all_amd(const char *root, struct os_gpu *out, size_t cap)
{
	char drm[PATH_ROOM / 2], dir[PATH_ROOM];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	(void)snprintf(drm, sizeof drm, "%s/sys/class/drm", root);
	if ((d = opendir(drm)) == NULL)
		return 0;
	while (n < cap && (e = readdir(d)) != NULL) {
		/* card0, but not its connectors: card0-DP-1 */
		if (strncmp(e->d_name, "card", 4) != 0 ||
		    strchr(e->d_name, '-') != NULL || strlen(e->d_name) > 32)
			continue;
		(void)snprintf(
		    dir, sizeof dir, "%s/%.32s/device", drm, e->d_name);
		n += look_at_amd(dir, e->d_name, &out[n]);
	}
	(void)closedir(d);
	return n;
}

/* --- all --- */

enum err
os_gpus_open(const char *library, const char *root, struct os_gpus **out)
{
	struct os_gpus *g = calloc(1, sizeof *g);

	if (g == NULL)
		return ERR_NOMEM;
	(void)snprintf(g->root, sizeof g->root, "%s", root);
	g->library = dlopen(
	    library ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (g->library != NULL && !begin_nvml(g)) {
		(void)dlclose(g->library);
		g->library = NULL;
	}
	*out = g;
	return OK;
}

size_t
os_gpus_look(struct os_gpus *g, struct os_gpu *out, size_t cap)
{
	size_t n = look_at_all_nvidia(g, out, cap);

	return n + look_at_all_amd(g->root, out + n, cap - n);
}

void
os_gpus_close(struct os_gpus *g)
{
	if (g == NULL)
		return;
	if (g->library != NULL) {
		(void)g->shutdown();
		(void)dlclose(g->library);
	}
	free(g);
}
