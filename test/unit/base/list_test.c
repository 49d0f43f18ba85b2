/* The ring beside an array: order, deleting in the walk, nodes on no list. */
#include "base/list.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 50 };

struct thing {
	int id;
	struct list node;
};

static void
check(struct list *head, const int *want, int n)
{
	struct list *it;
	int i = 0;

	assert_int_equal(list_is_empty(head), n == 0);
	it = list_first(head);
	if (n == 0)
		assert_null(it);
	else
		assert_int_equal(LIST_OF(it, struct thing, node)->id, want[0]);
	LIST_EACH (at, head) {
		assert_true(i < n);
		assert_int_equal(
		    LIST_OF(at, struct thing, node)->id, want[i++]);
	}
	assert_int_equal(i, n);
	for (it = head->prev; it != head; it = it->prev)
		assert_int_equal(
		    LIST_OF(it, struct thing, node)->id, want[--i]);
	assert_int_equal(i, 0);
}

static void
test_random_walk(void **state)
{
	struct thing things[N];
	int order[N], n = 0;
	struct list head;

	(void)state;
	srand(3);
	list_init(&head);
	for (int i = 0; i < N; i++) {
		things[i].id = i;
		list_init(&things[i].node);
	}
	for (int step = 0; step < 20000; step++) {
		int id = rand() % N, at = 0;
		struct list *node = &things[id].node;

		while (at < n && order[at] != id)
			at++;
		assert_int_equal(list_is_empty(node), at == n);
		if (at < n) {
			list_del(node);
			memmove(order + at, order + at + 1,
			    (size_t)(n - at - 1) * sizeof *order);
			n--;
		} else if (rand() % 2) {
			list_add(&head, node);
			order[n++] = id;
		} else {
			list_add_front(&head, node);
			memmove(order + 1, order, (size_t)n * sizeof *order);
			order[0] = id;
			n++;
		}
		check(&head, order, n);
	}
}

static void
test_delete_in_the_walk(void **state)
{
	struct thing things[N];
	int odd[N], n = 0;
	struct list head;

	(void)state;
	list_init(&head);
	for (int i = 0; i < N; i++) {
		things[i].id = i;
		list_add(&head, &things[i].node);
		if (i % 2)
			odd[n++] = i;
	}
	LIST_EACH_SAFE (it, &head)
		if (LIST_OF(it, struct thing, node)->id % 2 == 0)
			list_del(it);
	check(&head, odd, n);
	LIST_EACH_SAFE (it, &head) {
		list_del(it);
		memset(it, 0xff, sizeof *it);
	}
	check(&head, NULL, 0);
}

static void
test_node_on_no_list(void **state)
{
	struct list node;

	(void)state;
	list_init(&node);
	list_del(&node);
	list_del(&node);
	assert_true(list_is_empty(&node));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_walk),
	    cmocka_unit_test(test_delete_in_the_walk),
	    cmocka_unit_test(test_node_on_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
