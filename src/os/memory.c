#include "os/memory.h"
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void
os_memory_keep(size_t bytes, size_t block_bytes)
{
#ifdef __GLIBC__
	(void)mallopt(M_TRIM_THRESHOLD, (int)bytes);
	(void)mallopt(M_MMAP_THRESHOLD, (int)block_bytes);
#else
	(void)bytes;
	(void)block_bytes;
#endif
}
