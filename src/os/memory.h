/*
 * memory: how the heap gives memory back to the system.
 */
#pragma once
#include <stddef.h>

/*
 * Keep up to ${bytes} of freed heap for the next use instead of giving it
 * back at once, and serve blocks below ${block_bytes} from it.  Bodies of some
 * hundred kilobytes come and go all the time; without this each costs a page
 * fault for every 4 KiB.  Where the system has no such dial, nothing.
 */
void os_memory_keep(size_t bytes, size_t block_bytes);
