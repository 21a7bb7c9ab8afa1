"""What makes the rows of a sharded table."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from videorec.reports.sharded.table import Column


class Maker(ABC):
    """Makes the rows of items, on any machine. It is pickled: it holds names, and what is large is loaded where it works.

    An item is a list of JSON values, a line of the list in the folder.
    """

    @property
    @abstractmethod
    def columns(self) -> list[Column]:
        """Of the table."""

    @abstractmethod
    def answer(self, items: list[list], on_item: Callable[[], None]) -> tuple[list[Sequence], dict]:
        """The rows of items, in their order, and an account of them, of JSON values, which is kept beside the rows.

        Args:
            on_item: called after each item.
        """

    @abstractmethod
    def as_text(self, row: Sequence) -> list:
        """The cells of a row in a CSV file."""
