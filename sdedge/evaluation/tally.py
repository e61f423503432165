"""Answers of a judge counted by fact."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts right and total answers by fact."""

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, answers: dict[str, bool]) -> None:
        for name, answer in {**answers, "all": all(answers.values())}.items():
            self.right[name] += answer
            self.total[name] += 1

    def fractions(self) -> dict[str, float]:
        """Returns the share of right answers, 0 to 1, by fact, their mean, and "all": every fact right at once."""
        fractions = {name: self.right[name] / total for name, total in self.total.items()}
        facts = [fraction for name, fraction in fractions.items() if name != "all"]
        return {**fractions, "mean": sum(facts) / len(facts)}
