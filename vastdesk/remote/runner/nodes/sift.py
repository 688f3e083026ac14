"""Finds out which of many things cannot go together with the rest, by trying. What a tool says is only a hint."""

from __future__ import annotations

from typing import Callable, Generic, List, Optional, Sequence, Tuple, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Sifter(Generic[Item, Answer]):
    """`attempt(items)` tries them together, `ok(answer)` says whether they do; `suspects(answer, items)` may guess.

    In list order the first wins: of two things that exclude each other the later one is bad.
    """

    def __init__(
        self,
        attempt: Callable[[Sequence[Item]], Answer],
        ok: Callable[[Answer], bool],
        suspects: Callable[[Answer, Sequence[Item]], Sequence[Item]],
    ) -> None:
        self._attempt = attempt
        self._ok = ok
        self._suspects = suspects
        self.bad: List[Tuple[Item, Answer]] = []

    def sift(self, items: Sequence[Item]) -> Tuple[List[Item], Optional[Answer]]:
        """The good ones, in order, and the answer for them (None when none is left). `bad` has the others."""
        good: List[Item] = []
        rest = list(items)
        answer = self._attempt(rest) if rest else None
        while rest and answer is not None and not self._ok(answer):
            without = self._without_suspects(good, rest, answer)
            if without is not None:
                kept, answer = without
                return [item for item in items if item in kept], answer
            place, failing = self._first_bad(good, rest, answer)
            self.bad.append((rest[place], failing))
            good += rest[:place]
            rest = rest[place + 1 :]
            answer = self._attempt([*good, *rest]) if good or rest else None
        return [*good, *rest], answer

    def _without_suspects(
        self, good: List[Item], rest: List[Item], answer: Answer
    ) -> "Optional[Tuple[List[Item], Answer]]":
        """If the others go together, only the suspects have to be looked at, one by one."""
        suspects = list(self._suspects(answer, rest))
        others = [*good, *(item for item in rest if item not in suspects)]
        if not suspects or not others or len(suspects) > 4:
            return None
        kept_answer = self._attempt(others)
        if not self._ok(kept_answer):
            return None
        if len(suspects) == 1:  # with it they failed, without it they do not: that is the proof
            self.bad.append((suspects[0], answer))
            return others, kept_answer
        for suspect in suspects:
            tried = self._attempt([*others, suspect])
            if self._ok(tried):
                others.append(suspect)
                kept_answer = tried
            else:
                self.bad.append((suspect, tried))
        return others, kept_answer

    def _first_bad(self, good: List[Item], rest: List[Item], answer: Answer) -> Tuple[int, Answer]:
        """The place of the first item that fails together with all before it, by halving."""
        fits, fails = 0, len(rest)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            tried = self._attempt([*good, *rest[:middle]])
            if self._ok(tried):
                fits = middle
            else:
                fails, answer = middle, tried
        return fails - 1, answer
