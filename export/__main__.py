"""`python -m export`: the exports, a line each."""

import export
from videorec import cli, terminal


def main(args: list[str]) -> int:
    """Print the list; a wish for help is the same."""
    cli.refuse_words(args, "python -m export")
    print("\n".join(cli.listed("Exports", "python -m export", cli.scripts(export.__path__))))
    return 0


if __name__ == "__main__":
    terminal.run(main)
