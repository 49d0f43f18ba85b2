/*
 * list: an intrusive, doubly linked ring.
 *
 * Embed a struct list in the thing, keep another as the head.  A thing that is
 * on no list has its node pointing at itself, so list_del is always safe after
 * list_init.  Adding, deleting and moving are O(1) and cannot fail.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* The thing of ${type} whose ${member} is the node ${ptr}. */
#define LIST_OF(ptr, type, member)                                             \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walk ${it} over the nodes of ${head}; the list must not change. */
#define LIST_EACH(it, head)                                                    \
	for (struct list *it = (head)->next; it != (head); it = it->next)

/* The same; the current node may be deleted in the body. */
#define LIST_EACH_SAFE(it, head)                                               \
	for (struct list *it = (head)->next, *it##_next = it->next;            \
	     it != (head); it = it##_next, it##_next = it->next)

/* Make a head empty, or a node unlinked. */
static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

/* Is the head empty, or the node on no list? */
static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Put ${node}, which is on no list, at the end of ${head}. */
static inline void
list_add(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Put ${node}, which is on no list, at the front of ${head}. */
static inline void
list_add_front(struct list *head, struct list *node)
{
	list_add(head->next, node);
}

/* Take ${node} off its list, if it is on one. */
static inline void
list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* First node of ${head}, NULL if it is empty. */
static inline struct list *
list_first(const struct list *head)
{
	return head->next == head ? NULL : head->next;
}
