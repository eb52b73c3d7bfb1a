"""Leadership changes are told by the ticks, which outlive the leaders."""

from schemas.records import Tick
from streams.scheduling.terms import MOST_TERMS_SEEN, SeenTerms


def tick(slot: int, epoch: int) -> Tick:
    return Tick(
        stage="polling",
        slot=slot,
        gap_from=None,
        partition=0,
        epoch=epoch,
        leader=f"host:{epoch}",
        published_at_ms=slot * 1000 - 10_000,
    )


def test_each_leader_is_listed_with_the_time_of_its_first_tick():
    terms = SeenTerms().after([tick(10, 1), tick(11, 1), tick(12, 4), tick(12, 1), tick(13, 4)]).after([tick(14, 5)])
    assert [(r.epoch, r.leader, r.first_slot) for r in terms.seen] == [
        (1, "host:1", 10), (4, "host:4", 12), (5, "host:5", 14),
    ]  # fmt: skip
    assert (terms.changes, terms.seen[0].published_at_ms) == (2, 0)


def test_the_first_leader_that_is_seen_is_no_change():
    assert SeenTerms().after([tick(10, 7), tick(11, 7)]).changes == 0


def test_old_terms_are_forgotten_but_counted():
    terms = SeenTerms().after(tick(slot, slot) for slot in range(250))
    assert (len(terms.seen), terms.seen[-1].epoch, terms.changes) == (MOST_TERMS_SEEN, 249, 249)
