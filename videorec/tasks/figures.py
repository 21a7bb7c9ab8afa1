"""What tables of several runs take from a run's `results.json`: each task says which figures it has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of one run."""

    name: str
    value: float | None
    """None: not defined, or not measured."""
    higher_is_better: bool | None = True
    """None: neither."""
    meaning: str = ""
    headline: bool = False
    """It has a column of its own where runs are compared in a terminal."""

    @property
    def text(self) -> str:
        """The number as tables show it."""
        if self.value is None:
            return "-"
        return f"{self.value:.3f}" if abs(self.value) < 10 else f"{self.value:,.1f}"
