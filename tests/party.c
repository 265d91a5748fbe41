/* SPDX-License-Identifier: MIT
 *
 * The list of all parties.
 */
#include "party.h"

#include "support/check.h"
#include "support/stress.h"

static void *come_and_go(void *rounds)
{
    struct party party;
    int i;

    for (i = 0; i < *(int *)rounds; i++) {
        party_born(&party, NULL, NULL);
        party_gone(&party);
    }
    return NULL;
}

/* Its neighbours in the list do not disturb one that gets children without the
 * lock. For ThreadSanitizer, above all. */
static void parties_can_come_and_go_beside_a_parent(void)
{
    int rounds = STRESS_SCALED(100000), i;
    struct party child, parent;
    pthread_t elsewhere;

    party_born(&child, NULL, NULL);
    party_born(&parent, NULL, NULL);
    elsewhere = check_start(come_and_go, &rounds);
    for (i = 0; i < rounds; i++)
        party_set_parent(&child, i % 2 == 0 ? &parent : NULL);
    check_join(elsewhere);
    party_gone(&child);
    party_gone(&parent);
    CHECK(CK_LIST_EMPTY(&party_all), "in the end there is none");
}

static void a_parent_that_goes_leaves_orphans(void)
{
    struct party child, parent;

    party_born(&child, NULL, NULL);
    party_born(&parent, NULL, NULL);
    party_set_parent(&child, &parent);
    party_gone(&parent);
    CHECK(child.parent == NULL, "whose parent is gone has none");
    party_set_parent(&child, &parent);
    CHECK(child.parent == NULL && parent.children == 0,
          "nor does one get a parent that is gone");
    party_gone(&child);
    CHECK(CK_LIST_EMPTY(&party_all), "in the end there is none");
}

static void all(void)
{
    check_part("parties can come and go beside a parent",
               parties_can_come_and_go_beside_a_parent);
    check_part("a parent that goes leaves orphans",
               a_parent_that_goes_leaves_orphans);
}

int main(void)
{
    return check_program("party", all);
}
