"""What takes long is kept for twenty times as long as it took, what does not is worked out each time."""

from streams.console.pages.agent_recent import TIMES, WORTH_S, Recent


class Clocks:
    """The wall clock and the processor's."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.cpu_s = 0.0
        self.calls = 0

    def work(self, took_s: float) -> int:
        self.cpu_s += took_s
        self.calls += 1
        return self.calls


def test_an_answer_is_kept_in_proportion_to_what_it_took():
    clocks = Clocks()
    recent = Recent(lambda: clocks.now_s, lambda: clocks.cpu_s)
    assert [recent.of("a", lambda: clocks.work(0.1)) for _ in range(3)] == [1, 1, 1]
    clocks.now_s += TIMES * 0.1 - 0.01
    assert recent.of("a", lambda: clocks.work(0.1)) == 1
    assert recent.of("b", lambda: clocks.work(0.1)) == 2
    clocks.now_s += 0.02
    assert recent.of("a", lambda: clocks.work(0.1)) == 3


def test_what_is_quick_is_always_new():
    clocks = Clocks()
    recent = Recent(lambda: clocks.now_s, lambda: clocks.cpu_s)
    assert [recent.of("a", lambda: clocks.work(WORTH_S / 2)) for _ in range(3)] == [1, 2, 3]
