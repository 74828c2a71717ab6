"""How long a failing sender is left alone."""

from mailroom.triage.patience import Patience

ANN = "ann@example.org"
MINUTE = 60.0


def test_the_pass_after_the_first_failure_tries_again() -> None:
    patience = Patience[str]()
    assert patience.failed(ANN, now=100) == 1
    assert patience.may_try(ANN, now=100)


def test_later_failures_wait_one_two_four_up_to_sixty_minutes() -> None:
    patience = Patience[str]()
    patience.failed(ANN, now=0)
    waits = []
    for expected in (1, 2, 4, 8, 16, 32, 60, 60):
        patience.failed(ANN, now=0)
        assert not patience.may_try(ANN, now=expected * MINUTE - 1)
        assert patience.may_try(ANN, now=expected * MINUTE)
        waits.append(expected)
    assert patience.failed(ANN, now=0) == len(waits) + 2


def test_a_settled_sender_starts_anew() -> None:
    patience = Patience[str]()
    for _ in range(3):
        patience.failed(ANN, now=0)
    patience.forget(ANN)
    assert len(patience) == 0
    assert patience.failed(ANN, now=0) == 1


def test_a_sender_without_labels_is_forgotten() -> None:
    patience = Patience[str]()
    patience.failed(ANN, now=0)
    patience.failed("bob@example.org", now=0)
    patience.keep_only({"bob@example.org"})
    assert len(patience) == 1
    assert patience.failed(ANN, now=0) == 1
