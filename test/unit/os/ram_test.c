/*
 * Memory that is free, by files of /proc and /sys that the test makes, after
 * what the kernel's documentation shows; and that of this machine.
 */
#include "os/ram.h"
#include "os/gpu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define MIB (INT64_C(1) << 20)

static char root[64];

static void
put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	(void)snprintf(full, sizeof full, "%s%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/'));) {
		*at = 0;
		(void)mkdir(full, 0755);
		*at++ = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static int
begin(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/weir-ram-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("/proc/meminfo",
	    "MemTotal:       16777216 kB\n"
	    "MemFree:          100000 kB\n"
	    "MemAvailable:    8388608 kB\n");
	return 0;
}

static int
end(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -r %s", root);
	return system(command);
}

static struct os_ram
look(pid_t pid)
{
	struct os_ram ram;

	assert_int_equal(os_ram_look(root, pid, &ram), OK);
	return ram;
}

static void
test_a_machine(void **state)
{
	struct os_ram ram = look(0);

	(void)state;
	assert_int_equal(ram.total_bytes, 16384 * MIB);
	assert_int_equal(ram.free_bytes, 8192 * MIB);
	assert_false(ram.is_limited);
	assert_int_equal(ram.stalled, -1);
	assert_int_equal(ram.oom_kills, -1);
	put("/proc/pressure/memory",
	    "some avg10=50.00 avg60=1.00 avg300=0.00 total=48107\n"
	    "full avg10=12.34 avg60=0.50 avg300=0.00 total=13264\n");
	put("/proc/vmstat", "nr_free_pages 5\noom_kill 3\n");
	ram = look(0);
	assert_int_equal(ram.stalled, 1234);
	assert_int_equal(ram.oom_kills, 3);
}

static void
test_version_2(void **state)
{
	struct os_ram ram;

	(void)state;
	put("/proc/7/cgroup", "0::/system.slice/ollama.service\n");
	put("/sys/fs/cgroup/system.slice/memory.max", "max\n");
	put("/sys/fs/cgroup/system.slice/memory.current", "1000000000\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.max",
	    "4294967296\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.current",
	    "3221225472\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.stat",
	    "anon 1\nactive_file 99\ninactive_file 1073741824\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.pressure",
	    "some avg10=9.00 avg60=0 avg300=0 total=1\n"
	    "full avg10=3.50 avg60=0 avg300=0 total=1\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.events",
	    "low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n");
	ram = look(7);
	assert_true(ram.is_limited);
	assert_int_equal(ram.total_bytes, 4096 * MIB);
	/* 3 GiB are used, 1 of them by files that nobody uses. */
	assert_int_equal(ram.free_bytes, 2048 * MIB);
	assert_int_equal(ram.stalled, 350);
	assert_int_equal(ram.oom_kills, 1);
	/* A group above is tighter. */
	put("/sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
	ram = look(7);
	assert_int_equal(ram.total_bytes, 1024 * MIB);
	assert_int_equal(ram.free_bytes, 1073741824 - 1000000000);
	/* More than the machine has is no limit. */
	put("/sys/fs/cgroup/system.slice/memory.max", "99999999999999\n");
	put("/sys/fs/cgroup/system.slice/ollama.service/memory.max",
	    "99999999999999\n");
	assert_int_equal(look(7).free_bytes, 8192 * MIB);
	assert_false(look(7).is_limited);
}

static void
test_version_1(void **state)
{
	struct os_ram ram;

	(void)state;
	put("/proc/8/cgroup", "5:cpu:/other\n4:memory:/docker/abc\n0::/\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes",
	    "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes",
	    "1073741824\n");
	put("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes",
	    "1073741824\n");
	put("/sys/fs/cgroup/memory/docker/abc/memory.stat",
	    "cache 5\ninactive_file 1\ntotal_inactive_file 536870912\n");
	put("/sys/fs/cgroup/memory/docker/abc/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 1\noom_kill 4\n");
	ram = look(8);
	assert_true(ram.is_limited && ram.is_out);
	assert_int_equal(ram.total_bytes, 1024 * MIB);
	assert_int_equal(ram.free_bytes, 512 * MIB);
	assert_int_equal(ram.oom_kills, 4);
	/* Another's group is none of our business. */
	assert_false(look(9).is_limited);
}

static void
test_damaged_files(void **state)
{
	struct os_ram ram;

	(void)state;
	put("/proc/8/cgroup", "4:memory:not-a-path\n0::\n");
	assert_int_equal(look(8).free_bytes, 8192 * MIB);
	put("/proc/8/cgroup", "0::/a\n");
	put("/sys/fs/cgroup/a/memory.max", "-5\n");
	put("/sys/fs/cgroup/a/memory.current", "many\n");
	assert_int_equal(look(8).free_bytes, 8192 * MIB);
	put("/proc/meminfo", "nothing\n");
	assert_int_equal(os_ram_look(root, 0, &ram), ERR_IO);
}

static void
test_this_machine(void **state)
{
	struct os_ram ram;

	(void)state;
	assert_int_equal(os_ram_look("", 0, &ram), OK);
	assert_true(ram.total_bytes > 64 * MIB);
	assert_in_range(ram.free_bytes, 1, ram.total_bytes);
}

/* --- graphics processors --- */

static void
test_amd(void **state)
{
	struct os_gpu gpu[OS_GPUS_MAX];
	struct os_gpus *g;

	(void)state;
	assert_int_equal(os_gpus_open("none.so", root, &g), OK);
	assert_int_equal(os_gpus_look(g, gpu, OS_GPUS_MAX), 0);
	put("/sys/class/drm/card1/device/mem_info_vram_total", "17163091968\n");
	put("/sys/class/drm/card1/device/mem_info_vram_used", "1056964608\n");
	/* One that shares the machine's memory, a connector, no AMD. */
	put("/sys/class/drm/card0/device/mem_info_vram_total", "536870912\n");
	put("/sys/class/drm/card0/device/mem_info_vram_used", "1000\n");
	put("/sys/class/drm/card1-DP-1/device/mem_info_vram_total",
	    "17163091968\n");
	put("/sys/class/drm/card2/device/vendor", "0x8086\n");
	assert_int_equal(os_gpus_look(g, gpu, OS_GPUS_MAX), 1);
	assert_string_equal(gpu[0].name, "AMD card1");
	assert_int_equal(gpu[0].total_bytes, 17163091968);
	assert_int_equal(gpu[0].free_bytes, 17163091968 - 1056964608);
	os_gpus_close(g);
}

static void
test_nvidia(void **state)
{
	struct os_gpu gpu[OS_GPUS_MAX];
	char library[512];
	struct os_gpus *g;
	ssize_t n = readlink("/proc/self/exe", library, 400);

	(void)state;
	assert_in_range(n, 1, 399);
	library[n] = 0;
	*strrchr(library, '/') = 0;
	(void)strcat(library, "/unit/os/libfake_nvml.so");
	assert_int_equal(access(library, R_OK), 0);
	assert_int_equal(os_gpus_open(library, root, &g), OK);
	/* That with 512 MiB and that which is lost do not count. */
	assert_int_equal(os_gpus_look(g, gpu, OS_GPUS_MAX), 1);
	assert_string_equal(gpu[0].name, "NVIDIA Test 24GB");
	assert_int_equal(gpu[0].total_bytes, 24576 * MIB);
	assert_int_equal(gpu[0].free_bytes, 20000 * MIB);
	assert_int_equal(os_gpus_look(g, gpu, 0), 0);
	os_gpus_close(g);
	/* A library of that name without these functions. */
	assert_int_equal(os_gpus_open("libc.so.6", root, &g), OK);
	assert_int_equal(os_gpus_look(g, gpu, OS_GPUS_MAX), 0);
	os_gpus_close(g);
}

static void
test_gpus_of_this_machine(void **state)
{
	struct os_gpu gpu[OS_GPUS_MAX];
	struct os_gpus *g;
	size_t n;

	(void)state;
	assert_int_equal(os_gpus_open(NULL, "", &g), OK);
	n = os_gpus_look(g, gpu, OS_GPUS_MAX);
	if (n == 0)
		print_message("# no graphics processor here: NVML and sysfs "
			      "are shown against test-made ones only\n");
	for (size_t i = 0; i < n; i++)
		assert_in_range(gpu[i].free_bytes, 0, gpu[i].total_bytes);
	os_gpus_close(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_machine, begin, end),
	    cmocka_unit_test_setup_teardown(test_version_2, begin, end),
	    cmocka_unit_test_setup_teardown(test_version_1, begin, end),
	    cmocka_unit_test_setup_teardown(test_damaged_files, begin, end),
	    cmocka_unit_test_setup_teardown(test_amd, begin, end),
	    cmocka_unit_test_setup_teardown(test_nvidia, begin, end),
	    cmocka_unit_test(test_this_machine),
	    cmocka_unit_test(test_gpus_of_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
