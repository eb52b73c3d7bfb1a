"""What is set aside is left alone, but not for ever."""

import gc
import weakref

import pytest

from streams.runtime.ops.long_lived import set_aside


class Circle:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _restored():
    yield
    gc.unfreeze()


def test_what_is_garbage_already_is_collected_first():
    gone = weakref.ref(Circle())
    set_aside()
    assert gone() is None
    assert gc.get_freeze_count() > 0


def test_what_dies_after_it_was_set_aside_is_found_by_a_full_look():
    circle = Circle()
    gone = weakref.ref(circle)
    set_aside()
    del circle
    gc.collect()
    assert gone() is not None
    set_aside(all_again=True)
    assert gone() is None
