"""`python -m videorec`: what there is, a line each."""

from videorec import cli, terminal


def main(args: list[str]) -> int:
    """Print the list; a wish for help is the same."""
    cli.refuse_words(args, "python -m videorec")
    print(cli.overview())
    return 0


if __name__ == "__main__":
    terminal.run(main)
